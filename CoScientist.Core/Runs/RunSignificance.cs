using CoScientist.Core.Statistics;

namespace CoScientist.Core.Runs;

/// <summary>How two runs differ on the goals that both were reported on.</summary>
/// <param name="Goals">Goals in common, with the same version of the rubric and a grading of both.</param>
/// <param name="First">Mean score of the first run's picked checkpoint on them, 0–1.</param>
/// <param name="Second">The same of the second run's.</param>
/// <param name="Difference">Second less first, with the 95% interval of the paired bootstrap over goals.</param>
public sealed record RunDifference(int Goals, double First, double Second, Estimate Difference)
{
    /// <summary>Whether the interval leaves out zero.</summary>
    public bool IsSignificant => Difference.Low > 0 || Difference.High < 0;
}

/// <summary>
/// The difference between two runs' picked checkpoints on held-out goals. Goals are paired with themselves, so that easy and hard
/// ones cancel, and drawn as wholes (<see cref="Bootstrap"/>): several plans for a goal count as their mean.
/// </summary>
public static class RunSignificance
{
    /// <summary>Compares.</summary>
    /// <param name="first">Rows of the closing evaluation of one run.</param>
    /// <param name="second">Rows of the other's.</param>
    /// <returns>The difference; null when they have no goal in common.</returns>
    public static RunDifference? Compare(IReadOnlyList<RunEvaluationRow> first, IReadOnlyList<RunEvaluationRow> second)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        var (before, after) = (Scores(first), Scores(second));
        (double First, double Second)[] pairs = [.. from goal in before where after.ContainsKey(goal.Key) orderby goal.Key.Goal, goal.Key.Rubric select (goal.Value, after[goal.Key])];
        return pairs.Length == 0
            ? null
            : new RunDifference(pairs.Length, pairs.Average(pair => pair.First), pairs.Average(pair => pair.Second), Bootstrap.Mean([.. pairs.Select(pair => pair.Second - pair.First)]));
    }

    /// <summary>The judge's score of each goal by the picked checkpoint.</summary>
    private static Dictionary<(string Goal, int Rubric), double> Scores(IReadOnlyList<RunEvaluationRow> rows) => rows
        .Where(row => row.Writer == RunEvaluationRow.Best)
        .Select(row => (Key: (row.GoalId, row.RubricVersion ?? 0), (row.Oracle ?? row.Judge)?.Score))
        .Where(row => row.Score is not null)
        .GroupBy(row => row.Key)
        .ToDictionary(goal => goal.Key, goal => goal.Average(row => row.Score!.Value));
}
