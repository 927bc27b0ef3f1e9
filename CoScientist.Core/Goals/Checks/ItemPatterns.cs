using System.Buffers;
using System.Text.RegularExpressions;

namespace CoScientist.Core.Goals.Checks;

/// <summary>
/// What is wrong with an item by the pattern of its wording. Each method gives the reason, or null. The patterns are deliberately
/// few and plain: a reviewer who reads the reason must see at once whether it holds.
/// </summary>
internal static partial class ItemPatterns
{
    /// <summary>Words that say nothing of any one study.</summary>
    private static readonly HashSet<string> Generic = ContentWords.Of(
        "clear clearly detailed detail details specific specifically appropriate suitable proper properly good sound relevant adequate sufficient careful carefully thorough comprehensive complete robust rigorous valid reliable effective efficient feasible realistic important necessary key main overall general various different several method methods methodology methodological approach approaches strategy way procedure procedures technique goal goals aim aims objective objectives research scientific study question questions problem hypothesis hypotheses data analysis analyses analyse result results outcome experiment experiments experimental design evaluation evaluate address addresses achieve provide provides include includes ensure describe describes explain explains consider considers discuss define defined defines state states choose select present presents show shows make makes give have follow written write well-defined step steps process information aspect aspects issue issues challenge challenges limitation limitations justification justify rationale reason reasons quality standard standards consistent consistency novel innovative new meaningful work project");

    // What the patterns of the same name need to match at all: most items hold none of it, and need not be searched by them.
    private static readonly SearchValues<string> Joints = SearchValues.Create([" and ", " or ", "then ", " as well as ", "addition", "furthermore", "moreover", "while also", "not only"], StringComparison.OrdinalIgnoreCase);
    private static readonly SearchValues<string> Outcomes = SearchValues.Create(["achieve", "attain", "outperform", "surpass", "exceed", "reach", "obtain", "yield", "get", "significantly", "results", "findings", "find", "found", "conclude", "reveal", "prove", "successfully", "accepted", "published", "turn"], StringComparison.OrdinalIgnoreCase);

    /// <summary>Two things at once: two requirements joined in one sentence.</summary>
    public static string? Compound(string item)
    {
        if (item.Count(letter => letter == ';') > 0)
        {
            return "A semicolon joins two requirements.";
        }

        if (Should().Count(item) > 1)
        {
            return "It says twice what should be done.";
        }

        if (!item.AsSpan().ContainsAny(Joints))
        {
            return null;
        }

        if (Besides().Match(item) is { Success: true } besides)
        {
            return $"“{besides.Value.Trim(' ', ',')}” adds a second requirement.";
        }

        return SecondVerb().Match(item) is { Success: true } second ? $"“{second.Value.Trim(' ', ',')} …” starts a second requirement." : null;
    }

    /// <summary>Met by naming a thing.</summary>
    public static string? PresenceOnly(string item) =>
        Mention().Match(item) is { Success: true } mention ? $"“{mention.Groups["verb"].Value.Trim()}” is met by mentioning it, however badly it is done." : null;

    /// <summary>Asks for nothing in particular.</summary>
    public static string? Trivial(string item, HashSet<string> words)
    {
        var telling = words.Count(word => !Generic.Contains(word));
        return telling == 0 ? "It names nothing that belongs to this goal: every plan meets it."
            : telling == 1 && words.Count > 1 && Vague().IsMatch(item) ? "Beside general praise it names one thing only, and not what is to be done about it."
            : null;
    }

    /// <summary>Speaks of what only the finished work, or the paper itself, can show.</summary>
    public static string? NotCheckable(string item)
    {
        if (PaperItself().Match(item) is { Success: true } paper)
        {
            return $"“{paper.Value.Trim()}” points at the paper, which nobody who reads a plan has.";
        }

        return item.AsSpan().ContainsAny(Outcomes) && Outcome().Match(item) is { Success: true } outcome ? $"“{outcome.Value.Trim()}” is a result of the work: a plan cannot show it." : null;
    }

