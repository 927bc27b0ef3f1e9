using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using CoScientist.Core.Goals.Checks;
using CoScientist.Core.Papers;

namespace CoScientist.Core.Extraction.Pipelines;

/// <summary>
/// The four parts of a paper. Whoever writes the goal sees <see cref="Background"/> and <see cref="Aims"/> and nothing else, so what
/// stands there is looked at twice: a model sorts the passages, and then four rules, which no answer can overrule, take out of
/// these two parts every passage that
/// <list type="number">
/// <item>stands in a section on methods, experiments, results or discussion, or was also sorted under method or experiments;</item>
/// <item>announces the authors' own approach or finding ("we propose …", "our method …"), or speaks of what they did without asking anything;</item>
/// <item>says by what means something is or can be done ("by holding out …", "can rest on comparing …"), unless it asks something: the way is for the plan to find;</item>
/// <item>restates a sentence of method or experiments: at least 60% of its content words, and at least three (four where it asks something), stand in one of them.</item>
/// </list>
/// </summary>
internal sealed partial class PaperParts
{
    /// <summary>From this share of its content words in one sentence of method or experiments on, a passage restates it.</summary>
    public const double RestatedShare = 0.6;

    private const int LeastRestatedWords = 3;

    private PaperParts(IReadOnlyList<PaperUnit> background, IReadOnlyList<PaperUnit> aims, IReadOnlyList<PaperUnit> method, IReadOnlyList<PaperUnit> experiments)
    {
        (Background, Aims, Method, Experiments) = (background, aims, method, experiments);
    }

    /// <summary>What was known and missing.</summary>
    public IReadOnlyList<PaperUnit> Background { get; }

    /// <summary>What was wanted.</summary>
    public IReadOnlyList<PaperUnit> Aims { get; }

    /// <summary>How it was done.</summary>
    public IReadOnlyList<PaperUnit> Method { get; }

    /// <summary>How it was tested.</summary>
    public IReadOnlyList<PaperUnit> Experiments { get; }

    /// <summary>Reads a model's sorting and applies the rules.</summary>
    /// <param name="json">Its answer.</param>
    /// <param name="units">The passages it sorted.</param>
    /// <exception cref="FormatException">It cannot be read, or a part without which nothing can be written is empty.</exception>
    public static PaperParts Read(JsonElement json, IReadOnlyList<PaperUnit> units)
    {
        var method = Numbers(json, "method", units.Count);
        var experiments = Numbers(json, "experiments", units.Count);
        var aims = Numbers(json, "aims", units.Count);
        var background = Numbers(json, "background", units.Count);
        background.ExceptWith(aims);

        // Where the sorting and the paper's own headings differ, method and experiments win.
        foreach (var unit in units.Where(unit => aims.Contains(unit.Number) || background.Contains(unit.Number)))
        {
            _ = unit.Role switch
            {
                SectionRole.Method => method.Add(unit.Number),
                SectionRole.Experiments => experiments.Add(unit.Number),
                _ => false,
            };
        }

        experiments.ExceptWith(method);
        var told = units.Where(unit => method.Contains(unit.Number) || experiments.Contains(unit.Number) || unit.Role is SectionRole.Method or SectionRole.Experiments)
            .SelectMany(unit => Sentences.Split(unit.Text).Select(place => ContentWords.Of(unit.Text.Substring(place.Start, place.Length))))
            .Where(words => words.Count >= LeastRestatedWords)
            .ToList();
        bool MayBeShown(PaperUnit unit) => !method.Contains(unit.Number) && !experiments.Contains(unit.Number)
            && unit.Role is SectionRole.Background or SectionRole.Aims or SectionRole.Other
            && !OwnWork().IsMatch(unit.Text)
            && (!Authors().IsMatch(unit.Text) || Asks().IsMatch(unit.Text))
            && (!Means().IsMatch(unit.Text) || Asks().IsMatch(unit.Text))
            && !Restates(unit.Text, told);
        var parts = new PaperParts(
            [.. units.Where(unit => background.Contains(unit.Number) && MayBeShown(unit))],
            [.. units.Where(unit => aims.Contains(unit.Number) && MayBeShown(unit))],
            [.. units.Where(unit => method.Contains(unit.Number))],
            [.. units.Where(unit => experiments.Contains(unit.Number))]);
        return (parts.Background.Count + parts.Aims.Count, parts.Method.Count + parts.Experiments.Count) switch
        {
            (0, _) => throw new FormatException("no passage of background or aims is left once those that tell the solution are taken out."),
            (_, 0) => throw new FormatException("no passage is sorted under method or experiments."),
            _ => parts,
        };
    }

