namespace CoScientist.Core.Papers.Readers;

/// <summary>PDF, whose words and their places <c>pdftotext</c> tells: columns, headings and paragraphs are found from the places.</summary>
/// <param name="time">Clock for ids and import times.</param>
/// <param name="program">Name of the program; another one than pdftotext for tests.</param>
public sealed class PdfReader(TimeProvider time, string program = "pdftotext") : IPaperReader
{
    private const int HeadBytes = 1024;

    /// <inheritdoc/>
    public string Format => "pdf";

    /// <inheritdoc/>
    public bool CanRead(string fileName, ReadOnlySpan<byte> head) =>
        PaperReaders.HasExtension(fileName, ".pdf") || head[..Math.Min(head.Length, HeadBytes)].IndexOf("%PDF-"u8) >= 0;

    /// <inheritdoc/>
    public Paper Read(string fileName, ReadOnlyMemory<byte> content, CancellationToken cancellationToken)
    {
        if (content.Span[..Math.Min(content.Length, HeadBytes)].IndexOf("%PDF-"u8) < 0)
        {
            throw new PaperFormatException(fileName, "it is no PDF in spite of its name. Download it again.");
        }

        return Read(fileName, content, new PdfToText(program).Run(fileName, content, cancellationToken), cancellationToken);
    }

    /// <summary>Reads what the program wrote.</summary>
    internal Paper Read(string fileName, ReadOnlyMemory<byte> content, string xhtml, CancellationToken cancellationToken)
    {
        var pages = PdfPages.Read(fileName, xhtml, cancellationToken);
        var lines = PdfLayout.Order(pages.Pages);
        if (lines.Sum(line => line.Line.Text.Length) < 1000)
        {
            throw new PaperFormatException(fileName, "it holds pictures of pages, not text. Run it through text recognition first, or bring the paper in another format.");
        }

        var draft = new PaperDraft();
        var body = PdfFront.Read(pages, lines, draft);
        new PdfBody(draft, lines).Read(body, cancellationToken);
        if (ArxivReader.Identify(fileName) is { } id)
        {
            draft.ArxivId ??= id.Id;
            draft.Year = id.Year;
        }

        return draft.ToPaper(fileName, Format, content.Span, time);
    }
}
