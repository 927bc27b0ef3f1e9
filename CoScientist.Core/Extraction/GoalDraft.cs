using System.Text.RegularExpressions;
using CoScientist.Core.Papers;

namespace CoScientist.Core.Extraction;

/// <summary>Writes a goal from what a paper says before it comes to its solution: the situation, what is missing, what is to be found out.</summary>
internal sealed partial class GoalDraft(Vocabulary vocabulary, Polish polish)
{
    private const int TargetWords = 90;
    private const int LeastWords = 40;
    private const int MostSentenceWords = 40;
    private const int LeastTopicWords = 3;

    private readonly Recast recast = new(vocabulary.IsProperName);

    /// <summary>The goal's text.</summary>
    public string Write(Paper paper, IReadOnlyList<PaperSentence> sentences)
    {
        var aims = Aims(paper, sentences);
        var words = aims.Sum(CountWords);
        var chosen = new List<PaperSentence>();
        var open = Situation(sentences);
        var close = open.Where(sentence => vocabulary.TopicHits(sentence.Clean) >= LeastTopicWords).ToList();
        foreach (var gap in close.Where(sentence => Gap().IsMatch(sentence.Clean)).Take(2))
        {
            words += Take(gap, chosen, words);
        }

        // Short introductions may not repeat the topic's words: then whatever stands there is taken.
        foreach (var (facts, wanted) in new[] { (close, TargetWords), (open, LeastWords) })
        {
            foreach (var fact in facts)
            {
                words += words < wanted ? Take(fact, chosen, words) : 0;
            }
        }

        var situation = chosen.OrderBy(sentence => sentence.Source.SectionOrder).ThenBy(sentence => sentence.Source.Start).Select(sentence => EndWithStop(sentence.Clean));
        return vocabulary.SpellOut(string.Join(' ', [.. situation, .. aims]));
    }

    private static int Take(PaperSentence sentence, List<PaperSentence> chosen, int words)
    {
        var length = CountWords(sentence.Clean);
        if (words + length > TargetWords + 25 || chosen.Exists(other => other == sentence || Similar(other.Clean, sentence.Clean)))
        {
            return 0;
        }

        chosen.Add(sentence);
        return length;
    }

    // The abstract's opening comes first, then the introduction: facts that stand on their own and give nothing away.
    private List<PaperSentence> Situation(IReadOnlyList<PaperSentence> sentences)
    {
        var ownWork = FirstOwnWork(sentences);
        return
        [
            .. sentences.Where((sentence, index) => (sentence.Source.SectionOrder < 0 ? index < ownWork : sentence.Role is SectionRole.Background && !RelatedWork().IsMatch(sentence.Clean))
                && CountWords(sentence.Clean) is >= 6 and <= MostSentenceWords
                && !OwnWork().IsMatch(sentence.Clean)
                && !Dangling().IsMatch(sentence.Clean)
                && polish.WithoutNames(sentence.Clean) == sentence.Clean
                && !SentenceCleaner.LeansOnPaper(sentence.Clean)
                && !SentenceCleaner.ReportsResult(sentence.Clean)
                && !Unfinished().IsMatch(sentence.Clean)
                && Digits().Count(sentence.Clean) <= 1)
                .Take(24),
        ];
    }

    private static int FirstOwnWork(IReadOnlyList<PaperSentence> sentences)
    {
        for (var i = 0; i < sentences.Count; i++)
        {
            if (sentences[i].Source.SectionOrder >= 0 || OwnWork().IsMatch(sentences[i].Clean) || DonePassive().IsMatch(sentences[i].Clean) || sentences[i].Role is SectionRole.Method or SectionRole.Results or SectionRole.Experiments)
            {
                return i;
            }
        }

        return sentences.Count;
    }

