namespace CoScientist.Training.Sandbox;

/// <summary>Words of the plan that decide a requirement, in the order a grader quotes them.</summary>
/// <param name="WayWord">Last word of the way found; "never" when the plan contradicts itself; null when nothing addresses the requirement.</param>
/// <param name="ReasonWord">First word of the suffix, else of the reason; "." when there is neither; null when nothing addresses the requirement.</param>
public sealed record SandboxEvidence(string? WayWord, string? ReasonWord);

/// <summary>The oracle's word on one requirement.</summary>
/// <param name="Guideline">0 when satisfied, else the guideline (1–7) that is violated first.</param>
/// <param name="Evidence">What decided it.</param>
public sealed record SandboxVerdict(int Guideline, SandboxEvidence Evidence);

/// <summary>Whether a plan is put as plans should be.</summary>
/// <param name="WellFormed">Finished, closed, every sentence in the grammar, four to nine of them.</param>
/// <param name="Sentences">Number of sentences; words after the last full stop count as one.</param>
/// <param name="MalformedShare">Share of sentences outside the grammar; 0 for an empty plan.</param>
/// <param name="Overlong">More than nine sentences.</param>
public sealed record PlanForm(bool WellFormed, int Sentences, double MalformedShare, bool Overlong);

/// <summary>The exact judge: it reads a plan by the grammar and knows the rulebook. Never part of a reward.</summary>
/// <param name="world">The world it knows.</param>
public sealed class SandboxOracle(SandboxWorld world)
{
    private const int FewestSentences = 4;

    /// <summary>
    /// One verdict per requirement, in order. First match: nothing on the facet 1; denied, or two ways 7; vague 2; way not
    /// accepted or ungrammatical 3; unethical 6; costly 5; reason missing, stock or foreign 4; else satisfied.
    /// </summary>
    public IReadOnlyList<SandboxVerdict> Judge(SandboxGoal goal, string planText)
    {
        var plan = SandboxGrammar.Read(planText);
        return [.. world.Requirements(goal).Select(requirement => Judge(requirement, plan))];
    }

    /// <summary>One verdict.</summary>
    public SandboxVerdict Judge(SandboxRequirement requirement, SandboxPlanReading plan)
    {
        ArgumentNullException.ThrowIfNull(requirement);
        ArgumentNullException.ThrowIfNull(plan);
        List<SandboxReading> all = [.. plan.Sentences.OfType<SandboxReading>().Where(reading => reading.Sentence.Facet == requirement.Facet)];
        List<SandboxReading> positive = [.. all.Where(reading => !reading.Sentence.Never)];
        if (positive.Count == 0)
        {
            return new SandboxVerdict(1, new SandboxEvidence(null, null));
        }

        if (positive.Count < all.Count || positive.Exists(reading => reading.Sentence.Way != positive[0].Sentence.Way))
        {
            return new SandboxVerdict(7, new SandboxEvidence("never", "."));
        }

        var first = positive[0];
        if (first.Sentence.Way is not { } way)
        {
            return Verdict(2, first);
        }

        if (!world.Rulebook.Accepts(requirement.Facet, way, requirement.Virtue))
        {
            return Verdict(3, first);
        }

        if (positive.Find(reading => reading.Sentence.Suffix == SandboxSuffix.Unethical) is { } unethical)
        {
            return Verdict(6, unethical);
        }

        if (positive.Find(reading => reading.Sentence.Suffix == SandboxSuffix.Costly) is { } costly)
        {
            return Verdict(5, costly);
        }

        return positive.Find(reading => reading.Sentence.Reason == SandboxReason.Good) is { } good ? Verdict(0, good) : Verdict(4, first);
    }

    /// <summary>Share of requirements satisfied, 0–1.</summary>
    public double Score(SandboxGoal goal, string planText) => Score(Judge(goal, planText));

    /// <summary>Share of satisfied verdicts, 0–1.</summary>
    public static double Score(IReadOnlyList<SandboxVerdict> verdicts)
    {
        ArgumentNullException.ThrowIfNull(verdicts);
        return verdicts.Count(verdict => verdict.Guideline == 0) / (double)verdicts.Count;
    }

    /// <summary>Judges the form of a plan, whatever it says.</summary>
    /// <param name="planText">The plan.</param>
    /// <param name="finished">Whether its writer ended it, rather than being cut off.</param>
    public static PlanForm Check(string planText, bool finished)
    {
        var plan = SandboxGrammar.Read(planText);
        var open = plan.Closed ? 0 : 1;
        var sentences = plan.Sentences.Count + open;
        var malformed = plan.Sentences.Count(reading => reading is not { Malformed: false }) + open;
        var overlong = sentences > SandboxWriter.MostSentences;
        return new PlanForm(finished && malformed == 0 && sentences >= FewestSentences && !overlong, sentences, malformed / (double)Math.Max(1, sentences), overlong);
    }

    private static SandboxVerdict Verdict(int guideline, SandboxReading decisive) => new(guideline, new SandboxEvidence(decisive.WayWord, decisive.ReasonWord));
}
