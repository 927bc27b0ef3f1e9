using CoScientist.Training.Engines;
using CoScientist.Training.Kernels;
using CoScientist.Training.Model;
using CoScientist.Training.Sampling;
using CoScientist.Training.Tokenization;

namespace CoScientist.Tests.Shared;

/// <summary>An engine that remembers what it was asked to write from.</summary>
internal sealed class RecordingPolicy(CpuEngine engine) : IPolicyEngine
{
    public List<int[]> Prompts { get; } = [];

    /// <summary>Whether prompts may branch, as a grader's do. Default: a policy's never do.</summary>
    public bool AllowsBranches { get; init; }

    public ModelConfig Config => engine.Config;

    public BpeTokenizer Tokenizer => engine.Tokenizer;

    public int Step => engine.Step;

    public IReadOnlyList<SampledSequence> Sample(IReadOnlyList<SampleRequest> requests, SamplingOptions options, CancellationToken cancellationToken)
    {
        Prompts.AddRange(requests.Select(request => request.Prompt));
        Assert.All(requests, request => Assert.True(AllowsBranches || request.Branches.Count == 0));
        return engine.Sample(requests, options, cancellationToken);
    }

    public float[][][] LogProbabilities(IReadOnlyList<TrainingGroup> groups, SamplingOptions options, CancellationToken cancellationToken) => engine.LogProbabilities(groups, options, cancellationToken);

    public LossStatistics AccumulateLoss(IReadOnlyList<TrainingGroup> groups, SamplingOptions options, TokenObjective objective, CancellationToken cancellationToken) => engine.AccumulateLoss(groups, options, objective, cancellationToken);

    public LossStatistics AccumulateDistillation(IReadOnlyList<TrainingGroup> students, IReadOnlyList<TrainingGroup> teachers, SamplingOptions options, double mixture, CancellationToken cancellationToken) => engine.AccumulateDistillation(students, teachers, options, mixture, cancellationToken);

    public void ResetOptimizer() => engine.ResetOptimizer();

    public double OptimizerStep(AdamWOptions options, double maxGradientNorm) => engine.OptimizerStep(options, maxGradientNorm);

    public void SaveOptimizer(string file) => engine.SaveOptimizer(file);

    public void LoadOptimizer(string file) => engine.LoadOptimizer(file);

    public void Save(string directory, IReadOnlyDictionary<string, string> manifest, string? like = null) => engine.Save(directory, manifest, like);

    public void Dispose()
    {
        // The engine has its own owner.
    }
}
