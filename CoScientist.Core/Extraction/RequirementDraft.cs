using System.Text.RegularExpressions;
using CoScientist.Core.Papers;

namespace CoScientist.Core.Extraction;

/// <summary>Draws requirements on a plan from the sentences that say what was done, and picks the telling and different ones.</summary>
internal sealed partial class RequirementDraft(Vocabulary vocabulary, Polish polish)
{
    private const int LeastWords = 5;
    private const int MostWords = 28;
    private const int MostPerSection = 3;
    private const double LeastScore = 1.5;
    private const double MostOverlap = 0.5;
    private const double MostGoalShare = 0.6;
    private const double MostAimShare = 0.8;

    /// <summary>Weight of a requirement's own worth against its likeness to those picked already.</summary>
    private const double Relevance = 0.7;

    private readonly Recast recast = new(vocabulary.IsProperName);

    /// <summary>A clause with its verb first ("measure growth by …"), its worth and where it comes from.</summary>
    internal sealed record Candidate(string Clause, double Score, PaperSentence Sentence, HashSet<string> Stems);

    /// <summary>Everything that can be asked of a plan, in the paper's order.</summary>
    /// <param name="sentences">The paper's sentences.</param>
    /// <param name="goal">The goal: what can be read off it is no requirement, a plan would meet it by repeating the goal.</param>
    /// <param name="anywhere">Whether introduction and discussion count too, for papers whose methods say little.</param>
    public IReadOnlyList<Candidate> Candidates(IEnumerable<PaperSentence> sentences, string goal, bool anywhere)
    {
        var goalStems = Vocabulary.Stems(goal);
        var aims = Aim().Matches(goal).Select(aim => Vocabulary.Stems(aim.Value)).ToList();
        var result = new List<Candidate>();
        foreach (var sentence in sentences)
        {
            if (Clause(sentence, anywhere) is { } clause && IsWhole(clause) && !Leaks(Vocabulary.Stems(vocabulary.SpellOut(clause)), goalStems, aims))
            {
                result.Add(new Candidate(clause, Score(clause, sentence), sentence, Vocabulary.Stems(clause)));
            }
        }

        return result;
    }

    /// <summary>The weakest requirements, for papers whose sentences yield none: that each part of the method is laid out.</summary>
    public IReadOnlyList<Candidate> FromHeadings(Paper paper, IReadOnlyList<PaperSentence> sentences) =>
    [
        .. from section in paper.Sections
           where section.Role is SectionRole.Method or SectionRole.Experiments && section.Heading.Contains(" / ", StringComparison.Ordinal)
           let first = sentences.FirstOrDefault(sentence => sentence.Source.SectionOrder == section.Order)
           where first is not null
           let clause = $"lay out {recast.LowerTitle(section.Heading.Split(" / ")[^1])} in enough detail for others to repeat it"
           select new Candidate(clause, 0, first, Vocabulary.Stems(section.Heading)),
    ];

    /// <summary>
    /// The best that differ from each other, in the paper's order. Each next one is that with the largest
    /// λ·worth − (1 − λ)·(largest likeness to one picked already), λ = 0.7: maximal marginal relevance (Carbonell and Goldstein,
    /// SIGIR 1998). Worth is the score scaled to 0–1, likeness the share of common stems in the shorter one. Of two that share
    /// more than half, one is taken; of a section at first three.
    /// </summary>
    /// <param name="candidates">All candidates.</param>
    /// <param name="least">Take weaker ones until there are so many.</param>
    /// <param name="most">Never more than these.</param>
    public static IReadOnlyList<Candidate> Pick(IReadOnlyList<Candidate> candidates, int least, int most)
    {
        var picked = new List<Candidate>();
        var open = candidates.OrderByDescending(candidate => candidate.Score).ThenBy(candidate => candidate.Sentence.Source.SectionOrder).ThenBy(candidate => candidate.Sentence.Source.Start).ToList();
        var (low, span) = open.Count == 0 ? (0, 1) : (open[^1].Score, Math.Max(1e-9, open[0].Score - open[^1].Score));
        foreach (var perSection in (ReadOnlySpan<int>)[MostPerSection, int.MaxValue])
        {
            while (picked.Count < most && Best(perSection) is { } best)
            {
                picked.Add(best);
            }

            if (picked.Count >= least)
            {
                break;
            }
        }

        return [.. picked.OrderBy(candidate => candidate.Sentence.Source.SectionOrder).ThenBy(candidate => candidate.Sentence.Source.Start)];

        Candidate? Best(int perSection)
        {
            Candidate? best = null;
            var worth = double.MinValue;
            foreach (var candidate in open)
            {
                var likeness = picked.Count == 0 ? 0 : picked.Max(other => ReferenceEquals(other.Sentence, candidate.Sentence) ? 1 : Overlap(other.Stems, candidate.Stems));
                var crowded = picked.Count(other => other.Sentence.Source.SectionOrder == candidate.Sentence.Source.SectionOrder) >= perSection;
                var margin = (Relevance * (candidate.Score - low) / span) - ((1 - Relevance) * likeness);
                if (margin > worth && !crowded && likeness <= MostOverlap && (picked.Count < least || candidate.Score >= LeastScore))
                {
                    (best, worth) = (candidate, margin);
                }
            }

            return best;
        }
    }

