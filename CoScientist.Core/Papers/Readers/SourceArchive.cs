using System.Formats.Tar;
using System.IO.Compression;
using System.Text;

namespace CoScientist.Core.Papers.Readers;

/// <summary>The text files of an arXiv source: a plain TeX file, a tar, or either of them gzipped. Nothing is ever written to disk.</summary>
internal static class SourceArchive
{
    private static readonly byte[] GzipMark = [0x1f, 0x8b];

    private const int MaxExpandedBytes = 200 * 1024 * 1024;
    private const int MaxTextBytes = 16 * 1024 * 1024;
    private const int MaxEntries = 20_000;
    private const int SmallestGzip = 18;

    // TeX compresses about four times, empty tables perhaps fifty times; a bomb a thousand times.
    private const int MaxRatio = 200;
    private const int RatioCountsFrom = 8 * 1024 * 1024;

    /// <summary>Reads the TeX files (and bibliographies) by their path in the archive.</summary>
    /// <exception cref="PaperFormatException">Truncated, not an archive, a path that leads outside, or larger than allowed.</exception>
    public static Dictionary<string, string> Read(string fileName, ReadOnlyMemory<byte> content, CancellationToken cancellationToken)
    {
        var bytes = content.Span.StartsWith(GzipMark) ? Expand(fileName, content, cancellationToken) : content;
        if (IsTar(bytes.Span))
        {
            return ReadTar(fileName, bytes, cancellationToken);
        }

        if (bytes.Span.StartsWith("%PDF"u8))
        {
            throw new PaperFormatException(fileName, "it holds a PDF. Take the PDF out of it and import that.");
        }

        return new(StringComparer.Ordinal) { ["main.tex"] = Decode(bytes.Span) };
    }

    /// <summary>Whether the bytes are a tar (its mark stands at byte 257; old tars without it are taken by their checksum field).</summary>
    public static bool IsTar(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < 512)
        {
            return false;
        }

        if (bytes[257..].StartsWith("ustar"u8))
        {
            return true;
        }

        var sum = 8 * (int)' ';
        for (var i = 0; i < 512; i++)
        {
            sum += i is >= 148 and < 156 ? 0 : bytes[i];
        }

        var field = Encoding.ASCII.GetString(bytes.Slice(148, 8)).Trim('\0', ' ');
        return field.Length > 0 && field.All(digit => digit is >= '0' and <= '7') && Convert.ToInt32(field, 8) == sum;
    }

    private static ReadOnlyMemory<byte> Expand(string fileName, ReadOnlyMemory<byte> content, CancellationToken cancellationToken)
    {
        var result = new MemoryStream();
        var buffer = new byte[81_920];
        try
        {
            using var gzip = new GZipStream(content.AsStream(), CompressionMode.Decompress);
            int read;
            while ((read = gzip.Read(buffer)) > 0)
            {
                cancellationToken.ThrowIfCancellationRequested();
                result.Write(buffer, 0, read);
                if (result.Length > MaxExpandedBytes || (result.Length > RatioCountsFrom && result.Length / content.Length > MaxRatio))
                {
                    throw new PaperFormatException(fileName, $"it expands to more than {MaxExpandedBytes / (1024 * 1024)} MB or {MaxRatio} times its size, as only a broken or hostile archive does. Nothing was read from it; bring the TeX files alone.");
                }
            }
        }
        catch (InvalidDataException fault)
        {
            throw Damaged(fileName, fault);
        }

        // A gzip that ends early is not always reported by the stream: its last four bytes hold the length of what it expands to.
        if (content.Length < SmallestGzip || BitConverter.ToUInt32(content.Span[^4..]) > (uint)result.Length)
        {
            throw Damaged(fileName, null);
        }

        return result.GetBuffer().AsMemory(0, (int)result.Length);
    }

    private static Dictionary<string, string> ReadTar(string fileName, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        var files = new Dictionary<string, string>(StringComparer.Ordinal);
        var entries = 0;
        long textBytes = 0;
        try
        {
            using var tar = new TarReader(bytes.AsStream());
            while (tar.GetNextEntry() is { } entry)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var path = SafePath(fileName, entry.Name);
                if (++entries > MaxEntries)
                {
                    throw new PaperFormatException(fileName, $"it has more than {MaxEntries:N0} entries, which no paper needs. Bring the TeX files alone.");
                }

                // macOS puts the attributes of a file beside it, under the same name with "._" before it.
                if (entry.DataStream is null || Path.GetFileName(path).StartsWith("._", StringComparison.Ordinal) ||
                    !PaperReaders.HasExtension(path, ".tex", ".ltx", ".bbl", ".txt", ".xxx", ".json"))
                {
                    continue;
                }

                textBytes += entry.Length;
                if (textBytes > MaxTextBytes)
                {
                    throw new PaperFormatException(fileName, $"'{path}': the TeX files are larger than {MaxTextBytes / (1024 * 1024)} MB together. Bring the files of the paper alone.");
                }

                var data = new byte[entry.Length];
                entry.DataStream.ReadExactly(data);
                files[path] = Decode(data);
            }
        }
        catch (Exception fault) when (fault is InvalidDataException or EndOfStreamException or FormatException or OverflowException or ArgumentException)
        {
            throw Damaged(fileName, fault);
        }

        return files;
    }

    private static string SafePath(string fileName, string entry)
    {
        var path = entry.Replace('\\', '/');
        if (path.StartsWith('/') || path.Contains(':', StringComparison.Ordinal) || path.Split('/').Contains("..", StringComparer.Ordinal))
        {
            throw new PaperFormatException(fileName, $"its entry '{entry}' points outside the archive. Such archives are refused and nothing was read from it; pack the files again with paths inside one folder.");
        }

        return path.StartsWith("./", StringComparison.Ordinal) ? path[2..] : path;
    }

    private static PaperFormatException Damaged(string fileName, Exception? fault) =>
        new(fileName, "the archive is damaged or cut off. Download it again.", fault);

    private static string Decode(ReadOnlySpan<byte> bytes)
    {
        try
        {
            return new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            return Encoding.Latin1.GetString(bytes);
        }
    }
}
