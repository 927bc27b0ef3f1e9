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
}
