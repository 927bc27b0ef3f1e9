using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using System.Xml;

namespace CoScientist.Core.Papers.Readers;

/// <summary>A line of print. Places are in points from the upper left corner of the page.</summary>
/// <param name="Left">Left edge.</param>
/// <param name="Top">Upper edge.</param>
/// <param name="Right">Right edge.</param>
/// <param name="Bottom">Lower edge.</param>
/// <param name="Height">Height of most of its letters.</param>
/// <param name="Text">Words with single spaces.</param>
internal sealed record PdfLine(double Left, double Top, double Right, double Bottom, double Height, string Text)
{
    /// <summary>Height of the middle of the line.</summary>
    public double Middle => (Top + Bottom) / 2;

    /// <summary>This line with a fragment to its right.</summary>
    public PdfLine With(PdfLine right) =>
        new(Math.Min(Left, right.Left), Math.Min(Top, right.Top), Math.Max(Right, right.Right), Math.Max(Bottom, right.Bottom), Text.Length >= right.Text.Length ? Height : right.Height, $"{Text} {right.Text}");
}

/// <summary>One page with its lines as the program found them.</summary>
internal sealed record PdfPage(double Height, List<PdfLine> Lines);

/// <summary>Pages, lines and document data out of what pdftotext writes.</summary>
internal sealed partial class PdfPages
{
    private const int MaxWords = 2_000_000;

    // A page of text has a hundred; with more it is a drawing or a map.
    private const int MaxLinesOfPage = 3_000;

    /// <summary>Pages in order.</summary>
    public List<PdfPage> Pages { get; } = [];

    /// <summary>Title that the file names for itself, often missing or wrong.</summary>
    public string Title { get; private set; } = "";

    /// <summary>Other data of the file by name: Author, CreationDate, Keywords, ….</summary>
    public Dictionary<string, string> Data { get; } = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Reads the output of the program.</summary>
    /// <exception cref="PaperFormatException">It is not as expected.</exception>
    public static PdfPages Read(string fileName, string xhtml, CancellationToken cancellationToken)
    {
        var result = new PdfPages();
        var settings = new XmlReaderSettings { DtdProcessing = DtdProcessing.Ignore, XmlResolver = null, CheckCharacters = false, IgnoreWhitespace = true };
        try
        {
            // Control characters of broken fonts are copied as they are, and are no XML.
            using var reader = XmlReader.Create(new StringReader(Control().Replace(xhtml, " ")), settings);
            result.ReadAll(fileName, reader, cancellationToken);
            return result;
        }
        catch (XmlException fault)
        {
            throw new PaperFormatException(fileName, $"its text cannot be understood ({fault.Message}) Save the PDF again, or bring the paper in another format.", fault);
        }
    }

    private void ReadAll(string fileName, XmlReader reader, CancellationToken cancellationToken)
    {
        var words = new List<PdfLine>();
        var total = 0;
        while (reader.Read())
        {
            cancellationToken.ThrowIfCancellationRequested();
            switch (reader.NodeType, reader.LocalName)
            {
                case (XmlNodeType.Element, "title"):
                    Title = PaperDraft.CleanLine(reader.IsEmptyElement ? "" : reader.ReadString());
                    break;
                case (XmlNodeType.Element, "meta"):
                    Data[reader.GetAttribute("name") ?? ""] = reader.GetAttribute("content") ?? "";
                    break;
                case (XmlNodeType.Element, "page"):
                    Pages.Add(new PdfPage(Number(reader, "height"), []));
                    break;
                case (XmlNodeType.Element, "word"):
                    words.Add(Word(reader));
                    break;
                case (XmlNodeType.EndElement, "line") when Pages.Count > 0:
                    if (Pages[^1].Lines.Count < MaxLinesOfPage && Line(words) is { } line)
                    {
                        Pages[^1].Lines.Add(line);
                    }

                    words.Clear();
                    break;
            }

            if (words.Count > 0 && ++total > MaxWords)
            {
                throw new PaperFormatException(fileName, $"it has more than {MaxWords:N0} words, which no paper has.");
            }
        }
    }

    private static PdfLine Word(XmlReader reader)
    {
        var (left, top, right, bottom) = (Number(reader, "xMin"), Number(reader, "yMin"), Number(reader, "xMax"), Number(reader, "yMax"));
        return new PdfLine(left, top, right, bottom, bottom - top, PaperDraft.CleanLine(Ligatures(reader.ReadString())));
    }

    // Raised marks of notes and citations go; letters of one word that small capitals tore apart come together.
    private static PdfLine? Line(List<PdfLine> words)
    {
        var printed = words.Where(word => word.Text.Length > 0).ToList();
        if (printed.Count == 0)
        {
            return null;
        }

        var height = printed.GroupBy(word => Math.Round(word.Height, 1)).MaxBy(group => group.Sum(word => word.Text.Length))!.Key;
        var text = new StringBuilder();
        PdfLine? last = null;
        foreach (var word in printed.Where(word => printed.Count == 1 || word.Height > 0.8 * height || !Mark().IsMatch(word.Text)))
        {
            text.Append(last is null || word.Left - last.Right < 0.1 * height ? "" : " ").Append(word.Text);
            last = word;
        }

        return text.Length == 0 ? null : new PdfLine(printed.Min(word => word.Left), printed.Min(word => word.Top), printed.Max(word => word.Right), printed.Max(word => word.Bottom), height, text.ToString());
    }

    private static double Number(XmlReader reader, string name) =>
        double.TryParse(reader.GetAttribute(name), NumberStyles.Float, CultureInfo.InvariantCulture, out var value) ? value : 0;

    private static string Ligatures(string text) => !text.AsSpan().ContainsAnyInRange('\uFB00', '\uFB06') ? text
        : text.Replace("\uFB00", "ff", StringComparison.Ordinal).Replace("\uFB01", "fi", StringComparison.Ordinal).Replace("\uFB02", "fl", StringComparison.Ordinal)
            .Replace("\uFB03", "ffi", StringComparison.Ordinal).Replace("\uFB04", "ffl", StringComparison.Ordinal).Replace("\uFB05", "st", StringComparison.Ordinal).Replace("\uFB06", "st", StringComparison.Ordinal);

    [GeneratedRegex(@"[\p{Cc}\uFFFE\uFFFF-[\n]]", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Control();

    [GeneratedRegex(@"^[\d,;∗*†‡§¶‖#\p{L}-[\p{L}-[a-e]]]{1,6}$", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Mark();
}
