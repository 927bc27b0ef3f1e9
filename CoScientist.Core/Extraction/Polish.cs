using System.Globalization;
using System.Text.RegularExpressions;

namespace CoScientist.Core.Extraction;

/// <summary>
/// Takes out of a clause what nobody can know who has not done the study yet: names that the paper coined, sample sizes, years,
/// products; and turns what authors say of their paper ("introduce a benchmark") into what is to be done ("develop a benchmark").
/// </summary>
internal sealed partial class Polish
{
    private static readonly string[] Digits = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];

    private readonly Regex? coined;
    private readonly Regex? apposition;
    private readonly string thing;

    /// <param name="title">The paper's title: what stands before its colon may be a name of its own.</param>
    /// <param name="text">Abstract and sections.</param>
    public Polish(string title, string text)
    {
        var names = Introduced().Matches(text).Select(match => match.Groups["name"].Value)
            .Concat(TitleName().Match(title) is { Success: true } first ? [first.Groups["name"].Value] : [])
            .Distinct(StringComparer.Ordinal).Select(Regex.Escape).ToList();
        if (names.Count > 0)
        {
            var any = $"(?:{string.Join('|', names)})";
            coined = new Regex($@"(?<article>\b(?:the|a|an|our) )?(?<![\w-]){any}(?:[’']s)?(?![\w-])(?<next> (?:[a-z][\w-]*))?", RegexOptions.CultureInvariant, TimeSpan.FromMilliseconds(TextLimits.PatternMilliseconds));
            apposition = new Regex($@"(?<![\w-]){any}(?: \([^)]*\))?, (?=(?:an?|the) )", RegexOptions.CultureInvariant, TimeSpan.FromMilliseconds(TextLimits.PatternMilliseconds));
            thing = Regex.Match(text, $@"(?<![\w-]){any}(?: \([^)]*\))?,? (?:is )?(?:an?|the) (?:[\w-]+ ){{0,6}}?(?<kind>corpus|data ?set|benchmark|model|system|tool|method|framework|resource|algorithm|questionnaire|instrument|database|library)\b", RegexOptions.CultureInvariant, TimeSpan.FromMilliseconds(TextLimits.PatternMilliseconds)) is { Success: true } kind ? kind.Groups["kind"].Value : "approach";
        }
        else
        {
            thing = "approach";
        }
    }

    /// <summary>The clause as it may stand in a requirement; null when it is none.</summary>
    public string? Clause(string clause)
    {
        clause = PaperTalk().Replace(WithoutNames(clause), "develop ");
        if (SaysOfPaper().IsMatch(clause) || Outcome().IsMatch(clause))
        {
            return null;
        }

        clause = Reason().Replace(clause, "");
        clause = Product().Replace(clause, "");
        clause = WithoutNumbers(Was().Replace(clause, match => match.Value.Trim() is "was" ? " is " : " are "));
        clause = Our().Replace(clause, "the");
        clause = Doubled().Replace(SentenceCleaner.Tidy(clause), "$1");
        return FirstPerson().IsMatch(clause) || Number().IsMatch(clause) ? null : clause;
    }

    /// <summary>The text without sample sizes, years and list numbers; numbers below ten become words.</summary>
    public static string WithoutNumbers(string text)
    {
        text = Years().Replace(text, "");
        text = Enumerator().Replace(text, "");
        text = Hyphenated().Replace(text, match => match.Groups["an"].Success ? (IsVowel(text, match.Index + match.Length) ? "an " : "a ") : "");
        text = Count().Replace(text, match => match.Groups["number"].Value is [>= '1' and <= '9'] digit
            ? match.Groups["about"].Value + Digits[int.Parse(digit, NumberStyles.None, CultureInfo.InvariantCulture)] + " "
            : Several().IsMatch(text.AsSpan(0, match.Index)) ? "several " : "");
        text = Span().Replace(text, "");
        return SentenceCleaner.Tidy(text);
    }

    /// <summary>The text without the names that the paper coined.</summary>
    public string WithoutNames(string text)
    {
        if (coined is null)
        {
            return text;
        }

        text = apposition!.Replace(text, "");
        return coined.Replace(text, match =>
        {
            // Before a noun the name goes, alone it is what the paper made of it.
            var next = match.Groups["next"].Value.TrimStart();
            return next.Length > 0 && !Function().IsMatch(next)
                ? $"{(match.Groups["article"].Success ? match.Groups["article"].Value : "the ")}{next}"
                : $"the proposed {thing}{match.Groups["next"].Value}";
        });
    }

    private static bool IsVowel(string text, int at) => at < text.Length && "aeiou".Contains(char.ToLowerInvariant(text[at]), StringComparison.Ordinal);

    // Names of what authors make, not of what they study: "we introduce X, a …", "a corpus called X".
    [GeneratedRegex(@"\b(?:we|authors) (?:also |then |further )?(?:introduce|present|propose|release|construct|build|built|develop|create)e?d? (?:the )?(?<name>(?=[\w-]*\p{Lu}[\w-]*[\p{Lu}\d])[\p{L}][\w-]{2,})(?=,| \(|: | which| –| —|\.)|\b(?:models?|systems?|corpus|data ?sets?|methods?|frameworks?|benchmarks?|tools?|approach|algorithms?|architectures?|resource) (?:is |that we |we )?(?:called|call|named|name|dubbed|dub|termed|term) (?<name>(?=[\w-]*\p{Lu}[\w-]*[\p{Lu}\d])[\p{L}][\w-]{2,})", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Introduced();

    [GeneratedRegex(@"^(?<name>(?=[\w-]*\p{Lu}[\w-]*[\p{Lu}\d])[\p{L}][\w-]{2,}):", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex TitleName();

    [GeneratedRegex(@"^(?:introduce|present|propose|describe) (?=(?:an?|two|several) (?:[\w-]+ ){0,6}?(?:methods?|models?|frameworks?|systems?|approach(?:es)?|algorithms?|benchmarks?|data ?sets?|corpus|corpora|tools?|metrics?|measures?|instruments?|questionnaires?|architectures?|strategy|procedures?|pipelines?)\b)", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex PaperTalk();

    [GeneratedRegex(@"^(?:\w+ly )?(?:introduce|present|propose|describe|report|discuss|illustrate|demonstrate|show|highlight|summari[sz]e|reveal|note|refer|call|denote|believe|exhibit|conclude|provide (?:\w+ )?(?:evidence|information|insights?|an overview|details|results|examples)|observe (?:that|an?|the (?:same|lowest|highest|largest|smallest))|obtain (?:similar|comparable|the (?:same|best)|[^ ]+ (?:after|with) )|find that)\b", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex SaysOfPaper();

    [GeneratedRegex(@"\b(?:similar (?:results|values|reductions?|findings)|to exhibit|as expected|successfully|as mentioned|mentioned|state[- ]of[- ]the[- ]art (?:results|performance)|best results|the (?:present|current) (?:study|work)|, consisting of \w+$)\b", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Outcome();

    [GeneratedRegex(@",? (?:because|since (?:it|they|the|this|we)|as (?:some|it|they|there|these|this)|although|whereas|owing to the fact|due to the fact)\b.*$", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Reason();

    // A product may be another one: what it is used for stays.
    [GeneratedRegex(@",? (?:by )?(?:using|with|in|via|by|from) (?:the )?(?:(?:statistical |commercial )?(?:software|package|program)\b.*$|(?:[\p{Lu}\d][\w.-]*\s?){1,4}(?:for Windows )?(?:software|package|packages|program|toolbox|toolkit|kits?)\b(?: package| program)?|(?:SPSS|Stata|STATA|SAS|GraphPad(?: Prism)?|MATLAB|Matlab|ImageJ|JMP|MuMIn|lme4|scikit-learn|PyTorch|TensorFlow)\b(?: (?:in|version) [\w.]+)*)", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Product();

    [GeneratedRegex(@" (?:was|were) ", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Was();

    [GeneratedRegex(@"\bour\b", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Our();

    [GeneratedRegex(@"\b(the|a|an|of|in|to|with) (?:the|a|an|of|in|to|with)\b(?<=\b(?:the the|a a|an an|of of|in in|to to|with with|a the|the a|the an))", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Doubled();

    [GeneratedRegex(@"\b(?:we|us|our|ours|I|my|me|myself|ourselves)\b", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex FirstPerson();

    // A number that is no part of a name (H1N1, 18S, type 2).
    [GeneratedRegex(@"(?<![\p{L}\d.,-])(?<!\b(?:type|phase|stage|grade|level|class|week|day|month|year|layer|tier|wave|step) )\d+(?:[.,]\d+)*%?(?![\p{L}\d-])", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Number();

    [GeneratedRegex(@",? ?(?:\b(?:in|during|from|between|since|of|until|for) )?(?:\b(?:January|February|March|April|May|June|July|August|September|October|November|December) )?\(?\b(?:19|20)\d\d(?: ?(?:[-–—]|to|and|through|until) ?(?:\b(?:January|February|March|April|May|June|July|August|September|October|November|December) )?(?:(?:19|20)\d\d|\d\d))?\b\)?(?! ?[\w%])|,? ?(?:\b(?:in|during|from|between|since|of|until|for) )(?:19|20)\d\d(?: ?(?:[-–—]|to|and) ?(?:19|20)?\d\d)?\b", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Years();

    [GeneratedRegex(@"(?<![\w(])\(?(?:\d|[ivx]{1,3})\) ", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Enumerator();

    [GeneratedRegex(@"(?<an>\ban? )?(?<![\w.-])\d+(?:[.,]\d+)?[- ]?(?:-item|-year|-day|-week|-month|-hour|-minute|-page|-point|-fold|-question)(?:-old)? ", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Hyphenated();

    [GeneratedRegex(@"(?<=(?:^\S+|\b(?:of|in|at|with|for|from|among|between|and|to|the|on|by|all|every|using|into|across|or|both|these|those|per|whether|that|[a-z]+ing|[a-z]+ly)) )(?<about>(?:at least|more than|less than|fewer than|no more than) )?(?:(?:a total of|over|about|approximately|around|nearly|up to|the first) )?(?<number>\d{1,3}(?:[ ,]\d{3})+|\d+(?:\.\d+)?\s?[KkMm]?)\s+(?=[\p{L}])(?!(?:of|and|or|to|in|at|with|for|by|mM|kV|mg|ml|rpm|nm)\b)", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Count();

    // "for 20 transfers", "any of 10 cancers": without a number the phrase would say something else.
    [GeneratedRegex(@"\b(?:for|any of|one of|each of) $", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Several();

    // What is left of "over a 1-year period".
    [GeneratedRegex(@" (?:over|for|during) an? (?:period|time)(?=$|[.,])", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Span();

    [GeneratedRegex(@"^(?:using|to|on|in|for|with|and|or|at|by|as|from|is|are|was|were|that|which|when|while|against|between|into|can|has|have|of|than|through|under|over|after|before|if|because|but|so|across|within|without|via|per|since|until|only|also|will|should|would|could|may|might|must|not|consists?|contains?|includes?|provides?|covers?|offers?|does|improves?|performs?)$", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Function();
}
