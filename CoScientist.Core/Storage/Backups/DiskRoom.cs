namespace CoScientist.Core.Storage.Backups;

/// <summary>Free space of disks.</summary>
public static class DiskRoom
{
    /// <summary>Below this much free space nothing large should begin, and people should hear of it: 512 MiB.</summary>
    public const long LowBytes = 512L << 20;

    /// <summary>Free bytes of the disk that holds a path, or would.</summary>
    /// <param name="path">A file or folder; it need not exist.</param>
    public static long Free(string path)
    {
        var existing = Path.GetFullPath(path);
        while (!Directory.Exists(existing))
        {
            existing = Path.GetDirectoryName(existing) ?? throw new DirectoryNotFoundException($"{path}: there is no such disk.");
        }

        return new DriveInfo(existing).AvailableFreeSpace;
    }

    /// <summary>Whether two folders that exist lie on the same disk, as far as can be told.</summary>
    public static bool IsSame(string one, string other) => Drive(one) == Drive(other);

    /// <summary>Refuses work that cannot end well.</summary>
    /// <param name="path">Where it writes.</param>
    /// <param name="bytes">How much.</param>
    /// <param name="what">What it writes, for the message.</param>
    /// <exception cref="IOException">There is less room.</exception>
    public static void Require(string path, long bytes, string what)
    {
        var free = Free(path);
        if (free < bytes)
        {
            throw new IOException(FormattableString.Invariant($"There is no room for {what} in {path}: it takes {bytes >> 20:N0} MiB, and {free >> 20:N0} MiB are free. Make room, or choose another disk."));
        }
    }

    /// <summary>The mount point that a path is under: the longest one wins.</summary>
    private static string? Drive(string path)
    {
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)) + Path.DirectorySeparatorChar;
        return DriveInfo.GetDrives().Select(drive => drive.RootDirectory.FullName)
            .Where(root => full.StartsWith(Path.TrimEndingDirectorySeparator(root) + Path.DirectorySeparatorChar, StringComparison.Ordinal) || root == "/")
            .MaxBy(root => root.Length);
    }
}
