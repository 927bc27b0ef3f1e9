namespace CoScientist.Training.Model;

/// <summary>How rotary frequencies are changed for sequences longer than those of the first training.</summary>
public enum RopeScalingKind
{
    /// <summary>All frequencies divided by the factor: positions interpolated (Chen et al. 2023, arXiv 2306.15595).</summary>
    Linear,

    /// <summary>Low frequencies divided, high ones kept, a smooth passage between (Llama 3.1).</summary>
    Llama3,

    /// <summary>The same by the number of turns within the first context, with larger scores (YaRN, Peng et al. 2023, arXiv 2309.00071).</summary>
    Yarn,
}

/// <summary>Scaling of rotary positions; each kind reads the fields that name it.</summary>
public sealed record RopeScaling
{
    /// <summary>The rule.</summary>
    public required RopeScalingKind Kind { get; init; }

    /// <summary>How many times longer than at first; at least 1.</summary>
    public required double Factor { get; init; }

    /// <summary>Longest sequence of the first training, for <see cref="RopeScalingKind.Llama3"/> and <see cref="RopeScalingKind.Yarn"/>.</summary>
    public int OriginalMaxPositions { get; init; } = 8192;

    /// <summary>Llama 3: a wave that fits the first context fewer times than this is divided in full. Default 1.</summary>
    public double LowFrequencyFactor { get; init; } = 1;

    /// <summary>Llama 3: a wave that fits the first context more often than this is kept. Default 4.</summary>
    public double HighFrequencyFactor { get; init; } = 4;

    /// <summary>YaRN: a frequency that turns more often than this within the first context is kept. Default 32.</summary>
    public double BetaFast { get; init; } = 32;

    /// <summary>YaRN: a frequency that turns less often than this is divided in full. Default 1.</summary>
    public double BetaSlow { get; init; } = 1;

    /// <summary>YaRN: what rotated queries and keys are multiplied by. Default 0: 0.1·ln(factor) + 1.</summary>
    public double AttentionFactor { get; init; }

    /// <summary>YaRN: whether the borders of the passage are whole dimensions. Default true.</summary>
    public bool Truncate { get; init; } = true;

    /// <summary>What rotated queries and keys are multiplied by.</summary>
    public double Magnitude => Kind != RopeScalingKind.Yarn ? 1 : AttentionFactor > 0 ? AttentionFactor : (0.1 * Math.Log(Factor)) + 1;

    /// <summary>Angle per position of each of the D/2 planes, [D/2]: θ^(−2i/D), scaled.</summary>
    /// <param name="scaling">The scaling; null for none.</param>
    /// <param name="headDim">D, even.</param>
    /// <param name="theta">θ, the base.</param>
    public static double[] Frequencies(RopeScaling? scaling, int headDim, double theta)
    {
        var frequencies = new double[headDim / 2];
        for (var i = 0; i < frequencies.Length; i++)
        {
            var plain = Math.Pow(theta, -2.0 * i / headDim);
            frequencies[i] = scaling?.Kind switch
            {
                null => plain,
                RopeScalingKind.Linear => plain / scaling.Factor,
                RopeScalingKind.Llama3 => scaling.Llama3(plain),
                _ => scaling.Yarn(plain, i, headDim, theta),
            };
        }

        return frequencies;
    }

    private double Llama3(double frequency)
    {
        var waves = OriginalMaxPositions * frequency / (2 * Math.PI);
        var kept = Math.Clamp((waves - LowFrequencyFactor) / (HighFrequencyFactor - LowFrequencyFactor), 0, 1);
        return (((1 - kept) / Factor) + kept) * frequency;
    }

    private double Yarn(double frequency, int plane, int headDim, double theta)
    {
        // The plane whose frequency turns a given number of times within the first context.
        double Plane(double turns) => headDim * Math.Log(OriginalMaxPositions / (turns * 2 * Math.PI)) / (2 * Math.Log(theta));
        var (low, high) = (Plane(BetaFast), Plane(BetaSlow));
        if (Truncate)
        {
            (low, high) = (Math.Floor(low), Math.Ceiling(high));
        }

        (low, high) = (Math.Max(low, 0), Math.Min(high, headDim - 1));
        var divided = Math.Clamp((plane - low) / (high == low ? 0.001 : high - low), 0, 1);
        return ((divided / Factor) + 1 - divided) * frequency;
    }
}
