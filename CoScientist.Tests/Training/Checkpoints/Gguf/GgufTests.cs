using System.Text;
using CoScientist.Tests.Shared;
using CoScientist.Tests.Training.Model;
using CoScientist.Training.Checkpoints;
using CoScientist.Training.Checkpoints.Gguf;
using CoScientist.Training.Engines;
using CoScientist.Training.Model;
using CoScientist.Training.Tokenization;

namespace CoScientist.Tests.Training.Checkpoints.Gguf;

public sealed partial class GgufTests : IDisposable
{
    private static readonly BpeTokenizer Tokenizer = BpeTrainer.Train(["the aim is the aim of the plan"], 290, ["<end>", "<pad>"]);
    private static readonly ModelConfig Sizes = ModelConfigTests.Tiny with { VocabularySize = 300, HiddenSize = 32, HeadDim = 8, FeedForwardSize = 64, MaxPositions = 128 };

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("qwen3")]
    [InlineData("qwen2")]
    [InlineData("llama")]
    [InlineData("llama 3")]
    [InlineData("linear")]
    [InlineData("yarn")]
    [InlineData("experts normalised")]
    public void Load_after_export_gives_the_same_logits(string family)
    {
        var source = Saved(family);
        var target = folder.File("model.gguf");
        int[] tokens = [5, 9, 257, 40, 7, 8, 9, 10, 11, 12];

        ModelConversion.Convert(source, target, TensorType.F32, adapter: null, progress: null, TestContext.Current.CancellationToken);

        using var before = CpuEngine.Load(source);
        using var after = CpuEngine.Load(target);
        Assert.Equal(before.Config, after.Config);
        Assert.Equal(before.Logits(tokens, 0), after.Logits(tokens, 0));
    }

    [Theory]
    [InlineData(TensorType.F16, 1e-2)]
    [InlineData(TensorType.BF16, 5e-2)]
    [InlineData(TensorType.Q8_0, 5e-2)]
    public void Load_after_narrow_export_gives_nearly_the_same_logits(TensorType type, double tolerance)
    {
        var source = Saved("qwen3");
        var target = folder.File("model.gguf");
        ModelConversion.Convert(source, target, type, adapter: null, progress: null, TestContext.Current.CancellationToken);

        using (var file = GgufFile.Open(target))
        {
            Assert.All(file.Tensors, tensor => Assert.Equal(tensor.Spec.Shape.Length == 1 ? "F32" : type.ToString(), tensor.TypeName));
        }

        using var before = CpuEngine.Load(source);
        using var after = CpuEngine.Load(target);
        Assert.All(before.Logits([5, 9, 40], 2)[0].Zip(after.Logits([5, 9, 40], 2)[0]), pair => Assert.Equal(pair.First, pair.Second, tolerance));
    }

    [Fact]
    public void Convert_back_to_a_folder_gives_the_same_model_and_use()
    {
        var source = Saved("llama");
        File.Delete(Path.Combine(source, CheckpointManifest.FileName));
        File.WriteAllText(Path.Combine(source, "chat_template.jinja"), "{{ messages }}");
        File.WriteAllText(Path.Combine(source, "generation_config.json"), $$"""{"eos_token_id":[{{Tokenizer.TokenId("<end>")}},1]}""");
        var (gguf, back) = (folder.File("model.gguf"), folder.File("back"));

        ModelConversion.Convert(source, gguf, TensorType.F32, adapter: null, progress: null, TestContext.Current.CancellationToken);
        ModelConversion.Convert(gguf, back, TensorType.F32, adapter: null, progress: null, TestContext.Current.CancellationToken);

        Assert.Equal(File.ReadAllBytes(Path.Combine(source, WeightFiles.SingleFile)), File.ReadAllBytes(Path.Combine(back, WeightFiles.SingleFile)));
        Assert.Equal("{{ messages }}", File.ReadAllText(Path.Combine(back, "chat_template.jinja")));
        Assert.Contains($"\"eos_token_id\": {Tokenizer.TokenId("<end>")}", File.ReadAllText(Path.Combine(back, "generation_config.json")), StringComparison.Ordinal);
        Assert.Equal("llama", CheckpointManifest.Read(back)!.Origin["parent"]);
        var (_, tokenizer) = CheckpointFolder.Open(back);
        const string Text = "the aim’s <end> of thé planning 12\n\n  x";
        Assert.Equal(Tokenizer.Encode(Text, allowSpecial: true), tokenizer.Encode(Text, allowSpecial: true));
        Assert.Equal(Tokenizer.SpecialTokens, tokenizer.SpecialTokens);
    }

    [Fact]
    public void Export_llama_stores_rotated_rows_pair_by_pair()
    {
        var target = folder.File("model.gguf");
        var source = Saved("llama");
        ModelConversion.Convert(source, target, TensorType.F32, adapter: null, progress: null, TestContext.Current.CancellationToken);

        using var folderWeights = WeightFiles.Open(source);
        using var file = GgufFile.Open(target);
        var query = folderWeights.Tensors.Single(tensor => tensor.Spec.Name == "model.layers.1.self_attn.q_proj.weight");
        var stored = file.Tensors.Single(tensor => tensor.Spec.Name == "blk.1.attn_q.weight");

        // Heads of 8: rows 0, 4, 1, 5, 2, 6, 3, 7 of each.
        Assert.Equal(query.Row(8 + 4).ToArray(), stored.Row(8 + 1).ToArray());
        Assert.Equal(query.Row(8 + 1).ToArray(), stored.Row(8 + 2).ToArray());
        Assert.Equal(query.Row(7).ToArray(), stored.Row(7).ToArray());
    }

    [Theory]
    [InlineData("qwen3 sliding")]
    [InlineData("experts")]
    public void Export_model_that_the_format_cannot_describe_is_refused_and_leaves_nothing(string family)
    {
        var target = folder.File("model.gguf");
        var source = Saved(family);

        var message = Assert.Throws<InvalidDataException>(() => ModelConversion.Convert(source, target, TensorType.F32, adapter: null, progress: null, TestContext.Current.CancellationToken)).Message;

        Assert.Contains("GGUF files cannot describe this model", message, StringComparison.Ordinal);
        Assert.Equal([source], Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public void Export_cancelled_leaves_nothing()
    {
        var source = Saved("qwen3");
        using var cancel = new CancellationTokenSource();
        var progress = new Progress(part => (part > 0.5 ? cancel : null)?.Cancel());

        Assert.Throws<OperationCanceledException>(() => ModelConversion.Convert(source, folder.File("model.gguf"), TensorType.F16, adapter: null, progress, cancel.Token));

        Assert.Equal([source], Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public void Open_a_thousand_random_changes_load_or_are_refused()
    {
        var target = folder.File("model.gguf");
        ModelConversion.Convert(Saved("qwen3", ModelConfigTests.Tiny with { VocabularySize = 300, Layers = 1 }), target, TensorType.F16, adapter: null, progress: null, TestContext.Current.CancellationToken);
        var good = File.ReadAllBytes(target);
        File.Move(target, folder.File("good"));
        Mutations.Check(folder, good, seed: 12, changed =>
        {
            using var file = GgufFile.Open(changed);
            var config = GgufModel.Config(file);
            GgufTokenizer.Read(file);
            foreach (var tensor in GgufModel.Weights(file, config))
            {
                tensor.Read(0, new float[tensor.Spec.Count]);
            }
        });
    }

    [Theory]
    [InlineData(1u, 0ul, 0ul, "version 1")]
    [InlineData(0x0300_0000u, 0ul, 0ul, "big-endian")]
    [InlineData(3u, ulong.MaxValue, 0ul, "lists 18446744073709551615 tensors")]
    [InlineData(3u, 0ul, 1ul << 40, "lists 1099511627776 entries")]
    [InlineData(2u, 0ul, 0ul, "general.architecture is missing")]
    public void Open_damaged_start_names_it(uint version, ulong tensors, ulong entries, string expected) =>
        Assert.Contains(expected, Fault(writer => Start(writer, version, tensors, entries)), StringComparison.Ordinal);

    [Fact]
    public void Open_damaged_metadata_names_it()
    {
        Assert.Contains("it ends at byte", Fault(Entry("a", 4)), StringComparison.Ordinal);
        Assert.Contains("unknown type 13", Fault(Entry("a", 13)), StringComparison.Ordinal);
        Assert.Contains("array of type 9", Fault(Entry("a", 9, writer => writer.Write(9))), StringComparison.Ordinal);
        Assert.Contains("lists 4611686018427387904 values in a", Fault(Entry("a", 9, writer => WriteArray(writer, 4, 1L << 62))), StringComparison.Ordinal);
        Assert.Contains("lists 1048576 texts in a", Fault(Entry("a", 9, writer => WriteArray(writer, 8, 1 << 20))), StringComparison.Ordinal);
        Assert.Contains("a is 7; true (1) or false (0)", Fault(Entry("a", 7, writer => writer.Write((byte)7))), StringComparison.Ordinal);
        Assert.Contains("a is 9223372036854775807 bytes long", Fault(Entry("a", 8, writer => writer.Write(long.MaxValue))), StringComparison.Ordinal);
        Assert.Contains("power of two", Fault(Entry("general.alignment", 4, writer => writer.Write(48))), StringComparison.Ordinal);
        Assert.Contains("power of two", Fault(Entry("general.alignment", 4, writer => writer.Write(0))), StringComparison.Ordinal);
        Assert.Contains("supported are llama, qwen2", Fault(Entry("general.architecture", 8, writer => Text(writer, "mamba"))), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, 1ul, 0u, 0ul, "has 0 dimensions")]
    [InlineData(5, 1ul, 0u, 0ul, "has 5 dimensions")]
    [InlineData(2, 0ul, 0u, 0ul, "has an extent of 0")]
    [InlineData(4, 0x7FFF_FFFFul, 0u, 0ul, "has an extent of 2147483647")]
    [InlineData(1, 1ul << 40, 0u, 0ul, "has an extent of")]
    [InlineData(1, 4ul, 99u, 0ul, "element type 99")]
    [InlineData(1, 4ul, 8u, 0ul, "no multiple of the 32 in a block of Q8_0")]
    [InlineData(1, 4ul, 0u, 32ul, "at byte 32 of the data, expected at 0")]
    [InlineData(1, 4096ul, 0u, 0ul, "it is truncated")]
    public void Open_damaged_tensor_names_it(int dimensions, ulong extent, uint type, ulong offset, string expected)
    {
        var message = Fault(writer =>
        {
            Start(writer, 3, 1, 0);
            Text(writer, "x");
            writer.Write(dimensions);
            for (var d = 0; d < dimensions; d++)
            {
                writer.Write(extent);
            }

            writer.Write(type);
            writer.Write(offset);
            writer.Write(new byte[64]);
        });

        Assert.Contains("x", message, StringComparison.Ordinal);
        Assert.Contains(expected, message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_tokenizer_of_another_kind_is_refused_by_name()
    {
        var path = folder.File("t.gguf");
        var head = new GgufHead();
        head.Add("tokenizer.ggml.model", "llama");
        head.Add("tokenizer.ggml.pre", "default");
        using (var stream = File.Create(path))
        {
            head.Write(stream);
        }

        using var file = GgufFile.Open(path);
        Assert.Contains("its tokenizer is of type \"llama\"", Assert.Throws<InvalidDataException>(() => GgufTokenizer.Read(file)).Message, StringComparison.Ordinal);
    }

    private static void Start(BinaryWriter writer, uint version, ulong tensors, ulong entries)
    {
        writer.Write("GGUF"u8);
        writer.Write(version);
        writer.Write(tensors);
        writer.Write(entries);
    }

    private static void Text(BinaryWriter writer, string text)
    {
        writer.Write((long)Encoding.UTF8.GetByteCount(text));
        writer.Write(Encoding.UTF8.GetBytes(text));
    }

    private static void WriteArray(BinaryWriter writer, int type, long count)
    {
        writer.Write(type);
        writer.Write(count);
    }

    private static Action<BinaryWriter> Entry(string key, uint type, Action<BinaryWriter>? value = null) => writer =>
    {
        Start(writer, 3, 0, 1);
        Text(writer, key);
        writer.Write(type);
        value?.Invoke(writer);
    };

    private string Fault(Action<BinaryWriter> write)
    {
        var path = folder.File("bad.gguf");
        using (var writer = new BinaryWriter(File.Create(path)))
        {
            write(writer);
        }

        var message = Assert.Throws<InvalidDataException>(() =>
        {
            using var file = GgufFile.Open(path);
            GgufModel.Config(file);
        }).Message;
        Assert.StartsWith(path, message, StringComparison.Ordinal);
        return message;
    }

    private string Saved(string family, ModelConfig? sizes = null)
    {
        var config = ModelFamilies.Shape(family, sizes ?? Sizes);
        var directory = folder.File(family);
        using var engine = new CpuEngine(config, Tokenizer);
        engine.Weights.Initialise(config, seed: 3);
        engine.Save(directory, new Dictionary<string, string>(StringComparer.Ordinal));
        return directory;
    }

    private sealed class Progress(Action<double> told) : IProgress<double>
    {
        public void Report(double value) => told(value);
    }
}
