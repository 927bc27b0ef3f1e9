using System.Text.RegularExpressions;

namespace CoScientist.Core.Papers.Readers;

/// <summary>Lines of all pages in the order of reading: columns one after the other, without running heads, feet and page numbers.</summary>
internal static partial class PdfLayout
{
    // Share of the page at its top and foot where running heads and page numbers stand.
    private const double Margin = 0.1;
    private const int LeastColumnLines = 5;

    /// <summary>Lines in the order of reading, with the column they stand in.</summary>
    public static List<PdfColumnLine> Order(IReadOnlyList<PdfPage> pages)
    {
        var repeated = Repeated(pages);
        var result = new List<PdfColumnLine>();
        foreach (var page in pages)
        {
            var lines = page.Lines.Where(line => !IsRotated(line) && !IsRunning(page, line, repeated)).ToList();
            result.AddRange(OrderPage(lines));
        }

        return result;
    }

    /// <summary>The most frequent height of letters: that of the running text.</summary>
    public static double BodyHeight(IEnumerable<PdfColumnLine> lines) =>
        lines.GroupBy(line => Math.Round(line.Line.Height * 2) / 2).MaxBy(group => group.Sum(line => line.Line.Text.Length))?.Key ?? 0;

    // The stamp of arXiv at the left edge.
    private static bool IsRotated(PdfLine line) => line.Text.Length > 3 && line.Bottom - line.Top > 3 * (line.Right - line.Left);

    private static HashSet<string> Repeated(IReadOnlyList<PdfPage> pages) =>
        pages.SelectMany(page => page.Lines.Where(line => InMargin(page, line)).Select(line => Shape(line.Text)).Distinct(StringComparer.Ordinal))
            .GroupBy(shape => shape, StringComparer.Ordinal)
            .Where(group => group.Count() >= Math.Max(2, pages.Count / 4))
            .Select(group => group.Key)
            .ToHashSet(StringComparer.Ordinal);

    private static bool InMargin(PdfPage page, PdfLine line) => line.Bottom < Margin * page.Height || line.Top > (1 - Margin) * page.Height;

    private static bool IsRunning(PdfPage page, PdfLine line, HashSet<string> repeated) =>
        InMargin(page, line) && (PageNumber().IsMatch(line.Text) || repeated.Contains(Shape(line.Text)));

    // Page numbers differ from page to page, what stands around them does not.
    private static string Shape(string text) => Digits().Replace(text, "#");

    private static IEnumerable<PdfColumnLine> OrderPage(List<PdfLine> lines)
    {
        var columns = Columns(lines);
        var placed = Merge(lines.Select(line => (Line: line, Column: Column(line, columns)))).OrderBy(item => item.Line.Middle).ToList();

        // What runs over both columns parts the page: above it all columns are read first.
        var band = new List<(PdfLine Line, int Column)>();
        foreach (var item in placed)
        {
            if (item.Column >= 0)
            {
                band.Add(item);
                continue;
            }

            foreach (var line in Band(band, columns))
            {
                yield return line;
            }

            band.Clear();
            yield return new PdfColumnLine(item.Line, columns[0].Left, columns[^1].Right);
        }

        foreach (var line in Band(band, columns))
        {
            yield return line;
        }
    }

    private static IEnumerable<PdfColumnLine> Band(List<(PdfLine Line, int Column)> band, List<(double Left, double Right)> columns) =>
        band.OrderBy(item => item.Column).Select(item => new PdfColumnLine(item.Line, columns[item.Column].Left, columns[item.Column].Right));

    private static List<(double Left, double Right)> Columns(List<PdfLine> lines)
    {
        var text = lines.Where(line => line.Text.Length > 15).ToList();
        if (text.Count == 0)
        {
            return [(0, double.MaxValue)];
        }

        var (left, right) = (text.Min(line => line.Left), text.Max(line => line.Right));
        var middle = (left + right) / 2;
        var first = text.Where(line => line.Right < middle + 5).ToList();
        var second = text.Where(line => line.Left > middle - 5).ToList();
        return first.Count >= LeastColumnLines && second.Count >= LeastColumnLines && first.Count + second.Count > text.Count / 2
            ? [(Edge(first), middle), (Edge(second), right)]
            : [(Edge(text), right)];
    }

    // Where most lines start: some are indented.
    private static double Edge(List<PdfLine> lines) => lines.GroupBy(line => Math.Round(line.Left / 3)).MaxBy(group => group.Count())!.Min(line => line.Left);

    private static int Column(PdfLine line, List<(double Left, double Right)> columns) =>
        columns.Count == 1 ? 0
        : line.Right < columns[1].Left + 5 && line.Left < columns[0].Right ? 0
        : line.Left > columns[0].Right - 10 ? 1
        : -1;

    // A number and its heading, or the cells of a row, come as separate lines at one height.
    private static List<(PdfLine Line, int Column)> Merge(IEnumerable<(PdfLine Line, int Column)> lines)
    {
        var result = new List<(PdfLine Line, int Column)>();
        foreach (var (line, column) in lines.OrderBy(item => item.Line.Left))
        {
            var at = result.FindIndex(other => other.Column == column && Math.Abs(other.Line.Middle - line.Middle) < 0.4 * Math.Min(line.Height, other.Line.Height) && line.Left >= other.Line.Right - 2);
            if (at >= 0)
            {
                result[at] = (result[at].Line.With(line), column);
            }
            else
            {
                result.Add((line, column));
            }
        }

        return result;
    }

    [GeneratedRegex(@"\d+", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Digits();

    [GeneratedRegex(@"^\W*(page\s+)?(\d{1,6}|[ivxlc]{1,6})(\s+(of|/)\s+\d{1,4})?\W*$", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex PageNumber();
}

/// <summary>A line and the edges of the column it stands in.</summary>
internal sealed record PdfColumnLine(PdfLine Line, double ColumnLeft, double ColumnRight);
