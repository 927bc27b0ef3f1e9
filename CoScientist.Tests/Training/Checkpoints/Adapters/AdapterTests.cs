using System.Text.Json.Nodes;
using CoScientist.Tests.Training.Model;
using CoScientist.Training.Checkpoints;
using CoScientist.Training.Checkpoints.Adapters;
using CoScientist.Training.Engines;
using CoScientist.Training.Model;
using CoScientist.Training.Tensors;
using CoScientist.Training.Tokenization;

namespace CoScientist.Tests.Training.Checkpoints.Adapters;

public sealed class AdapterTests : IDisposable
{
    private const string Query = "model.layers.0.self_attn.q_proj";
    private const string Down = "model.layers.1.mlp.down_proj";

    private static readonly ModelConfig Model = ModelConfigTests.Tiny with { VocabularySize = 300 };
    private static readonly AdapterConfig Config = new() { Rank = 2, Alpha = 3, TargetModules = ["q_proj", "down_proj"], RankPattern = new Dictionary<string, int>(StringComparer.Ordinal) { ["mlp.down_proj"] = 3 }, BaseModel = "base" };

    private readonly TemporaryFolder folder = new();
    private readonly string adapter;
    private readonly string checkpoint;

    public AdapterTests()
    {
        (adapter, checkpoint) = (folder.File("change"), folder.File("base"));
        using var engine = new CpuEngine(Model, BpeTrainer.Train(["the aim is the aim"], 300, ["<end>"]));
        engine.Weights.Initialise(Model, seed: 3);
        engine.Save(checkpoint, new Dictionary<string, string>(StringComparer.Ordinal) { ["run"] = "r-1" });
        AdapterFolder.Write(adapter, Config, [.. Pair(Query, 2, 6, 8), .. Pair(Down, 3, 5, 6)], new Dictionary<string, string>(StringComparer.Ordinal) { ["run"] = "r-2" });
    }

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Open_after_write_gives_everything_back()
    {
        using var opened = AdapterFolder.Open(adapter);

        Assert.Equal([Query, Down], opened.Modules.Keys.Order(StringComparer.Ordinal));
        Assert.Equal([2, 6], opened.Modules[Query].A.Spec.Shape);
        Assert.Equal("base", opened.Config.BaseModel);
        Assert.Equal(1.5, opened.Config.ScaleOf(Query));
        Assert.Equal(1.0, opened.Config.ScaleOf(Down));
        Assert.Equal(3 / Math.Sqrt(2), (Config with { RankStabilised = true }).ScaleOf(Query), 12);
        Assert.Equal("r-2", CheckpointManifest.Read(adapter)!.Origin["run"]);
    }

    [Fact]
    public void Convert_with_an_adapter_is_the_sum_in_double_precision_rounded_once()
    {
        var target = folder.File("merged");

        ModelConversion.Convert(checkpoint, target, TensorType.F32, adapter, progress: null, TestContext.Current.CancellationToken);

        var (before, after) = (Weights(checkpoint), Weights(target));
        var pairs = Pair(Query, 2, 6, 8).Concat(Pair(Down, 3, 5, 6)).ToDictionary(tensor => tensor.Name, tensor => tensor.Values.ToArray(), StringComparer.Ordinal);
        foreach (var (name, values) in before)
        {
            if (name is not (Query + ".weight" or Down + ".weight"))
            {
                Assert.Equal(values, after[name]);
                continue;
            }

            var module = AdapterFolder.Prefix + name[..^".weight".Length];
            var (a, b) = (pairs[module + ".lora_A.weight"], pairs[module + ".lora_B.weight"]);
            var (rank, inputs, scale) = name[..^".weight".Length] == Query ? (2, 6, 1.5) : (3, 5, 1.0);
            for (var i = 0; i < values.Length; i++)
            {
                var sum = 0.0;
                for (var k = 0; k < rank; k++)
                {
                    sum = Math.FusedMultiplyAdd(a[(k * inputs) + (i % inputs)], scale * b[(i / inputs * rank) + k], sum);
                }

                Assert.Equal((float)(values[i] + sum), after[name][i]);
            }
        }

        var origin = CheckpointManifest.Read(target)!.Origin;
        Assert.Equal(("base", "change", "r-1", "r-2"), (origin["parent"], origin["adapter"], origin["parent/run"], origin["adapter/run"]));
    }

    [Fact]
    public void Apply_in_memory_is_the_merged_folder()
    {
        var target = folder.File("merged");
        ModelConversion.Convert(checkpoint, target, TensorType.F32, adapter, progress: null, TestContext.Current.CancellationToken);
        using var merged = CpuEngine.Load(target);
        using var changed = CpuEngine.Load(checkpoint);
        using var opened = AdapterFolder.Open(adapter);

        AdapterMerge.Apply(changed.Weights.Tensors(), opened);
        changed.WeightsChanged();

        Assert.Equal(merged.Logits([3, 4, 5], 0), changed.Logits([3, 4, 5], 0));
    }

