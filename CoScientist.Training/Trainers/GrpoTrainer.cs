using System.Diagnostics;
using CoScientist.Core;
using CoScientist.Core.Runs;
using CoScientist.Training.Engines;
using CoScientist.Training.Kernels;
using CoScientist.Training.Protocols;
using CoScientist.Training.Objectives;

namespace CoScientist.Training.Trainers;

/// <summary>
/// Group relative policy optimisation on self-graded rubrics (Goel et al., arXiv 2512.23707). Each step: the policy writes a
/// group of plans for each of a few goals; the frozen grader marks every item; advantage = reward − group mean; one AdamW step
/// per epoch on the clipped loss (<see cref="GrpoObjective"/>).
/// Departures from the paper, each measured on the sandbox: full-size learning rate 2e-4 instead of 1e-6 (the model has one
/// million parameters, not thirty billion); verdicts from token likelihoods instead of prose; penalties for malformed and
/// surplus sentences, because grammar decays without them.
/// </summary>
internal sealed class GrpoTrainer(IPolicyEngine policy, IPlanProtocol protocol, IPlanGrader grader, ReferencePolicy? reference, RunSpec spec, RunStage stage, IReadOnlyList<RunGoal> goals)
    : Trainer(policy, protocol, spec, stage)
{
    private readonly Rollouts rollouts = new(policy, protocol, grader, spec);
    private readonly GoalOrder<RunGoal> order = new(goals, spec.Seed, OrderStream);

    /// <inheritdoc/>
    public override (RunMetrics Metrics, IReadOnlyList<RunSample> Samples) Step(int step, double tokensBefore, CancellationToken cancellationToken)
    {
        var start = Stopwatch.GetTimestamp();
        var groups = Write(step, out var silent, cancellationToken);
        var batch = Batch(groups, cancellationToken);
        var objective = new GrpoObjective([.. batch.SelectMany(group => group.Plans)], Spec.Grpo, Spec.ClipLow, Spec.ClipHigh, Spec.MaxNewTokens);
        var statistics = default(LossStatistics);
        var (norm, tokens) = (0.0, 0L);
        for (var epoch = 0; epoch < Spec.Grpo.Epochs; epoch++)
        {
            statistics = Learn(batch, objective, cancellationToken);
            norm = Math.Max(norm, Policy.OptimizerStep(new AdamWOptions(LearningRate(step)), Spec.MaxGradNorm));
            tokens += statistics.Tokens;
        }

        var plans = groups.SelectMany(group => group.Plans).ToArray();
        var rewarded = plans.Select(plan => plan.Reward).OfType<Core.Grading.RewardParts>().ToArray();
        var seen = Math.Max(1, batch.Sum(group => group.Plans.Sum(plan => (long)plan.Old.Length)) * Spec.Grpo.Epochs);
        var values = new Dictionary<string, double>(StringComparer.Ordinal)
        {
            [RunMetricNames.Reward] = Mean(rewarded.Select(reward => reward.Total)),
            [RunMetricNames.SelfGrade] = Mean(rewarded.Select(reward => reward.Score)),
            [RunMetricNames.RewardStd] = groups.Average(group => GroupAdvantages.Deviation(group.Rewards)),
            [RunMetricNames.ZeroStd] = silent,
            [RunMetricNames.Entropy] = statistics.Entropy,
            [RunMetricNames.ClipRatio] = (double)objective.Clipped / seen,
            [RunMetricNames.MeanLength] = plans.Average(plan => plan.Sampled.Tokens.Length),
            [RunMetricNames.ClippedRatio] = plans.Average(plan => plan.Sampled.Ended ? 0.0 : 1),
            [RunMetricNames.FormatViolation] = plans.Average(plan => plan.Answer.WellFormed ? 0.0 : 1),
            [RunMetricNames.GraderFailure] = plans.SelectMany(plan => plan.Grading.Items).Average(verdict => verdict is null ? 1.0 : 0),
            [RunMetricNames.GradNorm] = norm,
            [RunMetricNames.LearningRate] = LearningRate(step),
            [RunMetricNames.Tokens] = tokensBefore + tokens,
            [RunMetricNames.StepTime] = Stopwatch.GetElapsedTime(start).TotalSeconds,
        };
        if (reference is not null)
        {
            values[RunMetricNames.Kl] = objective.Divergence / seen;
        }

        return (new RunMetrics(step + 1, values), [.. groups.SelectMany(group => group.Samples(step + 1))]);

        static double Mean(IEnumerable<double> numbers) => numbers.DefaultIfEmpty(double.NaN).Average();
    }

    /// <summary>Plans for the goals of a step; goals whose plans all earn the same make room for others, as often as the specification allows.</summary>
    private List<RolloutGroup> Write(int step, out double silent, CancellationToken cancellationToken)
    {
        var chosen = order.Take((long)step * Spec.GoalsPerStep, Spec.GoalsPerStep);
        var groups = rollouts.Of(chosen, Spec.GroupSize, i => Rollouts.Seed(Spec.Seed, PlanStream, step, i), cancellationToken).ToList();
        silent = groups.Average(group => GroupAdvantages.Carries(group.Rewards) ? 0.0 : 1);
        for (var round = 1; round <= Spec.Grpo.ResampleRounds; round++)
        {
            var places = Enumerable.Range(0, groups.Count).Where(i => !GroupAdvantages.Carries(groups[i].Rewards)).ToArray();
            if (places.Length == 0)
            {
                break;
            }

            var random = new SeededRandom(Spec.Seed, ResampleStream, step, round);
            var replacements = places.Select(_ => random.Pick(goals)).ToArray();
            var (at, turn) = (0, round);
            foreach (var group in rollouts.Of(replacements, Spec.GroupSize, i => Rollouts.Seed(Spec.Seed, PlanStream, step, places[i], turn), cancellationToken))
            {
                groups[places[at++]] = group;
            }
        }

        return groups;
    }

    /// <summary>The groups that carry a signal, with the plans of each that learn.</summary>
    private List<(TrainingGroup Tokens, GrpoPlan[] Plans)> Batch(List<RolloutGroup> groups, CancellationToken cancellationToken)
    {
        var rewards = groups.Select(group => group.Rewards).ToArray();

        // The policy of the sampling is the one before the update; a divergence needs the reference's view of the same tokens.
        var references = reference?.Invoke(
            [.. groups.Select(group => Tokens(group.Goal, group.Plans))],
            SamplingOf(Spec, Protocol),
            cancellationToken);
        if (references is not null && Spec.Grpo.Kl == KlEstimator.K1)
        {
            for (var g = 0; g < groups.Count; g++)
            {
                rewards[g] = [.. rewards[g].Select((reward, k) => reward - (Spec.Grpo.KlCoefficient * LogRatio(groups[g].Plans[k], references[g][k])))];
            }
        }

        var advantages = GroupAdvantages.Of(rewards, Spec.Grpo.Scaling);
        var batch = new List<(TrainingGroup, GrpoPlan[])>();
        for (var g = 0; g < groups.Count; g++)
        {
            var plans = groups[g].Plans;
            var learning = Enumerable.Range(0, plans.Count)
                .Where(k => advantages[g][k] is not null && (Spec.Grpo.Truncated != TruncatedPlans.Mask || plans[k].Sampled.Ended))
                .ToArray();
            if (learning.Length > 0 && GroupAdvantages.Carries(rewards[g]))
            {
                batch.Add((
                    Tokens(groups[g].Goal, learning.Select(k => plans[k])),
                    [.. learning.Select(k => new GrpoPlan(advantages[g][k]!.Value, plans[k].Sampled.LogProbabilities, references?[g][k]))]));
            }
        }

        return batch;
    }

    private TrainingGroup Tokens(RunGoal goal, IEnumerable<Rollout> plans) =>
        new(Protocol.WritePrompt(goal.Text), [.. plans.Select(plan => new TrainingBranch(plan.Sampled.Tokens))]);

    private static double LogRatio(Rollout plan, float[] reference)
    {
        var sum = 0.0;
        for (var t = 0; t < reference.Length; t++)
        {
            sum += (double)plan.Sampled.LogProbabilities[t] - reference[t];
        }

        return sum;
    }

    private LossStatistics Learn(List<(TrainingGroup Tokens, GrpoPlan[] Plans)> batch, GrpoObjective objective, CancellationToken cancellationToken)
    {
        var first = new int[batch.Count];
        for (var g = 1; g < first.Length; g++)
        {
            first[g] = first[g - 1] + batch[g - 1].Plans.Length;
        }

        return Policy.AccumulateLoss(
            [.. batch.Select(group => group.Tokens)],
            SamplingOf(Spec, Protocol),
            (group, branch, logProbabilities, gradient, entropyGradient) => objective.Gradient(first[group] + branch, logProbabilities, gradient, entropyGradient),
            cancellationToken);
    }
}
