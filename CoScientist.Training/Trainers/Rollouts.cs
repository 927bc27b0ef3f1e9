using CoScientist.Core;
using CoScientist.Core.Grading;
using CoScientist.Core.Runs;
using CoScientist.Training.Engines;
using CoScientist.Training.Protocols;
using CoScientist.Training.Sampling;

namespace CoScientist.Training.Trainers;

/// <summary>A plan that the policy wrote, as graded and rewarded.</summary>
/// <param name="Sampled">Its tokens with the log-probabilities they were drawn with.</param>
/// <param name="Answer">The plan as read from them.</param>
/// <param name="Grading">The grader's verdicts.</param>
/// <param name="Reward">Its reward; null when ungraded.</param>
internal sealed record Rollout(SampledSequence Sampled, PlanAnswer Answer, PlanGrading Grading, RewardParts? Reward);

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
        plan.Answer.Text,
        plan.Reward?.Total,
        plan.Reward?.Score,
        JudgeScore: null,
        [.. Goal.Items.Zip(plan.Grading.Items, (item, verdict) => new RunSampleItem(item.Text, verdict?.Met, verdict?.Probability, JudgeMet: null))]));
}

/// <summary>Has the policy write plans and the grader grade them. The policy is given the goal's text and nothing else.</summary>
internal sealed class Rollouts(IPolicyEngine policy, IPlanProtocol protocol, IPlanGrader grader, RunSpec spec)
{
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
        var answers = samples.Select(sample => protocol.Read(sample.Tokens, sample.Ended)).ToArray();
        var gradings = grader.Grade([.. samples.Select((sample, i) => new PlanToGrade(goals[sample.Request], answers[i].Text))], cancellationToken);
        var plans = samples.Select((sample, i) => Rewarded(goals[sample.Request], sample, answers[i], gradings[i])).ToArray();
        return [.. goals.Select((goal, i) => new RolloutGroup(goal, plans[(i * plansPerGoal)..((i + 1) * plansPerGoal)]))];
    }

    /// <summary>A seed from the streams of a run.</summary>
    public static long Seed(long seed, params ReadOnlySpan<long> stream) => (long)new SeededRandom(seed, stream).NextUInt64();

    private Rollout Rewarded(RunGoal goal, SampledSequence sample, PlanAnswer answer, PlanGrading grading)
    {
        var reward = Reward.Of(
            [.. grading.Items.Select((verdict, k) => verdict is null ? (ItemOutcome?)null : new ItemOutcome(verdict.Met, verdict.Violations, goal.Items[k].Weight))],
            answer.Form with { TokensLeft = spec.MaxNewTokens - sample.Tokens.Length },
            spec.Reward);
        return new Rollout(sample, answer, grading, reward);
    }
}
