using System.Text.RegularExpressions;

namespace CoScientist.Core.Papers;

/// <summary>What part a section plays, told from its heading and the headings it stands under.</summary>
public static partial class SectionRoles
{
    private const int ShortHeadingWords = 4;

    // Order matters: the first pattern that matches at the earliest place wins.
    private static readonly (SectionRole Role, Regex Pattern)[] Patterns =
    [
        (SectionRole.Aims, AimsPattern()),
        (SectionRole.Experiments, ExperimentsPattern()),
        (SectionRole.Method, MethodPattern()),
        (SectionRole.Results, ResultsPattern()),
        (SectionRole.Discussion, DiscussionPattern()),
        (SectionRole.Background, BackgroundPattern()),
    ];

    /// <summary>Role of a section.</summary>
    /// <param name="headings">Headings from the outermost to the section's own.</param>
    /// <returns>The own heading's role when it is short and telling, else that of the section around it, else what a long heading says.</returns>
    public static SectionRole Of(IReadOnlyList<string> headings)
    {
        ArgumentNullException.ThrowIfNull(headings);
        if (headings.Count == 0)
        {
            return SectionRole.Other;
        }

        var own = FromHeading(headings[^1]);
        var outer = Of([.. headings.Take(headings.Count - 1)]);
        var telling = own switch
        {
            SectionRole.Other => false,
            SectionRole.Results or SectionRole.Discussion => true,
            _ => outer is not (SectionRole.Results or SectionRole.Discussion),
        };
        return outer == SectionRole.Other || (telling && Words(headings[^1]) <= ShortHeadingWords) ? own : outer;
    }

    /// <summary>
    /// Roles of a whole paper. Where the method carries a name of its own (common in machine learning), its sections stand
    /// between the introduction and the results without saying what they are: those are taken as method.
    /// </summary>
    /// <param name="paths">Heading paths in reading order.</param>
    public static IReadOnlyList<SectionRole> OfAll(IReadOnlyList<IReadOnlyList<string>> paths)
    {
        ArgumentNullException.ThrowIfNull(paths);
        var roles = paths.Select(Of).ToArray();

        // Text before the first heading of a paper with headings introduces it.
        if (paths.Count > 1 && paths[0].Count == 0)
        {
            roles[0] = SectionRole.Background;
        }

        var first = Array.FindIndex(roles, role => role == SectionRole.Background);
        var last = Array.FindIndex(roles, Math.Max(first, 0), role => role is SectionRole.Results or SectionRole.Discussion);
        for (var i = first + 1; first >= 0 && i < last; i++)
        {
            roles[i] = roles[i] == SectionRole.Other ? SectionRole.Method : roles[i];
        }

        return roles;
    }

    /// <summary>Whether a heading opens matter that is no part of the argument: references, thanks, statements, supplements.</summary>
    public static bool IsBackMatter(string heading) => BackMatterPattern().IsMatch(heading);

    private static SectionRole FromHeading(string heading)
    {
        var best = (Role: SectionRole.Other, At: int.MaxValue);
        foreach (var (role, pattern) in Patterns)
        {
            var match = pattern.Match(heading);
            if (match.Success && match.Index < best.At)
            {
                best = (role, match.Index);
            }
        }

        return best.Role;
    }

    private static int Words(string heading) => heading.Split(' ', StringSplitOptions.RemoveEmptyEntries).Length;

    [GeneratedRegex(@"\b(aims?|(?<!(training|learning|loss|optimi[sz]ation)\s)objectives?(?!\s+functions?)|hypothes[ie]s|research questions?|purpose|problem (statement|definition|formulation|setting)|task (definition|formulation|description))\b", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex AimsPattern();

    [GeneratedRegex(@"\b(experiments?\b(?! procedures?)|experimental (set-?\s?ups?|settings?|design|evaluation|protocol|details|data)|evaluations?|data ?sets?|benchmarks?|metrics?|implementation( details)?|training (details|data|set-?up)|data( collection| sources?)?$|(numerical|simulation) (studies|study|set-?up)|simulations|ablations?( stud(y|ies))?)\b", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex ExperimentsPattern();

    [GeneratedRegex(@"\b(methods?|methodology|methodologies|materials?|procedures?|approach(es)?|(the |our |proposed )?models?|modell?ing|architecture|algorithms?|framework|theory|participants?|subjects|study (design|area|population|site)|statistical analys[ie]s|statistics|sampl(es|ing)|protocols?|intervention|measures|system (overview|design|description)|patients and)\b", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex MethodPattern();

    [GeneratedRegex(@"\b(results?|findings|observations)\b", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex ResultsPattern();

    [GeneratedRegex(@"\b(discussions?|conclusions?|concluding|limitations?|future (work|directions)|outlook|implications|error analysis|strengths and)\b", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex DiscussionPattern();

    [GeneratedRegex(@"\b(introduction|background|related works?|literature review|preliminar(y|ies)|motivation|prior work|previous work|state of the art|author summary|significance)\b", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex BackgroundPattern();

    [GeneratedRegex(@"^\W*([\dA-Z]+[\s.]+)?(references?|bibliography|literature cited|acknowledge?ments?|acknowledge?ments? and funding|funding( sources?| information| statement)?|financial (support|disclosure)|(conflicts?|declarations?|competing)( of)?( competing)? interests?|competing interests?|disclosures?( statement)?|(credit )?authors?['’]? ?contributions?( statement)?|contributors|availability of (data|supporting|materials).*|data (and code )?(availability|accessibility)( statement)?|code availability|supplement(ary|al) (materials?|data|information|files?|methods).*|supporting information|additional (files?|information)|list of abbreviations|abbreviations|consent for publication|pre-publication history|publisher['’]s note|reviewer information|author details|authors['’] information|web resources|electronic supplementary material)\W*$", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex BackMatterPattern();
}
