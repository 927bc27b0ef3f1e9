using System.Text.Json;
using System.Text.RegularExpressions;

namespace CoScientist.Core.Papers.Readers;

/// <summary>Parsed papers of PeerRead (what science-parse makes of a PDF): numbered headings, text with the traces of lines and pages.</summary>
/// <param name="time">Clock for ids and import times.</param>
public sealed partial class PeerReadReader(TimeProvider time) : IPaperReader
{
    /// <inheritdoc/>
    public string Format => "peerread";

    /// <inheritdoc/>
    public bool CanRead(string fileName, ReadOnlySpan<byte> head) => PaperJson.HasKeys(head, "sections", "emails", "reviews") && !PaperJson.HasKeys(head, "paper_id");

    /// <inheritdoc/>
    public Paper Read(string fileName, ReadOnlyMemory<byte> content, CancellationToken cancellationToken)
    {
        using var document = PaperJson.Parse(fileName, content);
        var root = document.RootElement;
        var paper = root.Any("metadata") is { ValueKind: JsonValueKind.Object } metadata ? metadata : root;
        if (!paper.Get("sections").Items().Any())
        {
            throw new PaperFormatException(fileName, root.Get("reviews").Items().Any()
                ? "it holds the reviews of a paper, not its text. Bring the file of the same number from 'parsed_pdfs'."
                : "it has no 'sections': the article itself is missing from it.");
        }

        var draft = new PaperDraft
        {
            Title = paper.Any("title").Text(),
            Year = paper.Get("year").Number(),
            Venue = paper.Any("venue", "conference").Text(),
            Abstract = Clean(paper.Any("abstractText", "abstract").Text()),
            Doi = paper.Any("doi").Text(),
        };
        draft.Authors.AddRange(S2orcReader.Names(paper.Get("authors")));
        var name = root.Any("name").Text();
        if (ArxivReader.Identify(name.Length > 0 ? name : fileName) is { } id)
        {
            draft.ArxivId = id.Id;
            draft.Version = PaperIdentifiers.VersionOfFile(name);
            draft.Year ??= id.Year;
        }

        var outline = new FlatOutline();
        foreach (var section in paper.Get("sections").Items())
        {
            cancellationToken.ThrowIfCancellationRequested();
            draft.AddSection(outline.Path(section.Any("heading").Text()), Clean(section.Any("text").Text()));
        }

        return draft.ToPaper(fileName, Format, content.Span, time);
    }

    // Lines of nothing but numbers count the lines or pages of the print, those of few letters are formulas or rows of tables;
    // text breaks off at every column and goes on after it.
    private static string Clean(string text) =>
        string.Join("\n\n", RunningText.Paragraphs(text.ReplaceLineEndings("\n").Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Where(line => line.Count(char.IsLetter) > line.Length / 2 && !Caption().IsMatch(line))));

    [GeneratedRegex(@"^(figure|fig\.|table)\s*\d+\s*[:.]", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Caption();
}
