using System.Globalization;
using System.Text;

namespace CoScientist.Web.ViewModels;

/// <summary>A line of a plot.</summary>
/// <param name="Series">What it draws.</param>
/// <param name="Points">What is drawn of it: few enough for a page, with every peak and trough.</param>
/// <param name="Smooth">Its running mean, as many points; null without smoothing.</param>
/// <param name="Shown">All its points in view, for tables.</param>
internal sealed record PlotLine(ChartSeries Series, IReadOnlyList<ChartPoint> Points, IReadOnlyList<ChartPoint>? Smooth, IReadOnlyList<ChartPoint> Shown)
{
    /// <summary>Lines with fewer points show them as dots.</summary>
    private const int FewPoints = 16;

    /// <summary>Whether its points are dots.</summary>
    public bool Dots => Shown.Count <= FewPoints;
}

/// <summary>Series as they are drawn: cut to the view, smoothed, thinned, with their axes. Pages and picture files draw the same plot.</summary>
internal sealed class ChartPlot
{
    /// <summary>Most points that are drawn of a line. From each stretch the smallest and the largest stay.</summary>
    public const int MostPoints = 240;

    private readonly bool logarithmic;

    private ChartPlot(IReadOnlyList<PlotLine> lines, ChartView view, double xLow, double xHigh, int ticks)
    {
        (Lines, logarithmic, XLow, XHigh) = (lines, view.Logarithmic, xLow, xHigh);
        var points = lines.SelectMany(line => line.Points).ToList();
        var (low, high) = (points.Min(point => Visible(point.Low) ?? point.Y), points.Max(point => point.High ?? point.Y));
        YTicks = logarithmic ? ChartScale.Decades(low, high) : ChartScale.Ticks(low, high, ticks);
    }

    /// <summary>The lines, those without a point in view left out.</summary>
    public IReadOnlyList<PlotLine> Lines { get; }

    /// <summary>Left end of the horizontal axis.</summary>
    public double XLow { get; }

    /// <summary>Right end.</summary>
    public double XHigh { get; }

    /// <summary>Values marked on the vertical axis; the first and the last are its ends.</summary>
    public IReadOnlyList<double> YTicks { get; }

    /// <summary>Makes a plot; null when nothing is in view.</summary>
    /// <param name="series">The lines.</param>
    /// <param name="view">How they are looked at.</param>
    /// <param name="ticks">About how many marks the vertical axis has.</param>
    /// <param name="xEnd">Where the horizontal axis ends at least, so that a growing line does not move it; null for the last point.</param>
    /// <param name="known">Lines of the plot before, drawn for the same view: those that have not changed are not worked out again. Null for none.</param>
    /// <param name="most">Most points that are drawn of a line.</param>
    public static ChartPlot? Of(IReadOnlyList<ChartSeries> series, ChartView view, int ticks, double? xEnd = null, IReadOnlyList<PlotLine>? known = null, int most = MostPoints)
    {
        var lines = new List<PlotLine>();
        foreach (var line in series)
        {
            if (known?.FirstOrDefault(before => before.Series == line) is { } unchanged)
            {
                lines.Add(unchanged);
                continue;
            }

            var shown = InView(line.Points, view);
            if (shown.Count > 0)
            {
                // The mean runs over all that was before, or zooming in would bend it.
                var smooth = view.Smoothing > 0 && line.Points.Count > 2 ? ChartScale.Thin(InView(ChartScale.Smooth(line.Points, view.Smoothing), view), most) : null;
                lines.Add(new PlotLine(line, ChartScale.Thin(shown, most), smooth, shown));
            }
        }

        if (lines.Count == 0)
        {
            return null;
        }

        var low = view.From ?? lines.Min(line => line.Shown[0].X);
        var high = view.To ?? Math.Max(lines.Max(line => line.Shown[^1].X), xEnd ?? double.NegativeInfinity);
        return new ChartPlot(lines, view, low, high, ticks);
    }

    /// <summary>Where an x is, 0 (left) to 1 (right).</summary>
    public double PlaceX(double x) => XHigh > XLow ? (x - XLow) / (XHigh - XLow) : .5;

    /// <summary>Where a value is, 0 (bottom) to 1 (top).</summary>
    public double PlaceY(double y) => logarithmic
        ? (Math.Log10(y) - Math.Log10(YTicks[0])) / (Math.Log10(YTicks[^1]) - Math.Log10(YTicks[0]))
        : (y - YTicks[0]) / (YTicks[^1] - YTicks[0]);

    /// <summary>An SVG path through points.</summary>
    public string Path(IReadOnlyList<ChartPoint> points, double width, double height) =>
        "M" + string.Join('L', points.Select(point => $"{At(PlaceX(point.X) * width)} {At((1 - PlaceY(point.Y)) * height)}"));

    /// <summary>The outline of a line's intervals; null when fewer than two points have one.</summary>
    public string? Band(PlotLine line, double width, double height)
    {
        var with = line.Points.Where(point => Visible(point.Low) is not null && point.High is not null).ToList();
        return with.Count < 2
            ? null
            : Path([.. with.Select(point => new ChartPoint(point.X, point.High!.Value)), .. with.AsEnumerable().Reverse().Select(point => new ChartPoint(point.X, point.Low!.Value))], width, height) + "Z";
    }

    /// <summary>What the chart shows, in words.</summary>
    public string Describe(string title, string xName, ChartMark? mark, Func<double, string> format)
    {
        var text = new StringBuilder().Append(CultureInfo.InvariantCulture, $"{title}, {xName} {XLow:0.##} to {XHigh:0.##}.");
        foreach (var line in Lines)
        {
            // What is drawn has every peak and trough.
            var (lowest, highest) = (line.Points.MinBy(point => point.Y), line.Points.MaxBy(point => point.Y));
            text.Append(CultureInfo.InvariantCulture, $" {line.Series.Name}: from {format(line.Shown[0].Y)} to {format(line.Shown[^1].Y)}");
            text.Append(line.Shown.Count < 3 ? "." : string.Create(CultureInfo.InvariantCulture, $", lowest {format(lowest.Y)} at {lowest.X:0.##}, highest {format(highest.Y)} at {highest.X:0.##}."));
        }

        return mark is null ? text.ToString() : text.Append(CultureInfo.InvariantCulture, $" {mark.Label}, at {xName} {mark.X:0.##}.").ToString();
    }

    /// <summary>A coordinate as text.</summary>
    public static string At(double place) => place.ToString("0.#", CultureInfo.InvariantCulture);

    private static IReadOnlyList<ChartPoint> InView(IReadOnlyList<ChartPoint> points, ChartView view) => view is { From: null, To: null, Logarithmic: false }
        ? points
        : [.. points.Where(point => !(point.X < view.From) && !(point.X > view.To) && (!view.Logarithmic || point.Y > 0))];

    private double? Visible(double? low) => logarithmic && low <= 0 ? null : low;
}
