using System.Diagnostics;
using CoScientist.Core.Runs;
using CoScientist.Training.Engines;
using CoScientist.Training.Kernels;
using CoScientist.Training.Protocols;
using CoScientist.Training.Sampling;

namespace CoScientist.Training.Trainers;

/// <summary>
/// On-policy self-distillation (PaperGym, arXiv 2608.31119): the policy writes plans from goals alone; shown the rubric as well,
/// the same weights say at every token what they would have written; the policy moves to them by the Jensen–Shannon divergence,
/// with no gradient through the teacher.
/// </summary>
internal sealed class OpsdTrainer(IPolicyEngine policy, IPlanProtocol protocol, RunSpec spec, RunStage stage, IReadOnlyList<RunGoal> goals) : Trainer(policy, protocol, spec, stage)
{
    private readonly GoalOrder<RunGoal> order = new(goals, spec.Seed, OrderStream);

    /// <inheritdoc/>
    public override (RunMetrics Metrics, IReadOnlyList<RunSample> Samples) Step(int step, double tokensBefore, CancellationToken cancellationToken)
    {
        var start = Stopwatch.GetTimestamp();
        var sampling = SamplingOf(Spec, Protocol);
        var batch = order.Take((long)step * Spec.GoalsPerStep, Spec.GoalsPerStep);
        var samples = Policy.Sample(
            [.. batch.Select((goal, i) => new SampleRequest { Prompt = Protocol.WritePrompt(goal.Text), Count = Spec.Opsd.PlansPerGoal, Seed = Rollouts.Seed(Spec.Seed, PlanStream, step, i) })],
            sampling,
            cancellationToken);
        var plans = samples.Chunk(Spec.Opsd.PlansPerGoal).Select(group => group.Select(sample => new TrainingBranch(sample.Tokens)).ToArray()).ToArray();
        var statistics = Policy.AccumulateDistillation(
            [.. batch.Select((goal, g) => new TrainingGroup(Protocol.WritePrompt(goal.Text), plans[g]))],
            [.. batch.Select((goal, g) => new TrainingGroup(Protocol.WriteWithRubricPrompt(goal.Text, [.. goal.Items.Select(item => item.Text)]), plans[g]))],
            sampling,
            Spec.Opsd.Mixture,
            cancellationToken);
        var norm = Policy.OptimizerStep(new AdamWOptions(LearningRate(step)), Spec.MaxGradNorm);
        return (new RunMetrics(step + 1, new Dictionary<string, double>(StringComparer.Ordinal)
        {
            [RunMetricNames.Loss] = statistics.Divergence,
            [RunMetricNames.Entropy] = statistics.Entropy,
            [RunMetricNames.MeanLength] = samples.Average(sample => sample.Tokens.Length),
            [RunMetricNames.ClippedRatio] = samples.Average(sample => sample.Ended ? 0.0 : 1),
            [RunMetricNames.FormatViolation] = samples.Average(sample => Protocol.Read(sample.Tokens, sample.Ended).WellFormed ? 0.0 : 1),
            [RunMetricNames.GradNorm] = norm,
            [RunMetricNames.LearningRate] = LearningRate(step),
            [RunMetricNames.Tokens] = tokensBefore + statistics.Tokens,
            [RunMetricNames.StepTime] = Stopwatch.GetElapsedTime(start).TotalSeconds,
        }), []);
    }
}
