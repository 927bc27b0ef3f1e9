using System.Text;
using System.Text.RegularExpressions;

namespace CoScientist.Core.Papers.Readers;

/// <summary>An arXiv source: a gzipped tar of TeX files, or a single TeX file, gzipped or not.</summary>
/// <param name="time">Clock for ids and import times.</param>
public sealed partial class ArxivReader(TimeProvider time) : IPaperReader
{
    /// <inheritdoc/>
    public string Format => "arxiv";

    /// <inheritdoc/>
    public bool CanRead(string fileName, ReadOnlySpan<byte> head) =>
        head.StartsWith((ReadOnlySpan<byte>)[0x1f, 0x8b]) || SourceArchive.IsTar(head) ||
        PaperReaders.HasExtension(fileName, ".tex", ".gz", ".tgz", ".tar") ||
        Encoding.Latin1.GetString(head).Contains(@"\documentclass", StringComparison.Ordinal);

    /// <inheritdoc/>
    public Paper Read(string fileName, ReadOnlyMemory<byte> content, CancellationToken cancellationToken)
    {
        if (PaperReaders.HasExtension(fileName, ".gz", ".tgz") && !content.Span.StartsWith((ReadOnlySpan<byte>)[0x1f, 0x8b]))
        {
            throw new PaperFormatException(fileName, "it is not a gzip file in spite of its name. Download it again.");
        }

        var source = new TexSource(fileName, SourceArchive.Read(fileName, content, cancellationToken));
        var document = source.Assemble();
        cancellationToken.ThrowIfCancellationRequested();
        var draft = new PaperDraft { Venue = "arXiv" };
        new TexText(draft, source.CitationLabels()).Read(new TexMacros(fileName, document).Expand(document));
        if (Identify(fileName) is { } id)
        {
            draft.ArxivId = id.Id;
            draft.Year = id.Year;
        }

        return draft.ToPaper(fileName, Format, content.Span, time);
    }

    /// <summary>The identifier in the name of a file from arXiv, without its version; null when there is none.</summary>
    internal static (string Id, int Year)? Identify(string fileName) =>
        Identifier().Match(fileName) is { Success: true } match ? (match.Groups["id"].Value, 2000 + int.Parse(match.Groups["year"].Value)) : null;

    // Identifiers since April 2007: year, month, number; the version does not belong to them.
    [GeneratedRegex(@"(?<![0-9.])(?<id>(?<year>[0-9][0-9])(?:0[1-9]|1[0-2])\.[0-9]{4,5})(?:v[0-9]+)?(?![0-9])", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Identifier();
}
