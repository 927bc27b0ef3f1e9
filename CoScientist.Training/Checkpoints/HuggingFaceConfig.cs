using System.Text.Json;
using CoScientist.Core;
using CoScientist.Training.Model;

namespace CoScientist.Training.Checkpoints;

/// <summary>Hugging Face's <c>config.json</c> of the architectures the engine computes: Qwen3 (dense and mixture of experts), Qwen2, Llama and Mistral.</summary>
public static partial class HuggingFaceConfig
{
    private const int LongestFaults = 1000;
    private const string Sliding = "sliding_attention";
    private const string Full = "full_attention";

    private static readonly string[] Types = ["qwen3", "qwen3_moe", "qwen2", "llama", "mistral"];

    /// <summary>Reads a configuration.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="InvalidDataException">Not a supported architecture, or fields are missing or out of range; names every fault at once.</exception>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    public static ModelConfig Read(string path)
    {
        using var document = JsonFile.Read(path);
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

        throw new InvalidDataException($"{path}: {FileText.Shown(string.Join("; ", fields.Faults), LongestFaults)}. Use a Qwen3, Qwen3-MoE, Qwen2, Llama or Mistral checkpoint.");
    }

    private static ModelConfig Read(ConfigFields fields)
    {
        var modelType = fields.Text("model_type", "");
        fields.Require(Types.Contains(modelType), $"model_type is \"{modelType}\"; supported are {string.Join(", ", Types)}");
        var (qwen3, qwen2, experts, llama) = (modelType is "qwen3" or "qwen3_moe", modelType == "qwen2", modelType == "qwen3_moe", modelType == "llama");
        fields.Require(fields.Text("hidden_act", "silu") == "silu", "hidden_act is not \"silu\"");

        // Qwen2's biases are its own, whatever the field says; Mistral has none.
        var biased = fields.Flag("attention_bias", fallback: false) && !qwen2;
        var feedForwardBiased = fields.Flag("mlp_bias", fallback: false);
        fields.Require(!biased || qwen3 || llama, $"attention_bias is set, which {modelType} does not have");
        fields.Require(!feedForwardBiased || llama, $"mlp_bias is set, which {modelType} does not have");
        fields.Require(!fields.Has("quantization_config"), "the weights are quantized (quantization_config); use the original weights");

        // Where a field may be absent, the fallback is that of the architecture's own configuration class.
        var heads = fields.Whole("num_attention_heads");
        var hidden = fields.Whole("hidden_size");
        var layers = fields.Whole("num_hidden_layers");
        var positions = fields.Whole("max_position_embeddings", modelType == "mistral" ? 131_072 : qwen2 || qwen3 ? 32_768 : 2048);
        var (theta, scaling) = Rope(fields, positions);
        var (window, sliding) = Window(fields, modelType, layers);
        return new ModelConfig
        {
            VocabularySize = fields.Whole("vocab_size"),
            HiddenSize = hidden,
            Layers = layers,
            Heads = heads,
            KeyValueHeads = fields.Whole("num_key_value_heads", modelType == "mistral" ? 8 : heads),
            HeadDim = fields.Whole("head_dim", qwen3 ? 128 : hidden / Math.Max(1, heads)),
            FeedForwardSize = fields.Whole("intermediate_size", experts ? 6144 : null),
            RopeTheta = theta,
            RopeScaling = scaling,
            RmsNormEpsilon = fields.Number("rms_norm_eps", 1e-6),
            TiedEmbeddings = fields.Flag("tie_word_embeddings", fallback: false),
            MaxPositions = scaling?.Kind == RopeScalingKind.Yarn ? (int)Math.Min(int.MaxValue, Math.Max(positions, scaling.Factor * scaling.OriginalMaxPositions)) : positions,
            QkNorm = qwen3,
            AttentionBias = qwen2 || biased,
            OutputBias = biased,
            FeedForwardBias = feedForwardBiased,
            SlidingWindow = window,
            SlidingLayers = sliding,
            Experts = experts ? fields.Whole("num_experts", 128) : 0,
            ExpertsPerToken = experts ? fields.Whole("num_experts_per_tok", 8) : 0,
            ExpertSize = experts ? fields.Whole("moe_intermediate_size", 768) : 0,
            NormaliseExperts = experts && fields.Flag("norm_topk_prob", fallback: false),
            DenseLayers = experts ? DenseLayers(fields, layers) : LayerSet.None,
        };
    }

