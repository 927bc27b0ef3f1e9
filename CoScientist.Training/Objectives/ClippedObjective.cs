namespace CoScientist.Training.Objectives;

/// <summary>
/// The clipped policy-gradient loss (Schulman et al. 2017; upper and lower clip apart as in DAPO, Yu et al. 2025), per token
/// with ratio ρ = exp(log p − log p_old): −min(ρ·A, clip(ρ, 1 − low, 1 + high)·A).
/// </summary>
public static class ClippedObjective
{
    /// <summary>∂loss/∂log p of one token: −ρ·A where the unclipped branch is the smaller, else 0.</summary>
    public static double Gradient(double logProbability, double oldLogProbability, double advantage, double low, double high)
    {
        var ratio = Math.Exp(logProbability - oldLogProbability);
        return IsClipped(ratio, advantage, low, high) ? 0 : -ratio * advantage;
    }

    /// <summary>The loss of one token.</summary>
    public static double Loss(double logProbability, double oldLogProbability, double advantage, double low, double high)
    {
        var ratio = Math.Exp(logProbability - oldLogProbability);
        return -Math.Min(ratio * advantage, Math.Clamp(ratio, 1 - low, 1 + high) * advantage);
    }

    /// <summary>Whether the clip is active for a token.</summary>
    public static bool IsClipped(double ratio, double advantage, double low, double high) =>
        advantage > 0 ? ratio > 1 + high : advantage < 0 && ratio < 1 - low;
}
