using System.Text.RegularExpressions;

namespace CoScientist.Core.Extraction;

/// <summary>Takes out of a sentence what means nothing outside its paper: citations, figures, suppliers, bench detail.</summary>
internal static partial class SentenceCleaner
{
    /// <summary>The sentence without citations, bracketed asides and opening connectives.</summary>
    public static string Clean(string sentence)
    {
        var text = Quotes().Replace(sentence, "'");
        text = NumberCitation().Replace(text, "");
        text = Aside().Replace(text, match => IsShortForm(match.Groups[1].Value) ? match.Value : "");
        text = Aside().Replace(text, match => IsShortForm(match.Groups[1].Value) ? match.Value : "");
        text = AuthorCitation().Replace(text, "");
        text = Connective().Replace(text.Trim(), "");
        text = Connective().Replace(text, "");
        return Tidy(text);
    }

    /// <summary>The text without amounts, temperatures and the like: what is left says what to do, not how much of it.</summary>
    public static string WithoutAmounts(string text)
    {
        text = AmountPhrase().Replace(text, match => KeepsNoun(text, match) ? " " + Link(match) : "");
        text = LeadingAmount().Replace(text, "");
        text = Version().Replace(text, "");
        return Tidy(text);
    }

    /// <summary>Whether the sentence leans on something outside itself, or reports what came out.</summary>
    public static bool LeansOnPaper(string text) => Pointer().IsMatch(text);

    /// <summary>Whether the sentence reports a result.</summary>
    public static bool ReportsResult(string text) => Result().IsMatch(text);

    // "with 0.9% saline": the amount goes, what it is an amount of stays.
    private static bool KeepsNoun(string text, Match amount) => Noun().IsMatch(text.AsSpan(amount.Index + amount.Length));

    // "with 1 g or 2 g of salt": the first amount is gone with its link, "of" takes the place of both.
    private static string Link(Match amount) =>
        amount.Groups["of"].Success && amount.Groups["link"].Value is ("and" or "or") ? "of" : amount.Groups["link"].Value;

    private static bool IsShortForm(string inside) => ShortForm().IsMatch(inside);

    /// <summary>The text with single blanks, and no mark left alone.</summary>
    public static string Tidy(string text)
    {
        text = SpaceBeforeMark().Replace(text, "$1");
        text = DoubleMark().Replace(text, "$1");
        text = Spaces().Replace(text, " ").Trim().Trim(',', ';', ':').Trim();
        return text;
    }

