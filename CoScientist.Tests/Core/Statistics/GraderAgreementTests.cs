using CoScientist.Core;
using CoScientist.Core.Statistics;

namespace CoScientist.Tests.Core.Statistics;

public sealed class GraderAgreementTests
{
    [Fact]
    public void Of_Items_CountsByTheGuidelinesThatTheJudgeNames()
    {
        ItemAgreement[] items =
        [
            new(true, [], true, 0.9), new(true, [], false, 0.4),
            new(false, [3], true, 0.6), new(false, [3, 5], false, 0.1),
            new(false, [5], false, 0.2), new(false, [5], false, 0.3),
        ];

        var agreement = GraderAgreement.Of(items)!;

        Assert.Equal((0.5, 0.75), (agreement.Verdicts.TruePositiveRate, agreement.Verdicts.TrueNegativeRate));
        Assert.Equal([new GuidelineAgreement(3, 2, 0.5, 0.5), new GuidelineAgreement(5, 3, 1, 0.75)], agreement.Guidelines);
        // Above 0.35 both met items pass, and one of four others.
        Assert.Equal(0.35, agreement.Best!.Threshold, 12);
        Assert.Equal(0.875, agreement.Best.BalancedAccuracy, 12);
        Assert.Null(GraderAgreement.Of([]));
        Assert.Null(GraderAgreement.Of([new(true, [], true, null), new(false, [1], true, null)])!.Best);
    }

    [Fact]
    public void Best_AnyCases_IsTheBestOfAllThresholds()
    {
        var random = new SeededRandom(3);
        for (var round = 0; round < 50; round++)
        {
            // Few distinct values, so that some are shared.
            var cases = Enumerable.Range(0, 12).Select(_ => (Truth: random.NextDouble() < 0.5, Probability: Math.Round(random.NextDouble(), 1))).Append((Truth: true, Probability: 0.3)).Append((Truth: false, Probability: 0.8)).ToArray();
            double Accuracy(double threshold) => Confusion.Of(cases.Select(one => (one.Truth, one.Probability > threshold))).BalancedAccuracy!.Value;

            var best = ThresholdChoice.Best(cases)!;

            Assert.Equal(best.BalancedAccuracy, Accuracy(best.Threshold), 12);
            Assert.All(Enumerable.Range(0, 100), i => Assert.True(Accuracy(i / 100.0) <= best.BalancedAccuracy + 1e-12));
        }

        Assert.Equal(0.5, ThresholdChoice.Best([(true, 0.9), (false, 0.2)])!.Threshold);
        Assert.Null(ThresholdChoice.Best([(true, 0.9)]));
    }
}
