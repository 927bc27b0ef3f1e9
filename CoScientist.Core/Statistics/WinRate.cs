namespace CoScientist.Core.Statistics;

/// <summary>
/// Counts of one arm against another. 'Both bad' says nothing about which is better: it is counted apart and is not part of the rate.
/// </summary>
/// <param name="Wins">Pairs won.</param>
/// <param name="Ties">Pairs judged equal.</param>
/// <param name="Losses">Pairs lost.</param>
/// <param name="BothBad">Pairs where neither was acceptable.</param>
public readonly record struct WinRate(int Wins, int Ties, int Losses, int BothBad = 0)
{
    /// <summary>Pairs that the rate is of: W + T + L.</summary>
    public int Decided => Wins + Ties + Losses;

    /// <summary>(W + T/2) / (W + T + L), in 0–1; null when there is no such pair.</summary>
    public double? Rate => Decided == 0 ? null : (Wins + (Ties / 2.0)) / Decided;

    /// <summary>Points of one pair from two scores: 1 won, ½ tied, 0 lost. A difference of rounding (below 1e-9) is a tie.</summary>
    public static double Points(double score, double otherScore)
    {
        var difference = score - otherScore;
        return Math.Abs(difference) < 1e-9 ? 0.5 : difference > 0 ? 1 : 0;
    }

    /// <summary>Counts pairs from their points (see <see cref="Points"/>).</summary>
    public static WinRate FromPoints(IEnumerable<double> points)
    {
        var (wins, ties, losses) = (0, 0, 0);
        foreach (var point in points)
        {
            if (point > 0.5)
            {
                wins++;
            }
            else if (point < 0.5)
            {
                losses++;
            }
            else
            {
                ties++;
            }
        }

        return new WinRate(wins, ties, losses);
    }
}
