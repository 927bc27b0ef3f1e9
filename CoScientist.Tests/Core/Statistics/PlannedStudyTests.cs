using CoScientist.Core;
using CoScientist.Core.Statistics;

namespace CoScientist.Tests.Core.Statistics;

public sealed class PlannedStudyTests
{
    /// <summary>
    /// Critical values of the sign test, two tails at 5% (Triola, Elementary Statistics, table A-7): 0 for n = 8, 1 for 10, 5 for 20, 7 for
    /// 25. Under a fair coin the power is the probability of such counts, the table's own size of the test.
    /// </summary>
    [Theory]
    [InlineData(8, 0)]
    [InlineData(10, 1)]
    [InlineData(20, 5)]
    [InlineData(25, 7)]
    public void SignTestPower_FairCoin_IsTheTailBeyondTheTablesCriticalValue(int n, int critical)
    {
        var tail = Enumerable.Range(0, critical + 1).Sum(k => MathNet.Numerics.Distributions.Binomial.PMF(0.5, n, k));

        Assert.Equal(2 * tail, BinomialTests.SignTestPower(n, 0.5), 9);
    }

    /// <summary>Binomial table for n = 20, p = 0.75: P(X ≥ 15) = 0.6172.</summary>
    [Fact]
    public void SignTestPower_ThreeOfFourWon_IsTheTablesTail()
    {
        Assert.Equal(0.6172, BinomialTests.SignTestPower(20, 0.75), 0.00005);
        Assert.Equal(0, BinomialTests.SignTestPower(5, 0.9));
    }

    /// <summary>Without ties and with one answer a goal: n = (1.96·0.5 + 0.8416·√(p(1 − p)))² / (p − ½)² = 193.8 for p = 0.6.</summary>
    [Fact]
    public void GoalsNeeded_OneAnswerWithoutTies_IsTheTextbookFormula() =>
        Assert.Equal(194, new PlannedStudy(1, Ties: 0).GoalsNeeded(0.6));

    [Fact]
    public void EffectiveAnswers_PerfectlyAlikeOrNotAtAll_AreGoalsOrAnswers()
    {
        Assert.Equal(100, new PlannedStudy(100, 3, Correlation: 1).EffectiveAnswers, 9);
        Assert.Equal(300, new PlannedStudy(100, 3, Correlation: 0).EffectiveAnswers, 9);
        Assert.Equal(187.5, new PlannedStudy(100, 3).EffectiveAnswers, 9);
        Assert.Null(new PlannedStudy(10).GoalsNeeded(0.5));
        Assert.Equal(0.8, new PlannedStudy(150, 2).Power(0.5 + new PlannedStudy(150, 2).Detectable()), 0.001);
    }

    /// <summary>1,000 simulated studies of 60 goals × 3 experts whose answers correlate: as many find the difference as planned.</summary>
    [Fact]
    public void Power_SimulatedStudies_FindTheDifferenceAsOftenAsPlanned()
    {
        const int Studies = 1_000;
        var plan = new PlannedStudy(60, 3, Correlation: 0.3, Ties: 0);
        var random = new SeededRandom(11);
        var found = 0;
        for (var study = 0; study < Studies; study++)
        {
            // With probability √0.3 an answer follows its goal's own coin, else one of its own: two answers correlate by 0.3.
            var points = Enumerable.Range(0, plan.Goals).Select(_ =>
            {
                var goal = random.NextDouble() < 0.64;
                return Enumerable.Range(0, plan.ExpertsPerGoal).Average(_ => (random.NextDouble() < Math.Sqrt(0.3) ? goal : random.NextDouble() < 0.64) ? 1.0 : 0.0);
            }).ToArray();
            var interval = NormalMean.Of(points);
            found += interval.Low > 0.5 || interval.High < 0.5 ? 1 : 0;
        }

        var planned = plan.Power(0.64);
        TestContext.Current.TestOutputHelper?.WriteLine(FormattableString.Invariant($"power planned {planned:0.000}, in {Studies} simulated studies {found / (double)Studies:0.000}"));
        Assert.Equal(planned, found / (double)Studies, 0.04);
    }
}
