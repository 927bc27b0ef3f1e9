namespace CoScientist.Core.Statistics;

/// <summary>What picking the best of N plans by one scorer is worth, mean over goals.</summary>
/// <param name="N">Plans to pick from.</param>
/// <param name="Goals">Goals with at least N plans; the means are over these.</param>
/// <param name="Picked">The judge's score of the plan that the selector picks.</param>
/// <param name="Claimed">The selector's own score of that plan. It rises with N even if the selector knows nothing (see <see cref="MaximumBias"/>).</param>
/// <param name="Best">The judge's score of the plan that the judge itself would pick.</param>
/// <param name="Gain">Picked minus the mean plan: what selection brings.</param>
/// <param name="Gap">Best minus picked: what a perfect selector would bring on top (the selection gap).</param>
public sealed record BestOfNPoint(int N, int Goals, Estimate Picked, Estimate Claimed, Estimate Best, Estimate Gain, Estimate Gap)
{
    /// <summary>Share of what could be gained by picking that the selector gains: gain / (gain + gap); null when the plans are all alike to the judge.</summary>
    public double? Recovered => Gain.Value + Gap.Value > 1e-12 ? Gain.Value / (Gain.Value + Gap.Value) : null;
}

/// <summary>
/// Best-of-N from M ≥ N plans per goal, without waste and without bias: the mean over all C(M, N) subsets (Nakano et al. 2021,
/// WebGPT, arXiv 2112.09332, appendix I; for scores of 0 and 1 it is pass@k of Chen et al. 2021, arXiv 2107.03374).
/// </summary>
public static class BestOfN
{
    /// <summary>
    /// Expected value of the plan that a selector picks from N plans drawn without replacement:
    /// Σ over plans of value · P(picked). With plans sorted by the selector, the best of the subset is among the lowest c with
    /// probability C(c, N) / C(M, N); plans that the selector scores the same are picked with the same probability.
    /// </summary>
    /// <param name="selector">Score of each plan by which it is picked.</param>
    /// <param name="value">Score of each plan that counts once it is picked; the same list gives the expected maximum.</param>
    /// <param name="n">Plans in a subset, 1 … number of plans.</param>
    /// <exception cref="ArgumentException">The lists differ in length or are empty, or n is out of range.</exception>
    public static double Expected(IReadOnlyList<double> selector, IReadOnlyList<double> value, int n)
    {
        ArgumentNullException.ThrowIfNull(selector);
        ArgumentNullException.ThrowIfNull(value);
        if (selector.Count != value.Count)
        {
            throw new ArgumentException($"Every plan has two scores: there are {selector.Count} to pick by and {value.Count} that count.", nameof(value));
        }

        if (n < 1 || n > selector.Count)
        {
            throw new ArgumentOutOfRangeException(nameof(n), n, $"The best of {n} cannot be picked from {selector.Count} plans.");
        }

        var order = Enumerable.Range(0, selector.Count).OrderBy(plan => selector[plan]).ToArray();
        var (expected, below, start) = (0.0, 0.0, 0);
        while (start < order.Length)
        {
            var (end, sum) = (start, 0.0);
            while (end < order.Length && selector[order[end]] - selector[order[start]] < Tie)
            {
                sum += value[order[end++]];
            }

            var upTo = ShareOfSubsets(end, order.Length, n);
            expected += (upTo - below) * sum / (end - start);
            (below, start) = (upTo, end);
        }

        return expected;
    }

    /// <summary>The curve for N = 1, 2, … up to the most plans that any goal has, with 95% bootstrap intervals over goals.</summary>
    /// <param name="goals">For each goal its plans: the selector's score and the judge's.</param>
    /// <exception cref="ArgumentException">There is no goal, or one has no plan.</exception>
    public static IReadOnlyList<BestOfNPoint> Curve(IReadOnlyList<IReadOnlyList<(double Selector, double Judge)>> goals)
    {
        ArgumentNullException.ThrowIfNull(goals);
        if (goals.Count == 0 || goals.Any(goal => goal.Count == 0))
        {
            throw new ArgumentException("A curve needs at least one goal, and a plan for each.", nameof(goals));
        }

        var scores = goals.Select(goal => (Selector: goal.Select(plan => plan.Selector).ToArray(), Judge: goal.Select(plan => plan.Judge).ToArray())).ToArray();
        return [.. Enumerable.Range(1, goals.Max(goal => goal.Count)).Select(n =>
        {
            var enough = scores.Where(goal => goal.Judge.Length >= n).ToArray();
            var picked = enough.Select(goal => Expected(goal.Selector, goal.Judge, n)).ToArray();
            var best = enough.Select(goal => Expected(goal.Judge, goal.Judge, n)).ToArray();
            return new BestOfNPoint(
                n,
                enough.Length,
                Bootstrap.Mean(picked),
                Bootstrap.Mean([.. enough.Select(goal => Expected(goal.Selector, goal.Selector, n))]),
                Bootstrap.Mean(best),
                Bootstrap.Mean([.. picked.Select((score, i) => score - enough[i].Judge.Average())]),
                Bootstrap.Mean([.. best.Select((score, i) => score - picked[i])]));
        })];
    }

    /// <summary>Scores that differ by rounding only are the same, as in <see cref="WinRate.Points"/>.</summary>
    private const double Tie = 1e-9;

    // C(count, n) / C(total, n), as a product so that nothing overflows.
    private static double ShareOfSubsets(int count, int total, int n)
    {
        var share = 1.0;
        for (var i = 0; i < n; i++)
        {
            share *= Math.Max(0, count - i) / (double)(total - i);
        }

        return share;
    }
}
