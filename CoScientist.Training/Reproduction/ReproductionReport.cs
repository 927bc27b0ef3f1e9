using CoScientist.Core.Statistics;
using CoScientist.Training.Sandbox;

namespace CoScientist.Training.Reproduction;

/// <summary>What the numbers say of a promise, from best to worst.</summary>
public enum PromiseState
{
    /// <summary>Not measured yet.</summary>
    Open,

    /// <summary>It is so.</summary>
    Holds,

    /// <summary>It is not shown to be so, nor to be otherwise: the interval has both.</summary>
    WithinNoise,

    /// <summary>It is not so.</summary>
    DoesNotHold,
}

/// <summary>Whether something that the project promises is so.</summary>
/// <param name="Claim">The promise.</param>
/// <param name="Measured">The numbers that decide it.</param>
/// <param name="State">What they say.</param>
public sealed record Verdict(string Claim, string Measured, PromiseState State);

/// <summary>Accuracy of the weak grader on the base model's plans for the test goals.</summary>
/// <param name="BalancedAccuracy">Mean of the two rates.</param>
/// <param name="TruePositiveRate">Share of satisfied items that it passes.</param>
/// <param name="TrueNegativeRate">Share of unsatisfied items that it fails.</param>
/// <param name="FalsePasses">Items passed wrongly, by the guideline that the oracle names (index 0 unused).</param>
public sealed record GraderAccuracy(double BalancedAccuracy, double TruePositiveRate, double TrueNegativeRate, IReadOnlyList<int> FalsePasses);

/// <summary>Everything that the results document shows, computed from the outcomes alone.</summary>
public sealed record ReproductionReport
{
    /// <summary>Test goals of every domain.</summary>
    internal const string AllDomains = "all";

    private const string Base = "base";
    private const string OwnDomain = "its own";
    private const string OtherDomains = "the others";
    private const string Each = "each";

    /// <summary>Experiments with results.</summary>
    public required int Done { get; init; }

    /// <summary>Experiments in all.</summary>
    public required int All { get; init; }

    /// <summary>The base model: on each domain and on all.</summary>
    public required IReadOnlyList<ArmRow> BaseModel { get; init; }

    /// <summary>Methods against the base, on the domain trained on and on the others, runs of all domains pooled.</summary>
    public required IReadOnlyList<ArmRow> Methods { get; init; }

    /// <summary>Methods against the base, every domain trained on by every domain tested on.</summary>
    public required IReadOnlyList<ArmRow> Matrix { get; init; }

    /// <summary>OPSD→GRPO against GRPO.</summary>
    public required IReadOnlyList<ArmRow> Sequence { get; init; }

    /// <summary>Single changes against GRPO.</summary>
    public required IReadOnlyList<ArmRow> Ablations { get; init; }

    /// <summary>Reward hacking; null while there is no run.</summary>
    public required HackingStudy? Hacking { get; init; }

    /// <summary>The weak grader; null before it was built.</summary>
    public required GraderAccuracy? WeakGrader { get; init; }

    /// <summary>Checkpoints of the runs against the weak grader: the picked one against the last, both against the base.</summary>
    public required IReadOnlyList<ArmRow> HackedCheckpoints { get; init; }

    /// <summary>Arms of the review study against the spoiled one.</summary>
    public required IReadOnlyList<ArmRow> Review { get; init; }

    /// <summary>Best of N.</summary>
    public required IReadOnlyList<PickingStudy> Picking { get; init; }

    /// <summary>What the project promises, and whether it is so.</summary>
    public IReadOnlyList<Verdict> Verdicts => ReproductionVerdicts.Of(this);

    /// <summary>Runs that ended before their last step, with the reason.</summary>
    public required IReadOnlyDictionary<string, string> EndedEarly { get; init; }

    /// <summary>Seconds of all runs in training steps.</summary>
    public required double TrainingSeconds { get; init; }

