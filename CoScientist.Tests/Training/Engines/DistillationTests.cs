using CoScientist.Tests.Shared;
using CoScientist.Tests.Training.Kernels;
using CoScientist.Tests.Training.Model;
using CoScientist.Training.Engines;
using CoScientist.Training.Kernels;
using CoScientist.Training.Kernels.Reference;
using CoScientist.Training.Model;
using CoScientist.Training.Sampling;
using CoScientist.Training.Tokenization;

namespace CoScientist.Tests.Training.Engines;

/// <summary>Losses on whole distributions, against plain ones whose slopes with respect to every logit are taken numerically.</summary>
public sealed unsafe class DistillationTests(KernelPools pools) : IClassFixture<KernelPools>
{
    private static readonly BpeTokenizer Tokenizer = BpeTrainer.Train(["plans and goals"], 256, []);
    private static readonly ModelConfig Config = TransformerTests.Awkward with { VocabularySize = Tokenizer.VocabularySize + 5, Layers = 2 };
    private static readonly SamplingOptions Options = new() { Temperature = 0.8, BannedTokens = [2, 200] };
    private static readonly DistributionReference Distributions = new(Config, Options);
    private static readonly int[] Plan = [11, 12, 90, 14, 15, 16];

    [Theory]
    [InlineData(0.5)]
    [InlineData(0.1)]
    public void AccumulateDistillation_anyMixture_equalsTheNumericalGradient(double mixture)
    {
        var reference = new ReferenceModel(Config, 51);
        TrainingGroup[] students = [new([5, 6, 7], [new(Plan), new([40, 41])]), new([9], [new([21, 22, 23], FirstTarget: 1)])];
        TrainingGroup[] teachers = [new([5, 6, 100, 101, 102, 7], students[0].Branches), new([9, 110], students[1].Branches)];
        const int Targets = 6 + 2 + 2;
        var expected = Distributions.Distil(reference, students, teachers, mixture);

        Dictionary<string, float[]>? bits = null;
        foreach (var pool in pools.All)
        {
            using var engine = Engine(reference, pool);
            var statistics = engine.AccumulateDistillation(students, teachers, Options, mixture, TestContext.Current.CancellationToken);

            Assert.Equal(Targets, statistics.Targets);
            Assert.Equal(expected, statistics.Divergence, 1e-5);
            var gradients = Read(engine.Gradients!);
            bits ??= gradients;
            foreach (var (name, gradient) in gradients)
            {
                Close.ToScale(name, reference.Gradients[name], gradient, 2e-4);
                Close.Bits($"{name}, {pool.Threads} threads", bits[name], gradient);
            }
        }
    }

    [Fact]
    public void AccumulateDistillation_samePrompt_hasNoDivergenceAndNoGradient()
    {
        using var engine = Engine(new ReferenceModel(Config, 52), pools.Single);
        TrainingGroup[] groups = [new([5, 6, 7], [new(Plan)])];

        var statistics = engine.AccumulateDistillation(groups, groups, Options, 0.5, TestContext.Current.CancellationToken);

        Assert.Equal(0, statistics.Divergence, 1e-6);
        Assert.All(Read(engine.Gradients!), pair => Assert.All(pair.Value, g => Assert.Equal(0, g, 1e-5)));
    }

    [Fact]
    public void AccumulateDistillation_otherBranches_areRefused()
    {
        using var engine = Engine(new ReferenceModel(Config, 53), pools.Single);
        Assert.Throws<ArgumentException>(() => engine.AccumulateDistillation([new([5], [new(Plan)])], [new([5, 6], [new([11, 12])])], Options, 0.5, TestContext.Current.CancellationToken));
        Assert.Throws<ArgumentException>(() => engine.AccumulateDistillation([new([5], [new(Plan)])], [], Options, 0.5, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void AccumulateLoss_entropyGradient_equalsTheNumericalGradient()
    {
        var reference = new ReferenceModel(Config, 54);
        TrainingBranch branch = new(Plan);
        Distributions.Differentiate(reference, [5, 6, 7], branch, t => (0.2, -(0.3 + (0.1 * t))));
        using var engine = Engine(reference, pools.Single);
        engine.AccumulateLoss(
            [new([5, 6, 7], [branch])],
            Options,
            (_, _, _, gradient, entropyGradient) =>
            {
                gradient.Fill(0.2f);
                for (var t = 0; t < entropyGradient.Length; t++)
                {
                    entropyGradient[t] = -(0.3f + (0.1f * t));
                }
            },
            TestContext.Current.CancellationToken);
        foreach (var (name, gradient) in Read(engine.Gradients!))
        {
            Close.ToScale(name, reference.Gradients[name], gradient, 2e-4);
        }
    }

    private static CpuEngine Engine(ReferenceModel reference, WorkerPool pool)
    {
        var engine = new CpuEngine(Config, Tokenizer, pool);
        reference.CopyTo(engine.Weights);
        engine.WeightsChanged();
        return engine;
    }

    private static Dictionary<string, float[]> Read(Parameters parameters) =>
        parameters.Specs.ToDictionary(spec => spec.Name, spec => new ReadOnlySpan<float>(parameters.Get(spec.Name), (int)spec.Count).ToArray(), StringComparer.Ordinal);
}
