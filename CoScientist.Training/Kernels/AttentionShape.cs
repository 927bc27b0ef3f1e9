namespace CoScientist.Training.Kernels;

/// <summary>Sizes of an attention layer.</summary>
/// <param name="Heads">Query heads, H.</param>
/// <param name="KeyValueHeads">Key and value heads, G; divides <paramref name="Heads"/>.</param>
/// <param name="HeadDim">Size of a head, D.</param>
/// <param name="Window">Most keys that a query sees, its own included: the nearest (Beltagy et al. 2020). Default 0: all.</param>
public readonly record struct AttentionShape(int Heads, int KeyValueHeads, int HeadDim, int Window = 0)
{
    /// <summary>Query heads that share a key-value head.</summary>
    public int Group => Heads / KeyValueHeads;

    /// <summary>Floats of a query row.</summary>
    public int QueryWidth => Heads * HeadDim;

    /// <summary>Floats of a key or value row.</summary>
    public int KeyWidth => KeyValueHeads * HeadDim;

    /// <summary>Index of the first key that the query sees whose position, plus one, is <paramref name="keys"/>.</summary>
    public int FirstVisible(int keys) => Window > 0 ? Math.Max(0, keys - Window) : 0;

    /// <summary>Score scale, 1/√D (Vaswani et al. 2017).</summary>
    public float Scale => 1 / MathF.Sqrt(HeadDim);
}