    /// <summary>Makes the report of what there is.</summary>
    /// <param name="results">Experiments with their outcomes.</param>
    /// <param name="all">Number of experiments in all.</param>
    /// <param name="weakGrader">The weak grader's accuracy; null before it was built.</param>
    public static ReproductionReport Of(IReadOnlyList<(Experiment Experiment, ExperimentOutcome Outcome)> results, int all, SandboxReport? weakGrader)
    {
        ArgumentNullException.ThrowIfNull(results);
        var set = new ResultSet(results);
        var domains = SandboxWorld.Domains;
        const string Study = ExperimentList.StudyDomain;
        (string?, string)[] own = [.. domains.Select(domain => (domain, domain))];
        (string?, string)[] others = [.. domains.SelectMany(trained => domains.Where(tested => tested != trained).Select(tested => (trained, tested)))];
        (string?, string)[] study = [(Study, Study)];
        return new ReproductionReport
        {
            Done = results.Count,
            All = all,
            BaseModel = Rows(domains.Append(AllDomains).Select(tested => set.Row("base", Base, Base, "", tested, [(null, tested)]))),
            Methods = Rows(ExperimentList.Methods.SelectMany(arm => (ArmRow?[])[
                set.Row("methods", arm, Base, Each, OwnDomain, own, equalLengths: true),
                set.Row("methods", arm, Base, Each, OtherDomains, others),
                set.Row("methods", arm + ResultSet.LastSuffix, Base, Each, OwnDomain, own)])),
            Matrix = Rows(ExperimentList.Methods.SelectMany(arm => domains.SelectMany(trained => domains.Select(tested => set.Row("methods", arm, Base, trained, tested, [(trained, tested)]))))),
            Sequence = Rows([
                set.Row("methods", ExperimentList.Sequence, ExperimentList.Grpo, Each, OwnDomain, own),
                set.Row("methods", ExperimentList.Sequence, ExperimentList.Grpo, Each, OtherDomains, others)]),
            Ablations = Rows(results.Where(result => result.Experiment.Part == "ablations").Select(result => result.Experiment.Arm).Distinct(StringComparer.Ordinal)
                .Select(arm => set.Row("ablations", arm, ExperimentList.Grpo, Study, Study, study))),
            Hacking = HackingStudy.Of(set, [.. domains.SelectMany(domain => set.Of(ExperimentList.Grpo, domain)).Select(run => run.Outcome)]),
            WeakGrader = weakGrader is null ? null : new GraderAccuracy(weakGrader.GraderBalancedAccuracy, weakGrader.GraderTruePositiveRate, weakGrader.GraderTrueNegativeRate, weakGrader.FalsePasses),
            HackedCheckpoints = Rows([
                set.Row("hacking", ExperimentList.Hacked, ExperimentList.WeakBase, Study, AllDomains, [(Study, AllDomains)]),
                set.Row("hacking", ExperimentList.Hacked + ResultSet.LastSuffix, ExperimentList.WeakBase, Study, AllDomains, [(Study, AllDomains)]),
                set.Row("hacking", ExperimentList.Hacked, ExperimentList.Hacked + ResultSet.LastSuffix, Study, AllDomains, [(Study, AllDomains)])]),
            Review = Rows(((RubricCare[])[RubricCare.Reviewed, RubricCare.ReviewedCarelessly, RubricCare.Clean]).SelectMany(rubrics => ((string[])[Study, AllDomains])
                .Select(tested => set.Row("review", ExperimentList.ArmOf(rubrics), ExperimentList.ArmOf(RubricCare.Spoiled), Study, tested, [(Study, tested)])))),
            Picking = [.. results.Where(result => result.Outcome.PickFrom.Count > 0).Select(result => PickingStudy.Of(result.Outcome))],
            EndedEarly = results.Where(result => result.Outcome.EndedEarly is not null).ToDictionary(result => result.Experiment.Name, result => result.Outcome.EndedEarly!, StringComparer.Ordinal),
            TrainingSeconds = results.Sum(result => result.Outcome.TrainingSeconds),
        };

        static IReadOnlyList<ArmRow> Rows(IEnumerable<ArmRow?> rows) => [.. rows.OfType<ArmRow>()];
    }
}
