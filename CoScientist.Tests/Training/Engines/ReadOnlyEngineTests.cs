using CoScientist.Tests.Training.Checkpoints;
using CoScientist.Tests.Training.Model;
using CoScientist.Training.Checkpoints;
using CoScientist.Training.Engines;
using CoScientist.Training.Kernels;
using CoScientist.Training.Kernels.Mixed;
using CoScientist.Training.Model;
using CoScientist.Training.Sampling;
using CoScientist.Training.Tokenization;

namespace CoScientist.Tests.Training.Engines;

/// <summary>A model held only in packed form is the same model.</summary>
public sealed class ReadOnlyEngineTests : IDisposable
{
    private static readonly BpeTokenizer Tokenizer = BpeTrainer.Train(["plans and goals"], 256, []);
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(Precision.Single, TensorType.F32, true)]
    [InlineData(Precision.Single, TensorType.BF16, true)]
    [InlineData(Precision.Bfloat16, TensorType.F32, true)]
    [InlineData(Precision.Bfloat16, TensorType.BF16, false)]
    [InlineData(Precision.Int8, TensorType.F32, false)]
    [InlineData(Precision.Int8, TensorType.BF16, true)]
    public void LoadReadOnly_AnyPrecisionAndFile_GivesTheBitsOfTheWholeModel(Precision precision, TensorType stored, bool tied)
    {
        var path = Write(stored, tied);
        using var pool = new WorkerPool(2);
        using var whole = CpuEngine.Load(path, pool, new EngineOptions { Precision = precision });
        using var read = CpuEngine.LoadReadOnly(path, precision, pool);
        var requests = Enumerable.Range(0, 3).Select(i => new SampleRequest { Prompt = [1, 2 + i, 3], Count = 2, Seed = i }).ToArray();
        var options = new SamplingOptions { MaxNewTokens = 12 };

        var expected = whole.Sample(requests, options, TestContext.Current.CancellationToken);
        var actual = read.Sample(requests, options, TestContext.Current.CancellationToken);

        Assert.True(read.IsReadOnly);
        Assert.Equal(expected.Select(sample => sample.Tokens), actual.Select(sample => sample.Tokens));
        Assert.Equal(expected.Select(sample => sample.LogProbabilities), actual.Select(sample => sample.LogProbabilities));
        Assert.Equal(whole.Logits([5, 6, 7], 0), read.Logits([5, 6, 7], 0));
    }

    [Fact]
    public void LoadReadOnly_TrainingOrSaving_IsRefusedWithTheRemedy()
    {
        using var engine = CpuEngine.LoadReadOnly(Write(TensorType.BF16, tied: true), Precision.Bfloat16);
        Action[] changes =
        [
            () => engine.AccumulateLoss([new([1], [new([2, 3])])], new SamplingOptions(), (_, _, _, _, _) => { }, TestContext.Current.CancellationToken),
            () => engine.OptimizerStep(new AdamWOptions(1e-3), 1),
            () => engine.Save(folder.File("copy"), new Dictionary<string, string>(StringComparer.Ordinal)),
            () => engine.AddLora(new LoraOptions()),
            () => engine.FreezeCopy(),
            engine.WeightsChanged,
        ];
        Assert.All(changes, change => Assert.Contains("load it whole", Assert.Throws<InvalidOperationException>(change).Message, StringComparison.Ordinal));
        Assert.False(Directory.Exists(folder.File("copy")));
    }

    [Fact]
    public void LoadReadOnly_MissingTensor_NamesIt()
    {
        var path = Write(TensorType.BF16, tied: true);
        File.Delete(Path.Combine(path, "manifest.json"));
        File.WriteAllText(Path.Combine(path, "config.json"), HuggingFaceConfig.Write(Config(tied: true) with { Layers = 3 }, TensorType.BF16));
        Assert.Contains("model.layers.2.", Assert.Throws<InvalidDataException>(() => CpuEngine.LoadReadOnly(path, Precision.Bfloat16)).Message, StringComparison.Ordinal);
    }

    private static ModelConfig Config(bool tied) => TransformerTests.Awkward with { VocabularySize = Tokenizer.VocabularySize + 5, Layers = 2, TiedEmbeddings = tied };

    private string Write(TensorType type, bool tied)
    {
        var config = Config(tied);
        using var pool = new WorkerPool(1);
        using var engine = new CpuEngine(config, Tokenizer, pool);
        engine.Weights.Initialise(config, 7);
        var path = folder.File("model");
        CheckpointFolder.Write(path, config, engine.Weights.Tensors(), Tokenizer, new Dictionary<string, string>(StringComparer.Ordinal), type);
        return path;
    }
}
