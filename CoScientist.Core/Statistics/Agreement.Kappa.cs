namespace CoScientist.Core.Statistics;

/// <content>Weighted κ, Fleiss' κ and Gwet's AC1.</content>
public static partial class Agreement
{
    /// <summary>
    /// Cohen's weighted κ (Cohen 1968, Psychological Bulletin 70, 213–220): 1 − Σ v·p_o / Σ v·p_c with v the weight of a disagreement,
    /// p_o the share of pairs seen and p_c that expected from the two raters' own label shares.
    /// Null when it is not defined: no pairs, or no disagreement could be expected.
    /// </summary>
    /// <param name="pairs">The two raters' labels, one pair per unit.</param>
    /// <param name="weight">How bad a disagreement is: 0 for equal labels; |i − j| is linear, (i − j)² quadratic.</param>
    public static double? WeightedKappa<T>(IReadOnlyCollection<(T First, T Second)> pairs, Func<T, T, double> weight)
        where T : notnull
    {
        ArgumentNullException.ThrowIfNull(pairs);
        ArgumentNullException.ThrowIfNull(weight);
        var n = (double)pairs.Count;
        var first = pairs.CountBy(p => p.First).ToList();
        var second = pairs.CountBy(p => p.Second).ToList();
        var observed = pairs.Sum(p => weight(p.First, p.Second)) / n;
        var chance = first.Sum(f => second.Sum(s => weight(f.Key, s.Key) * (f.Value / n) * (s.Value / n)));
        return pairs.Count == 0 || chance <= 0 ? null : 1 - (observed / chance);
    }

    /// <summary>
    /// Fleiss' κ (Fleiss 1971, Psychological Bulletin 76, 378–382): (P̄ − P̄_e) / (1 − P̄_e), P̄ the mean share of agreeing pairs of ratings
    /// of a unit and P̄_e = Σ p_j² from the shares of the labels. Null when it is not defined: no units, fewer than two ratings, or one label throughout.
    /// </summary>
    /// <param name="units">The labels of each unit, equally many for all; the raters may differ from unit to unit.</param>
    /// <exception cref="ArgumentException">Units have different numbers of labels: use Krippendorff's α.</exception>
    public static double? FleissKappa<T>(IReadOnlyCollection<IReadOnlyCollection<T>> units)
        where T : notnull
    {
        ArgumentNullException.ThrowIfNull(units);
        var raters = units.Count == 0 ? 0 : units.First().Count;
        if (units.Any(unit => unit.Count != raters))
        {
            throw new ArgumentException("Fleiss' κ needs equally many ratings of every unit; Krippendorff's α does not.", nameof(units));
        }

        if (raters < 2)
        {
            return null;
        }

        var observed = units.Average(unit => unit.CountBy(label => label).Sum(l => l.Value * (l.Value - 1.0)) / (raters * (raters - 1.0)));
        var total = (double)units.Count * raters;
        var chance = units.SelectMany(unit => unit).CountBy(label => label).Sum(l => l.Value / total * (l.Value / total));
        return chance >= 1 ? null : (observed - chance) / (1 - chance);
    }

    /// <summary>
    /// Gwet's AC1 (Gwet 2008, British Journal of Mathematical and Statistical Psychology 61, 29–48; with missing labels as in Gwet,
    /// Handbook of Inter-Rater Reliability, 4th edition 2014, chapter 5): (p_a − p_e) / (1 − p_e), p_a the mean share of agreeing pairs
    /// over units with two or more labels, p_e = Σ π_k(1 − π_k) / (q − 1), π_k the mean over all units of the share of label k.
    /// It does not collapse, as κ does, when nearly all labels are the same.
    /// </summary>
    /// <param name="units">The labels that each unit received, one or more.</param>
    /// <param name="labels">Number of labels that could be given (q), at least 2; it counts those never given.</param>
    /// <returns>Null when no unit has two labels.</returns>
    public static double? GwetAc1<T>(IReadOnlyCollection<IReadOnlyCollection<T>> units, int labels)
        where T : notnull
    {
        ArgumentNullException.ThrowIfNull(units);
        ArgumentOutOfRangeException.ThrowIfLessThan(labels, 2);
        var rated = units.Where(unit => unit.Count > 0).ToList();
        var pairable = rated.FindAll(unit => unit.Count > 1);
        if (pairable.Count == 0)
        {
            return null;
        }

        var observed = pairable.Average(unit => unit.CountBy(label => label).Sum(l => l.Value * (l.Value - 1.0)) / (unit.Count * (unit.Count - 1.0)));
        var shares = rated.SelectMany(unit => unit.CountBy(label => label), (unit, l) => (l.Key, Share: (double)l.Value / unit.Count))
            .GroupBy(l => l.Key, l => l.Share)
            .Select(label => label.Sum() / rated.Count);
        var chance = shares.Sum(share => share * (1 - share)) / (labels - 1);
        return (observed - chance) / (1 - chance);
    }
}
