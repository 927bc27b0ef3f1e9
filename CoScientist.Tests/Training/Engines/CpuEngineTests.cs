using CoScientist.Tests.Shared;
using CoScientist.Tests.Training.Kernels;
using CoScientist.Tests.Training.Model;
using CoScientist.Training.Engines;
using CoScientist.Training.Kernels;
using CoScientist.Training.Kernels.Mixed;
using CoScientist.Training.Kernels.Reference;
using CoScientist.Training.Model;
using CoScientist.Training.Sampling;
using CoScientist.Training.Tokenization;

namespace CoScientist.Tests.Training.Engines;

/// <summary>The engine as trainers see it, against the plain model and the plain optimizer.</summary>
public sealed unsafe class CpuEngineTests(KernelPools pools) : IClassFixture<KernelPools>
{
    private static readonly BpeTokenizer Tokenizer = BpeTrainer.Train(["plans and goals"], 256, []);
    private static readonly ModelConfig Config = TransformerTests.Awkward with { VocabularySize = Tokenizer.VocabularySize + 5, Layers = 2 };
    private static readonly SamplingOptions Options = new() { Temperature = 0.8, BannedTokens = [2, 200] };

    /// <summary>Prompts with branches: of one token, with tokens that are read only, and with no targets at all.</summary>
    private static TrainingGroup[] Groups =>
    [
        new(Tokens(20, 1), [new(Tokens(12, 2)), new(Tokens(1, 3)), new(Tokens(33, 4), FirstTarget: 5)]),
        new(Tokens(1, 5), [new(Tokens(7, 6)), new(Tokens(3, 7), FirstTarget: 3)]),
        new(Tokens(64, 8), [new(Tokens(64, 9)), new(Tokens(65, 10), FirstTarget: 64)]),
    ];

    [Fact]
    public void AccumulateLoss_clippedObjective_equalsTheReferenceToTheLastGradient()
    {
        var reference = new ReferenceModel(Config, 41);
        var expected = Groups.Select((group, g) => group.Branches.Select((branch, b) => ReferenceBranch(reference, group, branch, g, b)).ToArray()).ToArray();
        Dictionary<string, float[]>? bits = null;
        foreach (var pool in pools.All)
        {
            using var engine = Engine(reference, pool);
            var logProbabilities = engine.LogProbabilities(Groups, Options, TestContext.Current.CancellationToken);
            var statistics = engine.AccumulateLoss(Groups, Options, Objective, TestContext.Current.CancellationToken);

            for (var g = 0; g < expected.Length; g++)
            {
                for (var b = 0; b < expected[g].Length; b++)
                {
                    Close.Elements($"log p of group {g}, branch {b}", expected[g][b], logProbabilities[g][b], [.. expected[g][b].Select(value => 1e-5 * (1 + Math.Abs(value)))]);
                }
            }

            var all = expected.SelectMany(group => group).SelectMany(branch => branch).ToList();
            Assert.Equal(all.Count, statistics.Targets);
            Assert.Equal(all.Average(), statistics.LogProbability, 1e-4);
            Assert.InRange(statistics.Entropy, 0.1, Math.Log(Config.VocabularySize));
            var gradients = Read(engine.Gradients!);
            bits ??= gradients;
            foreach (var (name, gradient) in gradients)
            {
                Close.ToScale(name, reference.Gradients[name], gradient, 3e-5);
                Close.Bits($"{name}, {pool.Threads} threads", bits[name], gradient);
            }
        }
    }

