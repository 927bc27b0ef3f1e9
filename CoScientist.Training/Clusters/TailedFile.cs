namespace CoScientist.Training.Clusters;

/// <summary>Whole lines that somebody else adds to a file. A last line without its end is still being written and waits.</summary>
internal static class TailedFile
{
    private const int MostBytes = 64 << 20;

    /// <summary>Reads the lines from a place on, at most 64 MiB of them at once.</summary>
    /// <param name="path">The file; it need not exist yet.</param>
    /// <param name="offset">Where to begin, in bytes; moved behind what was read.</param>
    public static List<byte[]> Read(string path, ref long offset)
    {
        var lines = new List<byte[]>();
        if (!File.Exists(path))
        {
            return lines;
        }

        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        stream.Position = Math.Min(offset, stream.Length);
        var bytes = new byte[Math.Min(MostBytes, stream.Length - stream.Position)];
        stream.ReadExactly(bytes);
        var taken = 0;
        for (var end = Array.IndexOf(bytes, (byte)'\n'); end >= 0; end = Array.IndexOf(bytes, (byte)'\n', taken))
        {
            lines.Add(bytes[taken..end]);
            taken = end + 1;
        }

        offset += taken;
        return lines;
    }
}
