using System.Diagnostics;
using CoScientist.Core.Runs;
using CoScientist.Training.Engines;
using CoScientist.Training.Kernels;
using CoScientist.Training.Protocols;
using CoScientist.Training.Objectives;

namespace CoScientist.Training.Trainers;

/// <summary>
/// Direct preference optimisation on experts' preferences (<see cref="PreferenceObjective"/>); the reference is the frozen
/// initial policy. Goals whose preferences are trained on are in no evaluation.
/// </summary>
internal sealed class DpoTrainer(IPolicyEngine policy, IPlanProtocol protocol, ReferencePolicy reference, RunSpec spec, RunStage stage, IReadOnlyList<RunPreference> preferences)
    : Trainer(policy, protocol, spec, stage)
{
    private readonly GoalOrder<RunPreference> order = new(Required(preferences), spec.Seed, OrderStream);

    /// <inheritdoc/>
    public override (RunMetrics Metrics, IReadOnlyList<RunSample> Samples) Step(int step, double tokensBefore, CancellationToken cancellationToken)
    {
        var start = Stopwatch.GetTimestamp();
        var pairs = order.Take((long)step * Spec.Dpo.PairsPerStep, Spec.Dpo.PairsPerStep);
        var groups = pairs.Select(pair => new TrainingGroup(
            Protocol.WritePrompt(pair.Goal),
            [new TrainingBranch(Protocol.PlanTokens(pair.Chosen)), new TrainingBranch(Protocol.PlanTokens(pair.Rejected))])).ToArray();
        var options = SamplingOf(Spec, Protocol) with { Temperature = 1 };
        var before = reference(groups, options, cancellationToken);
        var now = Policy.LogProbabilities(groups, options, cancellationToken);
        var margins = pairs.Select((_, i) => PreferenceObjective.Margin(Sum(now[i][0]), Sum(now[i][1]), Sum(before[i][0]), Sum(before[i][1]))).ToArray();
        var statistics = Policy.AccumulateLoss(
            groups,
            options,
            (group, branch, _, gradient, _) => gradient.Fill((float)((branch == 0 ? 1 : -1) * PreferenceObjective.Gradient(margins[group], Spec.Dpo.Beta) / pairs.Length)),
            cancellationToken);
        var norm = Policy.OptimizerStep(new AdamWOptions(LearningRate(step)), Spec.MaxGradNorm);
        return (new RunMetrics(step + 1, new Dictionary<string, double>(StringComparer.Ordinal)
        {
            [RunMetricNames.Loss] = margins.Average(margin => PreferenceObjective.Loss(margin, Spec.Dpo.Beta)),
            [RunMetricNames.PreferenceAccuracy] = margins.Average(margin => margin > 0 ? 1 : margin < 0 ? 0 : 0.5),
            [RunMetricNames.PreferenceMargin] = margins.Average(),
            [RunMetricNames.Entropy] = statistics.Entropy,
            [RunMetricNames.GradNorm] = norm,
            [RunMetricNames.LearningRate] = LearningRate(step),
            [RunMetricNames.Tokens] = tokensBefore + statistics.Tokens,
            [RunMetricNames.StepTime] = Stopwatch.GetElapsedTime(start).TotalSeconds,
        }), []);
    }

    private static double Sum(float[] values) => values.Sum(value => (double)value);

    private static IReadOnlyList<RunPreference> Required(IReadOnlyList<RunPreference> preferences) => preferences.Count > 0
        ? preferences
        : throw new InvalidDataException("There are no preferences to learn from: DPO needs comparisons that experts have answered on these goals, ties left out. Run a study first.");
}
