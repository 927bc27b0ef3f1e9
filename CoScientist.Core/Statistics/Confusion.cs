namespace CoScientist.Core.Statistics;

/// <summary>Counts of predicted against true labels of a yes-or-no question.</summary>
/// <param name="TruePositives">Yes, and said yes.</param>
/// <param name="FalsePositives">No, but said yes.</param>
/// <param name="TrueNegatives">No, and said no.</param>
/// <param name="FalseNegatives">Yes, but said no.</param>
public readonly record struct Confusion(int TruePositives, int FalsePositives, int TrueNegatives, int FalseNegatives)
{
    /// <summary>TP / (TP + FN); null when nothing was truly yes.</summary>
    public double? TruePositiveRate => Share(TruePositives, FalseNegatives);

    /// <summary>TN / (TN + FP); null when nothing was truly no.</summary>
    public double? TrueNegativeRate => Share(TrueNegatives, FalsePositives);

    /// <summary>Mean of the two rates (Brodersen et al. 2010), so that a frequent label does not hide a bad rate; null when either is unknown.</summary>
    public double? BalancedAccuracy => (TruePositiveRate + TrueNegativeRate) / 2;

    /// <summary>Counts pairs of truth and prediction.</summary>
    public static Confusion Of(IEnumerable<(bool Truth, bool Predicted)> pairs)
    {
        var counts = default(Confusion);
        foreach (var (truth, predicted) in pairs)
        {
            counts = (truth, predicted) switch
            {
                (true, true) => counts with { TruePositives = counts.TruePositives + 1 },
                (false, true) => counts with { FalsePositives = counts.FalsePositives + 1 },
                (false, false) => counts with { TrueNegatives = counts.TrueNegatives + 1 },
                (true, false) => counts with { FalseNegatives = counts.FalseNegatives + 1 },
            };
        }

        return counts;
    }

    private static double? Share(int hits, int misses) => hits + misses == 0 ? null : (double)hits / (hits + misses);
}