    [GeneratedRegex(@"[""“”]", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Quotes();

    [GeneratedRegex(@"\s*\[\s*\d{1,3}[a-z]?(?:\s*[-–—,;]\s*\d{1,3}[a-z]?)*\s*\](?:\s*[-–—,;]\s*\[\s*\d{1,3}\s*\])*", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex NumberCitation();

    [GeneratedRegex(@"\s*[(\[]([^()\[\]]*)[)\]]", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Aside();

    // "(ELISA)", "(CSP)": the short form that the text goes on to use.
    [GeneratedRegex(@"^(?=.*\p{Lu})[\p{Lu}\d][\p{L}\d-]{1,9}$", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex ShortForm();

    [GeneratedRegex(@"\b\p{Lu}[\p{L}-]+(?: and \p{Lu}[\p{L}-]+| et al\.?| and others)?,? \(?(?:19|20)\d\d[a-z]?\)?", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex AuthorCitation();

    [GeneratedRegex(@"^(?:however|therefore|initially|primarily|to begin with|at first|thus|hence|moreover|furthermore|in addition|additionally|also|briefly|in brief|next|then|finally|subsequently|afterwards|to this end|here|consequently|accordingly|in (?:this|the present|our) (?:paper|study|work|article|section)|in contrast|on the other hand|specifically|in particular|first|firstly|second|secondly|third|thirdly|lastly|similarly|likewise|overall|in summary|taken together|as a result|notably|importantly|interestingly|meanwhile|nevertheless|nonetheless|for this purpose|for example|for instance|in general|generally|in practice|in our experiments?|in short|yet|but|and|so|still|indeed|again|in fact|more(?:over)? specifically|as such|in this way|in turn|for these reasons)\b(?! (?:to|of|as|that)\b),?\s+(?=\S)", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Connective();

    [GeneratedRegex(@"\s+(?<link>at|for|with|in|to|of|from|by|over|within|until|every|after|between|and|or|about|approximately|around|under|per)?\s*(?:a |an |the )?(?:(?:total|final|average|mean|maximum|minimum)\s+)?(?:(?:total|final|rate|density|concentration|temperature|thickness|volume|speed|dose)(?: of| at)?\s+)?(?:~|≈|about |approximately |up to |ca\.? )?[−–-]?\d[\d.,×^/−–-]*(?:\s*(?:±|x|×|to|and|or|-|–)\s*[−–-]?\d[\d.,^]*)*\s*(?:%|°\s?C|°|[µμmnk]?[gLlMmW]\b(?:/[µμmnk]?[a-zA-Z]+)*|mg/[a-zA-Z/]+|[µμm]?mol\b|[cn]?m\b|Å|[kMG]?Hz\b|kDa\b|Da\b|rpm\b|×\s?g\b|xg\b|hours?\b|hrs?\b|h\b|min(?:utes?)?\b|sec(?:onds?)?\b|s\b|ms\b|days?\b|weeks?\b|months?\b|U\b|IU\b|V\b|bp\b|ppm\b|[kM]?Pa\b|v/v|w/v)(?:\s?(?:v/v|w/v))?(?:\s+(?:intervals?|each|overnight|(?<of>of)))?", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex AmountPhrase();

    [GeneratedRegex(@"^\s(?!(?:and|or|in|at|for|with|to|of|from|by|on|after|before|during|until|under|using|while|was|were|is|are|each|then|as|prior|depending|per|into)\b)[\p{L}\[]", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Noun();

    [GeneratedRegex(@"^(?:a total of )?\d[\d.,×^]*\s*(?:[µμmnk]?[gLlM]|%|mL|ml)\s+(?:of\s+)?", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex LeadingAmount();

    [GeneratedRegex(@"\s+(?:version|v\.?)\s*\d[\d.]*", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Version();

    [GeneratedRegex(@"\b(?:fig(?:ures?|s)?|tables?|appendix|supplement(?:ary|al)|sections?|eqs?|equations?|above|below|previously|as described|described (?:elsewhere|earlier|in|by)|elsewhere|et al|https?|www|following (?:the )?(?:manner|method of|formula)|aforementioned|listed|see|this (?:section|paper|article)|manufacturer\w*|purchased|gifts?|kindly|courtesy|supplied by|obtained from (?:sigma|invitrogen|the (?:american|atcc))|Inc|Ltd|GmbH|Corp|Sigma|Invitrogen|Qiagen|Roche|USA|Primer sequence|(?<!ethics |ethical )approved by staff)\b|\[(?:ref|formula)\]|\$[^$]{12,}|[§{}\\…]", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Pointer();

    [GeneratedRegex(@"\b(?:we (?:also )?(?:found|observed?|show|showed|conclude|report that|demonstrate)|results? (?:show|indicate|suggest|reveal|demonstrate)\w*|significant(?:ly)? (?:higher|lower|increase|decrease|reduc|improv|differ|greater|more|less)\w*|resulted in|revealed|showed that|demonstrat\w+ that|suggest(?:s|ing|ed)? that|indicat(?:e|es|ing|ed) that|outperform\w*|achiev(?:e|es|ed) (?:a|an|the) (?:accuracy|f1|score|state)|[pP]\s?[<>=≤]\s?0?\.|better than|higher than|lower than|larger than|was (?:higher|lower|greater|similar|increased|decreased|reduced)|were (?:higher|lower|greater|similar|positive|negative|increased|decreased|reduced)|turned out|no (?:significant )?differences? (?:was|were)|no (?:consistent|clear|evidence|significant))", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Result();

    [GeneratedRegex(@"\s+([,.;:)])", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex SpaceBeforeMark();

    [GeneratedRegex(@"([,;])[\s,;]*(?=[,;])", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex DoubleMark();

    [GeneratedRegex(@"\s+", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Spaces();
}
