using CoScientist.Core.Goals;
using CoScientist.Core.Statistics;

namespace CoScientist.Core.Studies;

/// <summary>A system that was an arm of studies.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Goals">Goals on which it was compared and decided.</param>
/// <param name="Rating">Bradley–Terry rating, 400·log₁₀ + 1000, with its bootstrap interval over goals; null when not estimable.</param>
public sealed record SystemRating(string Name, int Goals, Estimate? Rating);

/// <summary>Several studies together: who is how strong when not all were compared with all.</summary>
public static class StudySystems
{
    /// <summary>Ratings of all systems, best first; empty for fewer than three, for two have their win rate.</summary>
    /// <param name="results">Decided goals of the studies: the goal, the arms, and the points of arm 1 (see <see cref="GoalResult.Points"/>).</param>
    /// <param name="seed">Seed of the bootstrap.</param>
    public static IReadOnlyList<SystemRating> Rate(IReadOnlyList<(GoalId Goal, string Arm1, string Arm2, double Points)> results, long seed = 1)
    {
        ArgumentNullException.ThrowIfNull(results);
        var names = results.SelectMany(r => new[] { r.Arm1, r.Arm2 }).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).ToList();
        if (names.Count < 3)
        {
            return [];
        }

        // A goal is drawn with all its comparisons, in whichever study they were made.
        var goals = results.GroupBy(r => r.Goal).OrderBy(g => g.Key.Value)
            .Select(IReadOnlyList<SystemComparison> (g) => [.. g.Select(r => new SystemComparison(names.IndexOf(r.Arm1), names.IndexOf(r.Arm2), r.Points))])
            .ToList();
        var ratings = BradleyTerry.Estimates(names.Count, goals, seed);
        return
        [
            .. names.Select((name, i) => new SystemRating(name, results.Where(r => r.Arm1 == name || r.Arm2 == name).Select(r => r.Goal).Distinct().Count(), ratings?[i]))
                .OrderByDescending(s => s.Rating?.Value ?? 0).ThenBy(s => s.Name, StringComparer.Ordinal),
        ];
    }
}
