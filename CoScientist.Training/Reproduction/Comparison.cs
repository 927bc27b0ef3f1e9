using CoScientist.Core.Statistics;

namespace CoScientist.Training.Reproduction;

/// <summary>
/// One arm against another on the same goals, seeds pooled. Intervals are of the bootstrap over goals: a goal is drawn with the plans
/// of all seeds, and with both arms' plans.
/// </summary>
public sealed record Comparison
{
    /// <summary>Number of different goals.</summary>
    public required int Goals { get; init; }

    /// <summary>The arm's oracle score.</summary>
    public required Estimate Oracle { get; init; }

    /// <summary>The other arm's.</summary>
    public required Estimate OtherOracle { get; init; }

    /// <summary>Difference of the two.</summary>
    public required Estimate Gain { get; init; }

    /// <summary>Gain as a share of the other's score; null when that is 0.</summary>
    public required Estimate? RelativeGain { get; init; }

    /// <summary>Share of goals where the arm's plan has the higher oracle score, ties half.</summary>
    public required Estimate WinRate { get; init; }

    /// <summary>Mean grade by the run's own grader.</summary>
    public required double SelfGrade { get; init; }

    /// <summary>Share of well-formed plans.</summary>
    public required double WellFormed { get; init; }

    /// <summary>Difference of that share from the other's.</summary>
    public required Estimate WellFormedChange { get; init; }

    /// <summary>Mean tokens of a plan.</summary>
    public required double Tokens { get; init; }

    /// <summary>Difference of that length from the other's.</summary>
    public required Estimate TokensChange { get; init; }

    /// <summary>Compares pairs of plans for the same goal with the same seed.</summary>
    /// <param name="pairs">The arm's plan and the other's, at least one pair.</param>
    /// <exception cref="ArgumentException">A pair is of two goals, or there is none.</exception>
    public static Comparison Of(IEnumerable<(PlanScore Plan, PlanScore Other)> pairs)
    {
        ArgumentNullException.ThrowIfNull(pairs);
        var all = pairs.ToArray();
        if (all.Length == 0 || all.Any(pair => pair.Plan.Goal != pair.Other.Goal))
        {
            throw new ArgumentException("Two arms are compared goal by goal, and on one goal at least.", nameof(pairs));
        }

        var goals = all.GroupBy(pair => pair.Plan.Goal, StringComparer.Ordinal).Select(goal => goal.ToArray()).ToArray();
        return new Comparison
        {
            Goals = goals.Length,
            Oracle = Mean(pair => pair.Plan.Oracle),
            OtherOracle = Mean(pair => pair.Other.Oracle),
            Gain = Mean(pair => pair.Plan.Oracle - pair.Other.Oracle),
            RelativeGain = Bootstrap.RelativeGain([.. goals.Select(goal => (goal.Average(pair => pair.Other.Oracle), goal.Average(pair => pair.Plan.Oracle)))]),
            WinRate = Mean(pair => Core.Statistics.WinRate.Points(pair.Plan.Oracle, pair.Other.Oracle)),
            SelfGrade = all.Average(pair => pair.Plan.SelfGrade),
            WellFormed = all.Average(pair => pair.Plan.WellFormed ? 1.0 : 0),
            WellFormedChange = Mean(pair => (pair.Plan.WellFormed ? 1.0 : 0) - (pair.Other.WellFormed ? 1.0 : 0)),
            Tokens = all.Average(pair => pair.Plan.Tokens),
            TokensChange = Mean(pair => pair.Plan.Tokens - pair.Other.Tokens),
        };

        // Every goal has as many pairs as any other, so that the mean of a goal's pairs is the unit that is drawn.
        Estimate Mean(Func<(PlanScore Plan, PlanScore Other), double> of) => Bootstrap.Mean([.. goals.Select(goal => goal.Average(of))]);
    }
}
