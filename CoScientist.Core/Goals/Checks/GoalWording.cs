using System.Text.RegularExpressions;

namespace CoScientist.Core.Goals.Checks;

/// <summary>
/// A goal's words, against which items are held. What an item decides stands behind "by", "via", "through" or "using", up to
/// the reason that may follow: its means. A goal gives them away when one of its sentences has all their content words (two at
/// least), or, words of one meaning taken as one (<see cref="Synonyms"/>), at least <see cref="MeansShare"/> of them.
/// </summary>
internal sealed partial class GoalWording
{
    /// <summary>From this share of the means' words in one sentence on, whatever their wording, they count as told. Chosen on the sandbox's training papers.</summary>
    public const double MeansShare = 0.6;

    private const int LeastMeansWords = 2;
    private const int MostQuoted = 120;

    private readonly List<Sentence> sentences;

    /// <summary>Reads a goal.</summary>
    public GoalWording(string goal)
    {
        Words = ContentWords.Of(goal);
        sentences = [.. End().Split(goal).Select(text => new Sentence(text)).Where(sentence => sentence.Words.Count >= LeastMeansWords)];
    }

    /// <summary>Its content words.</summary>
    public HashSet<string> Words { get; }

    /// <summary>Why an item's means can be read off the goal; null when they cannot.</summary>
    public string? TellsMeansOf(string item)
    {
        if (Means().Match(item) is not { Success: true } match)
        {
            return null;
        }

        var means = match.Groups["means"].Value;
        means = Reason().Match(means) is { Success: true } reason ? means[..reason.Index] : means;
        var words = ContentWords.Of(means);
        if (words.Count < LeastMeansWords)
        {
            return null;
        }

        if (sentences.Exists(sentence => words.IsSubsetOf(sentence.Words)))
        {
            return $"The goal says how it is to be done: “{means.Trim(' ', '.', ',')}”.";
        }

        var meanings = words.Select(Synonyms.Meaning).ToHashSet(StringComparer.Ordinal);
        return sentences.Find(sentence => ContentWords.Common(meanings, sentence.Meanings) is var common && common >= LeastMeansWords && common >= MeansShare * meanings.Count) is { } told
            ? $"The goal seems to say in other words how it is to be done: “{(told.Text.Length <= MostQuoted ? told.Text : told.Text[..MostQuoted] + "…")}”"
            : null;
    }

    private sealed class Sentence(string text)
    {
        private HashSet<string>? meanings;

        public string Text { get; } = text.Trim();

        public HashSet<string> Words { get; } = ContentWords.Of(text);

        public HashSet<string> Meanings => meanings ??= Words.Select(Synonyms.Meaning).ToHashSet(StringComparer.Ordinal);
    }

    [GeneratedRegex(@"(?<=[.!?])\s+", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex End();

    [GeneratedRegex(@"\b(?:by|via|through|using)\b(?<means>.*)", RegexOptions.CultureInvariant | RegexOptions.IgnoreCase | RegexOptions.Singleline, TextLimits.PatternMilliseconds)]
    private static partial Regex Means();

    [GeneratedRegex(@"\b(?:because|so that|in order (?:to|that))\b", RegexOptions.CultureInvariant | RegexOptions.IgnoreCase, TextLimits.PatternMilliseconds)]
    private static partial Regex Reason();
}
