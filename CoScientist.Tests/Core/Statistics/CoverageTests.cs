using CoScientist.Core;
using CoScientist.Core.Statistics;

namespace CoScientist.Tests.Core.Statistics;

/// <summary>How often 95% intervals hold the truth, in seeded simulation; the shares are printed in the test's output.</summary>
public sealed class CoverageTests
{
    private const int Repeats = 400;

    [Fact]
    public void Wilson_Shares_AreHeldAsOftenAsStated()
    {
        foreach (var (share, n) in new[] { (0.5, 30), (0.84, 100), (0.7, 60), (0.95, 40) })
        {
            Report(FormattableString.Invariant($"Wilson, share {share}, n = {n}"), 4_000, random =>
            {
                var successes = Enumerable.Range(0, n).Count(_ => random.NextDouble() < share);
                var interval = BinomialTests.Wilson(successes, n);
                return interval.Low <= share && share <= interval.High;
            });
        }
    }

    [Fact]
    public void BootstrapOverGoals_WinRateWithTies_IsHeldAsOftenAsStated() =>
        Report("bootstrap over 100 goals, win rate 0.6 with ties", Repeats, random =>
            Holds(Bootstrap.Mean([.. Enumerable.Range(0, 100).Select(_ => random.NextDouble() switch { < 0.5 => 1.0, < 0.7 => 0.5, _ => 0.0 })], 500, random.Next(1_000_000)), 0.6));

    [Fact]
    public void ClusteredMean_AnswersOfOneGoalAlike_IsHeldAsOftenAsStatedWhileOneIntervalPerAnswerIsNot()
    {
        var naive = 0;
        Report("clustered bootstrap, 80 goals × 1–5 answers, correlation 0.5", Repeats, random =>
        {
            var goals = Enumerable.Range(0, 80).Select(_ =>
            {
                var goal = random.NextDouble() < 0.6;
                return (IReadOnlyList<double>)[.. Enumerable.Range(0, 1 + random.Next(5)).Select(_ => (random.NextDouble() < Math.Sqrt(0.5) ? goal : random.NextDouble() < 0.6) ? 1.0 : 0.0)];
            }).ToList();
            naive += Holds(NormalMean.Of([.. goals.SelectMany(goal => goal)]), 0.6) ? 1 : 0;
            return Holds(Bootstrap.ClusteredMean(goals, 500, random.Next(1_000_000)), 0.6);
        });
        TestContext.Current.TestOutputHelper?.WriteLine(FormattableString.Invariant($"the same, every answer counted as independent: {naive / (double)Repeats:0.000}"));
        Assert.True(naive < 0.9 * Repeats);
    }

    /// <summary>Two raters who know the label with probability √0.5 and guess between two equally frequent ones otherwise: α = 0.5.</summary>
    [Fact]
    public void KrippendorffInterval_RatersWhoHalfKnow_IsHeldAsOftenAsStated() =>
        Report("Krippendorff's α = 0.5, 100 units × 2 raters", Repeats, random =>
            Holds(Agreement.KrippendorffInterval(
                Enumerable.Range(0, 100).Select(_ =>
                {
                    var truth = random.Next(2);
                    return new double[] { Label(random, truth), Label(random, truth) };
                }),
                AlphaLevel.Nominal,
                300,
                random.Next(1_000_000))!.Value,
                0.5));

    [Fact]
    public void BradleyTerry_ThreeSystems_RatingsAreHeldAsOftenAsStated()
    {
        // Strengths 2 : 1 : ½ have geometric mean 1, so that the first rates 1000 + 400·log₁₀ 2.
        double[] strengths = [2, 1, 0.5];
        Report("Bradley–Terry, 60 goals × 3 pairs, best of three systems", 60, random =>
        {
            var goals = Enumerable.Range(0, 60).Select(_ => new[] { (0, 1), (0, 2), (1, 2) }
                .Select(p => new SystemComparison(p.Item1, p.Item2, random.NextDouble() < strengths[p.Item1] / (strengths[p.Item1] + strengths[p.Item2]) ? 1 : 0)).ToArray()).ToArray();
            return Holds(BradleyTerry.Estimates(3, goals, random.Next(1_000_000))![0], 1000 + (400 * Math.Log10(2)));
        });
    }

    private static double Label(SeededRandom random, int truth) => random.NextDouble() < Math.Sqrt(0.5) ? truth : random.Next(2);

    private static bool Holds(Estimate interval, double truth) => interval.Low <= truth && truth <= interval.High;

    // Within three standard errors of the simulation and two points of the percentile bootstrap's own shortfall.
    private static void Report(string what, int repeats, Func<SeededRandom, bool> holds)
    {
        var random = new SeededRandom(2026);
        var share = Enumerable.Range(0, repeats).Count(_ => holds(random)) / (double)repeats;
        TestContext.Current.TestOutputHelper?.WriteLine(FormattableString.Invariant($"{what}: {share:0.000} of {repeats} intervals hold the truth, 0.95 stated"));
        Assert.InRange(share, 0.93 - (3 * Math.Sqrt(0.95 * 0.05 / repeats)), 1);
    }
}
