using System.Text.Json;
using System.Text.Json.Nodes;
using CoScientist.Core;
using CoScientist.Training.Model;

namespace CoScientist.Training.Checkpoints;

/// <content>Writing a configuration.</content>
public static partial class HuggingFaceConfig
{
    private static readonly JsonSerializerOptions Writing = new() { WriteIndented = true };

    /// <summary>Writes the JSON of a configuration that Hugging Face's library reads.</summary>
    /// <param name="config">The model's shape.</param>
    /// <param name="type">Element type of the weights beside it.</param>
    /// <param name="basis">A configuration whose other fields (ids of start and end tokens, say) are carried over; null for none.</param>
    public static string Write(ModelConfig config, TensorType type, string? basis = null)
    {
        ArgumentNullException.ThrowIfNull(config);
        var (modelType, architecture) = config switch
        {
            { Experts: > 0 } => ("qwen3_moe", "Qwen3MoeForCausalLM"),
            { QkNorm: true } => ("qwen3", "Qwen3ForCausalLM"),
            { AttentionBias: true, OutputBias: false } => ("qwen2", "Qwen2ForCausalLM"),
            { SlidingWindow: > 0 } => ("mistral", "MistralForCausalLM"),
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
            ["mlp_bias"] = config.FeedForwardBias,
            ["num_attention_heads"] = config.Heads,
            ["num_hidden_layers"] = config.Layers,
            ["num_key_value_heads"] = config.KeyValueHeads,
            ["rms_norm_eps"] = config.RmsNormEpsilon,
            ["tie_word_embeddings"] = config.TiedEmbeddings,
            ["torch_dtype"] = type switch { TensorType.BF16 => "bfloat16", TensorType.F16 => "float16", _ => "float32" },
            ["use_cache"] = true,
            ["vocab_size"] = config.VocabularySize,
        };

        AddRope(json, config);
        AddWindow(json, config);
        AddExperts(json, config);

        // "dtype" is the newer name of "torch_dtype" and would contradict it.
        foreach (var (name, value) in basis is null ? [] : JsonFile.ReadNode(basis)!.AsObject())
        {
            if (name != "dtype")
            {
                json.TryAdd(name, value?.DeepClone());
            }
        }

        return json.ToJsonString(Writing) + "\n";
    }

    private static void AddRope(JsonObject json, ModelConfig config)
    {
        var rope = new JsonObject { ["rope_type"] = "default" };
        if (config.RopeScaling is { } scaling)
        {
            rope["rope_type"] = scaling.Kind.ToString().ToLowerInvariant();
            rope["factor"] = scaling.Factor;
            if (scaling.Kind != RopeScalingKind.Linear)
            {
                rope["original_max_position_embeddings"] = scaling.OriginalMaxPositions;
            }

            if (scaling.Kind == RopeScalingKind.Llama3)
            {
                rope["low_freq_factor"] = scaling.LowFrequencyFactor;
                rope["high_freq_factor"] = scaling.HighFrequencyFactor;
            }

            if (scaling.Kind == RopeScalingKind.Yarn)
            {
                rope["beta_fast"] = scaling.BetaFast;
                rope["beta_slow"] = scaling.BetaSlow;
                rope["truncate"] = scaling.Truncate;
                if (scaling.AttentionFactor > 0)
                {
                    rope["attention_factor"] = scaling.AttentionFactor;
                }
            }
        }

        // Base and scaling have moved: readers before transformers 5 look for the first two, later ones for the last.
        json["rope_theta"] = config.RopeTheta;
        json["rope_scaling"] = config.RopeScaling is null ? null : rope.DeepClone();
        rope["rope_theta"] = config.RopeTheta;
        json["rope_parameters"] = rope;
    }

    private static void AddWindow(JsonObject json, ModelConfig config)
    {
        var slides = config.SlidingLayers.Indices.Count > 0;
        json["sliding_window"] = slides ? config.SlidingWindow : null;
        json["use_sliding_window"] = slides;
        if (slides)
        {
            json["max_window_layers"] = config.SlidingLayers.Indices.Min();
            json["layer_types"] = new JsonArray([.. Enumerable.Range(0, config.Layers).Select(layer => (JsonNode)(config.SlidingLayers.Contains(layer) ? Sliding : Full))]);
        }
    }

    private static void AddExperts(JsonObject json, ModelConfig config)
    {
        if (config.Experts > 0)
        {
            json["num_experts"] = config.Experts;
            json["num_experts_per_tok"] = config.ExpertsPerToken;
            json["moe_intermediate_size"] = config.ExpertSize;
            json["norm_topk_prob"] = config.NormaliseExperts;
            json["decoder_sparse_step"] = 1;
            json["mlp_only_layers"] = new JsonArray([.. config.DenseLayers.Indices.Select(layer => (JsonNode)layer)]);
        }
    }
}
