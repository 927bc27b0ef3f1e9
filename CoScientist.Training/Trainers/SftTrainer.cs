using System.Diagnostics;
using CoScientist.Core;
using CoScientist.Core.Runs;
using CoScientist.Training.Engines;
using CoScientist.Training.Kernels;
using CoScientist.Training.Protocols;
using CoScientist.Training.Sandbox;

namespace CoScientist.Training.Trainers;

/// <summary>Supervised fine-tuning on reference solutions: the mean of −log p over their tokens. The paper's baseline, which made plans worse there.</summary>
internal sealed class SftTrainer(IPolicyEngine policy, IPlanProtocol protocol, RunSpec spec, RunStage stage, IReadOnlyList<RunGoal> goals) : Trainer(policy, protocol, spec, stage)
{
    private readonly GoalOrder<RunGoal> order = new(WithReferences(goals), spec.Seed, OrderStream);

    /// <inheritdoc/>
    public override (RunMetrics Metrics, IReadOnlyList<RunSample> Samples) Step(int step, double tokensBefore, CancellationToken cancellationToken)
    {
        var start = Stopwatch.GetTimestamp();
        var batch = order.Take((long)step * Spec.Sft.GoalsPerStep, Spec.Sft.GoalsPerStep);
        var references = batch.Select((goal, i) => Reference(goal, step, i)).ToArray();
        var groups = batch.Select((goal, i) => new TrainingGroup(Protocol.WritePrompt(goal.Text), [new TrainingBranch(Protocol.PlanTokens(references[i]))])).ToArray();
        var weight = -1f / groups.Sum(group => group.Branches[0].Tokens.Length);

        // The distribution that plans are later sampled from; the special tokens that it bans never occur in a reference.
        var statistics = Policy.AccumulateLoss(
            groups,
            SamplingOf(Spec, Protocol) with { Temperature = 1 },
            (_, _, _, gradient, _) => gradient.Fill(weight),
            cancellationToken);
        var norm = Policy.OptimizerStep(new AdamWOptions(LearningRate(step)), Spec.MaxGradNorm);
        return (new RunMetrics(step + 1, new Dictionary<string, double>(StringComparer.Ordinal)
        {
            [RunMetricNames.Loss] = -statistics.LogProbability,
            [RunMetricNames.Entropy] = statistics.Entropy,
            [RunMetricNames.MeanLength] = groups.Average(group => group.Branches[0].Tokens.Length),
            [RunMetricNames.GradNorm] = norm,
            [RunMetricNames.LearningRate] = LearningRate(step),
            [RunMetricNames.Tokens] = tokensBefore + statistics.Tokens,
            [RunMetricNames.StepTime] = Stopwatch.GetElapsedTime(start).TotalSeconds,
        }), []);
    }

    private string Reference(RunGoal goal, int step, int index) => Spec.Data.References == ReferenceKind.Perfect || !SandboxGoal.TryParseKey(goal.ExternalKey, out var meaning)
        ? goal.ReferenceSolution!
        : SandboxGrammar.Render(SandboxWorld.Default.Writer.RealisticReference(meaning!, new SeededRandom(Spec.Seed, PlanStream, step, index)), new SeededRandom(Spec.Seed, PlanStream, step, index, 1));

    private static RunGoal[] WithReferences(IReadOnlyList<RunGoal> goals)
    {
        var usable = goals.Where(goal => !string.IsNullOrWhiteSpace(goal.ReferenceSolution)).ToArray();
        return usable.Length > 0
            ? usable
            : throw new InvalidDataException($"None of the {goals.Count} training goals has a reference solution to imitate: extract or import them, or choose another method.");
    }
}
