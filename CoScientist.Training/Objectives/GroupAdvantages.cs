using CoScientist.Core.Runs;

namespace CoScientist.Training.Objectives;

/// <summary>Group-relative advantages (Shao et al. 2024, DeepSeekMath): each plan against the mean of the plans for the same goal.</summary>
public static class GroupAdvantages
{
    /// <summary>Rewards closer than this count as equal.</summary>
    private const double Tolerance = 1e-9;

    /// <summary>Added to a deviation before dividing by it, as in TRL.</summary>
    private const double Epsilon = 1e-4;

    /// <summary>Aᵢ = (rᵢ − mean(r)) / scale, per group, over the graded members.</summary>
    /// <param name="groups">Rewards of each group; null where ungraded.</param>
    /// <param name="scaling">What is divided by: nothing, the deviation of the group, or of all rewards of the batch (the population's).</param>
    /// <returns>Advantages; null where ungraded: such a plan is masked.</returns>
    public static IReadOnlyList<double?[]> Of(IReadOnlyList<double?[]> groups, AdvantageScaling scaling = AdvantageScaling.None)
    {
        ArgumentNullException.ThrowIfNull(groups);
        var batch = scaling == AdvantageScaling.Batch ? Deviation([.. groups.SelectMany(group => group)]) + Epsilon : 1;
        return [.. groups.Select(group =>
        {
            var mean = group.OfType<double>().DefaultIfEmpty().Average();
            var scale = scaling == AdvantageScaling.Group ? Deviation(group) + Epsilon : batch;

            // A mean of equal numbers can miss them by a bit; equal rewards teach exactly nothing.
            return Carries(group) ? group.Select(reward => (reward - mean) / scale).ToArray() : [.. group.Select(reward => reward * 0)];
        })];
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
