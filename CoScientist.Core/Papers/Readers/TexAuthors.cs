using System.Text.RegularExpressions;

namespace CoScientist.Core.Papers.Readers;

/// <summary>Names and years out of the free-form title matter of TeX papers.</summary>
internal static partial class TexAuthors
{
    /// <summary>The pieces of an \author argument that look like names of people.</summary>
    /// <param name="argument">TeX of the argument.</param>
    /// <param name="plain">Turns TeX into text.</param>
    public static IEnumerable<string> Read(string argument, Func<string, string> plain) =>
        from piece in Separator().Split(Ornament().Replace(argument, " "))
        let name = PaperDraft.CleanLine(plain(piece)).Trim('*', '†', '‡', '§', ' ', '.')
        where Person().IsMatch(name) && !Place().IsMatch(name)
        select name;

    /// <summary>A year in a date; null when there is none.</summary>
    public static int? Year(string text) => FourDigits().Match(text) is { Success: true } match ? int.Parse(match.Value) : null;

    [GeneratedRegex(@"\\(?:and|And|AND|quad|qquad|newline|hfill|hspace\*?\{[^{}]*\})(?![A-Za-z])|\\\\(?:\[[^\]]*\])?|[,;]|\s&\s|\s+and\s+|~{2,}|\n\s*\n", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Separator();

    [GeneratedRegex(@"\$[^$]*\$|\\(?:[tT]hanks|vspace|textsuperscript|inst|footnote|footnotemark|orcid|email|texttt|affiliations?|corref|fnref)\s*(?:\[[^\]]*\])?\s*\{(?:[^{}]|\{[^{}]*\})*\}|\\(?:tt|ttfamily)\b[^\\}]*|\^\{[^{}]*\}", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Ornament();

    [GeneratedRegex(@"^\p{Lu}[\p{L}.'’-]*(?:\s+(?:\p{Lu}[\p{L}.'’-]*|van|von|der|den|de|del|la|le|di|da|dos|bin|ibn|al|el|ter|zu|y)){1,5}$", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Person();

    [GeneratedRegex(@"\b(Universi\w+|Instit\w+|Depart\w+|School|Colleges?|Labs?|Laborator\w+|Centers?|Centre|Research|Academy|Faculty|Hospital|Inc|Ltd|Corporation|Google|Microsoft|Facebook|Amazon|IBM|DeepMind|OpenAI|NVIDIA|Technolog\w+|Sciences?|Intelligence|Brain|Group|Team|USA|Street|Avenue|Road|Rd|Foundation|National|Engineering)\b", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Place();

    [GeneratedRegex(@"\b(?:19|20)[0-9]{2}\b", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex FourDigits();
}
