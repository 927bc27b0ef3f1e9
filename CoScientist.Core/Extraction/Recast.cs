using System.Text.RegularExpressions;

namespace CoScientist.Core.Extraction;

/// <summary>
/// Turns what the authors did into what is to be done: "Samples were then sorted by age" and "we sorted samples by age" both
/// give "sort samples by age". Sentences of any other shape give nothing, so that no fragment slips through.
/// </summary>
internal sealed partial class Recast(Func<string, bool> isProperName)
{
    private const int MostSubjectWords = 14;

    /// <summary>The clause with its verb first and in its base form; null when the sentence has another shape.</summary>
    /// <param name="sentence">A cleaned sentence.</param>
    public string? Clause(string sentence)
    {
        var text = sentence.TrimEnd('.', '!', '?', ' ');
        return Core(text) ?? AfterOpening(text);
    }

    // "To test X, we did Y" and "Using X, Y was done": the opening goes to the end.
    private string? AfterOpening(string text)
    {
        if (!Opening().IsMatch(text))
        {
            return null;
        }

        for (var comma = text.IndexOf(", ", StringComparison.Ordinal); comma > 0; comma = text.IndexOf(", ", comma + 2, StringComparison.Ordinal))
        {
            if (Core(text[(comma + 2)..]) is not { } clause)
            {
                continue;
            }

            var opening = Lower(text[..comma]);
            return Disposable().IsMatch(opening) ? clause : $"{clause} {InOrderTo().Replace(opening, "to ")}";
        }

        return null;
    }

    private string? Core(string text) => Active(text) ?? Passive(text);

    private string? Active(string text)
    {
        if (Authors().Match(text) is not { Success: true } match)
        {
            return null;
        }

        var rest = text[match.Length..];
        if (Wish().Match(rest) is { Success: true } wish)
        {
            rest = rest[wish.Length..];
        }

        var adverb = Adverb().Match(rest);
        rest = rest[adverb.Length..];
        var (word, after) = FirstWord(rest);
        if (Verbs.FromFinite(word) is not { } verb || after.Length == 0)
        {
            return null;
        }

        return Finish($"{Manner(adverb.Value)}{verb} ", after, verb, passive: false);
    }

    private string? Passive(string text)
    {
        foreach (Match be in Be().Matches(text))
        {
            var subject = text[..be.Index].Trim();
            var rest = text[(be.Index + be.Length)..].TrimStart();
            var adverb = Adverb().Match(rest);
            rest = rest[adverb.Length..];
            var (word, after) = FirstWord(rest);
            if (Verbs.FromParticiple(word) is not { } verb || Negative().IsMatch(adverb.Value))
            {
                continue;
            }

            if (subject.Length == 0 || BadSubject().IsMatch(subject) || Opening().IsMatch(subject) || Words(subject) > MostSubjectWords)
            {
                return null;
            }

            var head = verb;
            if (Particle().Match(after) is { Success: true } particle)
            {
                head += particle.Value.TrimEnd();
                after = after[particle.Length..];
            }

            while (Listed().Match(after) is { Success: true } listed && Verbs.FromParticiple(listed.Groups["verb"].Value) is { } next)
            {
                head += $", {next}";
                after = after[listed.Length..];
            }

            if (Second().Match(after) is { Success: true } second && Verbs.FromParticiple(second.Groups["verb"].Value) is { } other)
            {
                head += $" and {other}";
                after = after[second.Length..];
            }

            return Finish($"{Manner(adverb.Value)}{head} {Lower(subject)}", after, verb, passive: true);
        }

        return null;
    }

