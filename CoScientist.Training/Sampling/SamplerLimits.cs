namespace CoScientist.Training.Sampling;

/// <summary>How much a sampler may use at once. None of it changes what is sampled, only when.</summary>
public sealed record SamplerLimits
{
    /// <summary>Tokens computed together, at least 1: one for each running sample, and prompts in what these leave. Default 256, enough for the matrix products to run at full speed.</summary>
    public int Rows { get; init; } = 256;

    /// <summary>Tokens of a cache page, a multiple of 32 (the columns of a tile). Default 32: what a sample holds beyond its length is half a page on average.</summary>
    public int PageTokens { get; init; } = 32;

    /// <summary>Most bytes of cached keys and values. Taken as needed and kept for later calls. Default 2 GiB.</summary>
    public long CacheBytes { get; init; } = 2L << 30;
}