    // Told by the goal, or the goal's aim told again with something added.
    private static bool Leaks(HashSet<string> stems, HashSet<string> goal, IEnumerable<HashSet<string>> aims) =>
        stems.Count(goal.Contains) >= MostGoalShare * stems.Count || aims.Any(aim => aim.Count > 0 && aim.Count(stems.Contains) >= MostAimShare * aim.Count);

    private string? Clause(PaperSentence sentence, bool anywhere)
    {
        if (Ethics().IsMatch(sentence.Clean))
        {
            return Animals().IsMatch(sentence.Clean) ? "obtain approval from an animal care or ethics committee before any work with animals begins"
                : "obtain approval from an ethics committee before the study begins";
        }

        var usable = sentence.Role switch
        {
            SectionRole.Background or SectionRole.Discussion => anywhere && !SentenceCleaner.ReportsResult(sentence.Clean),
            SectionRole.Results => !SentenceCleaner.ReportsResult(sentence.Clean),
            _ => true,
        };
        return usable && !SentenceCleaner.LeansOnPaper(sentence.Clean) && !(sentence.Source.SectionOrder < 0 && SentenceCleaner.ReportsResult(sentence.Clean))
            && recast.Clause(sentence.Clean) is { } clause
            ? polish.Clause(clause)
            : null;
    }

    private static bool IsWhole(string clause)
    {
        var words = clause.Count(letter => letter == ' ') + 1;
        var joined = Joined().Match(clause);
        return words is >= LeastWords and <= MostWords && (!joined.Success || Verbs.IsBase(joined.Groups["verb"].Value)) && !BrokenEnd().IsMatch(clause) && !Broken().IsMatch(clause) && clause.Count(letter => letter == '(') == clause.Count(letter => letter == ')');
    }

    private double Score(string clause, PaperSentence sentence)
    {
        var words = clause.Count(letter => letter == ' ') + 1;
        var score = Math.Min(3, Design().Count(clause)) * 1.5;
        score += Purpose().IsMatch(clause) ? 1.5 : 0;
        score += DesignVerb().IsMatch(clause) ? 1 : BenchVerb().IsMatch(clause) ? -2 : 0;
        score += 0.4 * Math.Min(4, vocabulary.TopicHits(clause));
        score += words is >= 9 and <= 20 ? 1 : words > 24 ? -0.5 : 0;
        score += sentence.Source.SectionOrder < 0 ? 1 : sentence.Role is SectionRole.Method or SectionRole.Experiments ? 0.5 : -0.5;
        score -= 0.8 * Numbers().Count(clause);
        score -= Bench().Count(clause);
        score -= 0.5 * Math.Max(0, ShortForms().Count(clause) - 1);
        return score;
    }

    private static double Overlap(HashSet<string> a, HashSet<string> b) =>
        a.Count == 0 || b.Count == 0 ? 1 : (double)a.Count(b.Contains) / Math.Min(a.Count, b.Count);

