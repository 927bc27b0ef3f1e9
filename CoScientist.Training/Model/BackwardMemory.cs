using CoScientist.Training.Kernels;
using CoScientist.Training.Tensors;

namespace CoScientist.Training.Model;

/// <summary>Working memory of the backward pass, reused by every layer.</summary>
internal unsafe struct BackwardMemory
{
    /// <summary>Gradient of a normed residual stream, [N, C].</summary>
    public float* Hidden;

    /// <summary>Gradient of the feed-forward's activation, [N, F]; with experts, [N·K, F] sorted by expert; null where it need not be held.</summary>
    public float* Active;

    /// <summary>Gradient of what attention gives, [N, H·D].</summary>
    public float* Attended;

    /// <summary>Gradient of the queries, [N, H·D].</summary>
    public float* Query;

    /// <summary>Gradient of the keys, [N, G·D].</summary>
    public float* Key;

    /// <summary>Gradient of the values, [N, G·D].</summary>
    public float* Value;

    /// <summary>Packed form of a linear layer's input, see <see cref="LinearInput"/>.</summary>
    public float* Packed;

    /// <summary>Rows sorted by expert, [N·K, C]: gradients of what experts give, then of what they read.</summary>
    public float* Gathered;

    /// <summary>Gradient of the experts' weights, [N, K].</summary>
    public float* ExpertWeights;

    /// <summary>Gradient of the router's scores, [N, E].</summary>
    public float* Scores;

    /// <summary>What norms need.</summary>
    public Arena Norms;

    /// <summary>Takes the memory for a number of rows; <paramref name="half"/> as in <see cref="LayerActivations.Plan"/>.</summary>
    public static BackwardMemory Plan(ModelConfig config, int rows, bool half, ref Arena arena)
    {
        var t = default(BackwardMemory);
        t.Hidden = arena.Take((long)rows * config.HiddenSize);
        var inner = 0L;
        for (var layer = 0; layer < config.Layers; layer++)
        {
            inner = Math.Max(inner, config.InnerWidth(layer));
        }

        // In bfloat16 only the epilogue of the product sees it, except that experts' weights are learnt from it.
        t.Active = half && config.Experts == 0 ? null : arena.Take(rows * inner);
        t.Attended = arena.Take((long)rows * config.QueryWidth);
        t.Query = arena.Take((long)rows * config.QueryWidth);
        t.Key = arena.Take((long)rows * config.KeyValueWidth);
        t.Value = arena.Take((long)rows * config.KeyValueWidth);
        t.Packed = arena.Take(LinearInput.PackedLength(rows, Math.Max(Math.Max(config.HiddenSize, config.QueryWidth), Math.Max(config.FeedForwardSize, config.ExpertSize))));
        if (config.Experts > 0)
        {
            t.Gathered = arena.Take((long)rows * config.ExpertsPerToken * config.HiddenSize);
            t.ExpertWeights = arena.Take((long)rows * config.ExpertsPerToken);
            t.Scores = arena.Take((long)rows * config.Experts);
        }

        t.Norms = arena;
        // Norms run one after the other: the widest decides.
        Norm.PlanBackward(rows, config.HiddenSize, ref arena);
        Norm.PlanBackward(rows * config.Heads, config.HeadDim, ref arena);
        return t;
    }
}