    // What follows the verb: later clauses are cut off, joined verbs get their base form.
    private static string? Finish(string head, string rest, string verb, bool passive)
    {
        if (LaterClause().Match(rest) is { Success: true } later)
        {
            // Cutting inside a relative clause would leave half of it.
            rest = rest[..later.Index];
            rest = later.Groups["clause"].Success && Relative().Match(rest) is { Success: true } relative ? rest[..relative.Index] : rest;
        }

        rest = JoinedVerb().Replace(rest, match =>
        {
            var joined = passive ? Verbs.FromParticiple(match.Groups["verb"].Value) : Verbs.FromFinite(match.Groups["verb"].Value);
            return joined is null || Verbs.IsBase(match.Groups["verb"].Value) ? match.Value : $" and {joined}{(passive ? " them" : "")}{match.Groups["next"].Value}";
        });
        rest = LooseVerb().Replace(rest, "");
        rest = Our().Replace(rest, "the");
        if (Pronoun().IsMatch(rest) || (verb is "assume" or "consider" && !rest.TrimStart().StartsWith("that", StringComparison.Ordinal)))
        {
            return null;
        }

        var clause = SentenceCleaner.WithoutAmounts($"{head.TrimEnd()} {rest.Trim()}");
        return verb is "hypothesize" or "hypothesise" ? Hypothesis().Replace(clause, "test whether") : clause;
    }

    private static string Manner(string adverb)
    {
        var word = adverb.Trim();
        return MannerAdverb().IsMatch(word) ? word.ToLowerInvariant() + " " : "";
    }

    /// <summary>The text with its first letter small, unless its first word is a name or an abbreviation.</summary>
    public string Lower(string text)
    {
        var (word, _) = FirstWord(text);
        var plain = word.Length > 1 && char.IsUpper(word[0]) && !word.Skip(1).Any(letter => char.IsUpper(letter) || char.IsDigit(letter));
        return (plain || word is "A") && !isProperName(word) && !isProperName(word.Split('-')[0]) ? char.ToLowerInvariant(text[0]) + text[1..] : text;
    }

    /// <summary>A title as it would stand inside a sentence: titles in capitals lose them, names keep theirs.</summary>
    public string LowerTitle(string title)
    {
        var words = title.Split(' ');
        var capitals = words.Count(word => word.Length > 3 && char.IsUpper(word[0]));
        return 2 * capitals > words.Count(word => word.Length > 3) ? string.Join(' ', words.Select(Lower)) : Lower(title);
    }

    private static (string Word, string After) FirstWord(string text)
    {
        var end = 0;
        while (end < text.Length && (char.IsLetterOrDigit(text[end]) || text[end] is '-' or '\'' or '’'))
        {
            end++;
        }

        return (text[..end], text[end..]);
    }

    private static int Words(string text) => text.Count(letter => letter == ' ') + 1;

