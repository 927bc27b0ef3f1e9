using System.Diagnostics;
using CoScientist.Core;
using CoScientist.Core.Grading;
using CoScientist.Core.Runs;
using CoScientist.Training.Engines;
using CoScientist.Training.Kernels;
using CoScientist.Training.Objectives;
using CoScientist.Training.Sampling;
using CoScientist.Training.Sandbox;
using PlanForm = CoScientist.Core.Grading.PlanForm;

namespace CoScientist.Training.Trainers;

/// <summary>
/// Group relative policy optimisation on self-graded rubrics (Goel et al., arXiv 2512.23707). Each step: the policy writes a
/// group of plans for each of a few goals; the frozen grader marks every item; reward = satisfied / graded − penalties;
/// advantage = reward − group mean; one AdamW step on the token-mean clipped loss.
/// Departures from the paper, each measured on the sandbox: full-size learning rate 2e-4 instead of 1e-6 (the model has one
/// million parameters, not thirty billion); verdicts from token likelihoods instead of prose; penalties for malformed and
/// surplus sentences, because grammar decays without them.
/// Every random number derives from (seed, step, goal, plan): a resumed run repeats an unbroken one to the bit.
/// </summary>
public sealed class GrpoTrainer(IPolicyEngine policy, CompactGrader grader, RunSpec spec, IReadOnlyList<RunGoal> goals)
{
    private readonly CompactProtocol protocol = new(policy.Tokenizer);

    /// <summary>How plans are sampled in this run.</summary>
    public SamplingOptions Sampling => new()
    {
        Temperature = spec.Temperature,
        TopP = spec.TopP,
        MaxNewTokens = spec.MaxNewTokens,
        EndToken = protocol.EndToken,
        BannedTokens = protocol.NotInPlans,
    };

    /// <summary>Does one step.</summary>
    /// <param name="step">Steps done before it.</param>
    /// <param name="tokensBefore">Tokens trained on before it.</param>
    /// <param name="cancellationToken">Cancels between passes; the weights are then unchanged.</param>
    /// <returns>Metrics of the step, and its plans.</returns>
    public (RunMetrics Metrics, IReadOnlyList<RunSample> Samples) Step(int step, double tokensBefore, CancellationToken cancellationToken)
    {
        var start = Stopwatch.GetTimestamp();
        var batch = Goals(step);
        var samples = policy.Sample([.. batch.Select((goal, i) => Request(goal, step, i))], Sampling, cancellationToken);
        var texts = samples.Select(sample => protocol.PlanText(sample.Tokens)).ToArray();
        var grades = grader.Grade([.. samples.Select((sample, i) => new GradingTask(batch[sample.Request].Text, texts[i], [.. batch[sample.Request].Items.Select(item => item.Text)]))], cancellationToken);
        var forms = samples.Select((sample, i) => SandboxOracle.Check(texts[i], sample.Ended)).ToArray();
        var rewards = samples.Select((sample, i) => Reward.Of(
            [.. grades[i].Select(grade => (bool?)grade.Met)],
            new PlanForm(sample.Ended, forms[i].MalformedShare, forms[i].Overlong),
            spec.Reward)).ToArray();

        var statistics = Learn(batch, samples, rewards, out var clipped, cancellationToken);
        var rate = spec.LearningRate * Math.Min(1, (step + 1.0) / Math.Max(1, spec.WarmupSteps));
        var norm = policy.OptimizerStep(new AdamWOptions(rate), spec.MaxGradNorm);

        var groups = Groups(rewards);
        var values = new Dictionary<string, double>(StringComparer.Ordinal)
        {
            [RunMetricNames.Reward] = rewards.OfType<RewardParts>().Select(reward => reward.Total).DefaultIfEmpty(double.NaN).Average(),
            ["self_grade"] = rewards.OfType<RewardParts>().Select(reward => reward.Score).DefaultIfEmpty(double.NaN).Average(),
            [RunMetricNames.RewardStd] = groups.Average(GroupAdvantages.Deviation),
            [RunMetricNames.ZeroStd] = groups.Average(group => GroupAdvantages.Carries(group) ? 0.0 : 1),
            [RunMetricNames.Entropy] = statistics.Entropy,
            ["clip_ratio/region_mean"] = clipped,
            [RunMetricNames.MeanLength] = samples.Average(sample => sample.Tokens.Length),
            [RunMetricNames.ClippedRatio] = samples.Average(sample => sample.Ended ? 0.0 : 1),
            [RunMetricNames.FormatViolation] = forms.Average(form => form.WellFormed ? 0.0 : 1),
            [RunMetricNames.GraderFailure] = rewards.Average(reward => reward is null ? 1.0 : 0),
            [RunMetricNames.GradNorm] = norm,
            [RunMetricNames.LearningRate] = rate,
            [RunMetricNames.Tokens] = tokensBefore + statistics.Tokens,
            [RunMetricNames.StepTime] = Stopwatch.GetElapsedTime(start).TotalSeconds,
        };
        var plans = samples.Select((sample, i) => new RunSample(
            step + 1,
            "train",
            batch[sample.Request].Id,
            batch[sample.Request].Text,
            texts[i],
            rewards[i]?.Total,
            rewards[i]?.Score,
            JudgeScore: null,
            [.. batch[sample.Request].Items.Zip(grades[i], (item, grade) => new RunSampleItem(item.Text, grade.Met, grade.Probability, JudgeMet: null))])).ToArray();
        return (new RunMetrics(step + 1, values), plans);
    }

