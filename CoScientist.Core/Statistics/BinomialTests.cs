using MathNet.Numerics.Distributions;

namespace CoScientist.Core.Statistics;

/// <summary>Intervals and exact tests for counts out of a number of trials.</summary>
public static class BinomialTests
{
    // 97.5% quantile of the standard normal.
    private static readonly double Z = Normal.InvCDF(0, 1, 0.975);

    /// <summary>
    /// Share with its 95% score interval (Wilson 1927; the form without continuity correction in Newcombe 1998, method 3):
    /// (2np + z² ± z·√(z² + 4np(1 − p))) / (2(n + z²)).
    /// </summary>
    /// <param name="successes">0 … <paramref name="trials"/>.</param>
    /// <param name="trials">At least 1.</param>
    public static Estimate Wilson(int successes, int trials)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(trials, 1);
        Check(successes, trials);
        var share = (double)successes / trials;
        var centre = (2 * trials * share) + (Z * Z);
        var spread = Z * Math.Sqrt((Z * Z) + (4 * trials * share * (1 - share)));
        var scale = 2 * (trials + (Z * Z));
        return new Estimate(share, Math.Max(0, (centre - spread) / scale), Math.Min(1, (centre + spread) / scale));
    }

    /// <summary>
    /// Exact two-sided p-value of a count under Binomial(n, p): the total probability of all counts that are no more likely than
    /// the one seen (the method of small p-values, as in R's <c>binom.test</c>). No trials give 1.
    /// </summary>
    /// <param name="successes">0 … <paramref name="trials"/>.</param>
    /// <param name="trials">Number of trials.</param>
    /// <param name="probability">Probability of success under the null hypothesis. Default ½.</param>
    public static double ExactTwoSided(int successes, int trials, double probability = 0.5)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(trials);
        ArgumentOutOfRangeException.ThrowIfLessThan(probability, 0);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(probability, 1);
        Check(successes, trials);
        // Counts of equal probability differ by rounding only: the relative slack is R's.
        var seen = Binomial.PMF(probability, trials, successes) * (1 + 1e-7);
        return Math.Min(1, Enumerable.Range(0, trials + 1).Select(k => Binomial.PMF(probability, trials, k)).Where(p => p <= seen).Sum());
    }

    /// <summary>Exact two-sided sign test: whether wins and losses differ by more than a fair coin would; ties are left out (Dixon and Mood 1946).</summary>
    public static double SignTest(int wins, int losses) => ExactTwoSided(wins, wins + losses);

    /// <summary>
    /// Exact power of the two-sided sign test at 5%: the probability under Binomial(n, p) of a count whose exact p-value is at most 0.05.
    /// </summary>
    /// <param name="decided">Pairs that are won or lost.</param>
    /// <param name="winShare">Probability of winning one of them, 0–1.</param>
    public static double SignTestPower(int decided, double winShare)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(decided);
        var critical = Enumerable.Range(0, decided + 1).TakeWhile(wins => 2 * wins < decided && SignTest(wins, decided - wins) <= 0.05).Count();
        return critical == 0 ? 0 : Binomial.CDF(winShare, decided, critical - 1) + Binomial.CDF(1 - winShare, decided, critical - 1);
    }

    private static void Check(int successes, int trials)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(successes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(successes, trials);
    }
}
