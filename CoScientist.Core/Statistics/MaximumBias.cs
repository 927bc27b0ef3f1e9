namespace CoScientist.Core.Statistics;

/// <summary>By how much the best of N noisy scores overstates the plan that has it.</summary>
/// <param name="N">Plans to pick from.</param>
/// <param name="Goals">Goals with at least N plans.</param>
/// <param name="Claimed">Mean of the highest score of N plans, as read off the scoring that picks.</param>
/// <param name="Fresh">Mean score that the other scoring gives to the plan picked.</param>
/// <param name="Bias">Claimed minus fresh; 0 at N = 1.</param>
public sealed record MaximumBiasPoint(int N, int Goals, Estimate Claimed, Estimate Fresh, Estimate Bias);

/// <summary>
/// The maximum of noisy scores is too high: whoever picks the highest score picks its luck too (the optimizer's curse: Smith and
/// Winkler 2006, Management Science 52, 311–322). With two scorings whose errors are independent, the plan picked by
/// one is scored by the other, which shares none of that luck (the double estimator: van Hasselt 2010, Double Q-learning). Both
/// directions are averaged, so that one scoring may be stricter than the other.
/// </summary>
/// <remarks>
/// The fresh score is an unbiased estimate of the worth of the plan that is picked. It is not the worth of the truly best plan,
/// which is higher still.
/// </remarks>
public static class MaximumBias
{
    private const int Splits = 16;

    /// <summary>The bias for N = 1, 2, … from two scorings of the same plans, with 95% bootstrap intervals over goals.</summary>
    /// <param name="goals">For each goal its plans, each with both scores.</param>
    /// <exception cref="ArgumentException">There is no goal, or one has no plan.</exception>
    public static IReadOnlyList<MaximumBiasPoint> Of(IReadOnlyList<IReadOnlyList<(double First, double Second)>> goals)
    {
        ArgumentNullException.ThrowIfNull(goals);
        return Curve([.. goals.Select<IReadOnlyList<(double First, double Second)>, Halves[]>(goal => [new Halves([.. goal.Select(plan => plan.First)], [.. goal.Select(plan => plan.Second)])])]);
    }

    /// <summary>
    /// The bias when there is one scoring, by item: the items of a goal are split at random into two halves of the same size,
    /// which play the two scorings (one left over sits out); mean over 16 splits. A half has twice the variance of a whole
    /// rubric, so the bias of the whole rubric's maximum is smaller: take this as its upper bound. Items count as drawn
    /// from all that could have been asked.
    /// </summary>
    /// <param name="goals">For each goal its plans, each with a verdict per item; all plans of a goal have the same items.</param>
    /// <param name="seed">Seed of the splits.</param>
    /// <returns>Goals with fewer than two items are left out; empty when none is left.</returns>
    /// <exception cref="ArgumentException">A goal has no plan, or plans with different numbers of items.</exception>
    public static IReadOnlyList<MaximumBiasPoint> OfHalves(IReadOnlyList<IReadOnlyList<IReadOnlyList<bool>>> goals, long seed = 1)
    {
        ArgumentNullException.ThrowIfNull(goals);
        if (goals.Any(plans => plans.Any(plan => plan.Count != plans[0].Count)))
        {
            throw new ArgumentException("All plans of a goal are judged by the same items.", nameof(goals));
        }

        var random = new SeededRandom(seed);
        Halves[][] halves = [.. goals.Where(plans => plans.Count == 0 || plans[0].Count > 1).Select(plans => Enumerable.Range(0, plans.Count == 0 ? 0 : Splits).Select(_ => Split(plans, random)).ToArray())];
        return halves.Length == 0 ? [] : Curve(halves);
    }

    private static MaximumBiasPoint[] Curve(Halves[][] goals)
    {
        if (goals.Length == 0 || goals.Any(splits => splits.Length == 0 || splits[0].First.Length == 0))
        {
            throw new ArgumentException("The bias of a maximum needs at least one goal, and a plan for each.", nameof(goals));
        }

        return [.. Enumerable.Range(1, goals.Max(splits => splits[0].First.Length)).Select(n =>
        {
            var enough = goals.Where(splits => splits[0].First.Length >= n).ToArray();
            var claimed = enough.Select(splits => splits.Average(half => (BestOfN.Expected(half.First, half.First, n) + BestOfN.Expected(half.Second, half.Second, n)) / 2)).ToArray();
            var fresh = enough.Select(splits => splits.Average(half => (BestOfN.Expected(half.First, half.Second, n) + BestOfN.Expected(half.Second, half.First, n)) / 2)).ToArray();
            return new MaximumBiasPoint(n, enough.Length, Bootstrap.Mean(claimed), Bootstrap.Mean(fresh), Bootstrap.Mean([.. claimed.Zip(fresh, (c, f) => c - f)]));
        })];
    }

    private static Halves Split(IReadOnlyList<IReadOnlyList<bool>> plans, SeededRandom random)
    {
        var items = Enumerable.Range(0, plans[0].Count).ToArray();
        random.Shuffle(items);
        var size = items.Length / 2;
        return new Halves(Scores(items[..size]), Scores(items[size..(2 * size)]));

        double[] Scores(int[] half) => [.. plans.Select(plan => half.Count(item => plan[item]) / (double)half.Length)];
    }

    private sealed record Halves(double[] First, double[] Second);
}
