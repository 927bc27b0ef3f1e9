using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;

namespace CoScientist.Web.ViewModels;

/// <summary>A figure as a picture that stands alone: title, n, and either estimates on an axis or the table.</summary>
internal static class FigureSvg
{
    private const int Width = 860;
    private const int Left = 300;
    private const int Right = 560;
    private const int RowHeight = 28;
    private const int MostRows = 200;

    /// <summary>The SVG document.</summary>
    public static string Of(StudyFigure figure)
    {
        var rows = figure.Intervals.Count > 0 ? figure.Intervals.Count : Math.Min(MostRows, figure.Rows.Count) + 1;
        var height = 88 + (rows * RowHeight) + 24;
        var svg = new StringBuilder();
        svg.Append(CultureInfo.InvariantCulture, $"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{Width}\" height=\"{height}\" viewBox=\"0 0 {Width} {height}\" font-family=\"system-ui, sans-serif\" font-size=\"13\" fill=\"#1d2127\">");
        svg.Append("<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>");
        Text(svg, 16, 30, figure.Title, "font-size=\"17\" font-weight=\"600\"");
        Text(svg, 16, 54, Short(figure.Note, 130), "fill=\"#565d67\"");
        if (figure.Intervals.Count > 0)
        {
            Intervals(svg, figure.Intervals);
        }
        else
        {
            Table(svg, figure);
        }

        return svg.Append("</svg>").ToString();
    }

    private static void Intervals(StringBuilder svg, IReadOnlyList<IntervalRow> rows)
    {
        var bottom = 80 + (rows.Count * RowHeight);
        foreach (var (at, label) in new[] { (0.0, "0"), (0.5, "½"), (1.0, "1") })
        {
            svg.Append(CultureInfo.InvariantCulture, $"<path d=\"M{X(at)} 76V{bottom}\" stroke=\"#dcdad5\"/>");
            Text(svg, X(at), bottom + 16, label, "text-anchor=\"middle\" fill=\"#565d67\"");
        }

        for (var i = 0; i < rows.Count; i++)
        {
            var (y, estimate) = (80 + (i * RowHeight) + (RowHeight / 2), rows[i].Estimate);
            Text(svg, Left - 16, y + 4, Short(rows[i].Name, 42), "text-anchor=\"end\"");
            svg.Append(CultureInfo.InvariantCulture, $"<path d=\"M{X(estimate.Low)} {y}H{X(estimate.High)}\" stroke=\"{Colour(rows[i].Tone)}\" stroke-width=\"3\"/><circle cx=\"{X(estimate.Value)}\" cy=\"{y}\" r=\"5\" fill=\"{Colour(rows[i].Tone)}\"/>");
            Text(svg, Right + 20, y + 4, string.Create(CultureInfo.InvariantCulture, $"{estimate.Value:0.00} ({estimate.Low:0.00} to {estimate.High:0.00}), n = {rows[i].Count}"), "");
        }
    }

    private static void Table(StringBuilder svg, StudyFigure figure)
    {
        var rest = (Width - Left - 32) / Math.Max(1, figure.Header.Count - 1);
        var rows = figure.Rows.Take(MostRows).Select(r => r.Select(StudyFigures.Cell).ToList()).Prepend([.. figure.Header]).ToList();
        for (var i = 0; i < rows.Count; i++)
        {
            var y = 80 + (i * RowHeight) + 18;
            for (var column = 0; column < rows[i].Count; column++)
            {
                Text(svg, column == 0 ? 16 : Left + 16 + (column * rest), y, Short(rows[i][column], column == 0 ? 42 : Math.Max(6, rest / 7)), (column == 0 ? "" : "text-anchor=\"end\" ") + (i == 0 ? "font-weight=\"600\" fill=\"#565d67\"" : ""));
            }

            svg.Append(CultureInfo.InvariantCulture, $"<path d=\"M16 {y + 9}H{Width - 16}\" stroke=\"#dcdad5\"/>");
        }
    }

    private static int X(double share) => (int)Math.Round(Left + (Math.Clamp(share, 0, 1) * (Right - Left)));

    private static string Colour(string tone) => tone switch
    {
        "tone-self" => "#b4541a",
        "tone-judge" => "#8a3b78",
        "tone-oracle" => "#00695f",
        _ => "#1f4a8a",
    };

    private static void Text(StringBuilder svg, int x, int y, string text, string style) =>
        svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{x}\" y=\"{y}\" {style}>{HtmlEncoder.Default.Encode(text)}</text>");

    private static string Short(string text, int most)
    {
        text = string.Concat(text.ReplaceLineEndings(" ").Where(c => !char.IsControl(c)));
        return text.Length <= most ? text : text[..(most - 1)] + "…";
    }
}
