using CoScientist.Tests.Shared;
using CoScientist.Tests.Training.Checkpoints;
using CoScientist.Tests.Training.Kernels;
using CoScientist.Tests.Training.Model;
using CoScientist.Training.Engines;
using CoScientist.Training.Kernels;
using CoScientist.Training.Kernels.Mixed;
using CoScientist.Training.Model;
using CoScientist.Training.Sampling;
using CoScientist.Training.Tokenization;

namespace CoScientist.Tests.Training.Engines;

/// <summary>Adapters, checkpointing, micro-batches and expert loads as trainers see them.</summary>
public sealed class CpuEngineOptionTests(KernelPools pools) : IClassFixture<KernelPools>, IDisposable
{
    private static readonly BpeTokenizer Tokenizer = BpeTrainer.Train(["plans and goals"], 256, []);
    private static readonly ModelConfig Config = TransformerTests.Awkward with { VocabularySize = Tokenizer.VocabularySize, Layers = 2 };
    private static readonly LoraOptions Lora = new() { Rank = 4, Alpha = 8, Dropout = 0.2, TargetModules = ["q_proj", "v_proj", "down_proj"], Seed = 3 };
    private static readonly SamplingOptions Options = new();
    private static readonly TrainingGroup[] Groups = [.. Enumerable.Range(0, 5).Select(i => new TrainingGroup(TransformerTests.Tokens(5 + i, 250, i), [new(TransformerTests.Tokens(20, 250, 10 + i)), new(TransformerTests.Tokens(9, 250, 20 + i))]))];

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void AddLora_trained_leavesTheBaseAndResumesToTheBit()
    {
        using var unbroken = Engine(pools.All[1]);
        unbroken.AddLora(Lora);
        Step(unbroken, 2);
        unbroken.SaveOptimizer(folder.File("optimizer.safetensors"));
        Step(unbroken, 2);

        using var resumed = Engine(pools.Single);
        resumed.AddLora(Lora with { });
        resumed.LoadOptimizer(folder.File("optimizer.safetensors"));
        Step(resumed, 2);

        Assert.Equal(4, resumed.Step);
        Same(unbroken.Adapter!, resumed.Adapter!);
        using var untouched = Engine(pools.Single);
        Same(untouched.Weights, unbroken.Weights);
        Assert.Equal(unbroken.Adapter!.Length, unbroken.Gradients!.Length);
    }

    [Fact]
    public void AdapterEnabled_off_isTheModelBeforeIt()
    {
        using var engine = Engine(pools.All[1]);
        var before = LogProbabilities(engine);
        engine.AddLora(Lora);
        Step(engine, 1);
        var after = LogProbabilities(engine);
        engine.AdapterEnabled = false;

        Close.Bits("off", before, LogProbabilities(engine));
        Assert.NotEqual(before, after);
        Assert.Throws<InvalidOperationException>(() => Step(engine, 1));
        engine.AdapterEnabled = true;
        Close.Bits("on", after, LogProbabilities(engine));
    }

    [Fact]
    public void Save_withAdapter_writesOneModelAndGoesOnAsBefore()
    {
        using var engine = Engine(pools.All[1]);
        engine.AddLora(Lora);
        Step(engine, 1);
        var adapted = LogProbabilities(engine);

        engine.Save(folder.File("merged"), new Dictionary<string, string>(StringComparer.Ordinal));
        using var loaded = CpuEngine.Load(folder.File("merged"), pools.Single);
        using var frozen = engine.FreezeCopy();
        engine.MergeAdapter();
        var merged = LogProbabilities(engine);

        Close.Bits("loaded", merged, LogProbabilities(loaded));
        Close.Bits("frozen", merged, LogProbabilities(frozen));
        Close.Elements("merged", [.. adapted.Select(value => (double)value)], merged, [.. adapted.Select(_ => 1e-4)]);
        Assert.Throws<InvalidOperationException>(() => Step(engine, 1));
        engine.UnmergeAdapter();
        Close.Bits("unmerged", adapted, LogProbabilities(engine));
    }

    [Theory]
    [InlineData(Precision.Single, true)]
    [InlineData(Precision.Single, false)]
    [InlineData(Precision.Bfloat16, false)]
    public void Sample_withAdapter_readsTheBitsOfTheTrainingPass(Precision precision, bool tied)
    {
        using var engine = Engine(pools.All[1], new EngineOptions { Precision = precision }, tied);
        engine.AddLora(Lora with { TargetModules = tied ? ["all-linear"] : ["all-linear", "lm_head"] });
        Step(engine, 2);
        var sample = engine.Sample([new() { Prompt = [1, 2, 3] }], Options with { MaxNewTokens = 20 }, TestContext.Current.CancellationToken)[0];

        Close.Bits("sample", sample.LogProbabilities, engine.LogProbabilities([new([1, 2, 3], [new(sample.Tokens)])], Options, TestContext.Current.CancellationToken)[0][0]);
    }

