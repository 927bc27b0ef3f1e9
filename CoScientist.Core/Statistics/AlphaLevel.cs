namespace CoScientist.Core.Statistics;

/// <summary>What the differences between labels mean, for Krippendorff's α.</summary>
public enum AlphaLevel
{
    /// <summary>Labels are equal or not.</summary>
    Nominal,

    /// <summary>Labels have an order; how far two are apart is the number of labels given between them.</summary>
    Ordinal,

    /// <summary>Labels are numbers, and their differences count.</summary>
    Interval,
}
