using CoScientist.Training.Engines;
using CoScientist.Training.Kernels;
using CoScientist.Training.Model;
using CoScientist.Training.Sampling;
using CoScientist.Training.Tokenization;

namespace CoScientist.Tests.Shared;

/// <summary>An engine that remembers what it was asked to write from, what it wrote, and the weights and gradients of its steps.</summary>
internal sealed class RecordingPolicy(CpuEngine engine) : IPolicyEngine
{
    public List<int[]> Prompts { get; } = [];

    /// <summary>What was written, with its prompt, in order.</summary>
    public List<(int[] Prompt, SampledSequence Sequence)> Sampled { get; } = [];

    /// <summary>Prompts of what was learnt from, a student's among them.</summary>
    public List<int[]> Learned { get; } = [];

    /// <summary>Prompts of a teacher, who only reads.</summary>
    public List<int[]> Taught { get; } = [];

    /// <summary>Before each optimizer step: the weights, and the gradient at them.</summary>
    public List<(Dictionary<string, float[]> Weights, Dictionary<string, float[]> Gradients)> Steps { get; } = [];

    /// <summary>Whether every other plan counts as ended, which an untrained model hardly ever does by itself. Default false.</summary>
    public bool EndsEveryOther { get; init; }

    /// <summary>Whether prompts may branch, as a grader's do. Default: a policy's never do.</summary>
    public bool AllowsBranches { get; init; }

    public ModelConfig Config => engine.Config;

    public BpeTokenizer Tokenizer => engine.Tokenizer;

    public int Step => engine.Step;

    public IReadOnlyList<SampledSequence> Sample(IReadOnlyList<SampleRequest> requests, SamplingOptions options, CancellationToken cancellationToken)
    {
        Prompts.AddRange(requests.Select(request => request.Prompt));
        Assert.All(requests, request => Assert.True(AllowsBranches || request.Branches.Count == 0));
        IReadOnlyList<SampledSequence> samples = [.. engine.Sample(requests, options, cancellationToken).Select((sample, i) => EndsEveryOther ? sample with { Finish = i % 2 == 0 ? FinishReason.Length : FinishReason.EndToken } : sample)];
        Sampled.AddRange(samples.Select(sample => (requests[sample.Request].Prompt, sample)));
        return samples;
    }

    public float[][][] LogProbabilities(IReadOnlyList<TrainingGroup> groups, SamplingOptions options, CancellationToken cancellationToken) => engine.LogProbabilities(groups, options, cancellationToken);

    public LossStatistics AccumulateLoss(IReadOnlyList<TrainingGroup> groups, SamplingOptions options, TokenObjective objective, CancellationToken cancellationToken)
    {
        Learned.AddRange(groups.Select(group => group.Prompt));
        return engine.AccumulateLoss(groups, options, objective, cancellationToken);
    }

    public LossStatistics AccumulateDistillation(IReadOnlyList<TrainingGroup> students, IReadOnlyList<TrainingGroup> teachers, SamplingOptions options, double mixture, CancellationToken cancellationToken)
    {
        Learned.AddRange(students.Select(group => group.Prompt));
        Taught.AddRange(teachers.Select(group => group.Prompt));
        return engine.AccumulateDistillation(students, teachers, options, mixture, cancellationToken);
    }

    public void ResetOptimizer() => engine.ResetOptimizer();

    public double OptimizerStep(AdamWOptions options, double maxGradientNorm)
    {
        if (engine.Gradients is { } gradients)
        {
            Steps.Add((Copy(engine.Weights), Copy(gradients)));
        }

        return engine.OptimizerStep(options, maxGradientNorm);
    }

    public void SaveOptimizer(string file) => engine.SaveOptimizer(file);

    public void LoadOptimizer(string file) => engine.LoadOptimizer(file);

    public void Save(string directory, IReadOnlyDictionary<string, string> manifest, string? like = null) => engine.Save(directory, manifest, like);

    public void Dispose()
    {
        // The engine has its own owner.
    }

    private static Dictionary<string, float[]> Copy(Parameters parameters) =>
        parameters.Tensors().ToDictionary(tensor => tensor.Name, tensor => tensor.Values.ToArray(), StringComparer.Ordinal);
}
