using System.Text.RegularExpressions;

namespace CoScientist.Core.Extraction;

/// <summary>What a paper's words tell: which are names, what its short forms stand for, which carry its topic.</summary>
internal sealed partial class Vocabulary
{
    private static readonly HashSet<string> Stop = new(
        "about above after again against all also among and any are because been before being below between both but can could did does doing down during each few for from further had has have having here how into its itself just may might more most must nor not now off once only other our out over own same she should some such than that the their them then there these they this those through too under until upon use used using very was were what when where which while who whom why will with within would you your plan study results paper based".Split(' '),
        StringComparer.OrdinalIgnoreCase);

    private readonly HashSet<string> names;
    private readonly HashSet<string> topic;
    private readonly Dictionary<string, string> shortForms = new(StringComparer.Ordinal);

    /// <summary>Reads the words of a paper.</summary>
    /// <param name="text">Abstract and sections in one text.</param>
    /// <param name="topicText">Title and abstract.</param>
    public Vocabulary(string text, string topicText)
    {
        names = Name().Matches(text).Select(match => match.Groups[1].Value).ToHashSet(StringComparer.Ordinal);
        names.ExceptWith(Word().Matches(text).Where(match => char.IsLower(match.Value[0])).Select(match => char.ToUpperInvariant(match.Value[0]) + match.Value[1..]));
        topic = [.. Stems(topicText)];
        foreach (Match match in Definition().Matches(text))
        {
            if (LongForm(match.Groups["before"].Value, match.Groups["short"].Value) is { } longForm)
            {
                shortForms.TryAdd(match.Groups["short"].Value, longForm);
            }
        }
    }

    /// <summary>Whether a word is a name: capital in the middle of a sentence, and never small.</summary>
    public bool IsProperName(string word) => names.Contains(word);

    /// <summary>How many of the text's content words belong to the paper's topic.</summary>
    public int TopicHits(string text) => Stems(text).Count(topic.Contains);

    /// <summary>The text with each short form of the paper spelled out where it first stands, unless the text does so itself.</summary>
    public string SpellOut(string text)
    {
        foreach (var (shortForm, longForm) in shortForms)
        {
            if (!text.Contains(shortForm, StringComparison.Ordinal))
            {
                continue;
            }

            var at = Regex.Match(text, $@"(?<![\w-]){Regex.Escape(shortForm)}(?![\w-])", RegexOptions.CultureInvariant, TimeSpan.FromSeconds(1));
            if (at.Success && !text.Contains(longForm, StringComparison.OrdinalIgnoreCase))
            {
                var bracketed = at.Index > 0 && text[at.Index - 1] == '(';
                text = bracketed ? text : $"{text[..at.Index]}{(at.Index > 0 ? Inside(longForm) : longForm)} ({shortForm}){text[(at.Index + at.Length)..]}";
            }
        }

        return text;
    }

    // A long form may have been read off the beginning of a sentence.
    private string Inside(string longForm)
    {
        var first = longForm.Split(' ', '-')[0];
        return char.IsUpper(longForm[0]) && !first.Skip(1).Any(char.IsUpper) && !IsProperName(first) && longForm.Split(' ').Skip(1).All(word => word.Length == 0 || !char.IsUpper(word[0]))
            ? char.ToLowerInvariant(longForm[0]) + longForm[1..]
            : longForm;
    }

    /// <summary>Content words, cut to a common length so that forms of one word meet.</summary>
    public static HashSet<string> Stems(string text) =>
        [.. Word().Matches(text).Select(match => match.Value).Where(word => word.Length > 3 && !Stop.Contains(word)).Select(word => word.ToLowerInvariant()[..Math.Min(word.Length, 6)])];

    // The shortest run of words before the bracket whose letters contain the short form's in order, starting with its first.
    private static string? LongForm(string before, string shortForm)
    {
        var i = before.Length - 1;
        for (var s = shortForm.Length - 1; s >= 0; s--)
        {
            if (!char.IsLetter(shortForm[s]))
            {
                continue;
            }

            var letter = char.ToLowerInvariant(shortForm[s]);
            while (i >= 0 && (char.ToLowerInvariant(before[i]) != letter || (s == 0 && i > 0 && char.IsLetterOrDigit(before[i - 1]))))
            {
                i--;
            }

            if (i < 0)
            {
                return null;
            }

            i--;
        }

        var longForm = before[(i + 1)..].Trim();
        return longForm.Split(' ').Length is > 1 and <= 7 && longForm.Length > shortForm.Length + 3 && !longForm.Contains(',', StringComparison.Ordinal) ? longForm : null;
    }

    [GeneratedRegex(@"[\p{L}][\p{L}\d'’-]*", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Word();

    [GeneratedRegex(@"(?<before>(?:[\p{L}\d’'-]+[ ,]+){1,8})\((?<short>(?=[^()]*\p{Lu}[^()]*[\p{Lu}\d])[\p{L}\d-]{2,8})\)", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Definition();

    [GeneratedRegex(@"(?<=[\p{Ll},;] )(\p{Lu}[\p{L}\d'’-]*)", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Name();
}
