using CoScientist.Core;

namespace CoScientist.Training.Sandbox;

/// <summary>Between the meaning of plan sentences and their text. Knows no rule of the world, only its words.</summary>
public static class SandboxGrammar
{
    private static readonly Dictionary<string, int> Actions =
        SandboxWords.Facets.SelectMany((facet, index) => facet.Actions.Select(action => (action, index))).ToDictionary(x => x.action, x => x.index, StringComparer.Ordinal);

    private static readonly HashSet<string> Vague = [.. SandboxWords.Vague];

    private static readonly HashSet<string> StockReasons = [.. SandboxWords.StockReasons];

    private static readonly (string[] Words, SandboxSuffix Suffix)[] Suffixes =
    [
        .. SandboxWords.Costly.Select(suffix => (suffix.Split(' '), SandboxSuffix.Costly)),
        .. SandboxWords.Unethical.Select(suffix => (suffix.Split(' '), SandboxSuffix.Unethical)),
    ];

    /// <summary>The plan as text, wording drawn at random.</summary>
    public static string Render(IEnumerable<SandboxSentence> plan, SeededRandom random)
    {
        ArgumentNullException.ThrowIfNull(plan);
        return string.Join(' ', plan.Select(sentence => Render(sentence, random)));
    }

    /// <summary>One sentence as text, wording drawn at random.</summary>
    public static string Render(SandboxSentence sentence, SeededRandom random) => new SentenceDraft(sentence, random).Text;

    /// <summary>The plan as a hasty writer leaves it: sentences broken here and there, one perhaps said twice.</summary>
    /// <param name="plan">Sentences.</param>
    /// <param name="random">Source of randomness.</param>
    /// <param name="brokenShare">Probability that a sentence is broken (see <see cref="Corrupt"/>).</param>
    /// <param name="repeatShare">Probability that the plan repeats one of its sentences word for word.</param>
    public static string RenderHastily(IReadOnlyList<SandboxSentence> plan, SeededRandom random, double brokenShare, double repeatShare)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(random);
        List<string> texts = [.. plan.Select(sentence => random.NextDouble() < brokenShare ? Corrupt(sentence, random) : Render(sentence, random))];
        if (texts.Count > 0 && random.NextDouble() < repeatShare)
        {
            texts.Insert(random.Next(texts.Count + 1), random.Pick(texts));
        }

        return string.Join(' ', texts);
    }

    /// <summary>
    /// The sentence, broken as weak models break it: a way or reason that begins right and ends elsewhere, one taken from
    /// another facet, a word left out or said twice. Never grammatical.
    /// </summary>
    public static string Corrupt(SandboxSentence sentence, SeededRandom random)
    {
        while (true)
        {
            var draft = new SentenceDraft(sentence, random);
            draft.Break(random);
            var reading = Read(draft.Text);
            if (reading.Sentences is not [{ Malformed: false }])
            {
                return draft.Text;
            }
        }
    }

    /// <summary>Reads a plan. Any text can be read; what is not in the grammar is marked.</summary>
    public static SandboxPlanReading Read(string planText)
    {
        ArgumentNullException.ThrowIfNull(planText);
        var sentences = new List<SandboxReading?>();
        var tokens = SandboxWords.Tokens(planText);
        var start = 0;
        for (var i = 0; i < tokens.Count; i++)
        {
            if (tokens[i] == ".")
            {
                sentences.Add(ReadSentence(tokens[start..i]));
                start = i + 1;
            }
        }

        return new SandboxPlanReading(sentences, start == tokens.Count);
    }

    private static SandboxReading? ReadSentence(List<string> words)
    {
        if (words is not ["we", ..])
        {
            return null;
        }

        var never = words is [_, "never", ..];
        var at = never ? 2 : 1;
        var facet = -1;
        for (var length = 2; length <= 4 && at + length <= words.Count; length++)
        {
            if (Actions.TryGetValue(string.Join(' ', words.GetRange(at, length)), out facet))
            {
                at += length;
                return never
                    ? new SandboxReading(new SandboxSentence { Facet = facet, Never = true, Reason = SandboxReason.None }, at != words.Count, "never", ".")
                    : ReadRest(facet, words[at..]);
            }
        }

        return null;
    }

    private static SandboxReading ReadRest(int facet, List<string> rest)
    {
        var reasonWord = ".";
        var reason = SandboxReason.None;
        var malformed = false;
        var because = rest.IndexOf("because");
        if (because >= 0)
        {
            var words = rest[(because + 1)..];
            var text = string.Join(' ', words);
            reason = SandboxWords.Facets[facet].Reasons.Contains(text) ? SandboxReason.Good : SandboxReason.Poor;
            malformed = reason == SandboxReason.Poor && !StockReasons.Contains(text);
            reasonWord = words.Count > 0 ? words[0] : ".";
            rest = rest[..because];
        }

        var suffix = SandboxSuffix.None;
        foreach (var (words, kind) in Suffixes)
        {
            if (rest.Count > words.Length && rest[^words.Length..].SequenceEqual(words))
            {
                (suffix, reasonWord, rest) = (kind, words[0], rest[..^words.Length]);
                break;
            }
        }

        int? way = null;
        var phrase = string.Join(' ', rest);
        if (!Vague.Contains(phrase))
        {
            way = rest is ["by", ..] ? Array.IndexOf(SandboxWords.Facets[facet].Ways, phrase[Math.Min(3, phrase.Length)..]) : SandboxSentence.UnknownWay;
            malformed |= way < 0;
        }

        var sentence = new SandboxSentence { Facet = facet, Way = way, Suffix = suffix, Reason = reason };
        return new SandboxReading(sentence, malformed, rest.Count > 0 ? rest[^1] : ".", reasonWord);
    }
}
