using System.Net;
using System.Text;
using System.Text.RegularExpressions;
using System.Xml;
using System.Xml.Linq;

namespace CoScientist.Core.Papers.Readers;

/// <summary>
/// JATS XML, the format of PubMed Central and most open-access publishers. No document type definition is ever processed:
/// its line is skipped, a file that declares entities of its own is refused.
/// </summary>
/// <param name="time">Clock for ids and import times.</param>
public sealed partial class JatsReader(TimeProvider time) : IPaperReader
{
    // Far deeper than articles are; bounds the recursion over elements.
    private const int MaxDepth = 128;

    private static readonly string[] SideAbstracts = ["graphical", "teaser", "toc", "precis", "executive-summary", "summary", "editor", "short", "key-points", "plain-language-summary", "web-summary"];

    /// <inheritdoc/>
    public string Format => "jats";

    /// <inheritdoc/>
    public bool CanRead(string fileName, ReadOnlySpan<byte> head) =>
        PaperReaders.HasExtension(fileName, ".nxml", ".xml", ".jats") ||
        (Encoding.UTF8.GetString(head) is var text && text.TrimStart('\uFEFF', ' ', '\n', '\r', '\t').StartsWith('<') && ArticleRoot().IsMatch(text));

    /// <inheritdoc/>
    public Paper Read(string fileName, ReadOnlyMemory<byte> content, CancellationToken cancellationToken)
    {
        var article = Article(fileName, Load(fileName, content, cancellationToken));
        var draft = new PaperDraft();
        ReadFront(article, draft);
        foreach (var part in article.Elements().Where(element => element.Name.LocalName is "body" or "back"))
        {
            cancellationToken.ThrowIfCancellationRequested();
            ReadSections(part, [], draft);
        }

        return draft.ToPaper(fileName, Format, content.Span, time);
    }

    private static XElement Article(string fileName, XElement root)
    {
        var articles = root.Name.LocalName == "article" ? [root]
            : root.DescendantsAndSelf().Where(element => element.Name.LocalName == "article").Take(2).ToArray();
        return articles.Length switch
        {
            1 => articles[0],
            0 => throw new PaperFormatException(fileName, $"its root element is <{root.Name.LocalName}>, not <article>: this is not JATS XML. Supported are {PaperReaders.Supported}."),
            _ => throw new PaperFormatException(fileName, "it holds several articles. Split it into one file per article."),
        };
    }

