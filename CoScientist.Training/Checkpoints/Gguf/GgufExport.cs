using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using CoScientist.Core;
using CoScientist.Core.Storage;
using CoScientist.Training.Model;
using CoScientist.Training.Tensors;

namespace CoScientist.Training.Checkpoints.Gguf;

/// <summary>Writes checkpoints as GGUF files, which llama.cpp and what is built on it read.</summary>
internal static class GgufExport
{
    /// <summary>Key under which a file keeps where it comes from, as JSON; see <see cref="CheckpointManifest.Origin"/>.</summary>
    public const string OriginKey = "coscientist.origin";

    /// <summary>Writes a file, whole or not at all.</summary>
    /// <param name="path">The file; must not exist.</param>
    /// <param name="content">The model. Norms, biases and routers are kept as F32, and matrices whose rows are no whole blocks as F16.</param>
    /// <param name="type">Element type of the matrices: F32, F16, BF16 or Q8_0.</param>
    /// <param name="cancellationToken">Stops between parts of tensors and leaves nothing.</param>
    /// <exception cref="InvalidDataException">The format cannot describe the model or its tokenizer.</exception>
    /// <exception cref="IOException">The file exists already, or the disk refuses.</exception>
    public static void Write(string path, CheckpointContent content, TensorType type, CancellationToken cancellationToken)
    {
        if (Path.Exists(path))
        {
            throw new IOException($"{path} exists already and is left as it is: choose another name, or remove it first.");
        }

        var tensors = Gather(content);
        var head = new GgufHead();
        AddModel(head, content, type);
        AddUse(head, content);
        var types = tensors.ConvertAll(tensor => TypeOf(tensor.Spec, type));
        for (var i = 0; i < tensors.Count; i++)
        {
            head.AddTensor(tensors[i].Spec.Name, tensors[i].Spec.Shape, types[i], types[i].ByteCount(tensors[i].Spec.Count));
        }

        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        AtomicFile.Write(path, stream =>
        {
            head.Write(stream);
            for (var i = 0; i < tensors.Count; i++)
            {
                tensors[i].Write(stream, types[i], cancellationToken);
                GgufHead.Pad(stream, types[i].ByteCount(tensors[i].Spec.Count));
            }
        });
    }

    private static TensorType TypeOf(TensorSpec spec, TensorType type) =>
        spec.Shape.Length == 1 || spec.Name.EndsWith("ffn_gate_inp.weight", StringComparison.Ordinal) ? TensorType.F32
        : spec.Shape[^1] % type.BlockValues() == 0 ? type
        : TensorType.F16;

    private static void AddModel(GgufHead head, CheckpointContent content, TensorType type)
    {
        var config = content.Config;
        var architecture = Architecture(config);
        head.Add("general.architecture", architecture);
        head.Add("general.file_type", (int)GgufTypes.FileType(type));
        head.Add("general.quantization_version", 2);
        head.Add(OriginKey, JsonSerializer.Serialize(content.Origin));
        Add("block_count", config.Layers);
        Add("context_length", config.MaxPositions);
        Add("embedding_length", config.HiddenSize);
        Add("feed_forward_length", config.FeedForwardSize);
        Add("attention.head_count", config.Heads);
        Add("attention.head_count_kv", config.KeyValueHeads);
        Add("attention.key_length", config.HeadDim);
        Add("attention.value_length", config.HeadDim);
        Add("rope.dimension_count", config.HeadDim);
        Add("vocab_size", config.VocabularySize);
        head.Add($"{architecture}.rope.freq_base", config.RopeTheta);
        head.Add($"{architecture}.attention.layer_norm_rms_epsilon", config.RmsNormEpsilon);
        if (config.Experts > 0)
        {
            Add("expert_count", config.Experts);
            Add("expert_used_count", config.ExpertsPerToken);
            Add("expert_feed_forward_length", config.ExpertSize);
        }

        if (config.RopeScaling is { Kind: RopeScalingKind.Llama3 } rule)
        {
            head.Add(GgufModel.RuleKey + "factor", rule.Factor);
            head.Add(GgufModel.RuleKey + "original_context_length", rule.OriginalMaxPositions);
            head.Add(GgufModel.RuleKey + "low_freq_factor", rule.LowFrequencyFactor);
            head.Add(GgufModel.RuleKey + "high_freq_factor", rule.HighFrequencyFactor);
        }
        else if (config.RopeScaling is { } scaling)
        {
            head.Add($"{architecture}.rope.scaling.type", scaling.Kind == RopeScalingKind.Yarn ? "yarn" : "linear");
            head.Add($"{architecture}.rope.scaling.factor", scaling.Factor);
            Add("rope.scaling.original_context_length", scaling.OriginalMaxPositions);
        }

        void Add(string name, int value) => head.Add($"{architecture}.{name}", value);
    }

