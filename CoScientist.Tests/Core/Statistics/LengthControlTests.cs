using CoScientist.Core;
using CoScientist.Core.Statistics;

namespace CoScientist.Tests.Core.Statistics;

public sealed class LengthControlTests
{
    /// <summary>Hours of study and passing an exam, 20 students (the worked example of Wikipedia, Logistic regression): −4.0777 and 1.5046.</summary>
    [Fact]
    public void Logistic_HoursOfStudy_HasThePublishedCoefficients()
    {
        double[] hours = [0.5, 0.75, 1, 1.25, 1.5, 1.75, 1.75, 2, 2.25, 2.5, 2.75, 3, 3.25, 3.5, 4, 4.25, 4.5, 4.75, 5, 5.5];
        double[] passed = [0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 1, 1, 1, 1, 1];

        var fit = LogisticRegression.Fit([.. hours.Zip(passed)]);

        Assert.Equal(-4.0777, fit.Intercept, 0.00005);
        Assert.Equal(1.5046, fit.Slope, 0.00005);
        Assert.Equal(fit, LogisticRegression.Fit([.. hours.Zip(passed)], start: new LogisticFit(3, -8)), new Near());
    }

    [Fact]
    public void Logistic_OutcomesSeparatedOrAllTheSame_StaysFinite()
    {
        var separated = LogisticRegression.Fit([(-1, 0), (-1, 0), (1, 1), (1, 1)], ridge: 0.16);

        Assert.Equal(0, separated.Intercept, 9);
        Assert.InRange(separated.Slope, 1, 5);
        Assert.Equal(1, LogisticRegression.Fit([(1, 1), (2, 1)]).At(0), 12);
        Assert.Equal(0, LogisticRegression.Fit([(1, 0)]).At(0), 12);
        Assert.Throws<ArgumentException>(() => LogisticRegression.Fit([]));
        Assert.Throws<ArgumentException>(() => LogisticRegression.Fit([(0, 2)]));
    }

    [Fact]
    public void Of_LengthThatDoesNotMatter_IsTheRawRate()
    {
        // Wins and losses have the same lengths.
        var controlled = LengthControl.Of([.. Goals((1, 0.3, 5), (1, 0.3, -5), (0, -0.1, 5), (0, -0.1, -5), (1, 0.3, 5), (1, 0.3, -5))])!;

        Assert.Equal(4 / 6.0, controlled.WinRate.Value, 9);
        Assert.Equal(1 / 6.0, controlled.Gain.Value, 9);
        Assert.Equal(0, controlled.LengthEffect, 9);
        Assert.False(controlled.Extrapolated);
    }

    [Fact]
    public void Of_ArmsExchanged_IsTheComplement()
    {
        (double, double, double)[] pairs = [(1, 0.4, 30), (1, 0.2, 12), (0, -0.3, -8), (0.5, 0, 4), (0, -0.1, 2), (1, 0.1, -1), (1, 0.6, 45)];
        var one = LengthControl.Of([.. Goals(pairs)])!;
        var other = LengthControl.Of([.. Goals([.. pairs.Select(pair => (1 - pair.Item1, -pair.Item2, -pair.Item3))])])!;

        Assert.Equal(1, one.WinRate.Value + other.WinRate.Value, 9);
        Assert.Equal(1, one.WinRate.Low + other.WinRate.High, 6);
        Assert.Equal(0, one.Gain.Value + other.Gain.Value, 9);
        Assert.Equal(one.LengthEffect, other.LengthEffect, 9);
    }

    [Fact]
    public void Of_WinsThatAreDueToLength_VanishAtEqualLengths()
    {
        // Both arms are equally good; the judge likes what is longer, and the first arm writes longer plans.
        var random = new SeededRandom(5);
        var goals = Enumerable.Range(0, 400).Select(_ => 10 + (10 * random.NextNormal()))
            .Select(length => (random.NextDouble() < 1 / (1 + Math.Exp(-length / 7)) ? 1.0 : 0, length * 0.01, length)).ToArray();

        var controlled = LengthControl.Of([.. Goals(goals)])!;

        Assert.InRange(goals.Average(goal => goal.Item1), 0.7, 0.85);
        Assert.InRange(controlled.WinRate.Value, 0.4, 0.6);
        Assert.InRange(0.5, controlled.WinRate.Low, controlled.WinRate.High);
        Assert.Equal(0, controlled.Gain.Value, 9);
        Assert.InRange(controlled.LengthEffect, 0.8, 2.5);
    }

    /// <summary>Anscombe 1973, American Statistician 27, 17–21, first data set: y = 3.00 + 0.500·x.</summary>
    [Fact]
    public void Of_AnscombesFirstDataSet_HasHisInterceptAndSaysThatItExtrapolates()
    {
        double[] x = [10, 8, 13, 9, 11, 14, 6, 4, 12, 7, 5];
        double[] y = [8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68];

        var controlled = LengthControl.Of([.. Goals([.. x.Zip(y, (length, score) => (1.0, score, length))])])!;

        Assert.Equal(3.00, controlled.Gain.Value, 0.005);
        Assert.True(controlled.Extrapolated);
        Assert.Equal(9, controlled.MeanDifference, 12);
        Assert.Equal(1, controlled.WinRate.Value, 9);
    }

    [Fact]
    public void Of_AlwaysTheSameDifference_CannotBeToldUnlessItIsNone()
    {
        Assert.Null(LengthControl.Of([.. Goals((1, 0.1, 3), (0, 0.1, 3))]));
        Assert.Equal(0.5, LengthControl.Of([.. Goals((1, 0.2, 0), (0, 0, 0))])!.WinRate.Value, 9);
        Assert.Throws<ArgumentException>(() => LengthControl.Of([]));
        Assert.Throws<ArgumentException>(() => LengthControl.Of([[]]));
    }

    private static IEnumerable<IReadOnlyList<LengthComparison>> Goals(params (double Points, double Difference, double Length)[] pairs) =>
        pairs.Select(IReadOnlyList<LengthComparison> (pair) => [new LengthComparison(pair.Points, pair.Difference, pair.Length)]);

    private sealed class Near : IEqualityComparer<LogisticFit>
    {
        public bool Equals(LogisticFit x, LogisticFit y) => Math.Abs(x.Intercept - y.Intercept) + Math.Abs(x.Slope - y.Slope) < 1e-6;

        public int GetHashCode(LogisticFit obj) => 0;
    }
}