    [Fact]
    public void GradientCheckpointing_anyModel_trainsToTheSameBits()
    {
        using var plain = Engine(pools.All[1]);
        using var checkpointing = Engine(pools.All[1], new EngineOptions { GradientCheckpointing = true });
        Step(plain, 2);
        Step(checkpointing, 2);

        Same(plain.Weights, checkpointing.Weights);
    }

    [Fact]
    public void MicroBatchTokens_small_sumsTheSameGradientsAndDropsTheSameInputs()
    {
        using var whole = Engine(pools.All[1]);
        using var cut = Engine(pools.All[1], new EngineOptions { MicroBatchTokens = 40 });
        foreach (var engine in new[] { whole, cut })
        {
            engine.AddLora(Lora);
            engine.AccumulateLoss(Groups, Options, Objective, TestContext.Current.CancellationToken);
        }

        foreach (var (expected, actual) in whole.Gradients!.Tensors().Zip(cut.Gradients!.Tensors()))
        {
            Close.ToScale(expected.Name, [.. expected.Values.ToArray().Select(value => (double)value)], actual.Values.ToArray(), 1e-5, floor: 1e-6);
        }
    }

    [Fact]
    public void TakeExpertLoads_afterTraining_areSharesOfItsTokens()
    {
        var config = ModelFamilies.Shape("experts", Config with { Layers = 3 });
        using var engine = new CpuEngine(config, Tokenizer, pools.All[1]);
        engine.Weights.Initialise(config, 5);
        engine.WeightsChanged();
        LogProbabilities(engine);
        Assert.All(engine.TakeExpertLoads(), load => Assert.Equal(0, load.Shares.Sum()));
        engine.AccumulateLoss(Groups, Options, Objective, TestContext.Current.CancellationToken);

        var loads = engine.TakeExpertLoads();

        Assert.Equal([0, 2], loads.Select(load => load.Layer));
        Assert.All(loads, load => Assert.Equal(1, load.Shares.Sum(), 12));
        Assert.All(engine.TakeExpertLoads(), load => Assert.Equal(0, load.Shares.Sum()));
    }

    [Fact]
    public void AccumulateLoss_expertsAdapterAndCheckpointing_allocatesNothingAfterWarmUp()
    {
        var config = ModelFamilies.Shape("experts", Config with { Layers = 3, TiedEmbeddings = false });
        using var engine = new CpuEngine(config, Tokenizer, pools.All[1], new EngineOptions { GradientCheckpointing = true, RouterBalance = 0.01 });
        engine.Weights.Initialise(config, 6);
        engine.WeightsChanged();
        engine.AddLora(Lora with { TargetModules = ["all-linear", "lm_head"] });
        var cancellationToken = TestContext.Current.CancellationToken;
        var allocated = long.MaxValue;
        for (var step = 0; step < 8 && allocated > 0; step++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            engine.AccumulateLoss(Groups, Options, Objective, cancellationToken);
            engine.OptimizerStep(new AdamWOptions(1e-4), 1);
            allocated = Math.Min(allocated, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        Assert.Equal(0, allocated);
    }

    [Fact]
    public void AddLora_afterTraining_isRefused()
    {
        using var engine = Engine(pools.Single);
        Step(engine, 1);
        Assert.Throws<InvalidOperationException>(() => engine.AddLora(Lora));
    }

    [Fact]
    public void EngineOptions_unusable_areNamed()
    {
        Assert.Contains("MicroBatchTokens (0)", Assert.Throws<ArgumentException>(new EngineOptions { MicroBatchTokens = 0 }.Validate).Message, StringComparison.Ordinal);
        Assert.Contains("RouterBalance (-1)", Assert.Throws<ArgumentException>(new EngineOptions { RouterBalance = -1 }.Validate).Message, StringComparison.Ordinal);
    }

    private static void Objective(int group, int branch, ReadOnlySpan<float> logProbabilities, Span<float> gradient, Span<float> entropyGradient) => gradient.Fill(-0.01f);

    private static void Step(CpuEngine engine, int steps)
    {
        for (var step = 0; step < steps; step++)
        {
            engine.AccumulateLoss(Groups[..2], Options, Objective, TestContext.Current.CancellationToken);
            engine.AccumulateLoss(Groups[2..], Options, Objective, TestContext.Current.CancellationToken);
            engine.OptimizerStep(new AdamWOptions(0.01), 1);
        }
    }

    private static float[] LogProbabilities(CpuEngine engine) =>
        [.. engine.LogProbabilities(Groups, Options, TestContext.Current.CancellationToken).SelectMany(group => group.SelectMany(branch => branch))];

    private static CpuEngine Engine(WorkerPool pool, EngineOptions? options = null, bool tied = true)
    {
        var config = Config with { TiedEmbeddings = tied };
        var engine = new CpuEngine(config, Tokenizer, pool, options);
        engine.Weights.Initialise(config, 4);
        engine.WeightsChanged();
        return engine;
    }

    private static void Same(Parameters expected, Parameters actual)
    {
        foreach (var (left, right) in expected.Tensors().Zip(actual.Tensors()))
        {
            Close.Bits(left.Name, left.Values.Span, right.Values.Span);
        }
    }
}
