using CoScientist.Tests.Shared;
using CoScientist.Tests.Training.Checkpoints;
using CoScientist.Tests.Training.Model;
using CoScientist.Training.Checkpoints;
using CoScientist.Training.Engines;
using CoScientist.Training.Kernels;
using CoScientist.Training.Kernels.Mixed;
using CoScientist.Training.Model;
using CoScientist.Training.Sampling;
using CoScientist.Training.Tensors;
using CoScientist.Training.Tokenization;

namespace CoScientist.Tests.Training.Engines;

/// <summary>Measures what the whole process holds, so nothing else may run beside it.</summary>
[CollectionDefinition(nameof(MemoryEstimateTests), DisableParallelization = true)]
public sealed class MeasuredAlone;

/// <summary>The estimate of memory against the buffers that an engine then makes.</summary>
[Collection(nameof(MemoryEstimateTests))]
public sealed class MemoryEstimateTests
{
    private static readonly BpeTokenizer Tokenizer = BpeTrainer.Train(["memory"], 256, []);

    private static readonly ModelConfig Sizes = new()
    {
        VocabularySize = 2000,
        HiddenSize = 128,
        Layers = 4,
        Heads = 4,
        KeyValueHeads = 2,
        HeadDim = 32,
        FeedForwardSize = 384,
        MaxPositions = 512,
    };

