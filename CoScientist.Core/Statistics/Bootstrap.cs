using MathNet.Numerics.Statistics;

namespace CoScientist.Core.Statistics;

/// <summary>
/// The percentile bootstrap (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13): resample the units with
/// replacement, take the statistic of each resample, and read the interval off its 2.5% and 97.5% quantiles (R's type 7).
/// The units are goals: plans for one goal are more alike than plans for two, so a goal is drawn with all that belongs to it
/// (the clustered bootstrap: Davison and Hinkley, Bootstrap Methods and their Application, 1997, section 3.8).
/// </summary>
public static class Bootstrap
{
    /// <summary>Mean of the values with its 95% interval. The values are the units: one per goal, never one per answer.</summary>
    /// <param name="values">At least one finite number.</param>
    /// <param name="resamples">Number of resamples. Default 10,000: the ends then move by about 1% of the width between seeds.</param>
    /// <param name="seed">The same seed gives the same interval.</param>
    /// <exception cref="ArgumentException">There is no value, or one is not finite.</exception>
    public static Estimate Mean(IReadOnlyList<double> values, int resamples = 10_000, long seed = 1)
    {
        ArgumentNullException.ThrowIfNull(values);
        RequireFinite(values.Count > 0 && values.All(double.IsFinite), nameof(values));
        var units = values.ToArray();
        return Of(units.Length, drawn => Mean(units, drawn), resamples, seed);
    }

    /// <summary>
    /// Mean of all values with its 95% interval, when several belong to one goal (plans of several seeds, say): whole clusters
    /// are drawn, and the mean is that of the values in them.
    /// </summary>
    /// <param name="clusters">At least one, each with at least one finite number.</param>
    /// <param name="resamples">Number of resamples.</param>
    /// <param name="seed">The same seed gives the same interval.</param>
    /// <exception cref="ArgumentException">There is no cluster, an empty one, or a number that is not finite.</exception>
    public static Estimate ClusteredMean(IReadOnlyList<IReadOnlyList<double>> clusters, int resamples = 10_000, long seed = 1)
    {
        ArgumentNullException.ThrowIfNull(clusters);
        RequireFinite(clusters.Count > 0 && clusters.All(cluster => cluster.Count > 0 && cluster.All(double.IsFinite)), nameof(clusters));
        var sums = clusters.Select(cluster => cluster.Sum()).ToArray();
        var counts = clusters.Select(cluster => (double)cluster.Count).ToArray();
        return Of(sums.Length, drawn => Ratio(sums, counts, drawn), resamples, seed);
    }

    /// <summary>
    /// Relative gain of one arm over another, mean(other) / mean(base) − 1, with its 95% interval. Pairs stay together: an easy
    /// goal is easy for both. Null when the base scored nothing, as no number is relative to zero.
    /// </summary>
    /// <param name="goals">Mean score of each goal under both arms, seeds and samples pooled; at least one goal, finite and not negative.</param>
    /// <param name="resamples">Number of resamples.</param>
    /// <param name="seed">The same seed gives the same interval.</param>
    /// <exception cref="ArgumentException">There is no goal, or a score is negative or not finite.</exception>
    public static Estimate? RelativeGain(IReadOnlyList<(double Base, double Other)> goals, int resamples = 10_000, long seed = 1)
    {
        ArgumentNullException.ThrowIfNull(goals);
        RequireFinite(goals.Count > 0 && goals.All(goal => goal is { Base: >= 0 and < double.PositiveInfinity, Other: >= 0 and < double.PositiveInfinity }), nameof(goals));
        var bases = goals.Select(goal => goal.Base).ToArray();
        var others = goals.Select(goal => goal.Other).ToArray();
        return bases.Sum() > 0 ? Of(goals.Count, drawn => Ratio(others, bases, drawn) - 1, resamples, seed) : null;
    }

    /// <summary>Any statistic with its 95% interval.</summary>
    /// <param name="units">Number of units, at least one.</param>
    /// <param name="statistic">
    /// Its value for drawn units, given by their indices; called first with 0 … <paramref name="units"/> − 1 for the point
    /// estimate. A resample without a finite value (nothing to divide by, say) is left out of the quantiles.
    /// </param>
    /// <param name="resamples">Number of resamples.</param>
    /// <param name="seed">The same seed gives the same interval.</param>
    /// <exception cref="ArgumentException">The statistic of the units themselves is not finite.</exception>
    public static Estimate Of(int units, Func<int[], double> statistic, int resamples = 10_000, long seed = 1)
    {
        ArgumentNullException.ThrowIfNull(statistic);
        ArgumentOutOfRangeException.ThrowIfLessThan(units, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(resamples, 1);
        var drawn = Enumerable.Range(0, units).ToArray();
        var value = statistic(drawn);
        if (!double.IsFinite(value))
        {
            throw new ArgumentException($"The statistic of the units is {value}: there is nothing to estimate.", nameof(statistic));
        }

        var random = new SeededRandom(seed);
        var values = new double[resamples];
        var count = 0;
        for (var r = 0; r < resamples; r++)
        {
            for (var i = 0; i < drawn.Length; i++)
            {
                drawn[i] = random.Next(drawn.Length);
            }

            values[count] = statistic(drawn);
            count += double.IsFinite(values[count]) ? 1 : 0;
        }

        if (count == 0)
        {
            return new Estimate(value, value, value);
        }

        Array.Resize(ref values, count);
        Array.Sort(values);
        return new Estimate(
            value,
            SortedArrayStatistics.QuantileCustom(values, 0.025, QuantileDefinition.R7),
            SortedArrayStatistics.QuantileCustom(values, 0.975, QuantileDefinition.R7));
    }

    private static double Mean(double[] units, int[] drawn)
    {
        var sum = 0.0;
        foreach (var unit in drawn)
        {
            sum += units[unit];
        }

        return sum / drawn.Length;
    }

    private static double Ratio(double[] numerators, double[] denominators, int[] drawn)
    {
        var (numerator, denominator) = (0.0, 0.0);
        foreach (var unit in drawn)
        {
            numerator += numerators[unit];
            denominator += denominators[unit];
        }

        return numerator / denominator;
    }

    private static void RequireFinite(bool holds, string name)
    {
        if (!holds)
        {
            throw new ArgumentException("An estimate needs at least one value per unit, and finite ones (a relative gain: none below zero).", name);
        }
    }
}
