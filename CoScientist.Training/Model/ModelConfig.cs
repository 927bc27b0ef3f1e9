using CoScientist.Training.Tensors;

namespace CoScientist.Training.Model;

/// <summary>
/// Shape of a decoder of the Qwen3 family: RMSNorm, rotary positions, grouped-query attention with optional norms on queries
/// and keys, SwiGLU or a mixture of such experts, tied or untied head. Llama-, Mistral- and Qwen2-shaped models are the same
/// with other switches.
/// </summary>
public sealed partial record ModelConfig
{
    /// <summary>Layers that no model reaches: a damaged configuration must not fill the memory with names.</summary>
    internal const int MostLayers = 4096;

    /// <summary>Rows of the embedding; at least the tokenizer's number of ids.</summary>
    public required int VocabularySize { get; init; }

    /// <summary>Width of the residual stream.</summary>
    public required int HiddenSize { get; init; }

    /// <summary>Number of decoder layers.</summary>
    public required int Layers { get; init; }

    /// <summary>Number of query heads.</summary>
    public required int Heads { get; init; }

    /// <summary>Number of key and value heads; divides <see cref="Heads"/>.</summary>
    public required int KeyValueHeads { get; init; }

    /// <summary>Width of one head; even, and not tied to <see cref="HiddenSize"/> / <see cref="Heads"/>.</summary>
    public required int HeadDim { get; init; }

    /// <summary>Inner width of the SwiGLU feed-forward layer.</summary>
    public required int FeedForwardSize { get; init; }

    /// <summary>Base of the rotary frequencies. Default 10,000; Qwen3 uses 1,000,000.</summary>
    public double RopeTheta { get; init; } = 10_000;

    /// <summary>Added to the mean square in RMSNorm. Default 1e-6.</summary>
    public double RmsNormEpsilon { get; init; } = 1e-6;

    /// <summary>Whether the output head is the embedding. Default true.</summary>
    public bool TiedEmbeddings { get; init; } = true;

    /// <summary>Longest sequence the model is made for. Default 2,048.</summary>
    public int MaxPositions { get; init; } = 2048;

    /// <summary>Whether queries and keys are normalised per head, as in Qwen3. Default true.</summary>
    public bool QkNorm { get; init; } = true;

    /// <summary>Whether the query, key and value projections have a bias, as in Qwen2. Default false.</summary>
    public bool AttentionBias { get; init; }

    /// <summary>Whether the output projection of attention has a bias too, as Llama's and Qwen3's with <c>attention_bias</c>. Default false.</summary>
    public bool OutputBias { get; init; }

    /// <summary>Whether the three matrices of a dense feed-forward have a bias, as Llama's with <c>mlp_bias</c>. Default false.</summary>
    public bool FeedForwardBias { get; init; }

    /// <summary>Scaling of the rotary frequencies; null for none.</summary>
    public RopeScaling? RopeScaling { get; init; }

    /// <summary>Most keys, its own included, that a query sees in the layers of <see cref="SlidingLayers"/>. Default 0: no layer has a window.</summary>
    public int SlidingWindow { get; init; }

    /// <summary>Layers whose attention is bounded by <see cref="SlidingWindow"/>.</summary>
    public LayerSet SlidingLayers { get; init; } = LayerSet.None;

    /// <summary>Number of experts in the layers that have them. Default 0: every feed-forward is dense.</summary>
    public int Experts { get; init; }

    /// <summary>Experts that a token is sent to.</summary>
    public int ExpertsPerToken { get; init; }

    /// <summary>Inner width of one expert.</summary>
    public int ExpertSize { get; init; }

    /// <summary>Whether the weights of a token's experts are divided by their sum. Default false.</summary>
    public bool NormaliseExperts { get; init; }

    /// <summary>Layers that are dense although the model has experts.</summary>
    public LayerSet DenseLayers { get; init; } = LayerSet.None;

    /// <summary>Width of all query heads together.</summary>
    public int QueryWidth => Heads * HeadDim;

    /// <summary>Width of all key (or value) heads together.</summary>
    public int KeyValueWidth => KeyValueHeads * HeadDim;

    /// <summary>Most keys that a query of a layer sees; 0 for all.</summary>
    public int Window(int layer) => SlidingLayers.Contains(layer) ? SlidingWindow : 0;

    /// <summary>Whether the feed-forward of a layer is a mixture of experts.</summary>
    public bool HasExperts(int layer) => Experts > 0 && !DenseLayers.Contains(layer);

    /// <summary>Inner values of a layer's feed-forward for one token, over all experts that it is sent to.</summary>
    public long InnerWidth(int layer) => HasExperts(layer) ? (long)ExpertsPerToken * ExpertSize : FeedForwardSize;

    /// <summary>Number of trained values.</summary>
    public long ParameterCount => Tensors().Sum(tensor => tensor.Count);

    /// <summary>Every weight with its shape, in file order and under its Hugging Face name. Projections are [outputs, inputs].</summary>
    public IEnumerable<TensorSpec> Tensors()
    {
        yield return new("model.embed_tokens.weight", [VocabularySize, HiddenSize]);
        for (var layer = 0; layer < Layers; layer++)
        {
            var prefix = $"model.layers.{layer}.";
            yield return new(prefix + "input_layernorm.weight", [HiddenSize]);
            foreach (var (part, width) in new[] { ("q", QueryWidth), ("k", KeyValueWidth), ("v", KeyValueWidth) })
            {
                yield return new($"{prefix}self_attn.{part}_proj.weight", [width, HiddenSize]);
                if (AttentionBias)
                {
                    yield return new($"{prefix}self_attn.{part}_proj.bias", [width]);
                }
            }

            if (QkNorm)
            {
                yield return new(prefix + "self_attn.q_norm.weight", [HeadDim]);
                yield return new(prefix + "self_attn.k_norm.weight", [HeadDim]);
            }

            yield return new(prefix + "self_attn.o_proj.weight", [HiddenSize, QueryWidth]);
            if (OutputBias)
            {
                yield return new(prefix + "self_attn.o_proj.bias", [HiddenSize]);
            }

            yield return new(prefix + "post_attention_layernorm.weight", [HiddenSize]);
            foreach (var tensor in HasExperts(layer) ? ExpertTensors(prefix + "mlp.") : FeedForwardTensors(prefix + "mlp.", FeedForwardSize))
            {
                yield return tensor;
                if (FeedForwardBias)
                {
                    yield return new(tensor.Name[..^"weight".Length] + "bias", [tensor.Shape[0]]);
                }
            }
        }

        yield return new("model.norm.weight", [HiddenSize]);
        if (!TiedEmbeddings)
        {
            yield return new("lm_head.weight", [VocabularySize, HiddenSize]);
        }
    }

    private IEnumerable<TensorSpec> ExpertTensors(string prefix) =>
        Enumerable.Range(0, Experts).SelectMany(expert => FeedForwardTensors($"{prefix}experts.{expert}.", ExpertSize)).Prepend(new(prefix + "gate.weight", [Experts, HiddenSize]));

    private IEnumerable<TensorSpec> FeedForwardTensors(string prefix, int inner) =>
    [
        new(prefix + "gate_proj.weight", [inner, HiddenSize]),
        new(prefix + "up_proj.weight", [inner, HiddenSize]),
        new(prefix + "down_proj.weight", [HiddenSize, inner]),
    ];
}
