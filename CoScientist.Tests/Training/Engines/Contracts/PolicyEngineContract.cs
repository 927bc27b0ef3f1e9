using CoScientist.Tests.Shared;
using CoScientist.Training.Checkpoints;
using CoScientist.Training.Engines;
using CoScientist.Training.Kernels;
using CoScientist.Training.Kernels.Reference;
using CoScientist.Training.Model;
using CoScientist.Training.Sampling;

namespace CoScientist.Tests.Training.Engines.Contracts;

/// <summary>What every engine that trains must do besides. Gradients are read where the seam shows them: in the moments of a first step.</summary>
public abstract class PolicyEngineContract : SamplingContract
{
    private static readonly DistributionReference Distributions = new(Config, Options);

    /// <summary>Prompts with branches: of one token, with tokens that are read only, and with no targets at all.</summary>
    private static TrainingGroup[] Groups =>
    [
        new(Tokens(20, 11), [new(Tokens(12, 12)), new(Tokens(1, 13)), new(Tokens(21, 14), FirstTarget: 5)]),
        new(Tokens(1, 15), [new(Tokens(7, 16)), new(Tokens(3, 17), FirstTarget: 3)]),
    ];

    [Theory]
    [InlineData("qwen3 sliding")]
    [InlineData("llama biased")]
    [InlineData("experts")]
    public void LogProbabilities_branches_areThoseOfTheModel(string family)
    {
        var config = ModelFamilies.Shape(family, Config);
        var model = new ReferenceModel(config, 71);
        using var engine = Train(Write(model, config), new EngineOptions());
        var reference = new DistributionReference(config, Options);

        var actual = engine.LogProbabilities(Groups, Options, Cancellation);

        for (var g = 0; g < actual.Length; g++)
        {
            for (var b = 0; b < actual[g].Length; b++)
            {
                var expected = reference.LogProbabilities(model, Groups[g].Prompt, Groups[g].Branches[b]);
                Close.Elements($"{family}, group {g}, branch {b}", expected, actual[g][b], Bounds(expected));
            }
        }
    }

    [Theory]
    [InlineData(4096, false, "qwen3")]
    [InlineData(1, true, "qwen3")]
    [InlineData(4096, true, "experts normalised")]
    [InlineData(4096, false, "qwen2")]
    public void AccumulateLoss_probabilitiesAndEntropies_givesTheGradientOfTheModel(int microBatchTokens, bool checkpointing, string family)
    {
        var config = ModelFamilies.Shape(family, Config);
        var model = new ReferenceModel(config, 72);
        using var engine = Train(Write(model, config), new EngineOptions { MicroBatchTokens = microBatchTokens, GradientCheckpointing = checkpointing });
        var reference = new DistributionReference(config, Options);
        foreach (var branch in Groups.SelectMany((group, g) => group.Branches.Select((branch, b) => (group, branch, g, b))))
        {
            reference.Differentiate(model, branch.group.Prompt, branch.branch, t => Weights(branch.g, branch.b, t));
        }

        var statistics = engine.AccumulateLoss(
            Groups,
            Options,
            (group, branch, logProbabilities, gradient, entropyGradient) =>
            {
                Assert.Equal(Groups[group].Branches[branch].Tokens.Length - Groups[group].Branches[branch].FirstTarget, logProbabilities.Length);
                for (var t = 0; t < gradient.Length; t++)
                {
                    var (g, e) = Weights(group, branch, t);
                    (gradient[t], entropyGradient[t]) = ((float)g, (float)e);
                }
            },
            Cancellation);

        var all = Groups.SelectMany(group => group.Branches.SelectMany(branch => reference.LogProbabilities(model, group.Prompt, branch))).ToArray();
        Assert.Equal(all.Length, statistics.Targets);
        Assert.Equal(Groups.Sum(group => group.Prompt.Length + group.Branches.Sum(branch => branch.Tokens.Length > 1 ? branch.Tokens.Length - 1 : 0)), statistics.Tokens);
        Assert.Equal(all.Average(), statistics.LogProbability, 1e-4);
        Assert.InRange(statistics.Entropy, 0.1, Math.Log(config.VocabularySize));
        SameGradients(model, Gradients(engine), 1e-4);

        static (double G, double E) Weights(int group, int branch, int t) => (0.1 * (1 + ((group + branch + t) % 3)) * (t % 2 == 0 ? 1 : -1), 0.05 * ((t + branch) % 4));
    }