    private static bool Restates(string text, List<HashSet<string>> told)
    {
        var words = ContentWords.Of(text);
        var least = Asks().IsMatch(text) ? LeastRestatedWords + 1 : LeastRestatedWords;
        return told.Exists(sentence => ContentWords.Common(words, sentence) is var common && common >= least && common >= RestatedShare * words.Count);
    }

    // "1-4, 7" or [1, 2, 3]; a part that is missing is empty.
    private static HashSet<int> Numbers(JsonElement json, string name, int last)
    {
        if (json.ValueKind != JsonValueKind.Object)
        {
            throw new FormatException("it is no object with the four parts.");
        }

        if (!json.TryGetProperty(name, out var value))
        {
            return [];
        }

        var text = value.ValueKind switch
        {
            JsonValueKind.String => value.GetString()!,
            JsonValueKind.Array => string.Join(',', value.EnumerateArray().Select(entry => entry.ToString())),
            _ => throw new FormatException($"'{name}' holds no numbers of passages."),
        };
        var numbers = new HashSet<int>();
        foreach (var range in text.Split([',', ';'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            var ends = range.Split(['-', '–'], StringSplitOptions.TrimEntries);
            if (ends.Length > 2 || !int.TryParse(ends[0], NumberStyles.None, CultureInfo.InvariantCulture, out var from) || !int.TryParse(ends[^1], NumberStyles.None, CultureInfo.InvariantCulture, out var to) || from < 1 || to < from || to > last)
            {
                throw new FormatException($"'{name}' holds \"{(range.Length <= 20 ? range : range[..20] + "…")}\", which names no passages from 1 to {last}.");
            }

            numbers.UnionWith(Enumerable.Range(from, to - from + 1));
        }

        return numbers;
    }

    [GeneratedRegex(@"\b(?:we|our|this (?:paper|work|article)|I)\b", RegexOptions.CultureInvariant | RegexOptions.IgnoreCase, TextLimits.PatternMilliseconds)]
    private static partial Regex Authors();

    [GeneratedRegex(@"\b(?:by|through|via|(?:rests?|rel(?:y|ies|ied)|based|builds?|built) (?:up)?on) (?:\w+ly |not |never )?\w{3,}ing\b", RegexOptions.CultureInvariant | RegexOptions.IgnoreCase, TextLimits.PatternMilliseconds)]
    private static partial Regex Means();

    [GeneratedRegex(@"\b(?:aims?|aimed|objectives?|goals?|purpose|questions?|hypothes\w+|whether|how|why|which|seek|sought|wish\w*|want\w*|need\w*|know\w*|lack\w*|understand\w*|investigat\w+|examin\w+|explor\w+|stud(?:y|ied)|ask\w*)\b", RegexOptions.CultureInvariant | RegexOptions.IgnoreCase, TextLimits.PatternMilliseconds)]
    private static partial Regex Asks();

    [GeneratedRegex(@"\b(?:we|this (?:paper|work|article)|here|the authors|I)\b[^.]{0,60}?\b(?:propos\w+|present|introduc\w+|develop\w*|design\w*|describ\w+|employ\w*|appl(?:y|ied)|use|used|using|train\w*|buil[dt]\w*|implement\w*|show|showed|shown|demonstrat\w+|found|find|report\w*|observ\w+|conclud\w+|achiev\w+|obtain\w*|combin\w+|adopt\w*|conduct\w*|perform\w*|recruit\w*|collect\w*|measur\w+)\b|\bour (?:\w+ ){0,2}(?:method|approach|model|system|framework|algorithm|solution|technique|results?|findings?|experiments?|contributions?|proposed)\b|\b(?:is|are|was|were) (?:proposed|introduced|presented) (?:here|in this (?:paper|work))\b|\b(?:results?|findings|experiments) (?:show|demonstrate|indicate|suggest|reveal)\b", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex OwnWork();
}
