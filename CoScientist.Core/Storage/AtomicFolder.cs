namespace CoScientist.Core.Storage;

/// <summary>Writes folders that exist either whole or not at all, also after a crash or a power cut.</summary>
public static class AtomicFolder
{
    /// <summary>Fills a temporary folder beside the final one and renames it. What earlier attempts left behind goes first.</summary>
    /// <param name="path">The final folder; must not exist, since nobody could tell the old from the new content.</param>
    /// <param name="fill">Writes the files into the folder it is given, durably (<see cref="AtomicFile.WriteDurably"/>).</param>
    /// <exception cref="IOException">The folder exists already, or the disk refuses; nothing has changed.</exception>
    public static void Create(string path, Action<string> fill)
    {
        ArgumentNullException.ThrowIfNull(fill);
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        if (Path.Exists(full))
        {
            throw new IOException($"{full} exists already and is left as it is: choose another name, or remove it first.");
        }

        var parent = Path.GetDirectoryName(full)!;
        Directory.CreateDirectory(parent);
        foreach (var leftover in Directory.GetDirectories(parent, $".{Path.GetFileName(full)}.*.tmp"))
        {
            Directory.Delete(leftover, recursive: true);
        }

        var temporary = AtomicFile.TemporaryName(full);
        Directory.CreateDirectory(temporary);
        try
        {
            fill(temporary);
            Directory.Move(temporary, full);
        }
        catch
        {
            Directory.Delete(temporary, recursive: true);
            throw;
        }
    }
}