    [Fact]
    public void Merge_adapter_of_another_model_names_the_layer_and_leaves_nothing()
    {
        var other = folder.File("other");
        AdapterFolder.Write(other, Config, Pair(Query, 2, 7, 8), new Dictionary<string, string>(StringComparer.Ordinal));

        var message = Assert.Throws<InvalidDataException>(() => ModelConversion.Convert(checkpoint, folder.File("merged"), TensorType.F32, other, progress: null, TestContext.Current.CancellationToken)).Message;

        Assert.Contains($"the adapter changes '{Query}' of shape [8, 7], but the model has [8, 6]", message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(folder.File("merged")));
    }

    [Theory]
    [InlineData("peft_type", "\"IA3\"", "peft_type is \"IA3\"; only LORA is supported")]
    [InlineData("use_dora", "true", "use_dora is set, which is not supported")]
    [InlineData("modules_to_save", "[\"lm_head\"]", "modules_to_save is [\"lm_head\"]: whole layers were trained beside the adapter, which is not supported")]
    [InlineData("bias", "\"all\"", "bias is not \"none\"")]
    [InlineData("fan_in_fan_out", "true", "fan_in_fan_out is set")]
    [InlineData("layers_to_transform", "[0]", "layers_to_transform is set")]
    [InlineData("init_lora_weights", "\"pissa\"", "init_lora_weights is set")]
    [InlineData("something_new", "{\"a\":1}", "something_new is set")]
    [InlineData("r", "0", "r is 0")]
    [InlineData("r", "\"8\"", "r is \"8\"; a whole number is expected")]
    [InlineData("lora_alpha", "1e999", "lora_alpha")]
    [InlineData("target_modules", "7", "target_modules is missing")]
    [InlineData("rank_pattern", "{\".*q_proj\":4}", "rank_pattern has the entry .*q_proj")]
    [InlineData("rank_pattern", "{\"q_proj\":-4}", "rank_pattern has the entry q_proj")]
    public void Open_what_is_not_supported_is_refused_by_name(string field, string value, string expected)
    {
        Change(json => json[field] = JsonNode.Parse(value));

        var message = Assert.Throws<InvalidDataException>(() => AdapterFolder.Open(adapter)).Message;

        Assert.StartsWith(Path.Combine(adapter, AdapterConfig.FileName), message, StringComparison.Ordinal);
        Assert.Contains(expected, message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("use_dora", "false")]
    [InlineData("modules_to_save", "null")]
    [InlineData("loftq_config", "{}")]
    [InlineData("init_lora_weights", "true")]
    [InlineData("megatron_core", "\"megatron.core\"")]
    public void Open_fields_at_their_defaults_are_fine(string field, string value)
    {
        Change(json => json[field] = JsonNode.Parse(value));

        AdapterFolder.Open(adapter).Dispose();
    }

    [Fact]
    public void Open_tensors_that_are_no_pairs_are_named()
    {
        Assert.Contains("lora_B.weight' is missing", Message(Pair(Query, 2, 6, 8)[..1]), StringComparison.Ordinal);
        Assert.Contains("floats of [2, in] and [out, 2] are expected", Message(Pair(Query, 4, 6, 8)), StringComparison.Ordinal);
        Assert.Contains("lm_head.weight' is a whole weight (modules_to_save", Message([new("base_model.model.lm_head.weight", [1], new float[1])]), StringComparison.Ordinal);
        Assert.Contains("embed_tokens.lora_embedding_A' is an adapter of the embedding, which is not supported", Message([new("base_model.model.model.embed_tokens.lora_embedding_A", [1], new float[1])]), StringComparison.Ordinal);
        Assert.Contains("'other' is no part of a LoRA adapter", Message([new("other", [1], new float[1])]), StringComparison.Ordinal);
        Assert.Contains("holds no tensors", Message([]), StringComparison.Ordinal);
        Assert.Contains("adapter_model.safetensors is missing", Assert.Throws<InvalidDataException>(() =>
        {
            File.Delete(Path.Combine(adapter, AdapterFolder.WeightsFile));
            AdapterFolder.Open(adapter);
        }).Message, StringComparison.Ordinal);

        string Message(NamedTensor[] tensors)
        {
            File.Delete(Path.Combine(adapter, CheckpointManifest.FileName));
            SafetensorsFile.Write(Path.Combine(adapter, AdapterFolder.WeightsFile), tensors);
            return Assert.Throws<InvalidDataException>(() => AdapterFolder.Open(adapter)).Message;
        }
    }

    [Fact]
    public void LoadAdapter_after_SaveAdapter_is_the_same_model()
    {
        var saved = folder.File("trained");
        int[] tokens = [3, 4, 5];
        using var trained = CpuEngine.Load(checkpoint);
        trained.AddLora(new LoraOptions { Rank = 2, Alpha = 3, RankStabilised = true, TargetModules = ["v_proj", "up_proj"] });
        foreach (var tensor in trained.Adapter!.Tensors())
        {
            tensor.Values.Span.Fill(0.25f);
        }

        trained.WeightsChanged();
        trained.SaveAdapter(saved, "base", new Dictionary<string, string>(StringComparer.Ordinal));
        using var loaded = CpuEngine.Load(checkpoint);
        loaded.LoadAdapter(saved);
        var merged = folder.File("merged");
        ModelConversion.Convert(checkpoint, merged, TensorType.F32, saved, progress: null, TestContext.Current.CancellationToken);
        using var folded = CpuEngine.Load(merged);

        Assert.Equal(trained.Logits(tokens, 0), loaded.Logits(tokens, 0));
        Assert.All(trained.Logits(tokens, 2)[0].Zip(folded.Logits(tokens, 2)[0]), pair => Assert.Equal(pair.First, pair.Second, 1e-4));
        using var plain = CpuEngine.Load(checkpoint);
        Assert.NotEqual(plain.Logits(tokens, 2)[0], loaded.Logits(tokens, 2)[0]);
    }

    [Fact]
    public void LoadAdapter_with_several_ranks_says_what_is_possible()
    {
        using var engine = CpuEngine.Load(checkpoint);

        Assert.Contains("can be merged, but not trained on", Assert.Throws<InvalidDataException>(() => engine.LoadAdapter(adapter)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("lm_head", 300, "the model's output head is its embedding, which would change too")]
    [InlineData("model.embed_tokens", 300, "adapters of the embedding are not supported")]
    public void LoadAdapter_of_the_head_of_a_tied_model_names_the_file_and_the_reason(string module, int outputs, string reason)
    {
        var other = folder.File("other");
        var config = new AdapterConfig { Rank = 2, Alpha = 3, TargetModules = [module] };
        AdapterFolder.Write(other, config, Pair(module, 2, 6, outputs), new Dictionary<string, string>(StringComparer.Ordinal));
        using var engine = CpuEngine.Load(checkpoint);

        var loading = Assert.Throws<InvalidDataException>(() => engine.LoadAdapter(other)).Message;
        var merging = Assert.Throws<InvalidDataException>(() => ModelConversion.Convert(checkpoint, folder.File("merged"), TensorType.F32, other, progress: null, TestContext.Current.CancellationToken)).Message;

        Assert.StartsWith(Path.Combine(other, AdapterConfig.FileName), loading, StringComparison.Ordinal);
        Assert.Contains($"'{module}'", loading, StringComparison.Ordinal);
        Assert.StartsWith(other, merging, StringComparison.Ordinal);
        Assert.Contains(reason, merging, StringComparison.Ordinal);
        Assert.Null(engine.Lora);
    }

    [Fact]
    public void LoadAdapter_of_an_untied_head_is_the_merged_model()
    {
        var (untied, other, merged) = (folder.File("untied"), folder.File("other"), folder.File("merged"));
        var model = Model with { TiedEmbeddings = false };
        using (var engine = new CpuEngine(model, BpeTrainer.Train(["the aim is the aim"], 300, ["<end>"])))
        {
            engine.Weights.Initialise(model, seed: 3);
            engine.Save(untied, new Dictionary<string, string>(StringComparer.Ordinal));
        }

        AdapterFolder.Write(other, new AdapterConfig { Rank = 2, Alpha = 0.5, TargetModules = ["lm_head"] }, Pair("lm_head", 2, 6, 300), new Dictionary<string, string>(StringComparer.Ordinal));
        ModelConversion.Convert(untied, merged, TensorType.F32, other, progress: null, TestContext.Current.CancellationToken);
        using var adapted = CpuEngine.Load(untied);
        var before = adapted.Logits([3, 4, 5], 2)[0];
        adapted.LoadAdapter(other);
        using var folded = CpuEngine.Load(merged);

        Assert.NotEqual(before, adapted.Logits([3, 4, 5], 2)[0]);
        Assert.All(adapted.Logits([3, 4, 5], 2)[0].Zip(folded.Logits([3, 4, 5], 2)[0]), pair => Assert.Equal(pair.First, pair.Second, 1e-4));
    }

    private static NamedTensor[] Pair(string module, int rank, int inputs, int outputs) =>
    [
        new($"{AdapterFolder.Prefix}{module}.lora_A.weight", [rank, inputs], Enumerable.Range(0, rank * inputs).Select(i => MathF.Sin(i + 1)).ToArray()),
        new($"{AdapterFolder.Prefix}{module}.lora_B.weight", [outputs, rank], Enumerable.Range(0, outputs * rank).Select(i => MathF.Cos(i + 1)).ToArray()),
    ];

    private static Dictionary<string, float[]> Weights(string directory)
    {
        using var weights = WeightFiles.Open(directory);
        return weights.Tensors.ToDictionary(tensor => tensor.Spec.Name, tensor =>
        {
            var values = new float[tensor.Spec.Count];
            tensor.Read(0, values);
            return values;
        }, StringComparer.Ordinal);
    }

    private void Change(Action<JsonObject> change)
    {
        File.Delete(Path.Combine(adapter, CheckpointManifest.FileName));
        var path = Path.Combine(adapter, AdapterConfig.FileName);
        var json = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        change(json);
        File.WriteAllText(path, json.ToJsonString());
    }
}
