namespace CoScientist.Core.Statistics;

/// <summary>
/// How far raters agree beyond chance. Which one to use: Cohen's κ for two named raters who labelled everything, Fleiss' κ for as many
/// ratings of every unit by whichever raters, Gwet's AC1 where one label is far more frequent than the others (approvals), and
/// Krippendorff's α for everything else: it takes missing labels and ordered ones.
/// </summary>
public static partial class Agreement
{
    /// <summary>
    /// Cohen's κ (Cohen 1960): (p_o − p_c) / (1 − p_c), where p_c is the agreement expected from the two raters' own label shares.
    /// Null when it is not defined: no pairs, or both raters used one and the same label throughout.
    /// </summary>
    /// <param name="pairs">The two raters' labels, one pair per unit.</param>
    public static double? CohenKappa<T>(IReadOnlyCollection<(T First, T Second)> pairs)
        where T : notnull
    {
        ArgumentNullException.ThrowIfNull(pairs);
        var n = (double)pairs.Count;
        var first = pairs.CountBy(p => p.First).ToDictionary();
        var second = pairs.CountBy(p => p.Second).ToDictionary();
        var observed = pairs.Count(p => EqualityComparer<T>.Default.Equals(p.First, p.Second)) / n;
        var chance = first.Sum(label => label.Value / n * (second.GetValueOrDefault(label.Key) / n));
        return pairs.Count == 0 || chance >= 1 ? null : (observed - chance) / (1 - chance);
    }

    /// <summary>
    /// Krippendorff's α for nominal data with any number of raters and missing labels (Krippendorff 2011, Computing Krippendorff's
    /// Alpha-Reliability, section D): 1 − D_o/D_e from the coincidence matrix, in which a unit with m labels adds 1/(m − 1) per ordered pair.
    /// Null when it is not defined: no unit has two labels, or all labels are the same.
    /// </summary>
    /// <param name="units">The labels that each unit received; units with fewer than two are left out.</param>
    public static double? KrippendorffAlpha<T>(IEnumerable<IReadOnlyCollection<T>> units)
        where T : notnull
    {
        ArgumentNullException.ThrowIfNull(units);
        var totals = new Dictionary<T, double>();
        var (disagreement, n) = (0.0, 0.0);
        foreach (var unit in units.Where(u => u.Count > 1))
        {
            n += unit.Count;
            foreach (var (label, count) in unit.CountBy(l => l))
            {
                totals[label] = totals.GetValueOrDefault(label) + count;
                disagreement += (double)count * (unit.Count - count) / (unit.Count - 1);
            }
        }

        var expected = totals.Values.Sum(count => count * (n - count));
        return expected == 0 ? null : 1 - ((n - 1) * disagreement / expected);
    }
}
