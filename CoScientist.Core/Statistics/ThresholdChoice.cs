namespace CoScientist.Core.Statistics;

/// <summary>The threshold on a probability that agrees best with the truth.</summary>
/// <param name="Threshold">Yes is said above it.</param>
/// <param name="BalancedAccuracy">Mean of true positive and true negative rate with it, on the cases it was chosen by: on others it will be a little lower.</param>
public sealed record ThresholdChoice(double Threshold, double BalancedAccuracy)
{
    /// <summary>The best threshold; of equally good ones that nearest to 0.5. Null when the truth is the same in all cases.</summary>
    public static ThresholdChoice? Best(IEnumerable<(bool Truth, double Probability)> cases)
    {
        var sorted = cases.OrderByDescending(one => one.Probability).ToArray();
        var (yes, no) = (sorted.Count(one => one.Truth), sorted.Count(one => !one.Truth));
        if (yes == 0 || no == 0)
        {
            return null;
        }

        var best = Consider(new ThresholdChoice(0.5, -1), sorted[0].Probability, 1, 0, 0);
        var (hits, alarms) = (0, 0);
        for (var i = 0; i < sorted.Length; i++)
        {
            (hits, alarms) = sorted[i].Truth ? (hits + 1, alarms) : (hits, alarms + 1);
            var next = i + 1 < sorted.Length ? sorted[i + 1].Probability : 0;
            if (next < sorted[i].Probability)
            {
                best = Consider(best, next, sorted[i].Probability, hits, alarms);
            }
        }

        return best;

        // Any threshold from the lower bound up to, but without, the upper one says the same.
        ThresholdChoice Consider(ThresholdChoice before, double low, double high, int passed, int wronglyPassed)
        {
            var accuracy = (((double)passed / yes) + ((double)(no - wronglyPassed) / no)) / 2;
            var threshold = low <= 0.5 && high > 0.5 ? 0.5 : (low + high) / 2;
            return accuracy > before.BalancedAccuracy || (accuracy == before.BalancedAccuracy && Math.Abs(threshold - 0.5) < Math.Abs(before.Threshold - 0.5))
                ? new ThresholdChoice(threshold, accuracy)
                : before;
        }
    }
}