    private List<string> Aims(Paper paper, IReadOnlyList<PaperSentence> sentences)
    {
        var places = sentences.Where(sentence => sentence.Source.SectionOrder < 0 || sentence.Role is SectionRole.Background or SectionRole.Aims);
        var aims = new List<(string Text, double Score)>();
        foreach (var sentence in places)
        {
            if (Aim(sentence.Clean) is { } aim && CountWords(aim) is >= 4 and <= 32 && !Dangling().IsMatch(aim) && !SentenceCleaner.LeansOnPaper(aim) && !SentenceCleaner.ReportsResult(aim))
            {
                var said = Stated().IsMatch(sentence.Clean) ? 3 : 0;
                var question = Questions().IsMatch(aim) ? 1 : 0;
                aims.Add((aim, said + question + (0.5 * Math.Min(5, vocabulary.TopicHits(aim)))));
            }
        }

        var best = aims.OrderByDescending(aim => aim.Score).ToList();
        var first = best.Count > 0 ? best[0].Text : null;
        var second = best.Skip(1).FirstOrDefault(aim => aim.Score >= 2.5 && !Similar(aim.Text, first!)).Text;
        return first is null
            ? [$"The aim is to {FromTitle(paper.Title)}."]
            : second is null ? [$"The aim is to {first}."] : [$"The aim is to {first}.", $"A further aim is to {second}."];
    }

    // What was to be found out, without how: "to study X using Y" keeps only the first half.
    private string? Aim(string sentence)
    {
        string? aim = null;
        if (StatedAim().Match(sentence) is { Success: true } stated)
        {
            aim = stated.Groups["aim"].Value;
        }
        else if (OwnWork().IsMatch(sentence))
        {
            var clause = recast.Clause(sentence);
            aim = clause is not null && Inquiry().IsMatch(clause) ? clause
                : PurposeOf().Match(clause ?? sentence) is { Success: true } purpose ? purpose.Groups["aim"].Value : null;
        }

        if (aim is null)
        {
            return null;
        }

        aim = Means().Replace(aim.TrimEnd('.', ' '), "");
        aim = Our().Replace(Tail().Replace(By().Replace(aim, ""), ""), "the");
        aim = Polish.WithoutNumbers(polish.WithoutNames(aim));
        return Regex.IsMatch(aim, @"\b(?:we|us|instead|this|these|own)\b", RegexOptions.CultureInvariant, TimeSpan.FromSeconds(1)) ? null : aim;
    }

    // Many titles state the finding ("A inhibits B"): asked as a question it gives away no answer. Others name the subject.
    private string FromTitle(string title)
    {
        var parts = title.TrimEnd('.', '?').Split(": ", 2);
        var subject = recast.LowerTitle(EvidenceOf().Replace(parts.Length == 2 && CountWords(parts[0]) <= 3 ? parts[1] : parts[0], ""));
        return Finding().IsMatch(subject) ? $"find out whether {subject}" : $"investigate {subject}";
    }

    private static bool Similar(string a, string b)
    {
        var first = Vocabulary.Stems(a);
        var second = Vocabulary.Stems(b);
        return first.Count == 0 || second.Count == 0 || first.Count(second.Contains) > 0.6 * Math.Min(first.Count, second.Count);
    }

    private static string EndWithStop(string text) => char.ToUpperInvariant(text[0]) + text[1..] + (text[^1] is '.' or '?' or '!' ? "" : ".");

    private static int CountWords(string text) => text.Count(letter => letter == ' ') + 1;

