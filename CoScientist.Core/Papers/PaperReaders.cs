using CoScientist.Core.Papers.Readers;

namespace CoScientist.Core.Papers;

/// <summary>The formats that can be read, and the choice among them.</summary>
/// <param name="time">Clock for ids and import times.</param>
public sealed class PaperReaders(TimeProvider time)
{
    /// <summary>Largest file taken, in bytes.</summary>
    public const int MaxFileBytes = 64 * 1024 * 1024;

    private const int HeadBytes = 4096;

    /// <summary>What can be read, for messages and pages.</summary>
    public static string Supported => "JATS XML (.nxml, .xml), TEI of GROBID (.tei.xml), S2ORC and PeerRead (.json), PDF, arXiv source (.gz, .tar.gz, .tgz, .tar, .tex), Markdown (.md) and plain text (.txt)";

    /// <summary>The readers, asked in this order.</summary>
    public IReadOnlyList<IPaperReader> All { get; } =
        [new TeiReader(time), new JatsReader(time), new PeerReadReader(time), new S2orcReader(time), new PdfReader(time), new ArxivReader(time), new MarkdownReader(time), new PlainTextReader(time)];

    /// <summary>The reader for a file; null when its format is not supported yet.</summary>
    /// <param name="fileName">Name with extension, without folder.</param>
    /// <param name="content">The bytes, or the first of them.</param>
    public IPaperReader? Find(string fileName, ReadOnlySpan<byte> content)
    {
        var head = content[..Math.Min(content.Length, HeadBytes)];
        foreach (var reader in All)
        {
            if (!IsReadme(fileName) && reader.CanRead(fileName, head))
            {
                return reader;
            }
        }

        return null;
    }

    /// <summary>Why a file that no reader takes is left out, and what to bring instead.</summary>
    public static string NotSupported(string fileName)
    {
        var what = IsReadme(fileName) ? "a README, which describes a folder and is no paper, is"
            : HasExtension(fileName, ".json") ? "JSON of another layout than S2ORC's and PeerRead's is"
            : Path.GetExtension(fileName) is { Length: > 1 } extension ? $"the format '{extension}' is"
            : "this kind of file is";
        return $"{fileName}: {what} not supported yet. Supported are {Supported}.";
    }

    // A folder of papers often carries a README; its Markdown would otherwise become a paper.
    private static bool IsReadme(string fileName) => Path.GetFileNameWithoutExtension(fileName).Equals("readme", StringComparison.OrdinalIgnoreCase);

    internal static bool HasExtension(string fileName, params ReadOnlySpan<string> extensions)
    {
        foreach (var extension in extensions)
        {
            if (fileName.EndsWith(extension, StringComparison.OrdinalIgnoreCase))
            {
                return true;
            }
        }

        return false;
    }
}
