using System.Text;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace CoScientist.Core.Papers.Readers;

/// <summary>JATS XML, the format of PubMed Central and most open-access publishers.</summary>
/// <param name="time">Clock for ids and import times.</param>
public sealed partial class JatsReader(TimeProvider time) : IPaperReader
{
    private static readonly string[] SideAbstracts = ["graphical", "teaser", "toc", "precis", "executive-summary", "summary", "editor", "short", "key-points", "plain-language-summary", "web-summary"];

    private static readonly string[] SectionNames = ["sec", "app", "app-group", "boxed-text"];

    // What may hold sections that are no part of the article.
    private static readonly string[] SideMatter = ["fig", "table-wrap", "ack", "notes", "fn-group", "ref-list", "glossary", "bio", "supplementary-material"];

    /// <inheritdoc/>
    public string Format => "jats";

    /// <inheritdoc/>
    public bool CanRead(string fileName, ReadOnlySpan<byte> head) =>
        PaperReaders.HasExtension(fileName, ".nxml", ".xml", ".jats") ||
        (Encoding.UTF8.GetString(head) is var text && text.TrimStart('\uFEFF', ' ', '\n', '\r', '\t').StartsWith('<') && ArticleRoot().IsMatch(text));

    /// <inheritdoc/>
    public Paper Read(string fileName, ReadOnlyMemory<byte> content, CancellationToken cancellationToken)
    {
        var article = Article(fileName, PaperXml.Load(fileName, content, cancellationToken));
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

    private static void ReadFront(XElement article, PaperDraft draft)
    {
        var front = article.Child("front") ?? article;
        var meta = front.Child("article-meta") ?? front;
        draft.Title = JatsText.Inline((meta.Child("title-group") ?? meta).Descendant("article-title"));
        draft.Venue = JatsText.Inline(front.Descendant("journal-title"));
        foreach (var id in meta.Children("article-id"))
        {
            switch (id.Attribute("pub-id-type")?.Value)
            {
                case "doi": draft.Doi = id.Value; break;
                case "pmid": draft.Pmid = id.Value; break;
                case "arxiv": draft.ArxivId = id.Value; break;
            }
        }

        draft.Version = int.TryParse(meta.Descendant("article-version")?.Value, out var version) ? version : null;

        // Members of a group stand within its name: the group is the author.
        var contributors = meta.Children("contrib-group").SelectMany(group => group.DescendantsOf(["contrib"]))
            .Where(element => element.Attribute("contrib-type")?.Value is null or "author");
        draft.Authors.AddRange(contributors.Select(AuthorName));
        draft.Year = meta.Children("pub-date")
            .Where(date => date.Attribute("pub-type")?.Value is not ("pmc-release" or "nihms-submitted" or "collection"))
            .Select(date => int.TryParse(date.Child("year")?.Value.Trim(), out var year) ? (int?)year : null)
            .Min() ?? meta.Children("pub-date").Select(date => int.TryParse(date.Child("year")?.Value.Trim(), out var year) ? (int?)year : null).Min();
        draft.Licence = Licence(meta);
        draft.Subjects = string.Join(' ', meta.Descendants().Where(element => element.Name.LocalName is "subject" or "kwd").Select(JatsText.Inline));
        var abstracts = meta.Children("abstract").ToArray();
        var main = Array.Find(abstracts, element => !SideAbstracts.Contains(element.Attribute("abstract-type")?.Value ?? "", StringComparer.OrdinalIgnoreCase));
        draft.Abstract = (main ?? abstracts.FirstOrDefault()) is { } summary ? AbstractText(summary) : "";
    }

    // A structured abstract keeps its labels, one paragraph each: "Background: …".
    private static string AbstractText(XElement summary)
    {
        var text = new StringBuilder(JatsText.Block(summary));
        foreach (var section in summary.Children("sec"))
        {
            var title = JatsText.Inline(section.Child("title")).TrimEnd(':', '.');
            text.Append("\n\n").Append(title.Length > 0 ? title + ": " : "").Append(JatsText.Block(section).TrimStart());
        }

        return text.ToString();
    }

    private static string AuthorName(XElement contributor)
    {
        var named = contributor.Child("name-alternatives") ?? contributor;
        return named.Child("name") is { } name ? $"{name.Child("given-names")?.Value} {name.Child("surname")?.Value}"
            : named.Child("string-name") is { } whole ? JatsText.Inline(whole)
            : contributor.Descendant("collab") is { } group ? JatsText.Inline(group.Child("institution") ?? group.Child("named-content") ?? group)
            : "";
    }

    private static string? Licence(XElement meta)
    {
        var licence = meta.Descendant("license");
        var link = licence?.DescendantsAndSelf().Attributes().FirstOrDefault(attribute => attribute.Name.LocalName == "href" && attribute.Value.Contains("creativecommons", StringComparison.OrdinalIgnoreCase));
        return link?.Value ?? (licence is null ? JatsText.Inline(meta.Descendant("copyright-statement")) : JatsText.Inline(licence.Descendant("license-p") ?? licence));
    }

    private static void ReadSections(XElement parent, IReadOnlyList<string> path, PaperDraft draft)
    {
        draft.AddSection(path, JatsText.Block(parent));
        foreach (var section in parent.DescendantsOf(SectionNames, SideMatter))
        {
            // A box may have its heading in its caption.
            var title = JatsText.Inline(section.Child("title") ?? section.Child("caption")?.Child("title"));
            ReadSections(section, title.Length > 0 ? [.. path, title] : path, draft);
        }
    }

    [GeneratedRegex(@"<(?:!DOCTYPE\s+)?article[\s>]", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex ArticleRoot();
}
