using CoScientist.Core.Runs;
using CoScientist.Training.Engines;
using CoScientist.Training.Kernels;
using CoScientist.Training.Sampling;
using CoScientist.Training.Sandbox;

namespace CoScientist.Training.Reproduction;

/// <summary>Has checkpoints write plans for the same test goals with the same seeds, and grades them by grader and oracle.</summary>
/// <param name="goals">The test goals.</param>
/// <param name="graderDirectory">The run's grader.</param>
/// <param name="referenceShown">Whether it sees the reference solutions.</param>
/// <param name="pool">Threads.</param>
internal sealed class CheckpointMeasurement(IReadOnlyList<RunGoal> goals, string graderDirectory, bool referenceShown, WorkerPool pool) : IDisposable
{
    private const long PlanSeed = 2_000_003;
    private const long PickSeed = 3_000_003;

    private readonly SandboxEvaluation evaluation = new(SandboxWorld.Default);
    private readonly CpuEngine grading = CpuEngine.Load(graderDirectory, pool);
    private readonly SandboxTask[] tasks =
    [
        .. goals.Select(goal => new SandboxTask(SandboxGoal.OfKey(goal.ExternalKey, goal.Id), goal.Text, [.. goal.Items.Select(item => item.Text)])
        {
            Reference = referenceShown ? goal.ReferenceSolution : null,
        }),
    ];

    /// <summary>One sampled and one greedy plan per goal.</summary>
    /// <param name="directory">The checkpoint.</param>
    /// <param name="spec">Whose sampling settings count.</param>
    /// <param name="cancellationToken">Cancels between passes.</param>
    public Measurement Measure(string directory, RunSpec spec, CancellationToken cancellationToken)
    {
        using var policy = CpuEngine.Load(directory, pool);
        return new Measurement(Plans(spec.Temperature), Plans(0));

        IReadOnlyList<PlanScore> Plans(double temperature) =>
        [
            .. evaluation.Write(policy, Grader, tasks, Sampling(spec) with { Temperature = temperature }, PlanSeed + spec.Seed, cancellationToken)
                .Select((plan, i) => new PlanScore(goals[i].Id, goals[i].Domain, plan.OracleScore, plan.SelfGrade, plan.Form.WellFormed, plan.Tokens)),
        ];
    }

    /// <summary>Several sampled plans for each of the first goals.</summary>
    public IReadOnlyList<IReadOnlyList<GradedPlan>> PlansToPickFrom(string directory, RunSpec spec, int goalCount, int plansPerGoal, CancellationToken cancellationToken)
    {
        using var policy = CpuEngine.Load(directory, pool);
        var repeated = tasks.Take(goalCount).SelectMany(task => Enumerable.Repeat(task, plansPerGoal)).ToArray();
        return
        [
            .. evaluation.Write(policy, Grader, repeated, Sampling(spec), PickSeed + spec.Seed, cancellationToken)
                .Select(plan => new GradedPlan([.. plan.Grades.Select(grade => grade.Met)], plan.OracleScore))
                .Chunk(plansPerGoal),
        ];
    }

    /// <inheritdoc/>
    public void Dispose() => grading.Dispose();

    private CompactGrader Grader => new(grading, SandboxBaseModel.GraderThreshold(graderDirectory));

    private static SamplingOptions Sampling(RunSpec spec) => new() { Temperature = spec.Temperature, TopP = spec.TopP, MaxNewTokens = spec.MaxNewTokens };
}