    [Theory]
    [InlineData(Precision.Single)]
    [InlineData(Precision.Bfloat16)]
    public void AccumulateLoss_inSeveralPasses_packsTheWeightsOfEachStep(Precision precision)
    {
        var options = new EngineOptions { Precision = precision, MicroBatchTokens = 1 };
        var reference = new ReferenceModel(Config, 45);
        using var engine = Engine(reference, pools.Single, options: options);
        TokenObjective objective = (_, _, _, gradient, _) => gradient.Fill(-0.01f);
        for (var step = 0; step < 3; step++)
        {
            engine.AccumulateLoss(Groups, new SamplingOptions(), objective, TestContext.Current.CancellationToken);
            var expected = Read(engine.Gradients!);

            // An engine that has never packed these weights.
            using var other = Engine(reference, pools.Single, options: options);
            other.Weights.CopyFrom(engine.Weights);
            other.WeightsChanged();
            other.AccumulateLoss(Groups, new SamplingOptions(), objective, TestContext.Current.CancellationToken);
            foreach (var (name, gradient) in Read(other.Gradients!))
            {
                Close.Bits($"{name}, step {step}", expected[name], gradient);
            }

            engine.OptimizerStep(new AdamWOptions(1e-2), 1);
        }
    }

    [Fact]
    public void TrainingStep_afterWarmUp_allocatesNothing()
    {
        foreach (var pool in pools.All)
        {
            using var engine = Engine(new ReferenceModel(Config, 44), pool);
            TrainingGroup[] groups = Groups;
            var options = new SamplingOptions();
            TokenObjective objective = (_, _, _, gradient, _) => gradient.Fill(-0.01f);
            var cancellation = TestContext.Current.CancellationToken;
            var allocated = long.MaxValue;
            for (var step = 0; step < 8 && allocated > 0; step++)
            {
                // The caller's thread: it runs all code outside loops, and every loop. A step's own allocations would be there
                // in every step; the runtime's, when it compiles a method again, are there in one.
                var before = GC.GetAllocatedBytesForCurrentThread();
                engine.AccumulateLoss(groups, options, objective, cancellation);
                engine.OptimizerStep(new AdamWOptions(1e-4), 1);
                allocated = Math.Min(allocated, GC.GetAllocatedBytesForCurrentThread() - before);
            }

            Assert.Equal(0, allocated);
        }
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(4)]
    public void AccumulateLoss_firstTargetOutsideTheBranch_isRefusedByName(int firstTarget)
    {
        using var engine = Engine(new ReferenceModel(Config, 45), pools.Single);
        TrainingGroup[] groups = [Groups[1], new(Tokens(2, 1), [new(Tokens(3, 2), firstTarget)])];

        var thrown = Assert.Throws<ArgumentException>(() => engine.AccumulateLoss(groups, Options, (_, _, _, _, _) => { }, TestContext.Current.CancellationToken));
        Assert.Contains($"Branch 0 of group 1 has 3 tokens, so its first target cannot be at {firstTarget}", thrown.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => engine.LogProbabilities(groups, Options, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void AccumulateLoss_moreThanOneMicroBatch_addsTheGroups()
    {
        var reference = new ReferenceModel(Config, 42);
        using var engine = Engine(reference, pools.All[1]);
        TrainingGroup[] many = [.. Enumerable.Range(0, 24).SelectMany(_ => Groups)];
        void Half(int group, int branch, ReadOnlySpan<float> logProbabilities, Span<float> gradient, Span<float> entropyGradient) => gradient.Fill(0.5f / 24);

        var one = engine.LogProbabilities(Groups, Options, TestContext.Current.CancellationToken);
        var repeated = engine.LogProbabilities(many, Options, TestContext.Current.CancellationToken);
        for (var g = 0; g < many.Length; g++)
        {
            for (var b = 0; b < many[g].Branches.Count; b++)
            {
                Close.Bits($"group {g}", one[g % 3][b], repeated[g][b]);
            }
        }

        engine.AccumulateLoss(many, Options, Half, TestContext.Current.CancellationToken);
        var sum = Read(engine.Gradients!);
        engine.Gradients!.Clear();
        engine.AccumulateLoss(Groups, Options, (_, _, _, gradient, _) => gradient.Fill(0.5f), TestContext.Current.CancellationToken);
        foreach (var (name, gradient) in Read(engine.Gradients!))
        {
            Close.ToScale(name, [.. gradient.Select(g => (double)g)], sum[name], 3e-5);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1e-3)]
    [InlineData(1e3)]
    public void OptimizerStep_anyClipping_equalsTheReference(double largestNorm)
    {
        var reference = new ReferenceModel(Config, 43);
        using var engine = Engine(reference, pools.All[1]);
        var options = new AdamWOptions(0.01, WeightDecay: 0.1);
        var moments = reference.Parameters.ToDictionary(pair => pair.Key, pair => (M: new double[pair.Value.Length], V: new double[pair.Value.Length]), StringComparer.Ordinal);
        for (var step = 1; step <= 3; step++)
        {
            engine.AccumulateLoss(Groups, Options, Objective, TestContext.Current.CancellationToken);
            var gradients = Read(engine.Gradients!);
            var norm = Math.Sqrt(gradients.Values.Sum(gradient => gradient.Sum(g => (double)g * g)));
            Assert.Equal(1, engine.OptimizerStep(options, largestNorm) / norm, 1e-5);
            var scale = largestNorm > 0 && norm > largestNorm ? largestNorm / norm : 1;
            var weights = Read(engine.Weights);
            foreach (var (name, expected) in reference.Parameters)
            {
                double[] scaled = [.. gradients[name].Select(g => scale * g)];
                var decay = Config.Tensors().Single(tensor => tensor.Name == name).Shape.Length > 1 ? 0.1 : 0;
                AdamWReference.Step<double>(expected, scaled, moments[name].M, moments[name].V, step, 0.01, 0.9, 0.95, 1e-8, decay);
                Close.ToScale($"{name} after step {step}", expected, weights[name], 1e-5);
            }

            Assert.Equal(step, engine.Step);
            Assert.All(Read(engine.Gradients!), pair => Assert.All(pair.Value, g => Assert.Equal(0, g)));
        }
    }

    [Fact]
    public void OptimizerStep_trainedOnOneSequence_makesItLikely()
    {
        using var engine = Engine(new ReferenceModel(Config, 44), pools.All[1]);
        TrainingGroup[] group = [new([1, 2, 3], [new([50, 60, 70, 80, 90])])];
        var plain = new SamplingOptions { Temperature = 0, MaxNewTokens = 5 };
        for (var step = 0; step < 40; step++)
        {
            engine.AccumulateLoss(group, plain, (_, _, _, gradient, _) => gradient.Fill(-0.2f), TestContext.Current.CancellationToken);
            engine.OptimizerStep(new AdamWOptions(0.01), 1);
        }

        var sample = Assert.Single(engine.Sample([new() { Prompt = [1, 2, 3] }], plain, TestContext.Current.CancellationToken));
        Assert.Equal([50, 60, 70, 80, 90], sample.Tokens);
    }

    [Fact]
    public void OptimizerStep_brokenGradient_isRefusedAndTheWeightsStay()
    {
        using var engine = Engine(new ReferenceModel(Config, 45), pools.Single);
        var before = Read(engine.Weights);
        engine.AccumulateLoss(Groups, Options, (_, _, _, gradient, _) => gradient.Fill(float.NaN), TestContext.Current.CancellationToken);
        Assert.Throws<InvalidDataException>(() => engine.OptimizerStep(new AdamWOptions(0.01), 1));
        foreach (var (name, weights) in Read(engine.Weights))
        {
            Close.Bits(name, before[name], weights);
        }
    }

    [Fact]
    public void FreezeCopy_trainedOriginal_staysAsItWas()
    {
        using var engine = Engine(new ReferenceModel(Config, 46), pools.All[1]);
        var before = engine.LogProbabilities(Groups, Options, TestContext.Current.CancellationToken);
        using var frozen = engine.FreezeCopy();
        engine.AccumulateLoss(Groups, Options, Objective, TestContext.Current.CancellationToken);
        engine.OptimizerStep(new AdamWOptions(0.01), 1);

        var after = engine.LogProbabilities(Groups, Options, TestContext.Current.CancellationToken);
        var copied = frozen.LogProbabilities(Groups, Options, TestContext.Current.CancellationToken);
        Assert.NotEqual(before[0][0], after[0][0]);
        Assert.Equal(before[0][0], copied[0][0]);
    }

    [Theory]
    [InlineData("qwen3 sliding")]
    [InlineData("qwen2 sliding")]
    [InlineData("yarn")]
    [InlineData("experts")]
    [InlineData("experts normalised")]
    public void Sample_anyFamily_readsTheBitsOfTheTrainingPass(string family)
    {
        var config = ModelFamilies.Shape(family, Config);
        using var engine = Engine(new ReferenceModel(config, 47), pools.All[1], config);
        var prompt = Tokens(100, 11);
        var samples = engine.Sample([new() { Prompt = prompt, Count = 3, Branches = [Tokens(7, 12), Tokens(40, 13)] }], Options with { MaxNewTokens = 30 }, TestContext.Current.CancellationToken);
        TrainingGroup[] groups = [.. samples.Select(sample => new TrainingGroup([.. prompt, .. sample.Branch == 0 ? Tokens(7, 12) : Tokens(40, 13)], [new(sample.Tokens)]))];

        var read = engine.LogProbabilities(groups, Options, TestContext.Current.CancellationToken);

        for (var i = 0; i < samples.Count; i++)
        {
            Close.Bits($"sample {i}", samples[i].LogProbabilities, read[i][0]);
        }
    }

    private static CpuEngine Engine(ReferenceModel reference, WorkerPool pool, ModelConfig? config = null, EngineOptions? options = null)
    {
        var engine = new CpuEngine(config ?? Config, Tokenizer, pool, options);
        reference.CopyTo(engine.Weights);
        engine.WeightsChanged();
        return engine;
    }

    /// <summary>GRPO's clipped objective with sampled log-probabilities and advantages that depend on the place only, so that some tokens are clipped.</summary>
    private static void Objective(int group, int branch, ReadOnlySpan<float> logProbabilities, Span<float> gradient, Span<float> entropyGradient)
    {
        for (var t = 0; t < gradient.Length; t++)
        {
            gradient[t] = (float)Gradient(group, branch, t, logProbabilities[t]);
        }
    }

    private static double Gradient(int group, int branch, int token, double logProbability)
    {
        var advantage = ((group + branch) % 2 == 0 ? 1 : -1) * (0.5 + (0.25 * (token % 3)));
        // Ratios of e^−0.6, e^−0.1 and e^0.4: below, inside and above the clip, far from its edges.
        return GrpoReference.Gradient(logProbability, logProbability - (0.5 * (token % 3)) + 0.6, advantage, 0.2, 0.28);
    }

    private static double[] ReferenceBranch(ReferenceModel reference, TrainingGroup group, TrainingBranch branch, int g, int b)
    {
        int[] sequence = [.. group.Prompt, .. branch.Tokens];
        var visibility = new SegmentVisibility([(sequence.Length, -1)]);
        var first = group.Prompt.Length + branch.FirstTarget;
        int[] targets = [.. sequence[1..], 0];
        var upstream = new double[targets.Length];
        var values = reference.LogProbabilities(sequence, visibility, targets, upstream, Options.Temperature, Options.BannedTokens)[(first - 1)..^1];
        for (var t = 0; t < values.Length; t++)
        {
            upstream[first - 1 + t] = Gradient(g, b, t, values[t]);
        }

        reference.LogProbabilities(sequence, visibility, targets, upstream, Options.Temperature, Options.BannedTokens);
        return values;
    }

    private static Dictionary<string, float[]> Read(Parameters parameters) =>
        parameters.Specs.ToDictionary(spec => spec.Name, spec => new ReadOnlySpan<float>(parameters.Get(spec.Name), (int)spec.Count).ToArray(), StringComparer.Ordinal);

    /// <summary>Seeded tokens without the banned ones.</summary>
    private static int[] Tokens(int count, long seed) => [.. TransformerTests.Tokens(count, Config.VocabularySize, seed).Select(token => Options.BannedTokens.Contains(token) ? 7 : token)];
}
