namespace CoScientist.Core.Statistics;

/// <summary>How alike the values of one cluster are: answers on the same goal, say.</summary>
public static class IntraclassCorrelation
{
    /// <summary>
    /// ICC(1) of the one-way analysis of variance: (MSB − MSW) / (MSB + (k₀ − 1)·MSW), k₀ the adjusted mean cluster size
    /// (n − Σ nᵢ²/n) / (c − 1) (Shrout and Fleiss 1979, Psychological Bulletin 86, 420–428; unequal sizes: Donner 1986, International
    /// Statistical Review 54, 67–82). Null when it is not defined: fewer than two clusters, no cluster of two, or no spread at all.
    /// </summary>
    /// <param name="clusters">The values by cluster.</param>
    public static double? Of(IEnumerable<IReadOnlyCollection<double>> clusters)
    {
        ArgumentNullException.ThrowIfNull(clusters);
        var filled = clusters.Where(cluster => cluster.Count > 0).ToList();
        var n = filled.Sum(cluster => cluster.Count);
        if (filled.Count < 2 || n == filled.Count)
        {
            return null;
        }

        var mean = filled.Sum(cluster => cluster.Sum()) / n;
        var within = filled.Sum(cluster => Squares(cluster, cluster.Average())) / (n - filled.Count);
        var between = filled.Sum(cluster => cluster.Count * (cluster.Average() - mean) * (cluster.Average() - mean)) / (filled.Count - 1);
        var size = (n - (filled.Sum(cluster => (double)cluster.Count * cluster.Count) / n)) / (filled.Count - 1);
        var total = between + ((size - 1) * within);
        return total == 0 ? null : (between - within) / total;
    }

    private static double Squares(IEnumerable<double> values, double mean) => values.Sum(value => (value - mean) * (value - mean));
}
