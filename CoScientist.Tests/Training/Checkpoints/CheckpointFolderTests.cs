using System.Text.Json;
using System.Text.Json.Nodes;
using CoScientist.Tests.Training.Model;
using CoScientist.Training.Checkpoints;
using CoScientist.Training.Model;
using CoScientist.Training.Tensors;
using CoScientist.Training.Tokenization;

namespace CoScientist.Tests.Training.Checkpoints;

public sealed class CheckpointFolderTests : IDisposable
{
    private static readonly ModelConfig Config = ModelConfigTests.Tiny with { VocabularySize = 300 };
    private static readonly BpeTokenizer Tokenizer = BpeTrainer.Train(["the aim is the aim"], 300, ["<end>"]);
    private static readonly Dictionary<string, string> Origin = new(StringComparer.Ordinal) { ["run"] = "sandbox-grpo-3", ["step"] = "40", ["judge/score"] = "0.5" };

    private readonly TemporaryFolder folder = new();
    private readonly string checkpoint;

    public CheckpointFolderTests() => checkpoint = folder.File("step-000040");

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Read_after_write_gives_everything_back()
    {
        var tensors = Filled();
        CheckpointFolder.Write(checkpoint, Config, tensors.Reverse().ToList(), Tokenizer, Origin);

        var (config, tokenizer) = CheckpointFolder.Open(checkpoint);
        var read = Empty();
        CheckpointFolder.ReadWeights(checkpoint, read);

        Assert.Equal(Config, config);
        Assert.Equal(Tokenizer.Encode("the aim <end>", allowSpecial: true), tokenizer.Encode("the aim <end>", allowSpecial: true));
        Assert.All(tensors.Zip(read), pair => Assert.Equal(pair.First.Values.ToArray(), pair.Second.Values.ToArray()));
        Assert.Equal(["config.json", "manifest.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"], Directory.GetFiles(checkpoint).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Equal([checkpoint], Directory.GetDirectories(folder.Path));
    }

    [Fact]
    public void Write_manifest_tells_origin_and_hashes()
    {
        Write();

        var manifest = CheckpointManifest.Read(checkpoint)!;

        Assert.Equal(Origin, manifest.Origin);
        Assert.Equal(4, manifest.Files.Count);
        Assert.Equal(64, manifest.Files["model.safetensors"].Sha256.Length);
    }

    [Fact]
    public void Write_existing_folder_is_refused_and_unchanged()
    {
        Write();
        var before = File.GetLastWriteTimeUtc(Path.Combine(checkpoint, "manifest.json"));

        Assert.Contains("exists already", Assert.Throws<IOException>(Write).Message, StringComparison.Ordinal);

        Assert.Equal(before, File.GetLastWriteTimeUtc(Path.Combine(checkpoint, "manifest.json")));
        CheckpointFolder.Open(checkpoint);
    }

    [Fact]
    public void Write_after_a_crash_between_files_clears_the_leftover_and_keeps_the_others()
    {
        Write();
        var next = folder.File("step-000050");
        var leftover = Directory.CreateDirectory(folder.File(".step-000050.0123456789abcdef0123456789abcdef.tmp"));
        File.WriteAllText(Path.Combine(leftover.FullName, "config.json"), "{");

        CheckpointFolder.Open(checkpoint);
        CheckpointFolder.Write(next, Config, Filled(), Tokenizer, Origin);

        Assert.Equal([checkpoint, next], Directory.GetDirectories(folder.Path).Order(StringComparer.Ordinal));
        CheckpointFolder.Open(next);
    }

    [Fact]
    public void Write_failing_half_way_leaves_nothing()
    {
        var tensors = Filled();

        Assert.Throws<ArgumentException>(() => CheckpointFolder.Write(checkpoint, Config, tensors.Skip(1).ToList(), Tokenizer, Origin));
        Assert.Throws<ArgumentException>(() => CheckpointFolder.Write(checkpoint, Config, [.. tensors, new("extra", [1], new float[1])], Tokenizer, Origin));
        Assert.Throws<IOException>(() => CoScientist.Core.Storage.AtomicFolder.Create(checkpoint, _ => throw new IOException("disk full")));

        Assert.Empty(Directory.GetFileSystemEntries(folder.Path));
    }

    [Theory]
    [InlineData("config.json")]
    [InlineData("model.safetensors")]
    [InlineData("tokenizer.json")]
    [InlineData("tokenizer_config.json")]
    public void Open_file_changed_missing_or_cut_names_it(string name)
    {
        Write();
        var path = Path.Combine(checkpoint, name);
        var bytes = File.ReadAllBytes(path);

        File.WriteAllBytes(path, bytes[..^1]);
        Assert.Contains($"{name} has {bytes.Length - 1} of {bytes.Length} bytes; the file is truncated: copy it again", OpenFault(), StringComparison.Ordinal);

        bytes[^1] ^= 1;
        File.WriteAllBytes(path, bytes);
        Assert.Contains($"{name} is not the file that manifest.json describes", OpenFault(), StringComparison.Ordinal);

        File.Delete(path);
        Assert.Contains($"{name} is missing", OpenFault(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{")]
    [InlineData("null")]
    [InlineData("{\"version\":2,\"origin\":{},\"files\":{}}")]
    [InlineData("{\"version\":1,\"origin\":{}}")]
    [InlineData("{\"version\":1,\"origin\":{},\"files\":{\"../secret\":{\"bytes\":1,\"sha256\":\"x\"}}}")]
    [InlineData("{\"version\":1,\"origin\":{},\"files\":{\"config.json\":null}}")]
    public void Open_malformed_manifest_names_it(string json)
    {
        Write();
        File.WriteAllText(Path.Combine(checkpoint, "manifest.json"), json);

        Assert.Contains("manifest", OpenFault(), StringComparison.Ordinal);
    }

    [Fact]
    public void Open_folder_from_elsewhere_needs_no_manifest()
    {
        Write();
        File.Delete(Path.Combine(checkpoint, "manifest.json"));
        File.Delete(Path.Combine(checkpoint, "tokenizer_config.json"));

        CheckpointFolder.Open(checkpoint);

        File.Delete(Path.Combine(checkpoint, "tokenizer.json"));
        Assert.Contains("tokenizer.json is missing", OpenFault(), StringComparison.Ordinal);
    }

    [Fact]
    public void Open_no_folder_says_so() => Assert.Contains("There is no checkpoint folder", OpenFault(), StringComparison.Ordinal);

    [Fact]
    public void Open_tokenizer_with_more_ids_than_embeddings_is_refused()
    {
        CheckpointFolder.Write(checkpoint, Config with { VocabularySize = 5 }, Filled(Config with { VocabularySize = 5 }), Tokenizer, Origin);

        Assert.Contains("but the model has 5 embeddings", OpenFault(), StringComparison.Ordinal);
    }

    [Fact]
    public void ReadWeights_shards_are_put_together()
    {
        var tensors = Shard(out _);

        var read = Empty();
        CheckpointFolder.ReadWeights(checkpoint, read);

        Assert.All(tensors.Zip(read), pair => Assert.Equal(pair.First.Values.ToArray(), pair.Second.Values.ToArray()));
    }

    [Fact]
    public void ReadWeights_missing_shard_is_named()
    {
        Shard(out _);
        File.Delete(Path.Combine(checkpoint, "model-2.safetensors"));

        Assert.Contains("model-2.safetensors is missing", WeightsFault(), StringComparison.Ordinal);
    }

    [Fact]
    public void ReadWeights_shard_truncated_is_named()
    {
        Shard(out _);
        var path = Path.Combine(checkpoint, "model-2.safetensors");
        File.WriteAllBytes(path, File.ReadAllBytes(path)[..^4]);

        Assert.Contains("model-2.safetensors: tensor 'model.norm.weight'", WeightsFault(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("model-1.safetensors", "model-2.safetensors holds tensor 'model.norm.weight', which model.safetensors.index.json does not put there")]
    [InlineData("../model-2.safetensors", "which is not inside the folder")]
    [InlineData("", "which is not inside the folder")]
    [InlineData("model-3.safetensors", "model-3.safetensors is missing")]
    public void ReadWeights_index_that_points_elsewhere_is_refused(string shard, string expected)
    {
        Shard(out var index);
        index["weight_map"]!["model.norm.weight"] = shard;
        File.WriteAllText(Path.Combine(checkpoint, WeightFiles.IndexFile), index.ToJsonString());

        Assert.Contains(expected, WeightsFault(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{")]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("{\"weight_map\":[]}")]
    [InlineData("{\"weight_map\":{\"a\":1}}")]
    [InlineData("{\"weight_map\":{}}")]
    public void ReadWeights_malformed_index_is_named(string json)
    {
        Shard(out _);
        File.WriteAllText(Path.Combine(checkpoint, WeightFiles.IndexFile), json);

        Assert.Contains(WeightFiles.IndexFile, WeightsFault(), StringComparison.Ordinal);
    }

    [Fact]
    public void ReadWeights_tied_head_stored_all_the_same_is_left_aside()
    {
        Directory.CreateDirectory(checkpoint);
        SafetensorsFile.Write(Path.Combine(checkpoint, "model.safetensors"), [.. Filled(), new("lm_head.weight", [300, 6], new float[1800])]);

        CheckpointFolder.ReadWeights(checkpoint, Empty());
    }

    [Fact]
    public void ReadWeights_tensor_of_another_architecture_is_refused()
    {
        Directory.CreateDirectory(checkpoint);
        SafetensorsFile.Write(Path.Combine(checkpoint, "model.safetensors"), [.. Filled(), new("model.layers.0.self_attn.q_proj.bias", [8], new float[8])]);

        Assert.Contains("'model.layers.0.self_attn.q_proj.bias' is not of the model", WeightsFault(), StringComparison.Ordinal);
    }

    [Fact]
    public void ReadWeights_no_weights_at_all_names_the_file()
    {
        Directory.CreateDirectory(checkpoint);

        Assert.Contains("model.safetensors is missing", WeightsFault(), StringComparison.Ordinal);
    }

    [Fact]
    public void Write_above_the_shard_size_makes_shards_and_their_index()
    {
        var tensors = Filled();
        var content = new CheckpointContent(Config, [.. tensors.Select(TensorSource.From)], Tokenizer, Origin, Companions.None);

        CheckpointFolder.Write(checkpoint, content, TensorType.F32, shardBytes: 1000, CancellationToken.None);

        var shards = Directory.GetFiles(checkpoint, "*.safetensors");
        var read = Empty();
        CheckpointFolder.Open(checkpoint);
        CheckpointFolder.ReadWeights(checkpoint, read);
        Assert.Contains(Path.Combine(checkpoint, $"model-00001-of-{shards.Length:00000}.safetensors"), shards);
        Assert.True(shards.Length > 2);
        Assert.False(File.Exists(Path.Combine(checkpoint, WeightFiles.SingleFile)));
        Assert.Contains("\"total_size\": " + tensors.Sum(tensor => 4L * tensor.Values.Length), File.ReadAllText(Path.Combine(checkpoint, WeightFiles.IndexFile)), StringComparison.Ordinal);
        Assert.All(tensors.Zip(read), pair => Assert.Equal(pair.First.Values.ToArray(), pair.Second.Values.ToArray()));
    }

    [Fact]
    public void Write_cancelled_half_way_leaves_nothing()
    {
        using var cancel = new CancellationTokenSource();
        var sources = Filled().Select(TensorSource.From).ToList();
        var inner = sources[7].Read;
        sources[7] = sources[7] with
        {
            Read = (row, values) =>
            {
                cancel.Cancel();
                inner(row, values);
            },
        };

        Assert.Throws<OperationCanceledException>(() => CheckpointFolder.Write(checkpoint, new CheckpointContent(Config, sources, Tokenizer, Origin, Companions.None), TensorType.F32, shardBytes: 1000, cancel.Token));

        Assert.Empty(Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public void Write_value_beyond_F16_names_the_tensor_and_leaves_nothing()
    {
        var tensors = Filled();
        tensors[3].Values.Span[0] = 70_000;

        var message = Assert.Throws<InvalidDataException>(() => CheckpointFolder.Write(checkpoint, Config, tensors, Tokenizer, Origin, TensorType.F16)).Message;

        Assert.Contains($"Tensor '{tensors[3].Name}' holds the value 70000, which F16 cannot hold", message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(folder.Path));
    }

    private static IReadOnlyList<NamedTensor> Filled(ModelConfig? config = null)
    {
        var next = 0f;
        return [.. (config ?? Config).Tensors().Select(spec => new NamedTensor(spec.Name, spec.Shape, Enumerable.Range(0, (int)spec.Count).Select(_ => MathF.Sin(next++)).ToArray()))];
    }

    private static List<NamedTensor> Empty() => [.. Config.Tensors().Select(spec => new NamedTensor(spec.Name, spec.Shape, new float[spec.Count]))];

    private void Write() => CheckpointFolder.Write(checkpoint, Config, Filled(), Tokenizer, Origin);

    private IReadOnlyList<NamedTensor> Shard(out JsonNode index)
    {
        Directory.CreateDirectory(checkpoint);
        var tensors = Filled();
        SafetensorsFile.Write(Path.Combine(checkpoint, "model-1.safetensors"), tensors.Take(5).ToList());
        SafetensorsFile.Write(Path.Combine(checkpoint, "model-2.safetensors"), tensors.Skip(5).ToList());
        var map = tensors.Index().ToDictionary(entry => entry.Item.Name, entry => entry.Index < 5 ? "model-1.safetensors" : "model-2.safetensors", StringComparer.Ordinal);
        index = JsonSerializer.SerializeToNode(new { metadata = new { total_size = 1 }, weight_map = map })!;
        File.WriteAllText(Path.Combine(checkpoint, WeightFiles.IndexFile), index.ToJsonString());
        return tensors;
    }

    private string OpenFault() => Assert.Throws<InvalidDataException>(() => CheckpointFolder.Open(checkpoint)).Message;

    private string WeightsFault() => Assert.Throws<InvalidDataException>(() => CheckpointFolder.ReadWeights(checkpoint, Empty())).Message;
}
