using System.Globalization;
using System.Text;
using CoScientist.Web.ViewModels;
using Microsoft.AspNetCore.Components;

namespace CoScientist.Web.Components.Controls;

/// <summary>A line chart without scripts: SVG for the lines, HTML for the texts, a table with the values.</summary>
public partial class LineChart
{
    private const int MostPoints = 240;
    private const int MostTargets = 120;
    private const int MostRows = 120;

    /// <summary>Lines with fewer points show them.</summary>
    private const int FewPoints = 16;

    private List<Line> _lines = [];
    private IReadOnlyList<double> _yTicks = [];
    private IReadOnlyList<double> _rows = [];
    private double _xLow;
    private double _xHigh;

    /// <summary>What is shown.</summary>
    [Parameter, EditorRequired]
    public string Title { get; set; } = "";

    /// <summary>Unit of the values; empty when they have none.</summary>
    [Parameter]
    public string Unit { get; set; } = "";

    /// <summary>The lines; those without points are left out.</summary>
    [Parameter, EditorRequired]
    public IReadOnlyList<ChartSeries> Series { get; set; } = [];

    /// <summary>What is marked, such as the picked checkpoint.</summary>
    [Parameter]
    public ChartMark? Mark { get; set; }

    /// <summary>Name of the horizontal axis.</summary>
    [Parameter]
    public string XName { get; set; } = "step";

    /// <summary>How values are written.</summary>
    [Parameter]
    public string ValueFormat { get; set; } = "0.00";

    /// <summary>Said while there is no point.</summary>
    [Parameter]
    public string Nothing { get; set; } = "Nothing measured yet.";

    /// <summary>The chart of the page rather than one of many.</summary>
    [Parameter]
    public bool Tall { get; set; }

    private string Summary
    {
        get
        {
            var text = new StringBuilder().Append(CultureInfo.InvariantCulture, $"{Title}, {XName} {_xLow:0.##} to {_xHigh:0.##}.");
            foreach (var line in _lines)
            {
                text.Append(CultureInfo.InvariantCulture, $" {line.Name}: from {Format(line.First)} to {Format(line.Last)}.");
            }

            return Mark is null ? text.ToString() : text.Append(CultureInfo.InvariantCulture, $" {Mark.Label} at {XName} {Mark.X:0.##}.").ToString();
        }
    }

    /// <inheritdoc/>
    protected override void OnParametersSet()
    {
        var series = Series.Where(line => line.Points.Count > 0).ToList();
        if (series.Count == 0)
        {
            _lines = [];
            return;
        }

        var points = series.SelectMany(line => line.Points).ToList();
        (_xLow, _xHigh) = (points.Min(point => point.X), points.Max(point => point.X));
        _yTicks = ChartScale.Ticks(points.Min(point => point.Low ?? point.Y), points.Max(point => point.High ?? point.Y), Tall ? 5 : 3);
        var labels = ChartScale.Spread([.. series.Select(line => PlaceY(line.Points[^1].Y))], Tall ? .08 : .16);
        _lines = [.. series.Select((line, i) => Draw(line, labels[i]))];
        var rows = points.Select(point => point.X).Distinct().Order().ToList();
        var stride = ((rows.Count - 1) / MostRows) + 1;
        _rows = [.. rows.Where((_, i) => i % stride == 0 || i == rows.Count - 1)];
    }

    private static string Percent(double share) => (share * 100).ToString("0.##", CultureInfo.InvariantCulture) + "%";

    private static string Class(ChartTone tone) => tone switch
    {
        ChartTone.SelfGrade => "tone-self",
        ChartTone.Judge => "tone-judge",
        ChartTone.Human => "tone-human",
        ChartTone.Oracle => "tone-oracle",
        _ => "tone-plain",
    };

    private Line Draw(ChartSeries series, double label)
    {
        var thin = ChartScale.Thin(series.Points, MostPoints);
        var stride = ((thin.Count - 1) / MostTargets) + 1;
        return new Line(
            series.Name,
            Class(series.Tone),
            "M" + string.Join('L', thin.Select(point => $"{X(point.X)} {Y(point.Y)}")),
            Band(thin),
            [.. thin.Where((point, i) => i % stride == 0 || i == thin.Count - 1 || IsMarked(point))],
            series.Points.Count <= FewPoints,
            label,
            series.Points[0].Y,
            series.Points[^1].Y,
            series.Points.GroupBy(point => point.X).ToDictionary(group => group.Key, group => group.Last().Y));
    }

    private string? Band(IReadOnlyList<ChartPoint> points)
    {
        var with = points.Where(point => point is { Low: not null, High: not null }).ToList();
        return with.Count < 2
            ? null
            : "M" + string.Join('L', with.Select(point => $"{X(point.X)} {Y(point.High!.Value)}").Concat(with.AsEnumerable().Reverse().Select(point => $"{X(point.X)} {Y(point.Low!.Value)}"))) + "Z";
    }

    private bool IsMarked(ChartPoint point) => Mark is not null && Mark.X.Equals(point.X);

    private double PlaceX(double x) => _xHigh > _xLow ? (x - _xLow) / (_xHigh - _xLow) : .5;

    private double PlaceY(double y) => (y - _yTicks[0]) / (_yTicks[^1] - _yTicks[0]);

    private string X(double x) => (PlaceX(x) * 1000).ToString("0.#", CultureInfo.InvariantCulture);

    private string Y(double y) => ((1 - PlaceY(y)) * 1000).ToString("0.#", CultureInfo.InvariantCulture);

    private string Format(double value) => value.ToString(ValueFormat, CultureInfo.InvariantCulture);

    private sealed record Line(
        string Name,
        string Tone,
        string Path,
        string? Band,
        IReadOnlyList<ChartPoint> Points,
        bool Dots,
        double Label,
        double First,
        double Last,
        IReadOnlyDictionary<double, double> Values);
}
