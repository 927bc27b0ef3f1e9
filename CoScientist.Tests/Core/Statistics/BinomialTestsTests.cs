using CoScientist.Core.Statistics;

namespace CoScientist.Tests.Core.Statistics;

public sealed class BinomialTestsTests
{
    /// <summary>Newcombe 1998, Statistics in Medicine 17, 857–872, table I, method 3.</summary>
    [Theory]
    [InlineData(81, 263, 0.2553, 0.3662)]
    [InlineData(15, 148, 0.0624, 0.1605)]
    [InlineData(0, 20, 0.0000, 0.1611)]
    [InlineData(1, 29, 0.0061, 0.1718)]
    public void Wilson_ExamplesOfNewcombe1998_HasHisIntervals(int successes, int trials, double low, double high)
    {
        var interval = BinomialTests.Wilson(successes, trials);

        Assert.Equal(low, interval.Low, 0.00005);
        Assert.Equal(high, interval.High, 0.00005);
    }

    /// <summary>Conover 1971, p. 97: Mendelian inheritance, 682 of 925 against ¾; p = 0.3825 in R's binom.test.</summary>
    [Fact]
    public void ExactTwoSided_MendelianExampleOfConover1971_HasItsPValue() =>
        Assert.Equal(0.3825, BinomialTests.ExactTwoSided(682, 925, 0.75), 0.00005);

    /// <summary>Zar 1999, Biostatistical Analysis, chapter 24: 8 of 10 deer with longer hind than fore legs; p = 0.109375.</summary>
    [Fact]
    public void SignTest_DeerExampleOfZar1999_HasItsPValue() => Assert.Equal(0.109375, BinomialTests.SignTest(8, 2), 9);

    [Fact]
    public void SignTest_NothingDecided_SaysNothing() => Assert.Equal(1, BinomialTests.SignTest(0, 0));

    [Fact]
    public void Wilson_ImpossibleCounts_AreRefused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => BinomialTests.Wilson(0, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => BinomialTests.Wilson(3, 2));
    }

    [Fact]
    public void NormalMean_EightValues_HasTheHandComputedInterval()
    {
        // Mean 5, sample variance 32/7: half width 1.959964 · √(32/7/8) = 1.481594.
        var mean = NormalMean.Of([2, 4, 4, 4, 5, 5, 7, 9]);

        Assert.Equal(5, mean.Value, 12);
        Assert.Equal(1.481594, mean.High - 5, 0.00001);
        Assert.Equal(1.481594, 5 - mean.Low, 0.00001);
        Assert.Throws<ArgumentException>(() => NormalMean.Of([1]));
    }
}