    /// <summary>Base and scaling of the rotary positions, from the older keys (rope_theta, rope_scaling) or the newer (rope_parameters).</summary>
    private static (double Theta, RopeScaling? Scaling) Rope(ConfigFields fields, int positions)
    {
        var theta = fields.Number("rope_theta", 10_000);
        RopeScaling? scaling = null;
        foreach (var name in new[] { "rope_scaling", "rope_parameters" })
        {
            if (fields.Object(name) is { } rope)
            {
                theta = rope.Number("rope_theta", theta);
                scaling = Scaling(rope, rope.Text("rope_type", rope.Text("type", "default")), positions);
                fields.Faults.AddRange(rope.Faults.Select(fault => $"{name}: {fault}"));
            }
        }

        return (theta, scaling);
    }

    private static RopeScaling? Scaling(ConfigFields rope, string type, int positions)
    {
        if (type == "default")
        {
            return null;
        }

        if (!Enum.TryParse<RopeScalingKind>(type, ignoreCase: true, out var kind) || !Enum.GetNames<RopeScalingKind>().Contains(type, StringComparer.OrdinalIgnoreCase))
        {
            rope.Faults.Add($"rope_type is \"{type}\"; supported are default, linear, llama3 and yarn");
            return null;
        }

        // DeepSeek's two factors; other models leave them out.
        rope.Require(!rope.Has("mscale") && !rope.Has("mscale_all_dim"), "mscale is set, which is not supported");
        rope.Require(rope.Has("factor"), "factor is missing");
        rope.Require(kind != RopeScalingKind.Llama3 || (rope.Has("original_max_position_embeddings") && rope.Has("low_freq_factor") && rope.Has("high_freq_factor")), "llama3 needs original_max_position_embeddings, low_freq_factor and high_freq_factor");
        var plain = new RopeScaling { Kind = kind, Factor = rope.Number("factor", 1) };
        return kind switch
        {
            RopeScalingKind.Linear => plain,
            RopeScalingKind.Llama3 => plain with
            {
                OriginalMaxPositions = rope.Whole("original_max_position_embeddings", positions),
                LowFrequencyFactor = rope.Number("low_freq_factor", 1),
                HighFrequencyFactor = rope.Number("high_freq_factor", 4),
            },
            _ => plain with
            {
                OriginalMaxPositions = rope.Whole("original_max_position_embeddings", positions),
                BetaFast = rope.Number("beta_fast", 32),
                BetaSlow = rope.Number("beta_slow", 1),
                AttentionFactor = rope.Number("attention_factor", 0),
                Truncate = rope.Flag("truncate", fallback: true),
            },
        };
    }

    /// <summary>Which layers have a sliding window, and how wide it is.</summary>
    private static (int Window, LayerSet Layers) Window(ConfigFields fields, string modelType, int layers)
    {
        var mistral = modelType == "mistral";
        var slides = mistral ? fields.Has("sliding_window") : modelType != "llama" && fields.Flag("use_sliding_window", fallback: false);
        var types = fields.Texts("layer_types");
        if (types is not null)
        {
            fields.Require(types.Count == layers, $"layer_types has {types.Count} entries for {layers} layers");
            fields.Require(types.All(type => type is Sliding or Full), $"layer_types has \"{types.FirstOrDefault(type => type is not (Sliding or Full))}\"; supported are {Sliding} and {Full}");
            fields.Require(slides || !types.Contains(Sliding), $"layer_types has {Sliding}, but use_sliding_window is not set");
        }

        if (!slides)
        {
            return (0, LayerSet.None);
        }

        // Without a list, the first max_window_layers see everything; in Mistral and mixtures of experts, none does.
        var first = types is not null || mistral ? 0 : fields.Whole("max_window_layers", modelType == "qwen3_moe" ? 0 : 28);
        var sliding = new LayerSet(Enumerable.Range(0, Math.Clamp(layers, 0, ModelConfig.MostLayers)).Where(layer => types is null ? layer >= first : layer < types.Count && types[layer] == Sliding));
        return sliding.Indices.Count == 0 ? (0, sliding) : (fields.Whole("sliding_window", 4096), sliding);
    }

    /// <summary>Layers without experts: those listed, and those between the steps.</summary>
    private static LayerSet DenseLayers(ConfigFields fields, int layers)
    {
        var step = fields.Whole("decoder_sparse_step", 1);
        var listed = fields.Wholes("mlp_only_layers") ?? [];
        fields.Require(step >= 1, $"decoder_sparse_step is {step}; at least 1 is expected");
        return new LayerSet(Enumerable.Range(0, Math.Clamp(layers, 0, ModelConfig.MostLayers)).Where(layer => listed.Contains(layer) || (layer + 1) % Math.Max(1, step) != 0));
    }
}
