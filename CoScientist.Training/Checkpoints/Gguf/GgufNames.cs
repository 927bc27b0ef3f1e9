using System.Globalization;
using CoScientist.Training.Model;
using CoScientist.Training.Tensors;

namespace CoScientist.Training.Checkpoints.Gguf;

/// <summary>What a tensor of Hugging Face's scheme is called in a GGUF file, and where in it its rows lie.</summary>
/// <param name="Name">ggml's name.</param>
/// <param name="Expert">Which part of a tensor that holds all experts; null for a tensor of its own.</param>
/// <param name="RotaryHeads">Heads whose rows are stored pair by pair, as files of architecture "llama" do; 0 for none.</param>
internal readonly record struct GgufName(string Name, int? Expert, int RotaryHeads)
{
    /// <summary>Divisors of the rotary frequencies, where they are scaled as in Llama 3.</summary>
    public const string RotaryDivisors = "rope_freqs.weight";

    private const string Layers = "model.layers.";

    private static readonly Dictionary<string, string> Parts = new(StringComparer.Ordinal)
    {
        ["input_layernorm"] = "attn_norm", ["post_attention_layernorm"] = "ffn_norm",
        ["self_attn.q_proj"] = "attn_q", ["self_attn.k_proj"] = "attn_k", ["self_attn.v_proj"] = "attn_v", ["self_attn.o_proj"] = "attn_output",
        ["self_attn.q_norm"] = "attn_q_norm", ["self_attn.k_norm"] = "attn_k_norm",
        ["mlp.gate_proj"] = "ffn_gate", ["mlp.up_proj"] = "ffn_up", ["mlp.down_proj"] = "ffn_down", ["mlp.gate"] = "ffn_gate_inp",
    };

    /// <summary>The architecture's name; null for a model that such files cannot describe as we compute it.</summary>
    public static string? Architecture(ModelConfig config) => config switch
    {
        { SlidingLayers.Indices.Count: > 0 } or { OutputBias: true } or { FeedForwardBias: true } => null,
        { Experts: > 0, NormaliseExperts: true, QkNorm: true, AttentionBias: false, DenseLayers.Indices.Count: 0 } => "qwen3moe",
        { Experts: > 0 } => null,
        { QkNorm: true, AttentionBias: false } => "qwen3",
        { QkNorm: false, AttentionBias: true } => "qwen2",
        { QkNorm: false, AttentionBias: false } => "llama",
        _ => null,
    };

    /// <summary>The name of a model's tensor.</summary>
    public static GgufName Of(TensorSpec spec, ModelConfig config)
    {
        var fixedName = spec.Name switch
        {
            "model.embed_tokens.weight" => "token_embd.weight",
            "model.norm.weight" => "output_norm.weight",
            "lm_head.weight" => "output.weight",
            _ => null,
        };
        if (fixedName is not null)
        {
            return new(fixedName, null, 0);
        }

        // model.layers.LAYER.PART.weight
        var layerEnd = spec.Name.IndexOf('.', Layers.Length);
        var (layer, kind) = (spec.Name[Layers.Length..layerEnd], spec.Name[(spec.Name.LastIndexOf('.') + 1)..]);
        var part = spec.Name[(layerEnd + 1)..^(kind.Length + 1)];
        if (part.StartsWith("mlp.experts.", StringComparison.Ordinal))
        {
            var fields = part.Split('.');
            return new($"blk.{layer}.{Parts["mlp." + fields[3]]}_exps.{kind}", int.Parse(fields[2], CultureInfo.InvariantCulture), 0);
        }

        var heads = Architecture(config) != "llama" ? 0 : part switch { "self_attn.q_proj" => config.Heads, "self_attn.k_proj" => config.KeyValueHeads, _ => 0 };
        return new($"blk.{layer}.{Parts[part]}.{kind}", null, heads);
    }
}
