namespace CoScientist.Core.Papers;

/// <summary>Reads one file format into a <see cref="Paper"/>. One implementation per format, in <c>Papers/Readers</c>.</summary>
public interface IPaperReader
{
    /// <summary>Name of the format ("jats", "s2orc", "markdown", …).</summary>
    string Format { get; }

    /// <summary>Whether this reader takes the file, judged by name and first bytes only.</summary>
    /// <param name="fileName">Name with extension, without folder.</param>
    /// <param name="head">The first bytes of the file (up to 4,096).</param>
    bool CanRead(string fileName, ReadOnlySpan<byte> head);

    /// <summary>Reads the whole file.</summary>
    /// <param name="fileName">Name with extension, without folder; used in messages and as <see cref="Paper.SourceName"/>.</param>
    /// <param name="content">The bytes.</param>
    /// <param name="cancellationToken">Cancels long reads.</param>
    /// <exception cref="PaperFormatException">The content is not what it claims to be; the message names file, place and remedy.</exception>
    Paper Read(string fileName, ReadOnlyMemory<byte> content, CancellationToken cancellationToken);
}

/// <summary>A file that cannot be read as a paper.</summary>
/// <param name="fileName">The file.</param>
/// <param name="message">What is wrong, where, and what to do.</param>
/// <param name="inner">The cause, where there is one.</param>
public sealed class PaperFormatException(string fileName, string message, Exception? inner = null)
    : Exception($"{fileName}: {FileText.Shown(message, 1000)}", inner)
{
    /// <summary>The file that was being read.</summary>
    public string FileName { get; } = fileName;
}
