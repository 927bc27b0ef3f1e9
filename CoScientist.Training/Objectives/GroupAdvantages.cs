namespace CoScientist.Training.Objectives;

/// <summary>
/// Group-relative advantages (Shao et al. 2024, DeepSeekMath): each plan against the mean of the plans for the same goal.
/// Not divided by the group's deviation, which would weight easy and hopeless goals up (Liu et al. 2025, Dr. GRPO).
/// </summary>
public static class GroupAdvantages
{
    /// <summary>Rewards closer than this count as equal.</summary>
    private const double Tolerance = 1e-9;

    /// <summary>Aᵢ = rᵢ − mean(r) over the graded members of a group.</summary>
    /// <param name="rewards">Rewards of one group; null where ungraded.</param>
    /// <returns>Advantages; null where ungraded: such a plan is masked.</returns>
    public static double?[] Of(IReadOnlyList<double?> rewards)
    {
        var graded = rewards.OfType<double>().ToArray();
        var mean = graded.Length == 0 ? 0 : graded.Average();
        return [.. rewards.Select(reward => reward - mean)];
    }

    /// <summary>Standard deviation (of the population) of the graded rewards; 0 for fewer than two.</summary>
    public static double Deviation(IReadOnlyList<double?> rewards)
    {
        var graded = rewards.OfType<double>().ToArray();
        if (graded.Length < 2)
        {
            return 0;
        }

        var mean = graded.Average();
        return Math.Sqrt(graded.Sum(reward => (reward - mean) * (reward - mean)) / graded.Length);
    }

    /// <summary>Whether a group teaches anything: its graded rewards differ.</summary>
    public static bool Carries(IReadOnlyList<double?> rewards) => Deviation(rewards) > Tolerance;
}
