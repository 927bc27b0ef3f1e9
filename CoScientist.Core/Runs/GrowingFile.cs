namespace CoScientist.Core.Runs;

/// <summary>Takes in one whole line of a file.</summary>
/// <param name="offset">Where it begins, in bytes.</param>
/// <param name="line">The line without its end.</param>
internal delegate void LineReader(long offset, ReadOnlySpan<byte> line);

/// <summary>
/// Follows a file of lines that somebody else appends to: the first reading takes all, later ones only what was added. A last line without its
/// end is still being written and waits. For one reader at a time.
/// </summary>
/// <param name="path">The file; it need not exist yet.</param>
internal sealed class GrowingFile(string path)
{
    private const int BlockBytes = 1 << 18;
    private const int MarkBytes = 256;

    /// <summary>The bytes before <see cref="offset"/>: a file that has others there was replaced, even when it has grown past the old length since.</summary>
    private byte[] mark = [];
    private long offset;

    /// <summary>Reads what was added.</summary>
    /// <param name="restart">Called first when what was read before is gone: a resumed run drops what it does again. All of the file follows.</param>
    /// <param name="add">Called for every new line, in order.</param>
    /// <returns>Whether either was called.</returns>
    public bool Read(Action restart, LineReader add)
    {
        if (!File.Exists(path))
        {
            return false;
        }

        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
        var changed = false;
        if (offset > 0 && !IsStillThere(stream))
        {
            offset = 0;
            changed = true;
            restart();
        }

        stream.Position = offset;
        var start = offset;
        var block = new byte[BlockBytes];
        var filled = 0;
        int count;
        while ((count = stream.Read(block, filled, block.Length - filled)) > 0)
        {
            filled += count;
            var taken = 0;
            for (var end = block.AsSpan(0, filled).IndexOf((byte)'\n'); end >= 0; end = block.AsSpan(taken, filled - taken).IndexOf((byte)'\n'))
            {
                add(offset + taken, block.AsSpan(taken, end));
                taken += end + 1;
            }

            offset += taken;
            block.AsSpan(taken, filled - taken).CopyTo(block);
            filled -= taken;
            if (filled == block.Length)
            {
                Array.Resize(ref block, 2 * block.Length);
            }
        }

        if (offset == start)
        {
            return changed;
        }

        mark = new byte[Math.Min(MarkBytes, offset)];
        stream.Position = offset - mark.Length;
        stream.ReadExactly(mark);
        return true;
    }

    private bool IsStillThere(FileStream stream)
    {
        if (stream.Length < offset)
        {
            return false;
        }

        Span<byte> now = stackalloc byte[mark.Length];
        stream.Position = offset - mark.Length;
        stream.ReadExactly(now);
        return now.SequenceEqual(mark);
    }
}
