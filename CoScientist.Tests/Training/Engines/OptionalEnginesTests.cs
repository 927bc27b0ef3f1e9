using CoScientist.Core.Runs;
using CoScientist.Core.TextModels;
using CoScientist.Tests.Shared;
using CoScientist.Tests.Training.Checkpoints;
using CoScientist.Training.Checkpoints;
using CoScientist.Training.Engines;
using CoScientist.Training.Protocols;

namespace CoScientist.Tests.Training.Engines;

/// <summary>What a program says of engines that it was built without, and what it offers of them beforehand.</summary>
public sealed class OptionalEnginesTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Faults_torch_namesWhatIsMissingAndWhatItCannotTrain()
    {
        var spec = RunPresets.Find("sandbox-grpo")!.Spec with { Engine = new EngineSpec { Kind = RunEngine.Torch } };
        var missing = OptionalEngines.Faults(spec).ToList();
        Assert.Equal(OptionalEngines.HasTorchSharp, missing.Count == 0);
        Assert.All(missing, fault => Assert.Contains("-p:WithTorchSharp=true", fault.ToString(), StringComparison.Ordinal));

        Assert.Contains(OptionalEngines.Faults(spec with { Lora = spec.Lora with { Rank = 8 } }), fault => fault.Path == "lora.rank");
        Assert.Empty(OptionalEngines.Faults(spec with { Engine = new EngineSpec() }));
        Assert.False(spec.Engine.IsElsewhere);
    }

    [Fact]
    public void LoadTorch_withoutIt_saysHowToBuildIt()
    {
        var fault = Assert.Throws<InvalidDataException>(() => OptionalEngines.LoadTorch(folder.File("nowhere"), new EngineOptions())).Message;
        Assert.Contains(OptionalEngines.HasTorchSharp ? "There is no checkpoint folder" : "-p:WithTorchSharp=true", fault, StringComparison.Ordinal);
    }

    [Fact]
    public async Task CompleteAsync_fileWithoutLlama_saysHowToBuildIt()
    {
        using var model = new FileTextModel("judge", folder.File("model.gguf"));
        var fault = await Assert.ThrowsAsync<TextModelException>(() => model.CompleteAsync([new("", "Why?")], new TextSamplingOptions(), TestContext.Current.CancellationToken));
        Assert.Contains(OptionalEngines.HasLLamaSharp ? "is not a GGUF file" : "-p:WithLLamaSharp=true", fault.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void OfGguf_convertedCheckpoint_speaksAsItsFolder()
    {
        var source = PaperPolicy.Write(folder.File("folder"), 5);
        var file = folder.File("model.gguf");
        ModelConversion.Convert(source, file, TensorType.F16, adapter: null, progress: null, TestContext.Current.CancellationToken);
        var (config, tokenizer) = CheckpointFolder.Open(file);

        var (expected, actual) = (PaperPolicy.Chat(source), ChatFormat.OfGguf(file, tokenizer, config.VocabularySize));

        TextPrompt prompt = new("Be brief.", "Why <|im_end|> so?");
        Assert.Equal(expected.Prompt(prompt), actual.Prompt(prompt));
        Assert.Equal(expected.EndTokens, actual.EndTokens);
        Assert.Equal(expected.NeverSampled, actual.NeverSampled);
    }
}
