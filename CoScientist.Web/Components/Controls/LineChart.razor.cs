using System.Globalization;
using CoScientist.Web.ViewModels;
using Microsoft.AspNetCore.Components;

namespace CoScientist.Web.Components.Controls;

/// <summary>A line chart: SVG for the lines, HTML for the texts, a sentence for who does not see it, a table with the values, and files of it.</summary>
public partial class LineChart
{
    private const int MostRows = 120;

    /// <summary>Lines from which on a small chart draws fewer points of each: there is no room to tell them apart.</summary>
    private const int ManyLines = 5;

    private ChartPlot? _plot;
    private IReadOnlyList<double> _labels = [];
    private IReadOnlyList<(double X, double?[] Values)> _rows = [];
    private (IReadOnlyList<ChartSeries> Series, ChartMark? Mark, ChartView View, double? XEnd, bool Log)? _drawn;
    private int _skipped;
    private bool _log;
    private bool _open;
    private bool _changed;

    /// <summary>What is shown.</summary>
    [Parameter, EditorRequired]
    public string Title { get; set; } = "";

    /// <summary>Unit of the values; empty when they have none.</summary>
    [Parameter]
    public string Unit { get; set; } = "";

    /// <summary>The lines; those without points are left out. The chart is drawn again when it is another list.</summary>
    [Parameter, EditorRequired]
    public IReadOnlyList<ChartSeries> Series { get; set; } = [];

    /// <summary>What is marked, such as the picked checkpoint.</summary>
    [Parameter]
    public ChartMark? Mark { get; set; }

    /// <summary>Smoothing and zoom of the page.</summary>
    [Parameter]
    public ChartView View { get; set; } = new();

    /// <summary>Where the horizontal axis ends at least; null for the last point.</summary>
    [Parameter]
    public double? XEnd { get; set; }

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

    /// <summary>Address of the chart's files, without extension; null when there are none.</summary>
    [Parameter]
    public string? Address { get; set; }

    /// <summary>What the addresses of files say besides, beginning with "&amp;"; empty for nothing.</summary>
    [Parameter]
    public string Query { get; set; } = "";

    private bool MarkShown => Mark is { } mark && mark.X >= _plot!.XLow && mark.X <= _plot.XHigh;

    private int Most => Tall || Series.Count < ManyLines ? ChartPlot.MostPoints : ChartPlot.MostPoints / 2;

    private string Picture => Address + FormattableString.Invariant($".svg?smoothing={View.Smoothing}&from={View.From}&to={View.To}&log={(_log ? "true" : "false")}") + Query;

    /// <inheritdoc/>
    protected override void OnParametersSet()
    {
        var asked = (Series, Mark, View, XEnd, _log);
        if (_drawn is { } drawn && ReferenceEquals(drawn.Series, asked.Series) && (drawn.Mark, drawn.View, drawn.XEnd, drawn.Log) == (asked.Mark, asked.View, asked.XEnd, asked._log))
        {
            return;
        }

        var before = _drawn is { } last && (last.View, last.Log) == (asked.View, asked._log) ? _plot?.Lines : null;
        _drawn = asked;
        Draw(before);
    }

    /// <inheritdoc/>
    protected override bool ShouldRender()
    {
        var changed = _changed;
        _changed = false;
        return changed;
    }

    private static string Ends(double low, double high) => FormattableString.Invariant($"{low:R} {high:R}");

    private static string Number(double x) => x.ToString("0.##", CultureInfo.InvariantCulture);

    private void Draw(IReadOnlyList<PlotLine>? before = null)
    {
        _changed = true;
        _plot = ChartPlot.Of(Series, View with { Logarithmic = _log }, Tall ? 5 : 3, XEnd, before, Most);
        if (_plot is null && _log)
        {
            // Nothing above 0 to show: the way back would be gone with the chart.
            _log = false;
            _plot = ChartPlot.Of(Series, View, Tall ? 5 : 3, XEnd, most: Most);
        }

        if (_plot is { } plot)
        {
            _labels = ChartScale.Spread([.. plot.Lines.Select(line => plot.PlaceY(line.Shown[^1].Y))], Tall ? .08 : .16);
            _rows = _open ? Rows(plot) : [];
        }
    }

    private List<(double X, double?[] Values)> Rows(ChartPlot plot)
    {
        var values = plot.Lines.Select(line => line.Shown.GroupBy(point => point.X).ToDictionary(group => group.Key, group => group.Last().Y)).ToArray();
        var all = values.SelectMany(line => line.Keys).Distinct().Order().ToList();
        _skipped = (all.Count - 1) / MostRows;
        return [.. all.Where((_, i) => i % (_skipped + 1) == 0 || i == all.Count - 1).Select(x => (x, values.Select(line => line.TryGetValue(x, out var y) ? y : (double?)null).ToArray()))];
    }

    private void Toggle()
    {
        _open = !_open;
        Draw(_plot?.Lines);
    }

    private void ChangeAxis(ChangeEventArgs change)
    {
        _log = change.Value is true;
        Draw();
    }

    private string X(double x) => ChartPlot.At(_plot!.PlaceX(x) * 1000);

    private string Y(double y) => ChartPlot.At((1 - _plot!.PlaceY(y)) * 1000);

    private string Format(double value) => value != 0 && Math.Abs(value) < Smallest ? value.ToString("0.0e+0", CultureInfo.InvariantCulture) : value.ToString(ValueFormat, CultureInfo.InvariantCulture);

    /// <summary>Smallest number that the format shows.</summary>
    private double Smallest => ValueFormat.IndexOf('.', StringComparison.Ordinal) is >= 0 and var dot ? Math.Pow(10, 1 + dot - ValueFormat.Length) : 0;
}