    [Fact]
    public void AccumulateDistillation_teachersWithOtherPrompts_givesTheGradientOfTheModel()
    {
        var model = new ReferenceModel(Config, 73);
        using var engine = Train(Write(model, Config), new EngineOptions());
        TrainingGroup[] teachers = [.. Groups.Select(group => group with { Prompt = [.. group.Prompt, 100, 101] })];
        var expected = Distributions.Distil(model, Groups, teachers, 0.3);

        var statistics = engine.AccumulateDistillation(Groups, teachers, Options, 0.3, Cancellation);

        Assert.Equal(expected, statistics.Divergence, 1e-5);
        SameGradients(model, Gradients(engine), 3e-4);
        Assert.Throws<ArgumentException>(() => engine.AccumulateDistillation(Groups, Groups[..1], Options, 0.3, Cancellation));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1e-3)]
    [InlineData(1e3)]
    public void OptimizerStep_anyClipping_movesTheWeightsByTheFormula(double largestNorm)
    {
        var model = new ReferenceModel(Config, 74);
        using var engine = Train(Write(model, Config), new EngineOptions());
        var options = new AdamWOptions(0.01, WeightDecay: 0.1);
        engine.AccumulateLoss(Groups, Options, Descend, Cancellation);
        foreach (var group in Groups)
        {
            foreach (var branch in group.Branches)
            {
                Distributions.Differentiate(model, group.Prompt, branch, _ => (-0.02, 0));
            }
        }

        var norm = engine.OptimizerStep(options, largestNorm);

        var expectedNorm = Math.Sqrt(model.Gradients.Values.Sum(gradient => gradient.Sum(g => g * g)));
        Assert.Equal(expectedNorm, norm, 1e-4 * expectedNorm);
        Assert.Equal(1, engine.Step);
        var scale = largestNorm > 0 && norm > largestNorm ? largestNorm / norm : 1;
        var moments = Moments(engine);
        foreach (var spec in Config.Tensors())
        {
            // From the engine's own first moment on: near zero, the sign of a gradient decides the whole step.
            double[] gradient = [.. moments["m." + spec.Name].Select(m => m / 0.1)];
            Close.ToScale(spec.Name, [.. model.Gradients[spec.Name].Select(g => g * scale)], [.. gradient.Select(g => (float)g)], 1e-4);
            var expected = model.Parameters[spec.Name];
            AdamWReference.Step<double>(expected, gradient, new double[spec.Count], new double[spec.Count], 1, 0.01, 0.9, 0.95, 1e-8, spec.Shape.Length > 1 ? 0.1 : 0);
            Close.ToScale($"{spec.Name} after the step", expected, Weights(engine)[spec.Name], 1e-5);
        }

        // The gradients are gone: a step without more of them moves by the moments alone.
        Assert.Equal(0, engine.OptimizerStep(options, 0));
        engine.ResetOptimizer();
        Assert.Equal(0, engine.Step);
    }

    [Fact]
    public void OptimizerStep_brokenGradient_isRefusedAndTheWeightsStay()
    {
        using var engine = Train(Write(new ReferenceModel(Config, 75), Config), new EngineOptions());
        var before = engine.LogProbabilities(Groups, Options, Cancellation)[0][0];
        engine.AccumulateLoss(Groups, Options, (_, _, _, gradient, _) => gradient.Fill(float.NaN), Cancellation);

        Assert.Throws<InvalidDataException>(() => engine.OptimizerStep(new AdamWOptions(0.01), 1));

        Assert.Equal(0, engine.Step);
        Assert.Equal(before, engine.LogProbabilities(Groups, Options, Cancellation)[0][0]);
        var thrown = Assert.Throws<ArgumentException>(() => engine.AccumulateLoss([Groups[1], new([5], [new([1, 2, 3], 4)])], Options, Descend, Cancellation));
        Assert.Contains("Branch 0 of group 1 has 3 tokens, so its first target cannot be at 4", thrown.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void LoadOptimizer_savedHalfWay_goesOnAsIfUnbroken()
    {
        var path = Write(new ReferenceModel(Config, 76), Config);
        using var unbroken = Train(path, new EngineOptions());
        Step(unbroken);
        unbroken.Save(PathOf("half"), new Dictionary<string, string>(StringComparer.Ordinal) { ["run"] = "r" });
        unbroken.SaveOptimizer(PathOf("half.optimizer"));
        Step(unbroken);
        using var resumed = Train(PathOf("half"), new EngineOptions());
        resumed.LoadOptimizer(PathOf("half.optimizer"));
        Assert.Equal(1, resumed.Step);
        Step(resumed);

        var (expected, actual) = (Weights(unbroken), Weights(resumed));
        Assert.All(expected, pair => Assert.Equal(pair.Value, actual[pair.Key]));
        Assert.Equal(2, resumed.Step);

        // What one engine saves, the managed one reads.
        using var managed = CpuEngine.Load(PathOf("half"));
        managed.LoadOptimizer(PathOf("half.optimizer"));
        Step(managed);
        foreach (var (name, values) in Weights(managed))
        {
            Close.ToScale(name, [.. values.Select(value => (double)value)], actual[name], 1e-3);
        }
    }

    [Fact]
    public void OptimizerStep_trainedOnOneSequence_writesIt()
    {
        using var engine = Train(Write(new ReferenceModel(Config, 77), Config), new EngineOptions());
        var plain = new SamplingOptions { Temperature = 0, MaxNewTokens = 5 };
        for (var step = 0; step < 30; step++)
        {
            engine.AccumulateLoss([new([1, 2, 3], [new([50, 60, 70, 80, 90])])], plain, (_, _, _, gradient, _) => gradient.Fill(-0.2f), Cancellation);
            engine.OptimizerStep(new AdamWOptions(0.02), 1);
        }

        Assert.Equal([50, 60, 70, 80, 90], Assert.Single(engine.Sample([new() { Prompt = [1, 2, 3] }], plain, Cancellation)).Tokens);
    }

    /// <summary>The engine around a checkpoint, to be trained.</summary>
    protected abstract IPolicyEngine Train(string directory, EngineOptions options);

    protected override ISamplingEngine Open(string directory) => Train(directory, new EngineOptions());

    private static void Descend(int group, int branch, ReadOnlySpan<float> logProbabilities, Span<float> gradient, Span<float> entropyGradient) => gradient.Fill(-0.02f);

    private static void Step(IPolicyEngine engine)
    {
        engine.AccumulateLoss(Groups, Options, Descend, Cancellation);
        engine.OptimizerStep(new AdamWOptions(0.001), 1);
    }

    private static void SameGradients(ReferenceModel model, Dictionary<string, float[]> actual, double tolerance)
    {
        foreach (var (name, expected) in model.Gradients)
        {
            Close.ToScale(name, expected, actual[name], tolerance, floor: 1e-3);
        }
    }

    /// <summary>The accumulated gradients: ten times the first moments of a first step that moves nothing.</summary>
    private Dictionary<string, float[]> Gradients(IPolicyEngine engine)
    {
        engine.OptimizerStep(new AdamWOptions(0, Beta1: 0.5), 0);
        return Moments(engine).Where(pair => pair.Key.StartsWith("m.", StringComparison.Ordinal))
            .ToDictionary(pair => pair.Key[2..], pair => pair.Value.Select(m => 2 * m).ToArray(), StringComparer.Ordinal);
    }

    private Dictionary<string, float[]> Moments(IPolicyEngine engine)
    {
        var path = PathOf(Guid.NewGuid().ToString("N"));
        engine.SaveOptimizer(path);
        using var file = SafetensorsFile.Open(path);
        return Read(file.Tensors);
    }

    private Dictionary<string, float[]> Weights(IPolicyEngine engine)
    {
        var path = PathOf(Guid.NewGuid().ToString("N"));
        engine.Save(path, new Dictionary<string, string>(StringComparer.Ordinal));
        using var files = WeightFiles.Open(path);
        return Read(files.Tensors);
    }

    private static Dictionary<string, float[]> Read(IEnumerable<StoredTensor> tensors) => tensors.ToDictionary(
        tensor => tensor.Spec.Name,
        tensor =>
        {
            var values = new float[tensor.Spec.Count];
            tensor.Read(0, values);
            return values;
        },
        StringComparer.Ordinal);
}