    private static string Architecture(ModelConfig config)
    {
        var plainYarn = config.RopeScaling is not { Kind: RopeScalingKind.Yarn } yarn || yarn is { BetaFast: 32, BetaSlow: 1, AttentionFactor: 0, Truncate: true };
        return GgufName.Architecture(config) is { } architecture && plainYarn
            ? architecture
            : throw new InvalidDataException("GGUF files cannot describe this model: sliding windows, biases beyond those of queries, keys and values, experts in some layers only or not normalised, and special YaRN settings have no place in them. Keep the folder layout.");
    }

    // Tokenizer, template and special ids.
    private static void AddUse(GgufHead head, CheckpointContent content)
    {
        GgufTokenizer.Write(head, content.Tokenizer, content.Config.VocabularySize);
        var generation = Parsed("generation_config.json");
        var settings = Parsed(CheckpointFolder.TokenizerConfigFile);
        var config = content.Companions.Config is { } path ? JsonFile.ReadNode(path) : null;
        foreach (var (name, key) in new[] { ("bos", "tokenizer.ggml.bos_token_id"), ("eos", "tokenizer.ggml.eos_token_id"), ("pad", "tokenizer.ggml.padding_token_id") })
        {
            if ((Id(generation?[name + "_token_id"]) ?? Id(config?[name + "_token_id"]) ?? Named(settings?[name + "_token"])) is { } id && id < content.Config.VocabularySize)
            {
                head.Add(key, id);
            }
        }

        var template = content.Companions.Files.TryGetValue("chat_template.jinja", out var file) ? Encoding.UTF8.GetString(file) : (settings?["chat_template"] as JsonValue)?.ToString();
        if (template is not null)
        {
            head.Add("tokenizer.chat_template", template);
        }

        JsonNode? Parsed(string name) => content.Companions.Files.TryGetValue(name, out var bytes) ? JsonFile.ParseNode(bytes, name) : null;

        int? Id(JsonNode? node) => node is JsonArray { Count: > 0 } several ? Id(several[0]) : node is JsonValue value && value.TryGetValue<int>(out var id) && id >= 0 ? id : null;

        int? Named(JsonNode? node)
        {
            var text = node is JsonObject token ? (string?)token["content"] : node is JsonValue ? node.ToString() : null;
            return text is not null && content.Tokenizer.SpecialTokens.Contains(text, StringComparer.Ordinal) ? content.Tokenizer.TokenId(text) : null;
        }
    }

    /// <summary>The tensors under ggml's names and in its order of rows; experts of a layer become one tensor.</summary>
    private static List<TensorSource> Gather(CheckpointContent content)
    {
        var (config, gathered) = (content.Config, new List<TensorSource>());
        foreach (var group in content.Ordered().GroupBy(tensor => GgufName.Of(tensor.Spec, config).Name, StringComparer.Ordinal))
        {
            TensorSource[] parts = [.. group];
            var name = GgufName.Of(parts[0].Spec, config);
            gathered.Add(name.Expert is not null
                ? Experts(name.Name, parts)
                : new(new TensorSpec(name.Name, parts[0].Spec.Shape), name.RotaryHeads == 0 ? parts[0].Read : Paired(parts[0], name.RotaryHeads)));
        }

        if (config.RopeScaling is { Kind: RopeScalingKind.Llama3 } scaling)
        {
            gathered.Add(TensorSource.From(new NamedTensor(GgufName.RotaryDivisors, [config.HeadDim / 2], GgufModel.Divisors(scaling, config))));
        }

        return gathered;
    }

    private static TensorSource Experts(string name, TensorSource[] experts)
    {
        var shape = experts[0].Spec.Shape;
        return new(new TensorSpec(name, [experts.Length, .. shape]), (firstRow, values) =>
        {
            for (var done = 0; done < values.Length;)
            {
                var row = firstRow + (done / shape[1]);
                var count = (int)Math.Min(shape[0] - (row % shape[0]), (values.Length - done) / shape[1]) * shape[1];
                experts[row / shape[0]].Read(row % shape[0], values.Slice(done, count));
                done += count;
            }
        });
    }

    // Row 2j + s of a head in the file is row s·h/2 + j of Hugging Face's.
    private static TensorRows Paired(TensorSource tensor, int heads)
    {
        var (width, length) = (tensor.Spec.Shape[0] / heads, tensor.Spec.Shape[1]);
        return (firstRow, values) =>
        {
            for (var i = 0; i < values.Length / length; i++)
            {
                var (head, at) = Math.DivRem(firstRow + i, width);
                tensor.Read((head * width) + (at % 2 * (width / 2)) + (at / 2), values.Slice(i * length, length));
            }
        };
    }
}
