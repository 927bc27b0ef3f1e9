using CoScientist.Core.Statistics;

namespace CoScientist.Tests.Core.Statistics;

public sealed class WinRateTests
{
    [Fact]
    public void Rate_TiesAndBothBad_TiesCountHalfAndBothBadNotAtAll()
    {
        var tally = new WinRate(Wins: 6, Ties: 2, Losses: 2, BothBad: 5);

        Assert.Equal(10, tally.Decided);
        Assert.Equal(0.7, tally.Rate!.Value, 12);
    }

    [Fact]
    public void Rate_OnlyBothBad_IsUnknownNotZero() => Assert.Null(new WinRate(0, 0, 0, BothBad: 3).Rate);

    [Fact]
    public void FromPoints_MixedPoints_CountsEachKind() =>
        Assert.Equal(new WinRate(2, 1, 3), WinRate.FromPoints([1, 0, 0.5, 0, 1, 0]));

    [Theory]
    [InlineData(0.75, 0.5, 1)]
    [InlineData(0.5, 0.75, 0)]
    [InlineData(0.1 + 0.2, 0.3, 0.5)]
    public void Points_TwoScores_RoundingIsATie(double score, double other, double expected) =>
        Assert.Equal(expected, WinRate.Points(score, other));
}