    [GeneratedRegex(@"^(?:in order )?(?:to|for|using|by|with|after|before|during|within|in|on|at|from|when|while|because|since|as|given|based on|under|following|among|across|throughout|instead of|rather than|if|additionally|through|of|despite|unlike|except|as for|prior to|due to|upon|until|once|along with)\b", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Opening();

    // Openings that place the sentence in the paper or in time say nothing about the plan.
    [GeneratedRegex(@"^(?:as |since |because |given |in (?:this|our|most|the|19|20|january|february|march|april|may|june|july|august|september|october|november|december)|at (?:the|this)|on the|with the|from (?:the|these)|during (?:the|this)|following (?:the|this)|under (?:this|the)|after (?:this|that)|for (?:this|these)|by )|\d|\b(?:this|these|those|such|them|which|it)\b", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Disposable();

    [GeneratedRegex(@"^in order to ", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex InOrderTo();

    [GeneratedRegex(@"^(?:we|the (?:authors|researchers|investigators)|our (?:group|team))\s+(?:have\s+|had\s+|will\s+)?", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Authors();

    [GeneratedRegex(@"^(?:(?:aim|aimed|wish|wished|decide|decided|chose|choose|sought|seek|want|wanted|intend|intended|plan|planned|propose|proposed|attempt|attempted|need|needed) to)\s+", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Wish();

    [GeneratedRegex(@"^(?:(?:\w+ly|then|also|first|next|further|thus|therefore|again|both|not|never|all|each|now|once|twice|always|often|here)\s+){1,2}", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Adverb();

    [GeneratedRegex(@"^(?:randomly|independently|individually|separately|manually|automatically|systematically|simultaneously|blindly|prospectively|retrospectively|carefully|repeatedly|regularly|weekly|daily|monthly|orally|jointly|explicitly|experimentally|visually|continuously|sequentially|iteratively|directly|semi-randomly|uniformly|equally|consecutively|double-blindly|routinely)$", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex MannerAdverb();

    [GeneratedRegex(@"\b(?:not|never|previously|recently|originally|initially|often|always|usually|first|once)\b", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Negative();

    [GeneratedRegex(@"\b(?:was|were|is|are|has been|have been|will be|should be|must be|had been)\b", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Be();

    [GeneratedRegex(@"^(?:this|these|those|it|they|there|he|she|we|both|such|one|some of these|which|that|who|what|each of these|including|such as|namely|(?:two|three|four|five|six|seven|eight|nine|ten)$|the (?:former|latter|above|following|same|resulting|other|remaining|study|paper|results?|research protocol|work))\b|\b(?:which|who|whom|that|whether|if|because|while|whilst|whereas|although|where|when|they|we|was|were|is|are|have|has|had|can|could|would|may|showed|shows|corresponded|attended|consisted|became|our)\b|[;:]|, (?:and|but|we|the)\b", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex BadSubject();

    [GeneratedRegex(@"^\s(?:out|up|off|down|together|apart)\b\s*", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Particle();

    [GeneratedRegex(@"^, (?<verb>[a-z-]+)(?=, | and )", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Listed();

    [GeneratedRegex(@"^,? (?:and|or|and then|and subsequently|then) (?:then |subsequently |further |\w+ly )?(?<verb>[a-z-]+)\b(?! (?:was|were|is|are))", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Second();

    // The first place where another clause with its own subject, or a side remark, begins.
    [GeneratedRegex(@";|:|(?<clause>,? (?:and|but|while|whereas|although|though|so)\b)(?=[^,;]{1,70}\b(?:was|were|is|are|has|have|had|did|does|needs?|must|should|can|could|may|might|will|would|found|showed|allowed|froze)\b)|, (?:which|who|where|whereby|yielding|giving|resulting|leading|suggesting|indicating|confirming|thus|all|thereby|hence|i\.e|e\.g|namely|such as|including|as well as|except|since|because|but|rather|although|followed)\b.*|,? as (?:we|it|in|they|implemented|described|shown|reported|previously|this|there)\b.*| (?:according to|in accordance with|as per|as recommended|per) (?:the )?(?:manufacturer|protocol|kit|instructions).*", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex LaterClause();

    [GeneratedRegex(@",? (?:in|for|from|to) which\b|,? (?:which|that|where|whether)\b", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Relative();

    [GeneratedRegex(@",? and (?:then |subsequently |further |also )?(?<verb>[a-z-]+)(?<next> (?:the|a|an|them|it|its|their|all|each|any|whether|how|with|using|by|for|at|in|on|to|from|as|into|against|until|through|under|overnight|every|daily|weekly|twice|immediately)\b| \p{Lu})", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex JoinedVerb();

    // A joined verb that is not in the lexicon would stay in the past: what it begins is cut off.
    [GeneratedRegex(@",? and (?:then |subsequently |\w+ly )?[a-z]+ed (?:the|a|an|it|them|daily|weekly|twice|with|by|at|for|in|into|to|using|until)\b.*", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex LooseVerb();

    [GeneratedRegex(@"\bour\b", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Our();

    [GeneratedRegex(@"\b(?:we|us|ours|I|my|herein|hereafter|this (?:section|paper|article|case|way|reason|result|value|method|approach|study|end))\b", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Pronoun();

    [GeneratedRegex(@"^(?:\w+ly )?hypothesi[sz]e(?: that)?", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Hypothesis();
}