    [GeneratedRegex(@"(?<=\baim is to )[^.]+", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Aim();

    [GeneratedRegex(@"^(?:\w+ly )?\w+ and (?<verb>[\w-]+)", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Joined();

    [GeneratedRegex(@"\b(?:approved|approval|permission)\b.*\b(?:committee|board|IRB|authority|authorities)\b|\b(?:committee|board|IRB)\b.*\bapprov", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Ethics();

    [GeneratedRegex(@"\b(?:animals?|mice|rats?|veterinar\w*|livestock|IACUC)\b", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Animals();

    [GeneratedRegex(@"\b(?:to|of|for|with|by|in|on|at|from|the|a|an|and|or|as|than|that|which|using|into|between|under|over|per|each|its|their|respectively|final|total|approximately|about)$", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex BrokenEnd();

    // Left-over marks, doubled function words and pronouns without a noun to stand for.
    [GeneratedRegex(@"[=<>≤≥@|]|[,(]\s*[,)]|\b(?:of|to|with|at|for|by|in|from|between) (?:of|to|with|at|for|by|in|from|and|or|,)\b|\b(?:the|a|an) (?:and|or|of|to|for|,)|,$|\b(?:respectively|the following|as follows|this|these|those|such a|said|others|instead|in following|following (?:two|three|four|five|six))\b|\b(?:of|for|to|in|with|on|from|by) (?:it|them)\b|\bby \p{Lu}\p{Ll}+ (?:and|et) |^\w+ (?:it|they|them|this|these|those|there)\b|\b(\w+) \1\b|\band \d+$", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Broken();

    [GeneratedRegex(@"\b(?:control\w*|compar\w+|baselines?|random\w*|blind\w*|validat\w+|statistic\w*|significance|sample size|power|replicat\w+|independent\w*|estimat\w+|evaluat\w+|exclu\w+|inclu(?:de|sion)|criteri\w+|consent|approval|model\w*|hypothes\w+|test\w*|held-out|cross-validation|ablat\w+|hyperparameter\w*|tun(?:e|ing)|agreement|annotat\w+|experts?|confound\w*|adjust\w*|bias\w*|longitudinal|cross-sectional|survey|cohort|measure\w*|quantif\w+|monitor\w*|assess\w*|analy[sz]\w+|regression|variance|confidence|uncertainty|robust\w*|sensitivity|assum\w+|train\w*|data ?sets?|corpus|design\w*|strateg\w+|select\w*|criterion|effects?|whether|time points?|dose\w*|groups?|simulat\w+|likelihood|experiment\w*)\b", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Design();

    [GeneratedRegex(@"\b(?:in order to|so that|to (?:\w+ly )?(?:ensure|test|assess|determine|estimate|evaluate|examine|account|control|avoid|compare|identify|investigate|detect|measure|reduce|verify|confirm|select|study|analyse|analyze|quantify|minimi[sz]e|prevent|check|distinguish|allow|monitor|obtain|correct|characteri[sz]e|predict|stabili[sz]e|induce))\b|\bwhile controlling\b|\btaking into account\b", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Purpose();

    // Verb frames: what decides whether a study can answer its question, against what any laboratory does.
    [GeneratedRegex(@"^(?:\w+ly )?(?:randomi[sz]e|assign|allocate|compare|control|validate|cross-validate|estimate|test|measure|evaluate|assess|recruit|enrol|exclude|include|blind|stratify|match|train|annotate|adjust|monitor|model|fit|split|tune|define|select|sample|replicate|repeat|quantify|examine|determine|investigate|simulate|pre-register|calibrate|correct|account|ablate|vary|follow|ask|survey|interview|score|rank)\b", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex DesignVerb();

    [GeneratedRegex(@"^(?:\w+ly )?(?:place|put|store|wash|purchase|immerse|dissect|mount|transfer|dilute|incubate|centrifuge|mix|add|initiate|house|sacrifice|express|freeze|thaw|rinse|dry|weigh|heat|cool|load|stain|seed|pellet|resuspend|dissolve|inoculate|stop|deposit|set|obtain (?!approval|consent|informed|written)|collect all|give|release|thank|carry out)\b", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex BenchVerb();

    [GeneratedRegex(@"(?<![\p{L}-])\d[\d.,]*", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Numbers();

    // Bench routine: true of any laboratory, telling of no plan.
    [GeneratedRegex(@"\b(?:buffers?|wash\w*|centrifug\w+|supernatant\w*|pellets?|resuspend\w*|overnight|incubat\w+|tubes?|plates?|wells?|coverslips?|medium|media|antibod\w+|primers?|kits?|solutions?|reagents?|software|GraphPad|SPSS|Stata|JMP|MacOS|EthoVision|package|StepOne|ImageJ|MATLAB|microscop\w+|room temperature|GPU|diluted?|glycerol|agar|membranes?|columns?|housed|food and water|mount\w*|stored?|transferr?ed|vortex\w*|fractions?|ice|DMSO|bottle|sacrific\w+)\b", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Bench();

    [GeneratedRegex(@"(?<![\p{L}\d])(?=[\p{L}\d-]*\p{Lu}[\p{L}\d-]*[\p{Lu}\d])[\p{L}\d-]{2,}", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex ShortForms();
}
