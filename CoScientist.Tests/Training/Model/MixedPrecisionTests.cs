using CoScientist.Tests.Shared;
using CoScientist.Tests.Training.Kernels;
using CoScientist.Training.Engines;
using CoScientist.Training.Kernels;
using CoScientist.Training.Kernels.Mixed;
using CoScientist.Training.Kernels.Reference;
using CoScientist.Training.Model;
using CoScientist.Training.Sampling;
using CoScientist.Training.Tensors;
using CoScientist.Training.Tokenization;

namespace CoScientist.Tests.Training.Model;

/// <summary>Models whose products are in bfloat16 or with weights of 8 bits, against the plain model in double precision.</summary>
public sealed class MixedPrecisionTests(KernelPools pools) : IClassFixture<KernelPools>
{
    private static readonly BpeTokenizer Tokenizer = BpeTrainer.Train(["plans and goals"], 256, []);
    private static readonly ModelConfig Config = TransformerTests.Awkward with { VocabularySize = Tokenizer.VocabularySize + 5, HiddenSize = 48, Layers = 2, FeedForwardSize = 80 };

    private static (int Length, int Parent)[] Tree => [(20, -1), (7, 0), (1, 0), (33, 0), (64, -1)];

    [Theory]
    [InlineData("qwen3")]
    [InlineData("qwen2")]
    [InlineData("experts")]
    public void Gradients_bfloat16_areCloseToTheReference(string family)
    {
        // A rounding to 8 bits errs by at most 2⁻⁹; a few of them add up in each of two layers, forward and backward.
        const double Tolerance = 0.03;
        var config = ModelFamilies.Shape(family, Config);
        // With every expert chosen none is chosen differently where scores are close: gradients are comparable.
        config = family == "experts" ? config with { ExpertsPerToken = config.Experts } : config;
        var reference = new ReferenceModel(config, 51);
        var batch = new TokenBatch();
        int[] tokens = TransformerTests.Tokens(Tree.Sum(segment => segment.Length), Config.VocabularySize, 52);
        foreach (var (length, parent) in Tree)
        {
            batch.Add(tokens.AsSpan(batch.Count, length), parent);
        }

        int[] next = TransformerTests.Tokens(tokens.Length, Config.VocabularySize, 53);
        var upstream = GradientCheck.Normals(tokens.Length, 54).Select(value => (double)(float)value).ToArray();
        var targets = new Targets([.. Enumerable.Range(0, tokens.Length)], next);
        var expected = reference.LogProbabilities(tokens, new SegmentVisibility(Tree), next, upstream);
        Dictionary<string, float[]>? first = null;
        foreach (var pool in pools.All)
        {
            using var fast = new FastModel(config, reference, pool, precision: Precision.Bfloat16);
            var values = fast.LogProbabilities(batch, targets, out _);
            Assert.True(Distance(expected, values) < Tolerance, $"log p: {Distance(expected, values):E1}");
            var gradients = fast.Gradients(batch, targets, [.. upstream.Select(value => (float)value)]);
            first ??= gradients;
            foreach (var (name, gradient) in gradients)
            {
                Close.Bits($"{name}, {pool.Threads} threads", first[name], gradient);
                Assert.True(Distance(reference.Gradients[name], gradient) < Tolerance, $"{name}: {Distance(reference.Gradients[name], gradient):E1}");
            }
        }
    }

    [Theory]
    [InlineData(Precision.Bfloat16)]
    [InlineData(Precision.Int8)]
    public void LogProbabilities_roundedWeights_areCloseToTheReference(Precision precision)
    {
        var reference = new ReferenceModel(Config, 55);
        var tokens = TransformerTests.Tokens(60, Config.VocabularySize, 56);
        int[] next = [.. tokens[1..], 5];
        using var fast = new FastModel(Config, reference, pools.All[1], precision: precision);
        var batch = new TokenBatch();
        batch.Add(tokens);
        var values = fast.LogProbabilities(batch, new Targets([.. Enumerable.Range(0, 60)], next), out _);
        var expected = reference.LogProbabilities(tokens, new SegmentVisibility([(60, -1)]), next, new double[60]);
        Assert.True(Distance(expected, values) < 0.02, $"log p: {Distance(expected, values):E1}");
    }

    [Theory]
    [InlineData(Precision.Bfloat16)]
    [InlineData(Precision.Int8)]
    public void Sample_anyThreadCount_readsTheBitsOfTheWholePass(Precision precision)
    {
        var reference = new ReferenceModel(Config, 57);
        var options = new SamplingOptions { Temperature = 0.8, MaxNewTokens = 30 };
        var prompt = TransformerTests.Tokens(50, Config.VocabularySize, 58);
        SampleRequest[] requests = [new() { Prompt = prompt, Count = 3, Seed = 4 }, new() { Prompt = prompt[..7], Count = 2, Seed = 5 }];
        IReadOnlyList<SampledSequence>? first = null;
        foreach (var pool in pools.All)
        {
            using var engine = Engine(reference, pool, precision);
            var samples = engine.Sample(requests, options, TestContext.Current.CancellationToken);
            first ??= samples;
            TrainingGroup[] groups = [.. samples.Select(sample => new TrainingGroup(requests[sample.Request].Prompt, [new(sample.Tokens)]))];
            var read = engine.LogProbabilities(groups, options, TestContext.Current.CancellationToken);
            for (var i = 0; i < samples.Count; i++)
            {
                Assert.Equal(first[i].Tokens, samples[i].Tokens);
                Close.Bits($"sample {i}, {pool.Threads} threads", samples[i].LogProbabilities, read[i][0]);
            }
        }
    }

    private static CpuEngine Engine(ReferenceModel reference, WorkerPool pool, Precision precision)
    {
        var engine = new CpuEngine(Config, Tokenizer, pool, new EngineOptions { Precision = precision });
        reference.CopyTo(engine.Weights);
        engine.WeightsChanged();
        return engine;
    }

    /// <summary>‖actual − expected‖ / ‖expected‖.</summary>
    private static double Distance(double[] expected, float[] actual) =>
        Math.Sqrt(expected.Zip(actual, (e, a) => (e - a) * (e - a)).Sum() / expected.Sum(e => e * e));
}