    public static TheoryData<string, Precision, bool, bool, bool, bool> Cases => new()
    {
        { "qwen3", Precision.Single, false, false, false, false },
        { "qwen3", Precision.Single, true, false, false, false },
        { "qwen3", Precision.Single, false, true, false, false },
        { "qwen3", Precision.Single, false, false, true, false },
        { "llama", Precision.Single, false, false, false, false },
        { "llama", Precision.Single, false, true, true, false },
        { "experts", Precision.Single, false, false, false, false },
        { "experts", Precision.Single, true, true, true, false },
        { "qwen3", Precision.Bfloat16, false, false, false, false },
        { "qwen3", Precision.Bfloat16, false, false, true, false },
        { "llama", Precision.Bfloat16, true, true, false, false },
        { "experts", Precision.Bfloat16, false, false, false, false },
        { "experts", Precision.Bfloat16, true, true, true, false },
        { "qwen3", Precision.Single, false, false, false, true },
        { "qwen3", Precision.Bfloat16, false, false, true, true },
        { "llama", Precision.Bfloat16, false, true, false, true },
        { "experts", Precision.Single, true, false, false, true },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void Of_trainingAndSampling_isWithinATenthOfWhatIsTaken(string family, Precision precision, bool checkpointing, bool lora, bool sampling, bool parts)
    {
        var config = ModelFamilies.Shape(family, Sizes);
        config = config.Experts > 0 ? config with { ExpertSize = 96 } : config;
        var adapter = lora ? new LoraOptions { Rank = 8, Dropout = 0.1, TargetModules = config.TiedEmbeddings ? ["all-linear"] : ["all-linear", "lm_head"] } : null;
        const int Groups = 8, Length = 128, Samples = 64, New = 128, Prompt = 64;
        var trained = Groups * Length / (parts ? 2 : 1);
        var options = new EngineOptions { GradientCheckpointing = checkpointing, Precision = precision, MicroBatchTokens = trained + Groups };
        var measured = Measure(() =>
        {
            using var pool = new WorkerPool(2);
            using var engine = new CpuEngine(config, Tokenizer, pool, options);
            engine.Weights.Initialise(config, 1);
            engine.WeightsChanged();
            if (adapter is not null)
            {
                engine.AddLora(adapter);
            }

            TrainingGroup[] groups = [.. Enumerable.Range(0, Groups).Select(i => new TrainingGroup([1], [new(TransformerTests.Tokens(Length, 250, i))]))];
            engine.AccumulateLoss(groups, new SamplingOptions(), (_, _, _, gradient, _) => gradient.Fill(-0.001f), default);
            engine.OptimizerStep(new AdamWOptions(1e-3), 1);
            if (sampling)
            {
                SampleRequest[] requests = [.. Enumerable.Range(0, Samples).Select(i => new SampleRequest { Prompt = TransformerTests.Tokens(Prompt, 250, i), Seed = i })];
                engine.Sample(requests, new SamplingOptions { MaxNewTokens = New }, default);
            }
        });

        var estimate = MemoryEstimate.Of(config, options, new MemoryShape
        {
            TrainedTokens = trained,
            SeveralPasses = parts,
            LongestGroup = Length,
            Lora = adapter,
            CachedTokens = sampling ? Samples * (Prompt + New) : 0,
            Threads = 2,
        });

        Assert.True(Math.Abs(estimate.Total - measured) <= 0.1 * measured, $"estimated {estimate.Total / 1e6:F2} MB, measured {measured / 1e6:F2} MB: {estimate}");
    }

    [Theory]
    [InlineData("qwen3", Precision.Single, TensorType.F32)]
    [InlineData("qwen3", Precision.Bfloat16, TensorType.BF16)]
    [InlineData("llama", Precision.Int8, TensorType.BF16)]
    [InlineData("experts", Precision.Int8, TensorType.F32)]
    public void Of_modelThatIsOnlyRead_isWithinATenthOfWhatIsTaken(string family, Precision precision, TensorType stored)
    {
        var config = ModelFamilies.Shape(family, Sizes with { Layers = 8 });
        config = config.Experts > 0 ? config with { ExpertSize = 96 } : config;
        using var folder = new TemporaryFolder();
        var path = folder.File("model");
        using (var engine = new CpuEngine(config, Tokenizer))
        {
            engine.Weights.Initialise(config, 1);
            CheckpointFolder.Write(path, config, engine.Weights.Tensors(), Tokenizer, new Dictionary<string, string>(StringComparer.Ordinal), stored);
        }

        const int Samples = 16, New = 64, Prompt = 64;
        var measured = Measure(() =>
        {
            using var pool = new WorkerPool(2);
            using var engine = CpuEngine.LoadReadOnly(path, precision, pool);
            SampleRequest[] requests = [.. Enumerable.Range(0, Samples).Select(i => new SampleRequest { Prompt = TransformerTests.Tokens(Prompt, 250, i), Seed = i })];
            engine.Sample(requests, new SamplingOptions { MaxNewTokens = New }, default);
        });

        var estimate = MemoryEstimate.Of(config, new EngineOptions { Precision = precision }, new MemoryShape { ReadOnly = true, CachedTokens = Samples * (Prompt + New), Threads = 2 });

        Assert.True(Math.Abs(estimate.Total - measured) <= 0.1 * measured, $"estimated {estimate.Total / 1e6:F2} MB, measured {measured / 1e6:F2} MB: {estimate}");
    }

    [Fact]
    public void Of_checkpointing_needsAFractionOfTheActivations()
    {
        var shape = new MemoryShape { TrainedTokens = 4096, Threads = 2 };
        var all = MemoryEstimate.Of(Sizes with { Layers = 28 }, new EngineOptions(), shape);
        var inputs = MemoryEstimate.Of(Sizes with { Layers = 28 }, new EngineOptions { GradientCheckpointing = true }, shape);

        Assert.InRange(inputs.Activations, 0, all.Activations / 4);
        Assert.Equal(all.Weights, inputs.Weights);
    }

    [Fact]
    public void Of_publishedLargeModel_takesNoMemoryToAsk()
    {
        var config = Sizes with { VocabularySize = 151_936, HiddenSize = 2048, Layers = 48, Heads = 32, KeyValueHeads = 4, HeadDim = 128, FeedForwardSize = 6144, Experts = 128, ExpertsPerToken = 8, ExpertSize = 768, TiedEmbeddings = false };
        FloatBuffer.ResetPeak();
        var before = FloatBuffer.PeakBytes;

        var estimate = MemoryEstimate.Of(config, new EngineOptions(), new MemoryShape { CachedTokens = 1000 });

        Assert.Equal(4 * config.ParameterCount, estimate.Weights);
        Assert.Equal(0, estimate.Gradients);
        Assert.Equal(before, FloatBuffer.PeakBytes); // the peak: finalizers of other tests' buffers lower what is live
    }

    /// <summary>Most bytes of buffers that an action holds, on a thread that has none of its own yet.</summary>
    private static long Measure(Action action)
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        var before = FloatBuffer.LiveBytes;
        FloatBuffer.ResetPeak();
        Exception? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                action();
            }
            catch (Exception exception)
            {
                failure = exception;
            }
        });
        thread.Start();
        thread.Join();
        Assert.Null(failure);
        return FloatBuffer.PeakBytes - before;
    }
}
