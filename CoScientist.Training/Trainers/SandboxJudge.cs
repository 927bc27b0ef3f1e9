using CoScientist.Core.Runs;
using CoScientist.Core.Statistics;
using CoScientist.Training.Engines;
using CoScientist.Training.Sampling;
using CoScientist.Training.Sandbox;

namespace CoScientist.Training.Trainers;

/// <summary>
/// The independent judge of a sandbox run: the oracle. It scores the validation goals while the run goes on, which picks the
/// checkpoint, and the test goals at the end, which are reported. It never touches the reward.
/// </summary>
internal sealed class SandboxJudge
{
    private const long ValidationSeed = 1_000_003;
    private const long TestSeed = 2_000_003;
    private readonly RunSpec spec;
    private readonly SandboxEvaluation evaluation = new(SandboxWorld.Default);
    private readonly IReadOnlyList<(RunGoal Goal, SandboxTask Task)> validation;
    private readonly IReadOnlyList<(RunGoal Goal, SandboxTask Task)> test;

    public SandboxJudge(RunSpec spec, RunData data)
    {
        if (!spec.Data.Sandbox || spec.Judge != "oracle")
        {
            throw new InvalidDataException("Local training runs in the sandbox, judged by its oracle: set data.sandbox to true and judge to \"oracle\". Real goals need a model that can write about them.");
        }

        this.spec = spec;
        validation = [.. data.Validation.Select(Task)];
        test = [.. data.Test.Select(Task)];
        if (validation.Count == 0 || test.Count == 0)
        {
            throw new InvalidDataException("The run has no validation or no test goals: the judge needs both. Restore the sandbox's library by starting the application once.");
        }
    }

    /// <summary>Mean oracle score and self-grade of one sampled plan per validation goal; the share of items passed by the grader that the plan only mentions; and the plans.</summary>
    public (double Score, double SelfGrade, double Mentions, IReadOnlyList<RunSample> Samples) Validate(IPolicyEngine policy, CompactGrader grader, SamplingOptions sampling, int step, CancellationToken cancellationToken)
    {
        // The same seeds at every step: differences between steps are then those of the policy.
        var plans = Write(policy, grader, validation, sampling, ValidationSeed, cancellationToken);
        var samples = plans.Select((plan, i) => new RunSample(
            step,
            "validation",
            validation[i].Goal.Id,
            validation[i].Goal.Text,
            plan.Text,
            Reward: null,
            plan.SelfGrade,
            plan.OracleScore,
            [.. validation[i].Goal.Items.Select((item, k) => new RunSampleItem(item.Text, plan.Grades[k].Met, plan.Grades[k].Probability, plan.Oracle[item.Order].Guideline == 0))]));
        var passed = plans.SelectMany((plan, i) => validation[i].Goal.Items.Select((item, k) => (plan.Grades[k].Met, plan.Oracle[item.Order].Guideline))).Where(item => item.Met).ToArray();
        return (plans.Average(plan => plan.OracleScore), plans.Average(plan => plan.SelfGrade), passed.Length == 0 ? 0 : passed.Average(item => item.Guideline > 1 ? 1.0 : 0), [.. samples]);
    }

