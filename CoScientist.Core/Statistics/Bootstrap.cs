using MathNet.Numerics.Statistics;

namespace CoScientist.Core.Statistics;

/// <summary>
/// The percentile bootstrap (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13): resample the units with
/// replacement, take the statistic of each resample, and read the interval off its 2.5% and 97.5% quantiles (R's type 7).
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
        ArgumentOutOfRangeException.ThrowIfLessThan(resamples, 1);
        if (values.Count == 0 || !values.All(double.IsFinite))
        {
            throw new ArgumentException("A mean needs at least one value, and finite ones.", nameof(values));
        }

        var units = values.ToArray();
        var random = new SeededRandom(seed);
        var means = new double[resamples];
        for (var r = 0; r < means.Length; r++)
        {
            var sum = 0.0;
            for (var i = 0; i < units.Length; i++)
            {
                sum += units[random.Next(units.Length)];
            }

            means[r] = sum / units.Length;
        }

        Array.Sort(means);
        return new Estimate(
            units.Average(),
            SortedArrayStatistics.QuantileCustom(means, 0.025, QuantileDefinition.R7),
            SortedArrayStatistics.QuantileCustom(means, 0.975, QuantileDefinition.R7));
    }
}