    /// <summary>The goals of a step: consecutive ones of a shuffle per pass over the data.</summary>
    private RunGoal[] Goals(int step)
    {
        var batch = new RunGoal[spec.GoalsPerStep];
        for (var i = 0; i < batch.Length; i++)
        {
            var index = ((long)step * spec.GoalsPerStep) + i;
            var order = Enumerable.Range(0, goals.Count).ToArray();
            new SeededRandom(spec.Seed, 1, index / goals.Count).Shuffle(order);
            batch[i] = goals[order[index % goals.Count]];
        }

        return batch;
    }

    private SampleRequest Request(RunGoal goal, int step, int index) => new()
    {
        Prompt = protocol.WritePrompt(goal.Text),
        Count = spec.GroupSize,
        Seed = (long)new SeededRandom(spec.Seed, 2, step, index).NextUInt64(),
    };

    private LossStatistics Learn(RunGoal[] batch, IReadOnlyList<SampledSequence> samples, RewardParts?[] rewards, out double clippedShare, CancellationToken cancellationToken)
    {
        var groups = new List<TrainingGroup>();
        var members = new List<List<(SampledSequence Sample, double Advantage)>>();
        for (var g = 0; g < batch.Length; g++)
        {
            var own = rewards.Skip(g * spec.GroupSize).Take(spec.GroupSize).Select(reward => reward?.Total).ToArray();
            if (!GroupAdvantages.Carries(own))
            {
                continue;
            }

            var advantages = GroupAdvantages.Of(own);
            var kept = Enumerable.Range(0, spec.GroupSize)
                .Where(k => advantages[k] is not null)
                .Select(k => (samples[(g * spec.GroupSize) + k], advantages[k]!.Value))
                .ToList();
            groups.Add(new TrainingGroup(protocol.WritePrompt(batch[g].Text), [.. kept.Select(member => new TrainingBranch(member.Item1.Tokens))]));
            members.Add(kept);
        }

        var tokens = Math.Max(1, members.Sum(group => group.Sum(member => member.Sample.Tokens.Length)));
        var clipped = 0;
        var statistics = policy.AccumulateLoss(
            groups,
            Sampling,
            (group, branch, logProbabilities, gradient) =>
            {
                var (sample, advantage) = members[group][branch];
                for (var t = 0; t < logProbabilities.Length; t++)
                {
                    var old = sample.LogProbabilities[t];
                    gradient[t] = (float)(ClippedObjective.Gradient(logProbabilities[t], old, advantage, spec.ClipLow, spec.ClipHigh) / tokens);
                    clipped += ClippedObjective.IsClipped(Math.Exp(logProbabilities[t] - old), advantage, spec.ClipLow, spec.ClipHigh) ? 1 : 0;
                }
            },
            cancellationToken);
        clippedShare = (double)clipped / tokens;
        return statistics;
    }

    private List<double?[]> Groups(RewardParts?[] rewards) =>
        [.. rewards.Select(reward => reward?.Total).Chunk(spec.GroupSize)];
}
