using System.Numerics;

namespace CoScientist.Training.Kernels.Reference;

/// <summary>
/// The clipped surrogate of GRPO (Shao et al. 2024, arXiv 2402.03300, eq. 3; from PPO, Schulman et al. 2017, arXiv
/// 1707.06347, eq. 7) for single tokens, with separate lower and upper clip (DAPO, Yu et al. 2025, arXiv 2503.14476, section 3.1).
/// </summary>
public static class GrpoReference
{
    /// <summary>The token's loss: −min(r A, clip(r, 1 − clipLow, 1 + clipHigh) A) with r = exp(logProbability − sampledLogProbability).</summary>
    public static T Loss<T>(T logProbability, T sampledLogProbability, T advantage, T clipLow, T clipHigh)
        where T : IFloatingPointIeee754<T>
    {
        var ratio = T.Exp(logProbability - sampledLogProbability);
        var clipped = T.Clamp(ratio, T.One - clipLow, T.One + clipHigh);
        return -T.Min(ratio * advantage, clipped * advantage);
    }

    /// <summary>
    /// dLoss/dlogProbability: −r A where the unclipped term is the smaller one, and 0 where the clip holds the ratio
    /// (r &gt; 1 + clipHigh with A &gt; 0, or r &lt; 1 − clipLow with A &lt; 0). On the very edge the gradient is still −r A.
    /// </summary>
    public static T Gradient<T>(T logProbability, T sampledLogProbability, T advantage, T clipLow, T clipHigh)
        where T : IFloatingPointIeee754<T>
    {
        var ratio = T.Exp(logProbability - sampledLogProbability);
        var held = advantage > T.Zero ? ratio > T.One + clipHigh : ratio < T.One - clipLow;
        return held ? T.Zero : -ratio * advantage;
    }
}
