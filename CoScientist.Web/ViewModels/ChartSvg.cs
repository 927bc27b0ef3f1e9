using System.Globalization;
using System.Net;
using System.Text;

namespace CoScientist.Web.ViewModels;

/// <summary>A chart as a picture file that stands alone: white ground, colours and texts of its own.</summary>
internal static class ChartSvg
{
    private const int Width = 960;
    private const int Height = 480;
    private const int Left = 70;
    private const int Top = 56;
    private const int PlotWidth = 720;
    private const int PlotHeight = 360;

    /// <summary>Colours and strokes as on the pages in the light theme.</summary>
    private static readonly Dictionary<string, (string Colour, string Dash)> s_tones = new(StringComparer.Ordinal)
    {
        ["tone-self"] = ("#b4541a", "6 3"),
        ["tone-judge"] = ("#8a3b78", ""),
        ["tone-human"] = ("#1f4a8a", "2 4"),
        ["tone-oracle"] = ("#00695f", ""),
        ["tone-plain"] = ("#1d2127", ""),
        ["tone-run-0"] = ("#1f4a8a", ""),
        ["tone-run-1"] = ("#b4541a", "7 3"),
        ["tone-run-2"] = ("#00695f", "2 3"),
        ["tone-run-3"] = ("#8a3b78", "9 3 2 3"),
        ["tone-run-4"] = ("#6b5a00", ""),
        ["tone-run-5"] = ("#a02040", "7 3"),
        ["tone-run-6"] = ("#4a4f58", "2 3"),
        ["tone-run-7"] = ("#3d6b1f", "9 3 2 3"),
    };

    /// <summary>Draws a chart.</summary>
    /// <param name="title">Its title with the unit.</param>
    /// <param name="plot">What it shows; null for an empty chart.</param>
    /// <param name="mark">What is marked.</param>
    /// <param name="xName">Name of the horizontal axis.</param>
    /// <param name="format">How values are written.</param>
    public static string Write(string title, ChartPlot? plot, ChartMark? mark, string xName, string format)
    {
        var svg = new StringBuilder();
        svg.Append(CultureInfo.InvariantCulture, $"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{Width}\" height=\"{Height}\" viewBox=\"0 0 {Width} {Height}\" font-family=\"sans-serif\" font-size=\"13\">");
        svg.Append("<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>");
        Text(16, 26, "start", "#1d2127", title, " font-size=\"16\" font-weight=\"600\"");
        if (plot is null)
        {
            Text(16, 60, "start", "#565d67", "Nothing is measured here.");
            return svg.Append("</svg>").ToString();
        }

        svg.Append(CultureInfo.InvariantCulture, $"<desc>{WebUtility.HtmlEncode(plot.Describe(title, xName, mark, Format))}</desc>");
        foreach (var tick in plot.YTicks)
        {
            var y = Top + ((1 - plot.PlaceY(tick)) * PlotHeight);
            svg.Append(CultureInfo.InvariantCulture, $"<path d=\"M{Left} {ChartPlot.At(y)}h{PlotWidth}\" stroke=\"#dcdad5\"/>");
            Text(Left - 8, y + 4, "end", "#565d67", Format(tick));
        }

        Text(Left, Top + PlotHeight + 22, "start", "#565d67", Number(plot.XLow));
        Text(Left + (PlotWidth / 2), Top + PlotHeight + 22, "middle", "#565d67", xName);
        Text(Left + PlotWidth, Top + PlotHeight + 22, "end", "#565d67", Number(plot.XHigh));
        if (mark is not null && mark.X >= plot.XLow && mark.X <= plot.XHigh)
        {
            var x = Left + (plot.PlaceX(mark.X) * PlotWidth);
            svg.Append(CultureInfo.InvariantCulture, $"<path d=\"M{ChartPlot.At(x)} {Top}v{PlotHeight}\" stroke=\"#565d67\" stroke-dasharray=\"2 3\"/>");
            Text(x + (plot.PlaceX(mark.X) > .5 ? -6 : 6), Top - 4, plot.PlaceX(mark.X) > .5 ? "end" : "start", "#565d67", mark.Label);
        }

        svg.Append(CultureInfo.InvariantCulture, $"<g transform=\"translate({Left} {Top})\" fill=\"none\" stroke-linejoin=\"round\">");
        foreach (var line in plot.Lines)
        {
            var (colour, dash) = s_tones[line.Series.Class];
            if (plot.Band(line, PlotWidth, PlotHeight) is { } band)
            {
                svg.Append(CultureInfo.InvariantCulture, $"<path d=\"{band}\" fill=\"{colour}\" fill-opacity=\".14\"/>");
            }

            svg.Append(CultureInfo.InvariantCulture, $"<path d=\"{plot.Path(line.Points, PlotWidth, PlotHeight)}\" stroke=\"{colour}\" stroke-width=\"2\" stroke-dasharray=\"{dash}\" stroke-opacity=\"{(line.Smooth is null ? "1" : ".25")}\"/>");
            if (line.Smooth is { } smooth)
            {
                svg.Append(CultureInfo.InvariantCulture, $"<path d=\"{plot.Path(smooth, PlotWidth, PlotHeight)}\" stroke=\"{colour}\" stroke-width=\"2\" stroke-dasharray=\"{dash}\"/>");
            }

            foreach (var point in line.Dots ? line.Points : [])
            {
                svg.Append(CultureInfo.InvariantCulture, $"<circle cx=\"{ChartPlot.At(plot.PlaceX(point.X) * PlotWidth)}\" cy=\"{ChartPlot.At((1 - plot.PlaceY(point.Y)) * PlotHeight)}\" r=\"3.5\" fill=\"{colour}\"/>");
            }
        }

        svg.Append("</g>");
        foreach (var (line, place) in plot.Lines.Zip(ChartScale.Spread([.. plot.Lines.Select(line => plot.PlaceY(line.Shown[^1].Y))], .05)))
        {
            Text(Left + PlotWidth + 10, Top + ((1 - place) * PlotHeight) + 4, "start", s_tones[line.Series.Class].Colour, (plot.Lines.Count > 1 ? line.Series.Name + " " : "") + Format(line.Shown[^1].Y));
        }

        return svg.Append("</svg>").ToString();

        string Format(double value) => value.ToString(format, CultureInfo.InvariantCulture);

        void Text(double x, double y, string anchor, string colour, string text, string more = "") =>
            svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{ChartPlot.At(x)}\" y=\"{ChartPlot.At(y)}\" text-anchor=\"{anchor}\" fill=\"{colour}\"{more}>{WebUtility.HtmlEncode(text)}</text>");
    }

    private static string Number(double x) => x.ToString("0.##", CultureInfo.InvariantCulture);
}