    [GeneratedRegex(@"\b(?:however|unknown|unclear|not (?:yet |been |well )?(?:clear|known|understood|been|studied|established)|little is known|poorly understood|remains?|lack\w*|limited|limitation|difficult\w*|challeng\w+|(?:is|are) (?:still |urgently |clearly )?needed(?! for)|(?:a|the|urgent|great|clear) need\b|few (?:studies|have)|very few|only a few|debate|open question|problem|incongruent|insufficient|hard to|obstacle|gap|urgent\w*|scarce)\b", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Gap();

    [GeneratedRegex(@"\b(?:we|our|us|I|this (?:study|paper|work|article)|the (?:present|current) (?:study|work|paper)|here)\b", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex OwnWork();

    [GeneratedRegex(@"\b(?:study|studies|survey|experiments?) (?:conducted|carried out|performed|by|from)\b|\bone study\b|\banother study\b|\brecent(?:ly)?\b|\bet al\b|\b(?:was|were) (?:found|reported|observed|shown)\b", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex RelatedWork();

    [GeneratedRegex(@"^(?:it(?! (?:is|remains|has) (?:\w+ )?(?:not|un\w+|known|difficult|hard|clear|open|been))|they|this|these|those|such|both|he|she|another|others?|among (?:them|these)|for example|as (?:such|summari)|due to (?:this|these)|in this|of the \d)\b|\b(?:this (?:observation|suggests|challenge|result|finding|approach|method|hypothesis)|the (?:former|latter|same (?:year|period)|authors))\b|\b(?:these|those)\b|\bthis \p{L}+\b|^(?:one|another) |\bas well\b(?! as)|\bmentioned\b|\b(?:respectively|the following)\b", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Dangling();

    [GeneratedRegex(@"\b(?:such as|following|namely|including)[.:]?$|\?$", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Unfinished();

    [GeneratedRegex(@"\d[\d.,]*", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Digits();

    [GeneratedRegex(@"\b(?:aim|aims|aimed|objective|objectives|goal|purpose|sought|wish|question)\b", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Stated();

    [GeneratedRegex(@"\b(?:whether|how|why|which|effects?|role|link|relationship|association|extent|evaluate|determine|investigate|estimate|characteri[sz]e)\b", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Questions();

    [GeneratedRegex(@"\b(?:aims?|objectives?|goals?|purposes?)(?: of [^.,]{3,60}?)? (?:is|was|are|were|here is|here was|therefore was) (?:therefore |thus )?to (?<aim>[^.;]+)|\b(?:this|the present|the current) (?:study|work|paper|article) (?:aims|aimed|seeks|sought|was designed|was undertaken|was conducted|was carried out|set out)(?: to| in order to) (?<aim>[^.;]+)|\b(?:as a (?:first )?step (?:to|towards)) (?<aim>[^.;,]+)", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex StatedAim();

    [GeneratedRegex(@"^(?:\w+ly )?(?:investigate|examine|explore|study|test|assess|determine|evaluate|analy[sz]e|compare|estimate|identify|characteri[sz]e|measure|quantify|address|verify|predict|decipher|detect)\b", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Inquiry();

    [GeneratedRegex(@"\b(?:in order to|to|and) (?<aim>(?:investigate|examine|explore|study|test|assess|determine|evaluate|analy[sz]e|compare|estimate|identify|characteri[sz]e|measure|quantify|address|verify|predict|decipher|select|detect|improve|reduce|understand|facilitate|clarify|infer|classify|find|learn|resolve|solve|enable)\b.*)$", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex PurposeOf();

    [GeneratedRegex(@",? (?:by (?:means of|\w+ing)|using|via|with the (?:help|use) of|based on|through (?:the use|a|an)|, (?:a|an|which|where|and we)\b|in which|following (?:a|the) (?:previous|earlier)|and (?:propose|introduce|develop|present|describe|show|demonstrate|report)|, and (?:to )?(?:illustrate|show|demonstrate)).*$", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Means();

    [GeneratedRegex(@",? (?:of whom|of which|and (?:to )?(?:discuss|present|report|describe))\b.*$|, (?:which|where|and we)\b.*$", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Tail();

    // "by Western blotting" is means; "is affected by temperature" is not.
    [GeneratedRegex(@"(?<!(?:ed|en|wn|ght|ld|nt|made|caused|led)) by (?!(?:which|whom|far)\b)(?:[^,]*|(?:the |an? )?(?:analys[ei]s|means|use|measurements?|comparisons?|sequencing|\w+ing)\b.*)$", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex By();

    // The passive past of one's own study, in abstracts without "we".
    [GeneratedRegex(@"\b(?:was|were) (?:then |also |\w+ly )?(?:\w+ed|done|made|taken|found|given|shown|grown|kept|built|chosen|drawn|held|read|run)\b", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex DonePassive();

    [GeneratedRegex(@"^(?:\p{L}+ )?(?:evidence|proof|demonstration) (?:of|for|that) ", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex EvidenceOf();

    [GeneratedRegex(@"\b(?:inhibits?|reduces?|increases|promotes?|improves?|induces?|regulates?|mediates?|ameliorates?|decreases?|enhances?|modulates?|causes|affects?|predicts?|protects?|prevents?|suppress(?:es)?|alters?|attenuates?|drives?|controls|reveals?|shows?|is|are|can|leads? to|requires?|contributes? to|confers?|depends?|stimulates?|triggers?|accelerates?|impairs?|restores?)\b", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Finding();

    [GeneratedRegex(@"\bour\b", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Our();
}
