using System.Xml.Linq;
using CoScientist.Core.Runs;
using CoScientist.Web.ViewModels;
using CoScientist.Web.Runs;

namespace CoScientist.Tests.Web.ViewModels;

public sealed class ChartPlotTests
{
    private static readonly ChartSeries s_long = new("reward", ChartTone.Plain, [.. Enumerable.Range(0, 10_000).Select(x => new ChartPoint(x, x == 7_123 ? 99 : x == 31 ? -99 : Math.Sin(x)))]);

    [Fact]
    public void Of_TenThousandSteps_DrawsFewPointsAndKeepsTheExtremes()
    {
        var line = Assert.Single(ChartPlot.Of([s_long], new ChartView(), 3)!.Lines);

        Assert.InRange(line.Points.Count, 100, ChartPlot.MostPoints);
        Assert.Contains(line.Points, point => point == new ChartPoint(7_123, 99));
        Assert.Contains(line.Points, point => point == new ChartPoint(31, -99));
        Assert.Equal(10_000, line.Shown.Count);
    }

    [Fact]
    public void Of_ZoomedIn_ShowsEveryStepOfTheStretch()
    {
        var plot = ChartPlot.Of([s_long], new ChartView(From: 7_100, To: 7_150), 3)!;

        Assert.Equal(Enumerable.Range(7_100, 51).Select(x => (double)x), plot.Lines[0].Points.Select(point => point.X));
        Assert.Equal((7_100, 7_150), (plot.XLow, plot.XHigh));
        Assert.Null(ChartPlot.Of([s_long], new ChartView(From: 20_000), 3));
    }

    [Fact]
    public void Of_AGrowingLine_KeepsTheAxisOfTheWholeRun()
    {
        ChartSeries Grown(int steps) => s_long with { Points = [.. s_long.Points.Take(steps)] };

        Assert.Equal(10_000, ChartPlot.Of([Grown(10)], new ChartView(), 3, xEnd: 10_000)!.XHigh);
        Assert.Equal(10_000, ChartPlot.Of([Grown(5_000)], new ChartView(), 3, xEnd: 10_000)!.XHigh);
    }

    [Fact]
    public void Of_OneOfTenLinesHasGrown_WorksOutOnlyThatOneAgain()
    {
        var folder = new RunFolder(Directory.CreateTempSubdirectory("plot-").FullName);
        try
        {
            var metrics = folder.File(RunFolder.MetricsFile);
            File.WriteAllLines(metrics, Enumerable.Range(1, 500).Select(step => $"{{\"step\":{step},\"reward\":{step % 7}}}"));
            var history = new RunHistory(folder);
            ChartSeries Growing() => new("growing", ChartTone.Plain, RunCharts.Points(history, new RunLine("reward", "reward", Scale: 2)));
            history.Refresh();
            var before = ChartPlot.Of([s_long, Growing()], new ChartView(.5), 3)!;
            history.Refresh();
            var same = ChartPlot.Of([s_long, Growing()], new ChartView(.5), 3, known: before.Lines)!;

            File.AppendAllText(metrics, "{\"step\":501,\"reward\":90}\n");
            history.Refresh();
            var after = ChartPlot.Of([s_long, Growing()], new ChartView(.5), 3, known: before.Lines)!;

            Assert.Equal(before.Lines, same.Lines);
            Assert.Same(before.Lines[0], after.Lines[0]);
            Assert.Equal((500, 501), (before.Lines[1].Shown.Count, after.Lines[1].Shown.Count));
            Assert.Equal(new ChartPoint(501, 180), after.Lines[1].Points[^1]);
        }
        finally
        {
            Directory.Delete(folder.Path, recursive: true);
        }
    }

    [Fact]
    public void Of_Smoothed_ShowsTheMeanBesideThePointsAndZoomingDoesNotBendIt()
    {
        var whole = ChartPlot.Of([s_long], new ChartView(.9), 3)!.Lines[0];
        var part = ChartPlot.Of([s_long], new ChartView(.9, 9_990), 3)!.Lines[0];

        Assert.Equal(whole.Smooth![^1], part.Smooth![^1]);
        Assert.InRange(whole.Smooth.Max(point => point.Y), 1, 20);
        Assert.Equal([4, 4, 4], ChartScale.Smooth([new(0, 4), new(1, 4), new(2, 4)], .6).Select(point => Math.Round(point.Y, 12)));
    }

