using System.CommandLine;
using CoScientist.Tests.Training.Checkpoints;
using CoScientist.Tests.Training.Model;
using CoScientist.Training.Checkpoints;
using CoScientist.Training.Engines;
using CoScientist.Training.Model;
using CoScientist.Training.Tokenization;
using CoScientist.Web.Commands;

namespace CoScientist.Tests.Web.Commands;

public sealed class ModelCommandTests : IDisposable
{
    private static readonly ModelConfig Config = ModelConfigTests.Tiny with { VocabularySize = 300, MaxPositions = 8 };
    private static readonly InvocationConfiguration Throwing = new() { EnableDefaultExceptionHandler = false };

    private readonly TemporaryFolder folder = new();
    private readonly string checkpoint;

    public ModelCommandTests()
    {
        checkpoint = folder.File("base");
        using var engine = new CpuEngine(Config, BpeTrainer.Train(["the aim is the aim"], 300, ["<end>"]));
        engine.Weights.Initialise(Config, seed: 3);
        engine.Save(checkpoint, new Dictionary<string, string>(StringComparer.Ordinal) { ["run"] = "r-1" });
    }

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task Inspect_good_checkpoint_succeeds() => Assert.Equal(0, await RunAsync("inspect", checkpoint));

    [Fact]
    public async Task Inspect_weights_of_another_shape_names_the_tensor()
    {
        File.Delete(Path.Combine(checkpoint, "manifest.json"));
        File.WriteAllText(Path.Combine(checkpoint, "config.json"), HuggingFaceConfig.Write(Config with { FeedForwardSize = 7 }, TensorType.F32));

        var message = (await Assert.ThrowsAsync<InvalidDataException>(() => RunAsync("inspect", checkpoint))).Message;

        Assert.Contains("'model.layers.0.mlp.gate_proj.weight' has shape [5, 6], but the model needs [7, 6]", message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Convert_to_BF16_keeps_everything_but_the_precision()
    {
        File.WriteAllText(Path.Combine(checkpoint, "chat_template.jinja"), "{{ messages }}");
        var target = folder.File("half");

        Assert.Equal(0, await RunAsync("convert", checkpoint, target, "--dtype", "bf16"));

        using var before = CpuEngine.Load(checkpoint);
        using var after = CpuEngine.Load(target);
        Assert.Equal(before.Config, after.Config);
        Assert.Equal("r-1", CheckpointManifest.Read(target)!.Origin["run"]);
        Assert.Equal("{{ messages }}", File.ReadAllText(Path.Combine(target, "chat_template.jinja")));
        Assert.True(new FileInfo(Path.Combine(target, "model.safetensors")).Length < new FileInfo(Path.Combine(checkpoint, "model.safetensors")).Length);
        var pairs = before.Weights.Tensors().Zip(after.Weights.Tensors()).SelectMany(pair => pair.First.Values.ToArray().Zip(pair.Second.Values.ToArray())).ToList();
        Assert.All(pairs, pair => Assert.InRange(pair.Second, pair.First - (MathF.Abs(pair.First) / 256), pair.First + (MathF.Abs(pair.First) / 256)));
        Assert.Contains(pairs, pair => pair.First != pair.Second);
    }

    [Fact]
    public async Task Convert_to_GGUF_is_inspected_and_gives_logits()
    {
        var target = folder.File("model.gguf");

        Assert.Equal(0, await RunAsync("convert", checkpoint, target, "--dtype", "f16", "--format", "gguf"));
        Assert.Equal(0, await RunAsync("inspect", target));
        Assert.Equal(0, await RunAsync("inspect", Path.Combine(checkpoint, "model.safetensors")));
        Assert.Equal(0, await RunAsync("logits", target, "--tokens", "1,2,3", "--top", "3"));
    }

    [Theory]
    [InlineData("fp32")]
    [InlineData("bf16")]
    [InlineData("int8")]
    public async Task Logits_in_any_numbers_succeed(string dtype) =>
        Assert.Equal(0, await RunAsync("logits", checkpoint, "--tokens", "1,2,3", "--dtype", dtype));

    [Theory]
    [InlineData("half", "q8_0", "hf", "--dtype q8_0 exists in GGUF files only")]
    [InlineData("half.gguf", "f16", "hf", "a GGUF file ends in .gguf and a folder does not")]
    [InlineData("half", "f16", "gguf", "a GGUF file ends in .gguf and a folder does not")]
    public async Task Convert_name_and_format_that_disagree_are_refused(string name, string type, string format, string expected)
    {
        var message = (await Assert.ThrowsAsync<CommandException>(() => RunAsync("convert", checkpoint, folder.File(name), "--dtype", type, "--format", format))).Message;

        Assert.Contains(expected, message, StringComparison.Ordinal);
        Assert.Equal([checkpoint], Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public async Task Adapter_is_inspected_added_and_merged()
    {
        var adapter = folder.File("change");
        using (var engine = CpuEngine.Load(checkpoint))
        {
            engine.AddLora(new LoraOptions { Rank = 2, TargetModules = ["q_proj"] });
            engine.SaveAdapter(adapter, "base", new Dictionary<string, string>(StringComparer.Ordinal));
        }

        Assert.Equal(0, await RunAsync("inspect", adapter));
        Assert.Equal(0, await RunAsync("logits", checkpoint, "--tokens", "1", "--top", "1", "--adapter", adapter));
        Assert.Equal(0, await RunAsync("convert", checkpoint, folder.File("merged"), "--dtype", "bf16", "--merge", adapter));
        Assert.Equal("change", CheckpointManifest.Read(folder.File("merged"))!.Origin["adapter"]);
    }

    [Fact]
    public async Task Convert_onto_an_existing_folder_is_refused() =>
        await Assert.ThrowsAsync<IOException>(() => RunAsync("convert", checkpoint, checkpoint, "--dtype", "f32"));

    [Theory]
    [InlineData("1,2,x")]
    [InlineData("300")]
    [InlineData("-1")]
    [InlineData("1,1,1,1,1,1,1,1,1")]
    public async Task Logits_tokens_that_do_not_fit_are_refused(string tokens) =>
        Assert.Contains("--tokens", (await Assert.ThrowsAsync<CommandException>(() => RunAsync("logits", checkpoint, $"--tokens={tokens}"))).Message, StringComparison.Ordinal);

    [Fact]
    public async Task Logits_good_tokens_succeed() => Assert.Equal(0, await RunAsync("logits", checkpoint, "--tokens", "1,2,3", "--all"));

    [Fact]
    public void Logits_softmax_is_the_distribution_that_training_sees()
    {
        using var engine = CpuEngine.Load(checkpoint);
        int[] tokens = [5, 9, 257, 40];

        var logits = engine.Logits(tokens, 0);
        var expected = engine.LogProbabilities([new TrainingGroup([5], [new TrainingBranch([9, 257, 40])])], new() { Temperature = 1 }, TestContext.Current.CancellationToken)[0][0];

        for (var i = 0; i < expected.Length; i++)
        {
            var normaliser = Math.Log(logits[i].Sum(x => Math.Exp(x)));
            Assert.Equal(expected[i], logits[i][tokens[i + 1]] - normaliser, tolerance: 1e-4);
        }

        Assert.Equal(logits[3], Assert.Single(engine.Logits(tokens, 3)));
    }

    private static Task<int> RunAsync(params string[] args) =>
        new RootCommand { ModelCommand.Create() }.Parse(["model", .. args]).InvokeAsync(Throwing, TestContext.Current.CancellationToken);
}
