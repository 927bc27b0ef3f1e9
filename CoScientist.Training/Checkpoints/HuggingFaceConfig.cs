using System.Text.Json;
using System.Text.Json.Nodes;
using CoScientist.Training.Model;

namespace CoScientist.Training.Checkpoints;

/// <summary>Hugging Face's <c>config.json</c> of the architectures the engine computes: Qwen3, Qwen2 and Llama, dense.</summary>
public static class HuggingFaceConfig
{
    private static readonly JsonSerializerOptions Writing = new() { WriteIndented = true };

    /// <summary>Reads a configuration.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="InvalidDataException">Not a supported architecture, or fields are missing or out of range; names every fault at once.</exception>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    public static ModelConfig Read(string path)
    {
        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(File.ReadAllBytes(path));
        }
        catch (JsonException exception)
        {
            throw new InvalidDataException($"{path} is not JSON: {exception.Message} Get the file again.", exception);
        }

        using (document)
        {
            var fields = new ConfigFields(document.RootElement);
            var config = Read(fields);
            if (fields.Faults.Count == 0)
            {
                try
                {
                    config.Validate();
                }
                catch (InvalidDataException exception)
                {
                    throw new InvalidDataException($"{path}: {exception.Message}", exception);
                }

                return config;
            }

            throw new InvalidDataException($"{path}: {string.Join("; ", fields.Faults)}. Use a dense Qwen3, Qwen2 or Llama checkpoint.");
        }
    }

    /// <summary>Writes the JSON of a configuration that Hugging Face's library reads.</summary>
    /// <param name="config">The model's shape.</param>
    /// <param name="type">Element type of the weights beside it.</param>
    /// <param name="basis">A configuration whose other fields (ids of start and end tokens, say) are carried over; null for none.</param>
    public static string Write(ModelConfig config, TensorType type, string? basis = null)
    {
        ArgumentNullException.ThrowIfNull(config);
        var (modelType, architecture) = config switch
        {
            { QkNorm: true } => ("qwen3", "Qwen3ForCausalLM"),
            { AttentionBias: true } => ("qwen2", "Qwen2ForCausalLM"),
            _ => ("llama", "LlamaForCausalLM"),
        };

        var json = new JsonObject
        {
            ["architectures"] = new JsonArray(architecture),
            ["model_type"] = modelType,
            ["attention_bias"] = config.AttentionBias,
            ["attention_dropout"] = 0.0,
            ["head_dim"] = config.HeadDim,
            ["hidden_act"] = "silu",
            ["hidden_size"] = config.HiddenSize,
            ["initializer_range"] = 0.02,
            ["intermediate_size"] = config.FeedForwardSize,
            ["max_position_embeddings"] = config.MaxPositions,
            ["num_attention_heads"] = config.Heads,
            ["num_hidden_layers"] = config.Layers,
            ["num_key_value_heads"] = config.KeyValueHeads,
            ["rms_norm_eps"] = config.RmsNormEpsilon,

            // The base of the rotary frequencies has moved: readers before transformers 5 look for the first, later ones for the second.
            ["rope_theta"] = config.RopeTheta,
            ["rope_parameters"] = new JsonObject { ["rope_type"] = "default", ["rope_theta"] = config.RopeTheta },
            ["tie_word_embeddings"] = config.TiedEmbeddings,
            ["torch_dtype"] = type switch { TensorType.BF16 => "bfloat16", TensorType.F16 => "float16", _ => "float32" },
            ["use_cache"] = true,
            ["vocab_size"] = config.VocabularySize,
        };

        // "dtype" is the newer name of "torch_dtype" and would contradict it.
        foreach (var (name, value) in basis is null ? [] : JsonNode.Parse(File.ReadAllText(basis))!.AsObject())
        {
            if (name != "dtype")
            {
                json.TryAdd(name, value?.DeepClone());
            }
        }

        return json.ToJsonString(Writing) + "\n";
    }

    private static ModelConfig Read(ConfigFields fields)
    {
        var modelType = fields.Text("model_type", "");
        var (qwen3, qwen2) = (modelType == "qwen3", modelType == "qwen2");
        fields.Require(qwen3 || qwen2 || modelType == "llama", $"model_type is \"{modelType}\"; supported are qwen3, qwen2 and llama");
        fields.Require(fields.Text("hidden_act", "silu") == "silu", "hidden_act is not \"silu\"");
        fields.Require(!fields.Flag("attention_bias", fallback: false) || qwen2, "attention_bias is set, which adds a bias to the output projection");
        fields.Require(!fields.Flag("mlp_bias", fallback: false), "mlp_bias is set");
        fields.Require(!fields.Flag("use_sliding_window", fallback: false), "use_sliding_window is set");
        fields.Require(!fields.Has("quantization_config"), "the weights are quantized (quantization_config); use the original weights");

        // Where a field may be absent, the fallback is that of the architecture's own configuration class.
        var heads = fields.Whole("num_attention_heads");
        var hidden = fields.Whole("hidden_size");
        return new ModelConfig
        {
            VocabularySize = fields.Whole("vocab_size"),
            HiddenSize = hidden,
            Layers = fields.Whole("num_hidden_layers"),
            Heads = heads,
            KeyValueHeads = fields.Whole("num_key_value_heads", heads),
            HeadDim = fields.Whole("head_dim", qwen3 ? 128 : hidden / Math.Max(1, heads)),
            FeedForwardSize = fields.Whole("intermediate_size"),
            RopeTheta = RopeTheta(fields),
            RmsNormEpsilon = fields.Number("rms_norm_eps", 1e-6),
            TiedEmbeddings = fields.Flag("tie_word_embeddings", fallback: false),
            MaxPositions = fields.Whole("max_position_embeddings", qwen2 || qwen3 ? 32_768 : 2048),
            QkNorm = qwen3,
            AttentionBias = qwen2,
        };
    }

    private static double RopeTheta(ConfigFields fields)
    {
        var theta = fields.Number("rope_theta", 10_000);
        foreach (var name in new[] { "rope_scaling", "rope_parameters" })
        {
            if (fields.Object(name) is { } rope)
            {
                var type = rope.Text("rope_type", rope.Text("type", "default"));
                fields.Require(type == "default", $"{name} asks for \"{type}\" rotary scaling, which is not supported");
                theta = rope.Number("rope_theta", theta);
                fields.Faults.AddRange(rope.Faults.Select(fault => $"{name}: {fault}"));
            }
        }

        return theta;
    }
}
