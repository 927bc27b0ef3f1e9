namespace CoScientist.Core.Statistics;

/// <content>Krippendorff's α for ordered labels and numbers, and its interval.</content>
public static partial class Agreement
{
    /// <summary>
    /// Krippendorff's α at a level of measurement (Krippendorff 2011, Computing Krippendorff's Alpha-Reliability, sections C and D):
    /// 1 − (n − 1)·Σ o_ck δ²_ck / Σ n_c n_k δ²_ck over pairs of labels c ≠ k, where o is the coincidence matrix and n_c its row sums.
    /// δ² is 1 (nominal), (n_c/2 + Σ n_g between c and k + n_k/2)² (ordinal) or (c − k)² (interval).
    /// Null when it is not defined: no unit has two labels, or all labels are the same.
    /// </summary>
    /// <param name="units">The labels that each unit received; units with fewer than two are left out.</param>
    /// <param name="level">What differences between labels mean.</param>
    public static double? KrippendorffAlpha(IEnumerable<IReadOnlyCollection<double>> units, AlphaLevel level)
    {
        ArgumentNullException.ThrowIfNull(units);
        var coincidences = Coincidences.Of(units);
        return Known(coincidences.Alpha(level, [.. Enumerable.Range(0, coincidences.Units)]));
    }

    /// <summary>
    /// α with its 95% percentile bootstrap interval: units are drawn with replacement together with all their labels. Resamples in
    /// which α is not defined are left out. Null when α is not defined.
    /// </summary>
    /// <param name="units">The labels that each unit received; units with fewer than two are left out.</param>
    /// <param name="level">What differences between labels mean.</param>
    /// <param name="resamples">Number of resamples. Default 2,000.</param>
    /// <param name="seed">The same seed gives the same interval.</param>
    public static Estimate? KrippendorffInterval(IEnumerable<IReadOnlyCollection<double>> units, AlphaLevel level, int resamples = 2_000, long seed = 1)
    {
        ArgumentNullException.ThrowIfNull(units);
        var coincidences = Coincidences.Of(units);
        return Known(coincidences.Alpha(level, [.. Enumerable.Range(0, coincidences.Units)])) is null
            ? null
            : Bootstrap.Of(coincidences.Units, drawn => coincidences.Alpha(level, drawn), resamples, seed);
    }

    private static double? Known(double value) => double.IsFinite(value) ? value : null;

    // What each unit adds to the coincidence matrix, so that a resample is a sum.
    private sealed class Coincidences
    {
        private readonly double[] _values;
        private readonly int[][] _counts;

        private Coincidences(double[] values, int[][] counts) => (_values, _counts) = (values, counts);

        public int Units => _counts.Length;

        public static Coincidences Of(IEnumerable<IReadOnlyCollection<double>> units)
        {
            var pairable = units.Where(unit => unit.Count > 1).ToList();
            var values = pairable.SelectMany(unit => unit).Distinct().Order().ToArray();
            return new Coincidences(values, [.. pairable.Select(unit =>
            {
                var counts = new int[values.Length];
                foreach (var value in unit)
                {
                    counts[Array.BinarySearch(values, value)]++;
                }

                return counts;
            })]);
        }

        /// <summary>α of the drawn units; not a number where it is not defined.</summary>
        public double Alpha(AlphaLevel level, int[] drawn)
        {
            var (labels, totals) = (_values.Length, new double[_values.Length]);
            var pairs = new double[labels, labels];
            foreach (var unit in drawn)
            {
                var counts = _counts[unit];
                var others = counts.Sum() - 1.0;
                for (var c = 0; c < labels; c++)
                {
                    totals[c] += counts[c];
                    for (var k = c + 1; k < labels; k++)
                    {
                        pairs[c, k] += counts[c] * counts[k] / others;
                    }
                }
            }

            var (observed, expected) = (0.0, 0.0);
            for (var c = 0; c < labels; c++)
            {
                var between = totals[c] / 2;
                for (var k = c + 1; k < labels; k++)
                {
                    var distance = level switch
                    {
                        AlphaLevel.Nominal => 1,
                        AlphaLevel.Ordinal => between + (totals[k] / 2),
                        _ => _values[k] - _values[c],
                    };
                    between += totals[k];
                    observed += pairs[c, k] * distance * distance;
                    expected += totals[c] * totals[k] * distance * distance;
                }
            }

            return expected == 0 ? double.NaN : 1 - ((totals.Sum() - 1) * observed / expected);
        }
    }
}
