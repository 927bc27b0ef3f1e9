using System.Text;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace CoScientist.Core.Papers.Readers;

/// <summary>TEI as GROBID writes it: one flat list of divisions, whose numbers tell their depth.</summary>
/// <param name="time">Clock for ids and import times.</param>
public sealed partial class TeiReader(TimeProvider time) : IPaperReader
{
    private static readonly HashSet<string> LeftOut = new(StringComparer.Ordinal) { "figure", "table", "note", "listBibl", "head", "label", "graphic" };

    /// <inheritdoc/>
    public string Format => "tei";

    /// <inheritdoc/>
    public bool CanRead(string fileName, ReadOnlySpan<byte> head) =>
        PaperReaders.HasExtension(fileName, ".tei.xml", ".tei") || TeiRoot().IsMatch(Encoding.UTF8.GetString(head));

    /// <inheritdoc/>
    public Paper Read(string fileName, ReadOnlyMemory<byte> content, CancellationToken cancellationToken)
    {
        var root = PaperXml.Load(fileName, content, cancellationToken);
        var header = root.Child("teiHeader");
        var body = root.Child("text")?.Child("body");
        if (root.Name.LocalName != "TEI" || header is null || body is null)
        {
            throw new PaperFormatException(fileName, "it has no <TEI> with <teiHeader> and <text><body>: this is not the TEI of an article. Convert the article with GROBID's processFulltextDocument.");
        }

        var draft = new PaperDraft();
        ReadHeader(header, draft);
        var outline = new FlatOutline();
        foreach (var division in body.Elements())
        {
            cancellationToken.ThrowIfCancellationRequested();
            ReadDivision(division, outline, draft);
        }

        return draft.ToPaper(fileName, Format, content.Span, time);
    }

    private static void ReadHeader(XElement header, PaperDraft draft)
    {
        var source = header.Descendant("sourceDesc")?.Descendant("biblStruct");
        var analytic = source?.Child("analytic");
        var journal = source?.Child("monogr");
        var title = header.Descendant("titleStmt")?.Child("title") ?? analytic?.Child("title");
        draft.Title = title is null ? "" : Text(title);
        draft.Authors.AddRange((analytic ?? header).Descendants().Where(element => element.Name.LocalName == "author").Select(Author));
        draft.Venue = journal?.Children("title").Select(Text).FirstOrDefault(name => name.Length > 0);
        var dates = header.Descendants().Where(element => element.Name.LocalName == "date" && element.Ancestors().All(around => around.Name.LocalName is not ("encodingDesc" or "appInfo")));
        draft.Year = dates.Select(date => TexAuthors.Year(date.Attribute("when")?.Value ?? date.Value)).FirstOrDefault(year => year is not null);
        foreach (var id in source?.Descendants().Where(element => element.Name.LocalName == "idno") ?? [])
        {
            switch (id.Attribute("type")?.Value.ToUpperInvariant())
            {
                case "DOI": draft.Doi = id.Value; break;
                case "PMID": draft.Pmid = id.Value; break;
                case "ARXIV": draft.ArxivId = id.Value; break;
            }
        }

        var licence = header.Descendant("licence");
        draft.Licence = licence is null ? null : licence.Attribute("target")?.Value ?? Text(licence);
        draft.Subjects = string.Join(' ', header.Descendants().Where(element => element.Name.LocalName == "keywords").Select(Text));
        draft.Abstract = header.Descendant("abstract") is { } summary ? string.Join("\n\n", summary.Children("div").Prepend(summary).SelectMany(Paragraphs)) : "";
    }

    private static string Author(XElement author)
    {
        var name = author.Descendant("persName");
        return name is null ? "" : string.Join(' ', name.Elements().Where(part => part.Name.LocalName is "forename" or "surname").Select(Text));
    }

    private static void ReadDivision(XElement division, FlatOutline outline, PaperDraft draft)
    {
        if (division.Name.LocalName != "div")
        {
            return;
        }

        var head = division.Child("head");
        var path = outline.Path(head is null ? null : Text(head), head?.Attribute("n")?.Value);
        draft.AddSection(path, string.Join("\n\n", Paragraphs(division)));
        foreach (var inner in division.Elements())
        {
            ReadDivision(inner, outline, draft);
        }
    }

    // Formulas stand between paragraphs, which go on after them.
    private static IEnumerable<string> Paragraphs(XElement parent)
    {
        var pieces = new List<(string Text, bool IsFormula)>();
        foreach (var element in parent.DescendantsOf(["p", "formula", "item"], "div", "figure", "note"))
        {
            var text = Text(element);
            var isFormula = element.Name.LocalName == "formula";
            if (text.Length > 0 && pieces.Count > 0 && (isFormula || (pieces[^1].IsFormula && char.IsLower(text[0]))))
            {
                pieces[^1] = ($"{pieces[^1].Text} {text}", isFormula);
            }
            else if (text.Length > 0)
            {
                pieces.Add((text, isFormula));
            }
        }

        return pieces.Select(piece => piece.Text);
    }

    private static string Text(XElement element)
    {
        var text = new StringBuilder();
        Append(element, text);
        return PaperDraft.CleanLine(text.ToString());
    }

    private static void Append(XElement element, StringBuilder text)
    {
        foreach (var node in element.Nodes())
        {
            switch (node)
            {
                case XText piece:
                    text.Append(piece.Value);
                    break;
                case XElement child when !LeftOut.Contains(child.Name.LocalName):
                    Append(child, text);

                    // Sentences of their own carry no space between them.
                    text.Append(child.Name.LocalName is "s" or "p" or "term" ? " " : "");
                    break;
            }
        }
    }

    [GeneratedRegex(@"<(?:\w+:)?TEI[\s>]", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex TeiRoot();
}
