namespace CoScientist.Core.Storage;

/// <summary>Writes files that exist either whole or not at all, also after a crash or a power cut.</summary>
public static class AtomicFile
{
    /// <summary>Writes text (UTF-8) beside the file, flushes it to the disk and puts it in the file's place.</summary>
    /// <param name="path">The file; replaced when it exists.</param>
    /// <param name="text">Its whole content.</param>
    /// <exception cref="IOException">The disk refuses; the old file is untouched.</exception>
    public static void WriteAllText(string path, string text) => Write(path, stream =>
    {
        using var writer = new StreamWriter(stream, leaveOpen: true);
        writer.Write(text);
    });

    /// <summary>Writes bytes beside the file, flushes them to the disk and puts them in the file's place.</summary>
    /// <param name="path">The file; replaced when it exists.</param>
    /// <param name="write">Writes its whole content.</param>
    /// <exception cref="IOException">The disk refuses; the old file is untouched.</exception>
    public static void Write(string path, Action<Stream> write) => Make(path, temporary => WriteDurably(temporary, write));

    /// <summary>Has something make a file beside another and puts it in its place; what was made in part is deleted.</summary>
    /// <param name="path">The file; replaced when it exists.</param>
    /// <param name="make">Makes the file whose path it is given, which does not exist yet.</param>
    public static void Make(string path, Action<string> make)
    {
        ArgumentNullException.ThrowIfNull(make);
        var full = Path.GetFullPath(path);
        var temporary = TemporaryName(full);
        try
        {
            make(temporary);
            File.Move(temporary, full, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    /// <summary>Creates a file and flushes it to the disk, in place: for files inside a folder that is renamed as a whole.</summary>
    /// <param name="path">The file; must not exist.</param>
    /// <param name="write">Writes its whole content.</param>
    /// <exception cref="IOException">The disk refuses.</exception>
    public static void WriteDurably(string path, Action<Stream> write)
    {
        ArgumentNullException.ThrowIfNull(write);
        using var stream = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 1 << 16);
        try
        {
            write(stream);
            stream.Flush(flushToDisk: true);
        }
        catch (ArgumentOutOfRangeException fault) when (fault.ParamName == "value")
        {
            // What .NET makes of a file that may not grow any more: the file system's limit, or the process's.
            throw new IOException($"{path} is too large for this disk, or for a limit on the size of files: choose another disk, or raise the limit.", fault);
        }
    }

    /// <summary>A name beside <paramref name="path"/> that no other writer uses and that sorts and globs as temporary: ".NAME.HEX.tmp".</summary>
    /// <param name="path">The final file or folder.</param>
    public static string TemporaryName(string path)
    {
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        return Path.Combine(Path.GetDirectoryName(full)!, $".{Path.GetFileName(full)}.{Guid.NewGuid():N}.tmp");
    }
}
