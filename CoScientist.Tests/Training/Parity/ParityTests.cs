using System.Text.Json;
using CoScientist.Tests.Shared;
using CoScientist.Tests.Training.Checkpoints;
using CoScientist.Tests.Training.Kernels;
using CoScientist.Training.Checkpoints;
using CoScientist.Training.Engines;
using CoScientist.Training.Model;
using CoScientist.Training.Sampling;
using CoScientist.Training.Tokenization;

namespace CoScientist.Tests.Training.Parity;

/// <summary>
/// Folders of each family, written and computed by another framework in double precision (record_parity.py): they load here
/// and give the same logits, loss and gradients.
/// </summary>
public sealed class ParityTests(KernelPools pools) : IClassFixture<KernelPools>, IDisposable
{
    /// <summary>Largest error of a logit, which are of size 1 to 10, and of a gradient relative to the norm of its tensor.</summary>
    private const double LogitTolerance = 3e-5;

    private const double GradientTolerance = 2e-5;

    private static readonly BpeTokenizer Tokenizer = BpeTrainer.Train(["a tokenizer for any of them"], 256, []);

    private readonly TemporaryFolder folder = new();

    public static TheoryData<string> Families => [.. Directory.GetDirectories(Recorded()).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];

    public void Dispose() => folder.Dispose();

    [Theory]
    [MemberData(nameof(Families))]
    public void Load_recordedFamily_givesItsLogitsLossAndGradients(string family)
    {
        var expected = JsonSerializer.Deserialize<Expected>(File.ReadAllText(Recorded(family, "expected.json")), JsonSerializerOptions.Web)!;
        using var engine = Load(family);

        for (var s = 0; s < expected.Sequences.Length; s++)
        {
            var logits = engine.Logits(expected.Sequences[s], 0);
            Close.Elements($"{family}, first logits of sequence {s}", expected.FirstAndLastLogits[s][0], logits[0], [.. logits[0].Select(_ => LogitTolerance)]);
            Close.Elements($"{family}, last logits of sequence {s}", expected.FirstAndLastLogits[s][1], logits[^1], [.. logits[^1].Select(_ => LogitTolerance)]);
        }

        var targets = expected.Sequences.Sum(tokens => tokens.Length - 1);
        TrainingGroup[] groups = [.. expected.Sequences.Select(tokens => new TrainingGroup(tokens[..1], [new(tokens[1..])]))];
        var statistics = engine.AccumulateLoss(groups, new SamplingOptions(), (_, _, _, gradient, _) => gradient.Fill(-1f / targets), TestContext.Current.CancellationToken);

        Assert.Equal(expected.Loss, -statistics.LogProbability, 1e-5);
        Assert.Equal(expected.Gradients.Keys.Order(StringComparer.Ordinal), engine.Gradients!.Specs.Select(spec => spec.Name).Order(StringComparer.Ordinal));
        foreach (var tensor in engine.Gradients.Tensors())
        {
            var summary = expected.Gradients[tensor.Name];
            var values = tensor.Values.ToArray();
            var bound = GradientTolerance * (summary.Norm + 1e-3);
            Assert.Equal(summary.Norm, Math.Sqrt(values.Sum(value => (double)value * value)), bound);
            float[] some = [.. values.Where((_, at) => at % summary.Every == 0)];
            Close.Elements($"{family}, gradient of {tensor.Name}", summary.Elements, some, [.. some.Select(_ => bound)]);
        }
    }

    [Fact]
    public void Write_recordedFamily_readsBackAsTheSameModel()
    {
        using var engine = Load("qwen3-moe");
        engine.Save(folder.File("again"), new Dictionary<string, string>(StringComparer.Ordinal));
        using var again = CpuEngine.Load(folder.File("again"), pools.Single);

        Assert.Equal(engine.Config, again.Config);
        Close.Bits("logits", engine.Logits([1, 2, 3], 2)[0], again.Logits([1, 2, 3], 2)[0]);
    }

    [Theory]
    [InlineData("config.json", "\"model_type\": \"qwen3\"", "\"model_type\": \"gpt2\"", "config.json: model_type is \"gpt2\"")]
    [InlineData("config.json", "\"intermediate_size\": 40", "\"intermediate_size\": 41", "model.safetensors: tensor 'model.layers.0.mlp.gate_proj.weight' has shape [40, 32], but the model needs [41, 32]")]
    [InlineData("config.json", "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3", "model.safetensors: tensor 'model.layers.2.input_layernorm.weight' is missing")]
    [InlineData("config.json", "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 1", "model.safetensors: tensor 'model.layers.1.")]
    [InlineData("model.safetensors", "model.norm.weight\": {\"dtype\": \"F32\"", "model.norm.weight\": {\"dtype\": \"I32\"", "model.safetensors: tensor 'model.norm.weight' has element type I32")]
    public void Load_faultyFolder_namesFileTensorAndReason(string file, string part, string replacement, string expected)
    {
        var directory = Copy("qwen3");
        var path = Path.Combine(directory, file);
        var text = File.ReadAllBytes(path);
        // Latin-1 keeps every byte of the binary part.
        var changed = System.Text.Encoding.Latin1.GetString(text);
        Assert.Contains(part, changed, StringComparison.Ordinal);
        File.WriteAllBytes(path, System.Text.Encoding.Latin1.GetBytes(changed.Replace(part, replacement, StringComparison.Ordinal)));

        var message = Assert.Throws<InvalidDataException>(() => CpuEngine.Load(directory, pools.Single)).Message;

        Assert.StartsWith(directory, message, StringComparison.Ordinal);
        Assert.Contains(expected, message, StringComparison.Ordinal);
    }

    private static string Recorded(params string[] path) => Path.Combine([AppContext.BaseDirectory, "Training", "Parity", "recorded", .. path]);

    private CpuEngine Load(string family)
    {
        var directory = Copy(family);
        var engine = CpuEngine.Load(directory, pools.All[1]);
        if (File.Exists(Path.Combine(directory, "adapter_config.json")))
        {
            engine.AddLora(new LoraOptions { Rank = 3, Alpha = 6, RankStabilised = true, TargetModules = ["q_proj", "v_proj", "down_proj"] });
            SafetensorsFile.Read(Path.Combine(directory, "adapter_model.safetensors"), engine.Adapter!.Tensors());
            engine.WeightsChanged();
        }

        return engine;
    }

    /// <summary>A folder of the family with a tokenizer, which no framework needs for logits.</summary>
    private string Copy(string family)
    {
        var directory = folder.File(family);
        Directory.CreateDirectory(directory);
        foreach (var file in Directory.GetFiles(Recorded(family)))
        {
            File.Copy(file, Path.Combine(directory, Path.GetFileName(file)));
        }

        using var stream = File.Create(Path.Combine(directory, "tokenizer.json"));
        Tokenizer.Save(stream);
        return directory;
    }

    private sealed record Expected(int[][] Sequences, double[][][] FirstAndLastLogits, double Loss, Dictionary<string, Summary> Gradients);

    /// <param name="Norm">Length of the gradient.</param>
    /// <param name="Every">Distance between the elements that follow.</param>
    /// <param name="Elements">Elements 0, Every, 2·Every, …</param>
    private sealed record Summary(double Norm, int Every, double[] Elements);
}
