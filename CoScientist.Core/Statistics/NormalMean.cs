using MathNet.Numerics.Distributions;
using MathNet.Numerics.Statistics;

namespace CoScientist.Core.Statistics;

/// <summary>The mean with the interval of the normal approximation, for many independent values.</summary>
public static class NormalMean
{
    /// <summary>x̄ ± z·s/√n with z = 1.96 and s the sample standard deviation (n − 1).</summary>
    /// <param name="values">At least two finite numbers: one value says nothing of its spread.</param>
    /// <exception cref="ArgumentException">There are fewer, or one is not finite.</exception>
    public static Estimate Of(IReadOnlyList<double> values)
    {
        ArgumentNullException.ThrowIfNull(values);
        if (values.Count < 2 || !values.All(double.IsFinite))
        {
            throw new ArgumentException("A mean with an interval needs at least two values, and finite ones.", nameof(values));
        }

        var (mean, deviation) = values.MeanStandardDeviation();
        var half = Normal.InvCDF(0, 1, 0.975) * deviation / Math.Sqrt(values.Count);
        return new Estimate(mean, mean - half, mean + half);
    }
}
