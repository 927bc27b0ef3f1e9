using MathNet.Numerics.Distributions;

namespace CoScientist.Core.Statistics;

/// <summary>
/// A share of units that come in clusters (rubric items of goals) with its 95% interval: Wilson's score interval
/// (<see cref="BinomialTests.Wilson"/>) at the effective sample size n* = p(1 − p) / v, where v is the variance of the ratio
/// p = Σx / Σn between clusters by linearisation, v = G / (G − 1) · Σ(x_g − p·n_g)² / (Σn)² (Kish 1965, Survey Sampling,
/// sections 6.5 and 8.2; Franco, Little, Louis and Slud 2019 for the interval). It needs no resampling, and stays inside 0–1 for
/// rare events. n* is never above the number of units; where v says nothing (all or none of the units, or a single cluster) each
/// cluster counts as one unit, which is the careful choice.
/// </summary>
public static class ClusteredShare
{
    private static readonly double Z = Normal.InvCDF(0, 1, 0.975);

    /// <summary>The share with its interval.</summary>
    /// <param name="clusters">Units with the property, and all units, of each cluster; at least one unit in all.</param>
    /// <exception cref="ArgumentException">There is no unit, or a count is impossible.</exception>
    public static Estimate Of(IReadOnlyCollection<(int Hits, int Units)> clusters)
    {
        ArgumentNullException.ThrowIfNull(clusters);
        var units = clusters.Sum(cluster => (double)cluster.Units);
        if (units == 0 || clusters.Any(cluster => cluster.Hits < 0 || cluster.Hits > cluster.Units))
        {
            throw new ArgumentException("A share needs at least one unit, and no more hits than units.", nameof(clusters));
        }

        var share = clusters.Sum(cluster => (double)cluster.Hits) / units;
        var filled = clusters.Count(cluster => cluster.Units > 0);
        var squares = clusters.Sum(cluster => Math.Pow(cluster.Hits - (share * cluster.Units), 2));
        var variance = filled > 1 ? (double)filled / (filled - 1) * squares / (units * units) : 0;
        var size = variance > 0 ? Math.Min(units, share * (1 - share) / variance) : filled;
        var centre = (2 * size * share) + (Z * Z);
        var spread = Z * Math.Sqrt((Z * Z) + (4 * size * share * (1 - share)));
        var scale = 2 * (size + (Z * Z));
        return new Estimate(share, Math.Max(0, (centre - spread) / scale), Math.Min(1, (centre + spread) / scale));
    }
}
