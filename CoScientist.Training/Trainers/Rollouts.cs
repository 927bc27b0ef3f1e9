using CoScientist.Core;
using CoScientist.Core.Grading;
using CoScientist.Core.Runs;
using CoScientist.Training.Engines;
using CoScientist.Training.Sampling;
using CoScientist.Training.Sandbox;
using PlanForm = CoScientist.Core.Grading.PlanForm;

namespace CoScientist.Training.Trainers;

/// <summary>A plan that the policy wrote, as graded and rewarded.</summary>
/// <param name="Sampled">Its tokens with the log-probabilities they were drawn with.</param>
/// <param name="Text">Its text.</param>
/// <param name="Grades">The grader's verdicts, item by item; null where one could not be read.</param>
/// <param name="WellFormed">Whether it keeps the format.</param>
/// <param name="Reward">Its reward; null when ungraded.</param>
internal sealed record Rollout(SampledSequence Sampled, string Text, IReadOnlyList<ItemGrade?> Grades, bool WellFormed, RewardParts? Reward);

/// <summary>A goal with the plans written for it.</summary>
internal sealed record RolloutGroup(RunGoal Goal, IReadOnlyList<Rollout> Plans)
{
    /// <summary>The plans' rewards.</summary>
    public double?[] Rewards => [.. Plans.Select(plan => plan.Reward?.Total)];

    /// <summary>The plans for the run's pages.</summary>
    public IEnumerable<RunSample> Samples(int step) => Plans.Select(plan => new RunSample(
        step,
        "train",
        Goal.Id,
        Goal.Text,
        plan.Text,
        plan.Reward?.Total,
        plan.Reward?.Score,
        JudgeScore: null,
        [.. Goal.Items.Zip(plan.Grades, (item, grade) => new RunSampleItem(item.Text, grade?.Met, grade?.Probability, JudgeMet: null))]));
}

/// <summary>Has the policy write plans and the grader grade them. The policy is given the goal's text and nothing else.</summary>
internal sealed class Rollouts(IPolicyEngine policy, CompactGrader grader, RunSpec spec)
{
    private readonly CompactProtocol protocol = new(policy.Tokenizer);

    /// <summary>Writes and grades plans.</summary>
    /// <param name="goals">The goals.</param>
    /// <param name="plansPerGoal">Plans for each.</param>
    /// <param name="seeds">Seed of each goal's plans.</param>
    /// <param name="cancellationToken">Cancels between passes.</param>
    public IReadOnlyList<RolloutGroup> Of(IReadOnlyList<RunGoal> goals, int plansPerGoal, Func<int, long> seeds, CancellationToken cancellationToken)
    {
        var samples = policy.Sample(
            [.. goals.Select((goal, i) => new SampleRequest { Prompt = protocol.WritePrompt(goal.Text), Count = plansPerGoal, Seed = seeds(i) })],
            Trainer.SamplingOf(spec, protocol),
            cancellationToken);
        var texts = samples.Select(sample => protocol.PlanText(sample.Tokens)).ToArray();
        var grades = grader.Grade([.. samples.Select((sample, i) => new GradingTask(goals[sample.Request].Text, texts[i], [.. goals[sample.Request].Items.Select(item => item.Text)]))], cancellationToken);
        var plans = samples.Select((sample, i) => Rewarded(goals[sample.Request], sample, texts[i], grades[i])).ToArray();
        return [.. goals.Select((goal, i) => new RolloutGroup(goal, plans[(i * plansPerGoal)..((i + 1) * plansPerGoal)]))];
    }

    /// <summary>A seed from the streams of a run.</summary>
    public static long Seed(long seed, params ReadOnlySpan<long> stream) => (long)new SeededRandom(seed, stream).NextUInt64();

    private Rollout Rewarded(RunGoal goal, SampledSequence sample, string text, IReadOnlyList<ItemGrade?> grades)
    {
        var form = SandboxOracle.Check(text, sample.Ended);
        var reward = Reward.Of(
            [.. grades.Select((grade, k) => grade is null ? (ItemOutcome?)null : new ItemOutcome(grade.Met, grade.Violations, goal.Items[k].Weight))],
            new PlanForm(sample.Ended, form.MalformedShare, form.Overlong, spec.MaxNewTokens - sample.Tokens.Length),
            spec.Reward);
        return new Rollout(sample, text, grades, form.WellFormed, reward);
    }
}
