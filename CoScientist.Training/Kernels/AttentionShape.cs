namespace CoScientist.Training.Kernels;

/// <summary>Sizes of an attention layer.</summary>
/// <param name="Heads">Query heads, H.</param>
/// <param name="KeyValueHeads">Key and value heads, G; divides <paramref name="Heads"/>.</param>
/// <param name="HeadDim">Size of a head, D.</param>
public readonly record struct AttentionShape(int Heads, int KeyValueHeads, int HeadDim)
{
    /// <summary>Query heads that share a key-value head.</summary>
    public int Group => Heads / KeyValueHeads;

    /// <summary>Floats of a query row.</summary>
    public int QueryWidth => Heads * HeadDim;

    /// <summary>Floats of a key or value row.</summary>
    public int KeyWidth => KeyValueHeads * HeadDim;

    /// <summary>Score scale, 1/√D (Vaswani et al. 2017).</summary>
    public float Scale => 1 / MathF.Sqrt(HeadDim);
}
