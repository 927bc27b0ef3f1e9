using CoScientist.Web.ViewModels;

namespace CoScientist.Tests.Web.ViewModels;

public sealed class ChartScaleTests
{
    [Theory]
    [InlineData(0.27, 0.66, 5)]
    [InlineData(0, 1, 4)]
    [InlineData(-3.2, 17, 4)]
    [InlineData(1e-6, 3e-6, 3)]
    [InlineData(998, 1002, 5)]
    [InlineData(0.5, 0.5, 4)]
    [InlineData(0, 0, 4)]
    public void Ticks_AnyRange_EncloseItEvenlyAndAreFew(double low, double high, int about)
    {
        var ticks = ChartScale.Ticks(low, high, about);

        Assert.InRange(ticks.Count, 2, (2 * about) + 2);
        Assert.True(ticks[0] <= low && ticks[^1] >= high && ticks[^1] > ticks[0]);
        var step = ticks[1] - ticks[0];
        Assert.All(ticks.Zip(ticks.Skip(1)), pair => Assert.Equal(step, pair.Second - pair.First, step * 1e-6));
    }

    [Fact]
    public void Ticks_TenthsOfOne_CarryNoDust() => Assert.Equal([.2, .3, .4, .5, .6, .7], ChartScale.Ticks(.27, .66, 5));

    [Fact]
    public void Thin_LongSeries_KeepsEndsSpikesAndOrder()
    {
        var points = Enumerable.Range(0, 10_000).Select(x => new ChartPoint(x, x == 7_123 ? 99 : x == 31 ? -99 : Math.Sin(x))).ToList();

        var thin = ChartScale.Thin(points, 200);

        Assert.InRange(thin.Count, 100, 200);
        Assert.Equal((0, 9_999), (thin[0].X, thin[^1].X));
        Assert.Contains(thin, point => point.Y.Equals(99));
        Assert.Contains(thin, point => point.Y.Equals(-99));
        Assert.All(thin.Zip(thin.Skip(1)), pair => Assert.True(pair.Second.X > pair.First.X));
    }

    [Fact]
    public void Thin_ShortSeries_IsLeftAlone()
    {
        ChartPoint[] points = [new(0, 1), new(1, 2)];

        Assert.Same(points, ChartScale.Thin(points, 200));
    }

    [Fact]
    public void Spread_LabelsAtOnePlace_MoveApartInOrderAndStayInside()
    {
        var places = ChartScale.Spread([.98, .97, .1], .1);

        Assert.Equal([1.0, .9, .1], places.Select(place => Math.Round(place, 6)));
    }
}
