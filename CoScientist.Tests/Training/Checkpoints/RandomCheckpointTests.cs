using System.Security.Cryptography;
using CoScientist.Core.TextModels;
using CoScientist.Training.Checkpoints;
using CoScientist.Training.Engines;
using CoScientist.Training.Protocols;

namespace CoScientist.Tests.Training.Checkpoints;

public sealed class RandomCheckpointTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Write_tinyShape_canBeSpokenToAndGivesNumbers()
    {
        var path = folder.File("a");
        RandomCheckpoint.Write(path, "qwen3-tiny", 1, TensorType.BF16, Cancellation);

        using var engine = CpuEngine.Load(path);
        var chat = ChatFormat.Load(path, engine.Tokenizer, engine.Config.VocabularySize);
        var prompt = chat.Prompt(new TextPrompt("Be brief.", "<|im_end|> is no turn's end."), thinking: false);
        var text = engine.Tokenizer.Decode(prompt, skipSpecial: false);

        Assert.Equal("<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n<|im_end|> is no turn's end.<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n", text);
        Assert.Equal(2, prompt.Count(id => id == chat.EndTokens[0]));
        Assert.All(engine.Logits(prompt, prompt.Length - 1)[0], logit => Assert.True(float.IsFinite(logit)));
        Assert.Equal(engine.Config.VocabularySize - engine.Tokenizer.VocabularySize, chat.NeverSampled.Count(id => id >= engine.Tokenizer.VocabularySize));
    }

    [Fact]
    public void Write_sameSeed_givesTheSameBytes()
    {
        foreach (var (name, seed) in new[] { ("a", 1L), ("b", 1L), ("c", 2L) })
        {
            RandomCheckpoint.Write(folder.File(name), "qwen3-tiny", seed, TensorType.F32, Cancellation);
        }

        string Hash(string name) => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(Path.Combine(folder.File(name), "model.safetensors"))));
        Assert.Equal(Hash("a"), Hash("b"));
        Assert.NotEqual(Hash("a"), Hash("c"));
    }

    [Fact]
    public void Shapes_smallQwen3_isThePublishedOne()
    {
        var shape = RandomCheckpoint.Shapes["qwen3-0.6b"];

        shape.Validate();
        Assert.Equal(596_049_920, shape.ParameterCount);
        Assert.Equal((151_936, 1024, 28, 16, 8, 128, 3072), (shape.VocabularySize, shape.HiddenSize, shape.Layers, shape.Heads, shape.KeyValueHeads, shape.HeadDim, shape.FeedForwardSize));
        Assert.Equal((true, true, 1e6, 1e-6), (shape.TiedEmbeddings, shape.QkNorm, shape.RopeTheta, shape.RmsNormEpsilon));
        Assert.Contains("choose among qwen3-0.6b", Assert.Throws<ArgumentException>(() => RandomCheckpoint.Write(folder.File("x"), "gpt", 1, TensorType.F32, Cancellation)).Message, StringComparison.Ordinal);
    }
}