    /// <summary>Base and picked checkpoint on the test goals: the result (seconds per step left at 0) and a row per plan.</summary>
    public (RunResult Result, IReadOnlyList<RunEvaluationRow> Rows) Close(string run, int picked, IPolicyEngine baseline, IPolicyEngine chosen, CompactGrader grader, SamplingOptions sampling, CancellationToken cancellationToken)
    {
        var before = Write(baseline, grader, test, sampling, TestSeed, cancellationToken);
        var after = Write(chosen, grader, test, sampling, TestSeed, cancellationToken);
        var greedyBefore = Write(baseline, null, test, sampling with { Temperature = 0 }, TestSeed, cancellationToken);
        var greedyAfter = Write(chosen, null, test, sampling with { Temperature = 0 }, TestSeed, cancellationToken);
        var points = before.Zip(after, (b, a) => WinRate.Points(a.OracleScore, b.OracleScore)).ToArray();
        var gain = Bootstrap.Mean([.. before.Zip(after, (b, a) => a.OracleScore - b.OracleScore)]);
        var wins = Bootstrap.Mean(points);
        var domains = test.Select((goal, i) => (goal.Goal.Domain, Index: i)).GroupBy(goal => goal.Domain, goal => goal.Index, StringComparer.Ordinal);
        var result = new RunResult
        {
            Run = run,
            State = RunState.Finished,
            Steps = spec.Steps,
            BestStep = picked,
            Goals = test.Count,
            BaseOracleScore = before.Average(plan => plan.OracleScore),
            OracleScore = after.Average(plan => plan.OracleScore),
            OracleGainLow = gain.Low,
            OracleGainHigh = gain.High,
            BaseOracleScoreGreedy = greedyBefore.Average(plan => plan.OracleScore),
            OracleScoreGreedy = greedyAfter.Average(plan => plan.OracleScore),
            BaseSelfGrade = before.Average(plan => plan.SelfGrade),
            SelfGrade = after.Average(plan => plan.SelfGrade),
            WinRate = wins.Value,
            WinRateLow = wins.Low,
            WinRateHigh = wins.High,
            WellFormed = after.Average(plan => plan.Form.WellFormed ? 1.0 : 0),
            SecondsPerStep = 0,
            Domains = domains.ToDictionary(
                domain => domain.Key,
                domain => new DomainResult(domain.Count(), domain.Average(i => before[i].OracleScore), domain.Average(i => after[i].OracleScore), domain.Average(i => points[i])),
                StringComparer.Ordinal),
        };
        return (result, [.. before.Select((plan, i) => Row(RunEvaluationRow.Base, i, plan, sampling)), .. after.Select((plan, i) => Row(RunEvaluationRow.Best, i, plan, sampling))]);
    }

    private static (RunGoal Goal, SandboxTask Task) Task(RunGoal goal) =>
        SandboxGoal.TryParseKey(goal.ExternalKey, out var meaning)
            ? (goal, new SandboxTask(meaning!, goal.Text, [.. goal.Items.Select(item => item.Text)]))
            : throw new InvalidDataException($"Goal {goal.Id} is not a goal of the sandbox's world: its key \"{goal.ExternalKey}\" cannot be read.");

    private IReadOnlyList<EvaluatedPlan> Write(IPolicyEngine policy, CompactGrader? grader, IReadOnlyList<(RunGoal Goal, SandboxTask Task)> goals, SamplingOptions sampling, long seed, CancellationToken cancellationToken) =>
        evaluation.Write(policy, grader, [.. goals.Select(goal => goal.Task)], sampling, seed + spec.Seed, cancellationToken);

    private RunEvaluationRow Row(string writer, int index, EvaluatedPlan plan, SamplingOptions sampling)
    {
        var goal = test[index].Goal;
        return new RunEvaluationRow
        {
            Writer = writer,
            GoalId = goal.Id,
            RubricVersion = goal.RubricVersion,
            Plan = plan.Text,
            Finished = plan.Finished,
            Tokens = plan.Tokens,
            Seed = plan.Seed,
            Temperature = sampling.Temperature,
            SelfGrade = new RunEvaluationGrading(plan.SelfGrade, [.. goal.Items.Select((item, k) => new RunEvaluationVerdict(item.Id, plan.Grades[k].Met, Violated(plan.Grades[k].Guideline), plan.Grades[k].Probability, plan.Grades[k].Quote))]),
            // The oracle judges the world's requirements; an item that reviewers put out has no verdict to show.
            Oracle = new RunEvaluationGrading(plan.OracleScore, [.. goal.Items.Select(item => new RunEvaluationVerdict(item.Id, plan.Oracle[item.Order].Guideline == 0, Violated(plan.Oracle[item.Order].Guideline)))]),
        };
    }

    private static int[]? Violated(int guideline) => guideline == 0 ? null : [guideline];
}
