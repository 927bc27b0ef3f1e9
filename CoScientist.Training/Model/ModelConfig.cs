using CoScientist.Training.Tensors;

namespace CoScientist.Training.Model;

/// <summary>
/// Shape of a dense decoder of the Qwen3 family: RMSNorm, rotary positions, grouped-query attention with optional norms on
/// queries and keys, SwiGLU, tied or untied head. Llama- and Qwen2-shaped models are the same with other switches.
/// </summary>
public sealed record ModelConfig
{
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

    /// <summary>Width of all query heads together.</summary>
    public int QueryWidth => Heads * HeadDim;

    /// <summary>Width of all key (or value) heads together.</summary>
    public int KeyValueWidth => KeyValueHeads * HeadDim;

    /// <summary>Number of trained values.</summary>
    public long ParameterCount => Tensors().Sum(tensor => tensor.Count);

    /// <summary>Checks every field.</summary>
    /// <exception cref="InvalidDataException">Names every fault at once, by field.</exception>
    public void Validate()
    {
        var faults = new List<string>();
        Positive(nameof(VocabularySize), VocabularySize);
        Positive(nameof(HiddenSize), HiddenSize);
        Positive(nameof(Layers), Layers);
        Positive(nameof(Heads), Heads);
        Positive(nameof(KeyValueHeads), KeyValueHeads);
        Positive(nameof(HeadDim), HeadDim);
        Positive(nameof(FeedForwardSize), FeedForwardSize);
        Positive(nameof(MaxPositions), MaxPositions);
        if (Heads >= 1 && KeyValueHeads >= 1 && Heads % KeyValueHeads != 0)
        {
            faults.Add($"{nameof(KeyValueHeads)} ({KeyValueHeads}) must divide {nameof(Heads)} ({Heads})");
        }

        if (HeadDim >= 1 && HeadDim % 2 != 0)
        {
            faults.Add($"{nameof(HeadDim)} ({HeadDim}) must be even, because rotary positions turn pairs");
        }

        if (!double.IsFinite(RopeTheta) || RopeTheta <= 1)
        {
            faults.Add($"{nameof(RopeTheta)} ({RopeTheta}) must be a finite number above 1");
        }

        if (!double.IsFinite(RmsNormEpsilon) || RmsNormEpsilon <= 0)
        {
            faults.Add($"{nameof(RmsNormEpsilon)} ({RmsNormEpsilon}) must be a finite number above 0");
        }

        if (QkNorm && AttentionBias)
        {
            faults.Add($"{nameof(QkNorm)} and {nameof(AttentionBias)} are both set, which no supported architecture has");
        }

        // Each weight has to fit one array: the engine addresses elements with 32 bits.
        if (faults.Count == 0)
        {
            Fits($"{nameof(Heads)} × {nameof(HeadDim)} × {nameof(HiddenSize)}", (decimal)Heads * HeadDim * HiddenSize);
            Fits($"{nameof(VocabularySize)} × {nameof(HiddenSize)}", (decimal)VocabularySize * HiddenSize);
            Fits($"{nameof(FeedForwardSize)} × {nameof(HiddenSize)}", (decimal)FeedForwardSize * HiddenSize);
        }

        if (faults.Count > 0)
        {
            throw new InvalidDataException($"The model configuration is not usable: {string.Join("; ", faults)}.");
        }

        void Positive(string name, int value)
        {
            if (value < 1)
            {
                faults.Add($"{name} ({value}) must be at least 1");
            }
        }

        void Fits(string name, decimal count)
        {
            if (count > int.MaxValue)
            {
                faults.Add($"{name} ({count}) exceeds {int.MaxValue} elements in one weight");
            }
        }
    }

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
            yield return new(prefix + "post_attention_layernorm.weight", [HiddenSize]);
            yield return new(prefix + "mlp.gate_proj.weight", [FeedForwardSize, HiddenSize]);
            yield return new(prefix + "mlp.up_proj.weight", [FeedForwardSize, HiddenSize]);
            yield return new(prefix + "mlp.down_proj.weight", [HiddenSize, FeedForwardSize]);
        }

        yield return new("model.norm.weight", [HiddenSize]);
        if (!TiedEmbeddings)
        {
            yield return new("lm_head.weight", [VocabularySize, HiddenSize]);
        }
    }
}
