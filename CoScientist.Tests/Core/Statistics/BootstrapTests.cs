using CoScientist.Core.Statistics;

namespace CoScientist.Tests.Core.Statistics;

public sealed class BootstrapTests
{
    /// <summary>Efron and Tibshirani 1993, table 2.1: treated mice; mean 86.86, ideal bootstrap standard error 23.36 (table 2.2).</summary>
    [Fact]
    public void Mean_MouseDataOfEfronAndTibshirani_HasTheirStandardError()
    {
        var estimate = Bootstrap.Mean([94, 197, 16, 38, 99, 141, 23]);

        Assert.Equal(86.86, estimate.Value, 0.005);
        Assert.Equal(23.36, (estimate.High - estimate.Low) / (2 * 1.96), 0.7);
    }

    /// <summary>Resampled means of five ones among ten are Binomial(10, ½)/10, whose 2.5% and 97.5% quantiles are 2 and 8.</summary>
    [Fact]
    public void Mean_FiveOnesOfTen_HasTheBinomialQuantiles()
    {
        var estimate = Bootstrap.Mean([1, 1, 1, 1, 1, 0, 0, 0, 0, 0]);

        Assert.Equal((0.5, 0.2, 0.8), (estimate.Value, Math.Round(estimate.Low, 9), Math.Round(estimate.High, 9)));
    }

    [Fact]
    public void Mean_SameSeed_SameInterval()
    {
        double[] values = [0.1, 0.5, 0.5, 1, 0, 0.25, 0.75];

        Assert.Equal(Bootstrap.Mean(values, 500, 7), Bootstrap.Mean(values, 500, 7));
        Assert.NotEqual(Bootstrap.Mean(values, 500, 7), Bootstrap.Mean(values, 500, 8));
    }

    [Fact]
    public void Mean_OneValue_HasNoWidth() => Assert.Equal(new Estimate(0.5, 0.5, 0.5), Bootstrap.Mean([0.5]));

    [Fact]
    public void Mean_NothingOrNotANumber_IsRefused()
    {
        Assert.Throws<ArgumentException>(() => Bootstrap.Mean([]));
        Assert.Throws<ArgumentException>(() => Bootstrap.Mean([1, double.NaN]));
    }

    [Fact]
    public void ClusteredMean_GoalsWithTheSameValueThrice_IsNoSurerThanWithOne()
    {
        double[] values = [0.1, 0.5, 0.5, 1, 0, 0.25, 0.75];

        var once = Bootstrap.Mean(values, 500);
        var thrice = Bootstrap.ClusteredMean([.. values.Select(IReadOnlyList<double> (value) => [value, value, value])], 500);

        Assert.Equal(once.Value, thrice.Value, 12);
        Assert.Equal(once.Low, thrice.Low, 12);
        Assert.Equal(once.High, thrice.High, 12);
    }

    [Fact]
    public void ClusteredMean_ClustersOfDifferentSize_IsTheMeanOfAllValues() =>
        Assert.Equal(0.25, Bootstrap.ClusteredMean([[1], [0, 0, 0]], 100).Value, 12);

    [Fact]
    public void RelativeGain_PairsOfOneRatio_HasNoWidth()
    {
        var gain = Bootstrap.RelativeGain([(0.2, 0.3), (0.4, 0.6), (0.1, 0.15)], 500)!.Value;

        Assert.Equal((0.5, 0.5, 0.5), (Math.Round(gain.Value, 9), Math.Round(gain.Low, 9), Math.Round(gain.High, 9)));
    }

    [Fact]
    public void RelativeGain_BaseOfZero_IsUnknownAndResamplesOfZeroAreLeftOut()
    {
        Assert.Null(Bootstrap.RelativeGain([(0, 1), (0, 0.5)]));
        Assert.True(double.IsFinite(Bootstrap.RelativeGain([(0, 1), (0.5, 0.5)], 200)!.Value.High));
        Assert.Throws<ArgumentException>(() => Bootstrap.RelativeGain([(-0.1, 1)]));
        Assert.Throws<ArgumentException>(() => Bootstrap.ClusteredMean([[1], []]));
    }

    [Fact]
    public void Of_StatisticWithoutAValue_IsRefused() => Assert.Throws<ArgumentException>(() => Bootstrap.Of(3, _ => double.NaN));
}
