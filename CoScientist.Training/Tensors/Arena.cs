namespace CoScientist.Training.Tensors;

/// <summary>
/// Hands out consecutive pieces of a block of floats, each aligned to a cache line. Without a block it only counts, so that
/// the code that plans memory and the code that measures it are the same. A copy starts where the original stands: what a
/// callee takes from its copy is free again when it returns.
/// </summary>
/// <param name="start">The block, aligned to 64 bytes; null to count.</param>
internal unsafe struct Arena(float* start)
{
    private const int Line = 16;

    /// <summary>Floats handed out, alignment included.</summary>
    public long Used { get; private set; }

    /// <summary>The next <paramref name="count"/> floats, with unspecified content.</summary>
    public float* Take(long count)
    {
        var taken = start + Used;
        Used += (count + Line - 1) / Line * Line;
        return taken;
    }
}
