using MathNet.Numerics.Distributions;

namespace CoScientist.Core.Statistics;

/// <summary>
/// What a study of win rates can show before it is done. Answers on one goal are alike, so that m answers on each of G goals are worth
/// G·m / (1 + (m − 1)·ρ) independent ones (the design effect: Kish 1965, Survey Sampling, section 8.2). An answer is worth 1, ½ or 0
/// points; with ties t its variance is p(1 − p) − t/4.
/// </summary>
/// <param name="Goals">Goals, at least 1.</param>
/// <param name="ExpertsPerGoal">Answers on each goal, at least 1. Default 1.</param>
/// <param name="Correlation">ρ, the correlation of two answers on one goal, 0–1. Default 0.3.</param>
/// <param name="Ties">Share of answers that are ties, from 0 to below 1. Default 0.1.</param>
public sealed record PlannedStudy(int Goals, int ExpertsPerGoal = 1, double Correlation = 0.3, double Ties = 0.1)
{
    private static readonly double Z = Normal.InvCDF(0, 1, 0.975);

    /// <summary>Independent answers that the study is worth.</summary>
    public double EffectiveAnswers => Goals * (double)ExpertsPerGoal / (1 + ((ExpertsPerGoal - 1) * Correlation));

    /// <summary>Half the width of the 95% interval of a win rate near one half.</summary>
    public double HalfWidth => Z * Spread(0.5) / Math.Sqrt(EffectiveAnswers);

    /// <summary>
    /// Probability that the two-sided test at 5% finds a win rate: Φ((|p − ½|·√n − z·σ₀) / σ₁) with σ the standard deviation of an answer
    /// under ½ and under p (the one-sample test of a proportion: Fleiss, Levin and Paik 2003, Statistical Methods for Rates and
    /// Proportions, section 2.4).
    /// </summary>
    /// <param name="winRate">The true win rate, 0–1, ties half.</param>
    public double Power(double winRate)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(winRate, 0);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(winRate, 1);
        var distance = (Math.Abs(winRate - 0.5) * Math.Sqrt(EffectiveAnswers)) - (Z * Spread(0.5));
        var spread = Spread(winRate);
        return spread > 0 ? Normal.CDF(0, 1, distance / spread) : distance > 0 ? 1 : 0;
    }

    /// <summary>The smallest distance of the win rate from one half that is found with this power; ½ when none is.</summary>
    /// <param name="power">Default 0.8.</param>
    public double Detectable(double power = 0.8)
    {
        var (low, high) = (0.0, 0.5);
        while (high - low > 1e-6)
        {
            var middle = (low + high) / 2;
            (low, high) = Power(0.5 + middle) < power ? (middle, high) : (low, middle);
        }

        return high;
    }

    /// <summary>Goals needed to find a win rate with this power, everything else as planned; null when more than a million would be.</summary>
    /// <param name="winRate">The win rate to be found, not ½.</param>
    /// <param name="power">Default 0.8.</param>
    public int? GoalsNeeded(double winRate, double power = 0.8)
    {
        const int Most = 1_000_000;
        if ((this with { Goals = Most }).Power(winRate) < power)
        {
            return null;
        }

        var (low, high) = (0, Most);
        while (high - low > 1)
        {
            var middle = (low + high) / 2;
            (low, high) = (this with { Goals = middle }).Power(winRate) < power ? (middle, high) : (low, middle);
        }

        return high;
    }

    // Ties leave less room for wins as the rate leaves ½: at most 2·min(p, 1 − p) of the answers can be ties.
    private double Spread(double winRate) => Math.Sqrt(Math.Max(0, (winRate * (1 - winRate)) - (Math.Min(Ties, 2 * Math.Min(winRate, 1 - winRate)) / 4)));
}
