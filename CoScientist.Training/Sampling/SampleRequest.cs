namespace CoScientist.Training.Sampling;

/// <summary>A prompt to be continued, alone or through several branches that share it.</summary>
public sealed record SampleRequest
{
    /// <summary>Tokens that all continuations share, at least one.</summary>
    public required int[] Prompt { get; init; }

    /// <summary>Continuations of the prompt that are given, each read before sampling from it; empty samples from the prompt itself.</summary>
    public IReadOnlyList<int[]> Branches { get; init; } = [];

    /// <summary>Samples from each end. Default 1.</summary>
    public int Count { get; init; } = 1;

    /// <summary>Seed of this request; each of its samples draws from a stream of its own.</summary>
    public long Seed { get; init; }
}

/// <summary>How tokens are drawn.</summary>
public sealed record SamplingOptions
{
    /// <summary>Temperature; 0 takes the likeliest token. Default 1.</summary>
    public double Temperature { get; init; } = 1;

    /// <summary>Keeps the likeliest tokens whose probabilities reach this mass. Default 1: all.</summary>
    public double TopP { get; init; } = 1;

    /// <summary>Most tokens to draw. Default 160.</summary>
    public int MaxNewTokens { get; init; } = 160;

    /// <summary>Token that ends a sample and is part of it; −1 for none.</summary>
    public int EndToken { get; init; } = -1;

    /// <summary>Tokens that are never drawn; the distribution is over the others.</summary>
    public int[] BannedTokens { get; init; } = [];

    /// <summary>Tokens whose probabilities are read after the last drawn token (over these tokens only); empty reads none.</summary>
    public int[] ProbeTokens { get; init; } = [];
}

/// <summary>One continuation.</summary>
/// <param name="Request">Index of its request.</param>
/// <param name="Branch">Index of its branch; 0 without branches.</param>
/// <param name="Sample">Index among the samples of that branch.</param>
/// <param name="Tokens">Tokens drawn, with the end token when it was drawn.</param>
/// <param name="LogProbabilities">log p of each, under the distribution it was drawn from before top-p.</param>
/// <param name="Ended">Whether the end token was drawn.</param>
/// <param name="Probe">Probabilities of the probe tokens, normalised among themselves; empty without probes.</param>
public sealed record SampledSequence(int Request, int Branch, int Sample, int[] Tokens, float[] LogProbabilities, bool Ended, float[] Probe);
