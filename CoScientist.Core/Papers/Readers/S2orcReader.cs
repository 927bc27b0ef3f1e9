using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace CoScientist.Core.Papers.Readers;

/// <summary>
/// S2ORC JSON in its layouts: paragraphs at the top (2019, CORD-19), under <c>grobid_parse</c> (2020) or under
/// <c>pdf_parse</c> or <c>latex_parse</c> (later), and one text with annotations (bulk downloads since 2022).
/// </summary>
/// <param name="time">Clock for ids and import times.</param>
public sealed partial class S2orcReader(TimeProvider time) : IPaperReader
{
    /// <inheritdoc/>
    public string Format => "s2orc";

    /// <inheritdoc/>
    public bool CanRead(string fileName, ReadOnlySpan<byte> head) => PaperJson.HasKeys(head, "paper_id", "corpusid", "body_text", "pdf_parse", "grobid_parse", "latex_parse");

    /// <inheritdoc/>
    public Paper Read(string fileName, ReadOnlyMemory<byte> content, CancellationToken cancellationToken)
    {
        using var document = PaperJson.Parse(fileName, content);
        var root = document.RootElement;
        var draft = new PaperDraft();
        if (root.Get("content").Get("annotations").ValueKind == JsonValueKind.Object)
        {
            S2orcAnnotations.Read(fileName, root, draft, cancellationToken);
        }
        else
        {
            ReadMetadata(root, draft);
            ReadBody(fileName, root, draft, cancellationToken);
        }

        if (PaperDraft.CleanLine(draft.Title).Length == 0)
        {
            throw new PaperFormatException(fileName, "it has no title: it is S2ORC's parse without the paper's metadata, or its title was not recognised. Bring the record that has both.");
        }

        return draft.ToPaper(fileName, Format, content.Span, time);
    }

    /// <summary>Names of people, each a string or an object with parts.</summary>
    internal static IEnumerable<string> Names(JsonElement authors) =>
        from author in authors.Items()
        let parts = author.Get("middle").Items().Prepend(author.Get("first")).Append(author.Get("last")).Append(author.Get("suffix")).Select(part => part.Text())
        let name = author.ValueKind == JsonValueKind.Object && author.Get("name").ValueKind != JsonValueKind.String ? string.Join(' ', parts.Where(part => part.Length > 0)) : author.Get("name").Text() + author.Text()
        where name.Count(char.IsLetter) > 1
        select name;

    private static void ReadMetadata(JsonElement root, PaperDraft draft)
    {
        var metadata = root.Get("metadata").ValueKind == JsonValueKind.Object ? root.Get("metadata") : root;
        draft.Title = metadata.Any("title").Text();
        draft.Authors.AddRange(Names(metadata.Get("authors")));
        draft.Year = TexAuthors.Year(metadata.Any("year").Text());
        draft.Venue = metadata.Any("journal", "venue").Text();
        var ids = metadata.Get("identifiers").ValueKind == JsonValueKind.Object ? metadata.Get("identifiers") : metadata;
        draft.Doi = ids.Any("doi").Text();
        draft.Pmid = ids.Any("pubmed_id", "pmid").Text();
        draft.ArxivId = ids.Any("arxiv_id").Text();
        draft.Licence = metadata.Any("license", "licence").Text();
        draft.Subjects = string.Join(' ', metadata.Any("mag_field_of_study", "fields_of_study").Items().Select(field => field.Text()));
    }

    private static void ReadBody(string fileName, JsonElement root, PaperDraft draft, CancellationToken cancellationToken)
    {
        var parses = new[] { root.Get("latex_parse"), root.Get("pdf_parse"), root.Get("grobid_parse"), root };
        var parse = Array.Find(parses, candidate => candidate.Get("body_text").Items().Any());
        if (parse.ValueKind != JsonValueKind.Object)
        {
            throw new PaperFormatException(fileName, "it has no paragraphs in 'body_text': the article itself is missing from it. Bring a record with its full text.");
        }

        var abstracts = new[] { root.Get("metadata").Get("abstract"), root.Get("abstract"), parse.Get("abstract") };
        draft.Abstract = abstracts.Select(summary => Summary(summary, parse)).FirstOrDefault(text => text.Length > 0) ?? "";
        var outline = new FlatOutline();
        var last = (Section: (string?)null, Path: (IReadOnlyList<string>)[]);
        var text = new StringBuilder();
        foreach (var paragraph in parse.Get("body_text").Items())
        {
            cancellationToken.ThrowIfCancellationRequested();
            var heading = paragraph.Get("section").Text();
            var section = $"{paragraph.Get("sec_num").Text()} {heading}";
            if (section != last.Section)
            {
                draft.AddSection(last.Path, text.ToString());
                text.Clear();
                last = (section, Nested().Split(heading) is { Length: > 1 } nested ? nested : outline.Path(heading, paragraph.Get("sec_num").Text()));
            }

            text.Append(Paragraph(paragraph, parse)).Append("\n\n");
        }

        draft.AddSection(last.Path, text.ToString());
    }

    // Text, or a list of paragraphs.
    private static string Summary(JsonElement summary, JsonElement parse) =>
        summary.ValueKind == JsonValueKind.String ? summary.Text() : string.Join("\n\n", summary.Items().Select(paragraph => Paragraph(paragraph, parse)));

    // The marks that stand for formulas and references are replaced by what they stand for; all other spans read as printed.
    private static string Paragraph(JsonElement paragraph, JsonElement parse)
    {
        var text = paragraph.Get("text").Text();
        var spans = paragraph.Get("eq_spans").Items().Concat(paragraph.Get("cite_spans").Items()).Concat(paragraph.Get("ref_spans").Items())
            .Select(span => (Start: span.Get("start").Number() ?? -1, End: span.Get("end").Number() ?? -1, Span: span))
            .Where(span => span.Start >= 0 && span.End > span.Start)
            .OrderByDescending(span => span.Start);
        foreach (var (start, end, span) in spans)
        {
            var (from, to) = (Index(text, start), Index(text, end));
            if (to <= text.Length && Replacement(text[from..to], span, parse) is { } replacement)
            {
                text = $"{text[..from]}{replacement}{text[to..]}";
            }
        }

        return text;
    }

    private static string? Replacement(string mark, JsonElement span, JsonElement parse)
    {
        if (!Mark().IsMatch(mark))
        {
            return null;
        }

        var entry = parse.Get("ref_entries").Get(span.Get("ref_id").Text());
        var tex = span.Any("latex").Text() is { Length: > 0 } own ? own : entry.Any("latex").Text();
        return mark.StartsWith("BIBREF", StringComparison.Ordinal) && int.TryParse(mark[6..], out var number) ? $"[{number + 1}]"
            : mark.Contains("REF", StringComparison.Ordinal) ? "[ref]"
            : tex.Length > 0 ? $"${tex.Trim().Trim('$')}$"
            : span.Any("raw_str").Text() is { Length: > 0 } raw ? raw
            : "[formula]";
    }

    // Offsets count code points, strings here count UTF-16 units.
    private static int Index(string text, int codePoints)
    {
        var at = 0;
        for (var i = 0; i < codePoints && at < text.Length; i++)
        {
            at += char.IsHighSurrogate(text[at]) && at + 1 < text.Length ? 2 : 1;
        }

        return at;
    }

    [GeneratedRegex(@"^(EQUATION|(INLINE|DISPLAY)?FORM(ULA)?\d+|(BIB|FIG|TAB|SEC|EQ|FOOT)REF\d+)$", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Mark();

    [GeneratedRegex(@"\s*:{2,3}\s*", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Nested();
}