    [Fact]
    public void Of_Logarithmic_LeavesOutWhatIsNotAboveZeroAndPutsFactorsEvenlyApart()
    {
        var plot = ChartPlot.Of([new ChartSeries("rate", ChartTone.Plain, [new(0, 0), new(1, 1e-5), new(2, 1e-4), new(3, 1e-3)])], new ChartView(Logarithmic: true), 3)!;

        Assert.Equal([1e-5, 1e-4, 1e-3], plot.YTicks.Where(tick => Math.Abs(Math.Log10(tick) - Math.Round(Math.Log10(tick))) < 1e-9));
        Assert.Equal([0, .5, 1], plot.Lines[0].Points.Select(point => Math.Round(plot.PlaceY(point.Y), 9)));
        Assert.Null(ChartPlot.Of([new ChartSeries("none", ChartTone.Plain, [new(0, -1)])], new ChartView(Logarithmic: true), 3));
    }

    [Theory]
    [InlineData(.3, .4)]
    [InlineData(1, 1)]
    [InlineData(2e-7, 3e4)]
    [InlineData(1e-300, 1e300)]
    public void Decades_AnyRange_EncloseItAndAreFew(double low, double high)
    {
        var ticks = ChartScale.Decades(low, high);

        Assert.InRange(ticks.Count, 2, 9);
        Assert.True(ticks[0] <= low * 1.001 && ticks[^1] >= high * .999 && ticks.Zip(ticks.Skip(1)).All(pair => pair.First < pair.Second), string.Join(' ', ticks));
    }

    [Fact]
    public void Describe_ALine_SaysWhereItIsLowestAndHighest() => Assert.Equal(
        "Reward, step 0 to 9999. reward: from 0.00 to " + Math.Sin(9_999).ToString("0.00") + ", lowest -99.00 at 31, highest 99.00 at 7123. best, at step 40.",
        ChartPlot.Of([s_long], new ChartView(), 3)!.Describe("Reward", "step", new ChartMark(40, "best"), value => value.ToString("0.00")));

    [Fact]
    public void Write_AChart_IsAPictureOfItsOwnWithTextsThatAreSafe()
    {
        var plot = ChartPlot.Of([new ChartSeries("a < b", ChartTone.Oracle, [new(0, .4, .3, .5), new(10, .6, .5, .7)])], new ChartView(), 5);

        var svg = XDocument.Parse(ChartSvg.Write("Score <&>", plot, new ChartMark(10, "picked"), "step", "0.00"));

        Assert.Contains(svg.Descendants(), element => element.Name.LocalName == "text" && element.Value == "Score <&>");
        Assert.Contains("a < b: from 0.40 to 0.60", svg.Descendants().Single(element => element.Name.LocalName == "desc").Value, StringComparison.Ordinal);
        Assert.Equal(2, svg.Descendants().Count(element => element.Name.LocalName == "circle"));
        Assert.NotNull(XDocument.Parse(ChartSvg.Write("Score", null, null, "step", "0.00")).Root);
        Assert.All(Enumerable.Range(0, ChartSeries.RunColours), run => Assert.Contains("<path", ChartSvg.Write("x", ChartPlot.Of([s_long with { Run = run }], new ChartView(), 3), null, "step", "0"), StringComparison.Ordinal));
    }

    [Fact]
    public void Kinds_OfCharts_ShowEveryMetricThereIs()
    {
        var names = typeof(RunMetricNames).GetFields().Where(field => field.IsLiteral).Select(field => (string)field.GetRawConstantValue()!);

        Assert.Equal(names.Order(StringComparer.Ordinal), RunCharts.Kinds.SelectMany(kind => kind.Lines).Select(line => line.Metric).Concat(RunCharts.Elsewhere).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal));
        Assert.Equal(RunCharts.Kinds.Count, RunCharts.Kinds.DistinctBy(kind => kind.Key).Count());
    }

    [Fact]
    public void Table_OfAChart_HasEveryStepAndItsIntervals()
    {
        var chart = new RunChart("x", "X", "", "0", [new ChartSeries("one", ChartTone.Plain, [new(1, .5), new(2, .25)]), new ChartSeries("two, b", ChartTone.Human, [new(2, 1, .5, 1.5)])]);

        Assert.Equal("step,one,two; b,two; b low,two; b high\n1,0.5,,,\n2,0.25,1,0.5,1.5\n", RunDownloads.Table(chart));
    }
}