    private static XElement Load(string fileName, ReadOnlyMemory<byte> content, CancellationToken cancellationToken)
    {
        var text = Decode(fileName, content.Span);
        RefuseEntities(fileName, text);

        // The names of HTML belong to the JATS definition that is not loaded; whatever else is undeclared stays an error.
        text = NamedEntity().Replace(text, match => match.Groups[1].Value is "amp" or "lt" or "gt" or "quot" or "apos" ? match.Value : WebUtility.HtmlDecode(match.Value));
        var settings = new XmlReaderSettings
        {
            DtdProcessing = DtdProcessing.Ignore,
            XmlResolver = null,
            MaxCharactersInDocument = PaperReaders.MaxFileBytes,
        };
        try
        {
            using (var scan = XmlReader.Create(new StringReader(text), settings))
            {
                while (scan.Read())
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    if (scan.Depth > MaxDepth)
                    {
                        throw new PaperFormatException(fileName, $"line {((IXmlLineInfo)scan).LineNumber}: elements are nested more than {MaxDepth} deep, which no article needs. The file is not read.");
                    }
                }
            }

            using var reader = XmlReader.Create(new StringReader(text), settings);
            return XDocument.Load(reader, LoadOptions.PreserveWhitespace).Root!;
        }
        catch (XmlException fault)
        {
            throw new PaperFormatException(fileName, $"line {fault.LineNumber}, column {fault.LinePosition}: this is not well-formed XML ({fault.Message}) Fetch the file again; it may be cut off.", fault);
        }
    }

    private static void RefuseEntities(string fileName, string text)
    {
        var start = text.IndexOf("<!DOCTYPE", StringComparison.Ordinal);
        var root = ElementStart().Match(text);
        if (start < 0 || (root.Success && root.Index < start))
        {
            return;
        }

        var entity = EntityDeclaration().Match(text, start);
        if (entity.Success)
        {
            var kind = entity.Groups["external"].Success ? "external entity" : "entity";
            throw new PaperFormatException(fileName, $"its document type declares the {kind} '{entity.Groups["name"].Value}'. Entities are refused because they can read other files or blow up in memory; remove the declaration.");
        }
    }

    private static string Decode(string fileName, ReadOnlySpan<byte> content)
    {
        var head = Encoding.Latin1.GetString(content[..Math.Min(content.Length, 200)]);
        var named = DeclaredEncoding().Match(head);
        try
        {
            var encoding = named.Success ? Encoding.GetEncoding(named.Groups[1].Value) : Encoding.UTF8;
            using var reader = new StreamReader(new MemoryStream(content.ToArray()), encoding, detectEncodingFromByteOrderMarks: true);
            return reader.ReadToEnd();
        }
        catch (ArgumentException fault)
        {
            throw new PaperFormatException(fileName, $"its encoding '{named.Groups[1].Value}' is not known here. Save it as UTF-8.", fault);
        }
    }

    private static void ReadFront(XElement article, PaperDraft draft)
    {
        var front = Child(article, "front") ?? article;
        var meta = Child(front, "article-meta") ?? front;
        draft.Title = JatsText.Inline(Descendant(meta, "article-title"));
        draft.Venue = JatsText.Inline(Descendant(front, "journal-title"));
        foreach (var id in Elements(meta, "article-id"))
        {
            switch (id.Attribute("pub-id-type")?.Value)
            {
                case "doi": draft.Doi = id.Value; break;
                case "pmid": draft.Pmid = id.Value; break;
                case "arxiv": draft.ArxivId = id.Value; break;
            }
        }

        var contributors = Elements(meta, "contrib-group").SelectMany(group => group.Descendants())
            .Where(element => element.Name.LocalName == "contrib" && element.Attribute("contrib-type")?.Value is null or "author");
        draft.Authors.AddRange(contributors.Select(AuthorName));
        draft.Year = Elements(meta, "pub-date")
            .Where(date => date.Attribute("pub-type")?.Value is not ("pmc-release" or "nihms-submitted" or "collection"))
            .Select(date => int.TryParse(Child(date, "year")?.Value.Trim(), out var year) ? (int?)year : null)
            .Min() ?? Elements(meta, "pub-date").Select(date => int.TryParse(Child(date, "year")?.Value.Trim(), out var year) ? (int?)year : null).Min();
        draft.Licence = Licence(meta);
        draft.Subjects = string.Join(' ', meta.Descendants().Where(element => element.Name.LocalName is "subject" or "kwd").Select(JatsText.Inline));
        var abstracts = Elements(meta, "abstract").ToArray();
        var main = Array.Find(abstracts, element => !SideAbstracts.Contains(element.Attribute("abstract-type")?.Value ?? "", StringComparer.OrdinalIgnoreCase));
        draft.Abstract = (main ?? abstracts.FirstOrDefault()) is { } summary ? AbstractText(summary) : "";
    }

    // A structured abstract keeps its labels, one paragraph each: "Background: …".
    private static string AbstractText(XElement summary)
    {
        var text = new StringBuilder(JatsText.Block(summary));
        foreach (var section in Elements(summary, "sec"))
        {
            var title = JatsText.Inline(Child(section, "title")).TrimEnd(':', '.');
            text.Append("\n\n").Append(title.Length > 0 ? title + ": " : "").Append(JatsText.Block(section).TrimStart());
        }

        return text.ToString();
    }

    private static string AuthorName(XElement contributor)
    {
        var name = Descendant(contributor, "name");
        return name is null
            ? JatsText.Inline(Descendant(contributor, "string-name") ?? Descendant(contributor, "collab"))
            : $"{Child(name, "given-names")?.Value} {Child(name, "surname")?.Value}";
    }

    private static string? Licence(XElement meta)
    {
        var licence = Descendant(meta, "license");
        var link = licence?.DescendantsAndSelf().Attributes().FirstOrDefault(attribute => attribute.Name.LocalName == "href" && attribute.Value.Contains("creativecommons", StringComparison.OrdinalIgnoreCase));
        return link?.Value ?? (licence is null ? JatsText.Inline(Descendant(meta, "copyright-statement")) : JatsText.Inline(Descendant(licence, "license-p") ?? licence));
    }

    private static void ReadSections(XElement parent, IReadOnlyList<string> path, PaperDraft draft)
    {
        draft.AddSection(path, JatsText.Block(parent));
        foreach (var section in parent.Elements().Where(element => element.Name.LocalName is "sec" or "app" or "app-group"))
        {
            var title = JatsText.Inline(Child(section, "title"));
            ReadSections(section, title.Length > 0 ? [.. path, title] : path, draft);
        }
    }

    private static XElement? Child(XElement parent, string name) => Elements(parent, name).FirstOrDefault();

    private static IEnumerable<XElement> Elements(XElement parent, string name) => parent.Elements().Where(element => element.Name.LocalName == name);

    private static XElement? Descendant(XElement parent, string name) => parent.Descendants().FirstOrDefault(element => element.Name.LocalName == name);

    [GeneratedRegex(@"<(?:!DOCTYPE\s+)?article[\s>]", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex ArticleRoot();

    [GeneratedRegex(@"<[A-Za-z_]", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex ElementStart();

    [GeneratedRegex(@"<!ENTITY\s+(?:%\s+)?(?<name>[^\s>""']+)(?<external>\s+(?:SYSTEM|PUBLIC))?", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex EntityDeclaration();

    [GeneratedRegex(@"<\?xml[^>]*encoding=[""']([A-Za-z0-9._-]+)[""']", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex DeclaredEncoding();

    [GeneratedRegex(@"&([A-Za-z][A-Za-z0-9]{1,30});", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex NamedEntity();
}
