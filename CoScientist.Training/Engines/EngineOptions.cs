using CoScientist.Training.Kernels.Mixed;
using CoScientist.Training.Sampling;

namespace CoScientist.Training.Engines;

/// <summary>How an engine computes; none of it changes a result by a bit, except what says so.</summary>
public sealed record EngineOptions
{
    /// <summary>Tokens whose activations are held at once; larger accumulations run in parts, split at groups. Default 4,096. Sums of gradients over parts round differently.</summary>
    public int MicroBatchTokens { get; init; } = 4096;

    /// <summary>Keeps only the input of every layer and computes the rest again in the backward pass: a third more work, a fraction of the memory. Default false.</summary>
    public bool GradientCheckpointing { get; init; }

    /// <summary>
    /// Numbers in which matrices are multiplied. Weights, moments, gradients and sums are in single precision whatever it is.
    /// Default single precision. Another one changes all results.
    /// </summary>
    public Precision Precision { get; init; }

    /// <summary>Most bytes of keys and values that are cached while sampling. Taken as needed, and kept. Default 2 GiB. Changes when something is sampled, never what.</summary>
    public long CacheBytes { get; init; } = new SamplerLimits().CacheBytes;

    /// <summary>Strength of a loss that spreads tokens over experts, added to every accumulation. Default 0: none, whatever the checkpoint's own training used.</summary>
    public double RouterBalance { get; init; }

    /// <summary>Checks every field.</summary>
    /// <exception cref="ArgumentException">Names the field.</exception>
    public void Validate()
    {
        if (MicroBatchTokens < 1)
        {
            throw new ArgumentException($"{nameof(MicroBatchTokens)} ({MicroBatchTokens}) must be at least 1.");
        }

        if (CacheBytes < 1)
        {
            throw new ArgumentException($"{nameof(CacheBytes)} ({CacheBytes}) must be at least 1.");
        }

        if (!double.IsFinite(RouterBalance) || RouterBalance < 0)
        {
            throw new ArgumentException($"{nameof(RouterBalance)} ({RouterBalance}) must be a finite number of at least 0.");
        }
    }
}

/// <summary>How the tokens of training were spread over the experts of a layer.</summary>
/// <param name="Layer">Index of the layer.</param>
/// <param name="Shares">Share of the tokens' choices that went to each expert, [E]; they add up to 1, or are all 0 before any training.</param>
public sealed record ExpertLoad(int Layer, double[] Shares);
