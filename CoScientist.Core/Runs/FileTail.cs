using System.Text;

namespace CoScientist.Core.Runs;

/// <summary>Reads the end of a file of lines, backwards, only as far as needed.</summary>
public static class FileTail
{
    private const int BlockBytes = 1 << 18;

    /// <summary>The last whole lines that hold a text, oldest first.</summary>
    /// <param name="path">The file, UTF-8; one that is missing has no lines. A last line without its end is still being written and left out.</param>
    /// <param name="count">Most lines.</param>
    /// <param name="search">What a line must hold, in any case of letters; null or empty for every line.</param>
    /// <param name="cancellationToken">Cancels between blocks.</param>
    public static IReadOnlyList<string> Read(string path, int count, string? search, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        var found = new List<string>();
        if (!File.Exists(path))
        {
            return found;
        }

        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);

        // What follows the last line end read so far: the end of a line whose beginning lies before the block.
        var rest = Array.Empty<byte>();
        var isLast = true;
        for (var end = stream.Length; end > 0 && found.Count < count;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var size = (int)Math.Min(BlockBytes, end);
            end -= size;
            var block = new byte[size + rest.Length];
            stream.Position = end;
            stream.ReadExactly(block, 0, size);
            rest.CopyTo(block, size);
            var until = block.Length;
            for (var at = block.AsSpan(0, size).LastIndexOf((byte)'\n'); at >= 0 && found.Count < count; at = block.AsSpan(0, at).LastIndexOf((byte)'\n'))
            {
                Take(block.AsSpan(at + 1, until - at - 1));
                until = at;
            }

            rest = block[..until];
        }

        if (found.Count < count)
        {
            Take(rest);
        }

        found.Reverse();
        return found;

        void Take(ReadOnlySpan<byte> line)
        {
            if (!isLast && !line.IsEmpty && Encoding.UTF8.GetString(line) is var text && (string.IsNullOrEmpty(search) || text.Contains(search, StringComparison.OrdinalIgnoreCase)))
            {
                found.Add(text);
            }

            isLast = false;
        }
    }
}