    [GeneratedRegex(@"\b(?:should|must|needs? to|has to|have to)\b", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Should();

    [GeneratedRegex(@",? \b(?:as well as (?:to )?\w+ing|in addition(?! to\b)|additionally|furthermore|moreover|and also|and then|while also|not only)\b", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Besides();

    // Verbs that are nouns too (control, test, sample, measure …) start a requirement only when an article or the like follows.
    [GeneratedRegex(@"(?:,? and|,? or|, then) (?:\w+ly )?(?:(?:acquire|adapt|adjust|analy[sz]e|annotate|apply|assess|assign|avoid|bootstrap|calculate|calibrate|characteri[sz]e|choose|classify|collect|combine|compare|compute|conduct|confirm|consider|construct|correct|define|demonstrate|derive|describe|detect|determine|develop|discuss|distinguish|divide|employ|ensure|establish|estimate|evaluate|examine|exclude|explain|explore|extract|generate|identify|implement|include|incorporate|integrate|investigate|isolate|justify|maintain|minimi[sz]e|monitor|obtain|optimi[sz]e|perform|predict|prepare|prevent|propose|provide|quantify|randomi[sz]e|recruit|remove|repeat|replicate|report|select|separate|simulate|specify|stratify|train|treat|use|utili[sz]e|validate|vary|verify)(?= )|(?:balance|blind|block|build|check|control|design|filter|fit|hold|keep|label|limit|list|make|mark|match|measure|model|plan|present|process|rank|record|run|sample|score|screen|set|show|split|state|test|track|tune|weigh|weight) (?:for |the|a|an|each|every|all|both|its|their|any|how|whether|which|what|that)(?= |\b))", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex SecondVerb();

    [GeneratedRegex(@"^(?:(?:the|a|any) (?:\w+ )?(?:plan|proposal|study) |it )?(?:should |must |needs? to |has to )?(?:also |explicitly |clearly |briefly |at least )*(?<verb>mentions?|makes? (?:a )?(?:mention of|reference to)|cites?|refers? to|acknowledges?|touch(?:es)? (?:on|upon)|names?|lists?|notes? that|talks? about|states? that|contains? (?:a|an|the|some) \w+ (?:on|about|of)|(?:includes?|has|have|provides?|gives?) (?:a |an |some )?(?:\w+ )?(?:section|mention|statement|paragraph|discussion|note|reference|overview|literature review|word)s?\b)(?! (?:how|why|in advance|(?:the )?criteria))", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Mention();

    [GeneratedRegex(@"\b(?:clear(?:ly)?|detailed|appropriate(?:ly)?|suitabl[ey]|proper(?:ly)?|adequate(?:ly)?|sufficient(?:ly)?|careful(?:ly)?|thorough(?:ly)?|comprehensive(?:ly)?|rigorous(?:ly)?|well|good|sound|relevant)\b", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Vague();

    [GeneratedRegex(@"\b(?:(?:as|like) (?:in|by) the (?:paper|authors?|article)|the (?:paper|article|authors?)(?:['’]s?)?|(?:the original|this) (?:paper|article|study|work)|(?:figure|fig\.|table|section|equation|appendix) \d+|supplementary \w+|as (?:described|reported|proposed) (?:above|below|previously))\b", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex PaperItself();

    [GeneratedRegex(@"\b(?:achieves?|attains?|outperforms?|surpass(?:es)?|exceeds? (?:the )?(?:baseline|performance|accuracy|state)|(?:reach(?:es)?|obtains?|yields?|gets?) (?:an? |the )?(?:\w+ )?(?:accuracy|f1|auc|score|improvement|gain|significan\w+|state.of.the.art)|significantly (?:improves?|reduces?|increases?|better|higher|lower)|(?:results?|findings) (?:show|demonstrate|indicate|reveal|confirm|support)|(?:finds?|found|concludes?|reveals?|proves?) that|successfully|is (?:accepted|published)|be published|turns? out)\b", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Outcome();
}
