using CoScientist.Training.Kernels;
using CoScientist.Training.Tensors;

namespace CoScientist.Training.Model;

/// <summary>What one layer computes for N rows.</summary>
internal unsafe struct LayerActivations
{
    // What the backward pass reads: every layer has its own, unless nothing is kept. Matrices are in bfloat16 where products are.

    /// <summary>Inverse roots of the norm before attention, [N].</summary>
    public float* Roots;

    /// <summary>Queries as projected, [N, H·D]; the same memory as <see cref="Query"/> where they are not normalised.</summary>
    public Matrix RawQuery;

    /// <summary>Keys as projected, [N, G·D]; the same memory as <see cref="Key"/> where they are not normalised.</summary>
    public Matrix RawKey;

    /// <summary>Values, [N, G·D].</summary>
    public Matrix Value;

    /// <summary>Inverse roots of the norms of queries, [N, H].</summary>
    public float* QueryRoots;

    /// <summary>Inverse roots of the norms of keys, [N, G].</summary>
    public float* KeyRoots;

    /// <summary>What attention gives, [N, H·D].</summary>
    public Matrix Attended;

    /// <summary>The residual stream between attention and feed-forward, [N, C].</summary>
    public float* Middle;

    /// <summary>Inverse roots of the norm before the feed-forward, [N].</summary>
    public float* PostRoots;

    /// <summary>Gate of the feed-forward, [N, F]; with experts, [N·K, F] sorted by expert.</summary>
    public Matrix Gate;

    /// <summary>The feed-forward's other projection, of the same shape.</summary>
    public Matrix Up;

    /// <summary>Where rows go in a layer of experts.</summary>
    public ExpertPlan Routing;

    // What is cheap to compute again: all layers use the same memory.

    /// <summary>Input of attention, later of the feed-forward: the normed residual stream, [N, C].</summary>
    public Matrix Normed;

    /// <summary>Queries as attention takes them, normalised and rotated, [N, H·D].</summary>
    public Matrix Query;

    /// <summary>Keys as attention takes them, normalised and rotated, [N, G·D].</summary>
    public Matrix Key;

    /// <summary>silu(gate) ⊙ up, of the same shape as the gate.</summary>
    public Matrix Active;

    /// <summary>Rows sorted by expert, [N·K, C]: what experts read, then what they give.</summary>
    public float* Gathered;

    /// <summary>Takes the memory of a layer for a number of rows.</summary>
    /// <param name="config">The model's shape.</param>
    /// <param name="layer">The layer.</param>
    /// <param name="rows">N.</param>
    /// <param name="half">Whether what products give and read is in bfloat16.</param>
    /// <param name="kept">Where what the backward pass reads comes from.</param>
    /// <param name="shared">Where what is computed again comes from.</param>
    public static LayerActivations Plan(ModelConfig config, int layer, int rows, bool half, ref Arena kept, ref Arena shared)
    {
        var (choices, inner) = config.HasExperts(layer) ? ((long)rows * config.ExpertsPerToken, config.ExpertSize) : (rows, config.FeedForwardSize);
        var a = default(LayerActivations);
        a.Roots = kept.Take(rows);
        a.RawQuery = a.Query = Take(ref kept, rows, config.QueryWidth, half);
        a.RawKey = a.Key = Take(ref kept, rows, config.KeyValueWidth, half);
        a.Value = Take(ref kept, rows, config.KeyValueWidth, half);
        if (config.QkNorm)
        {
            a.QueryRoots = kept.Take((long)rows * config.Heads);
            a.KeyRoots = kept.Take((long)rows * config.KeyValueHeads);
            a.Query = Take(ref shared, rows, config.QueryWidth, half);
            a.Key = Take(ref shared, rows, config.KeyValueWidth, half);
        }

        a.Attended = Take(ref kept, rows, config.QueryWidth, half);
        a.Middle = kept.Take((long)rows * config.HiddenSize);
        a.PostRoots = kept.Take(rows);
        a.Gate = Take(ref kept, choices, inner, half);
        a.Up = Take(ref kept, choices, inner, half);
        a.Normed = Take(ref shared, rows, config.HiddenSize, half: false);
        a.Active = Take(ref shared, choices, inner, half);
        if (config.HasExperts(layer))
        {
            a.Routing.Probabilities = kept.Take((long)rows * config.Experts);
            a.Routing.Weights = kept.Take(choices);
            a.Routing.Choices = (int*)kept.Take(choices);
            a.Routing.Slots = (int*)kept.Take(choices);
            a.Routing.Rows = (int*)kept.Take(choices);
            a.Routing.Starts = (int*)kept.Take(config.Experts + 1);
            a.Gathered = shared.Take(choices * config.HiddenSize);
        }

        return a;
    }

    private static Matrix Take(ref Arena arena, long rows, int width, bool half) => Matrix.Of(arena.Take(Matrix.Length(rows, width, half)), width, half);
}
