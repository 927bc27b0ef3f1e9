using CoScientist.Core.Storage.Postgres;

namespace CoScientist.Core.Storage.Backups;

/// <summary>
/// Copies a data directory while the application goes on working with it. The database is copied first, as of one moment, and
/// the files after it: files are written before the database speaks of them, so that the copy has all that its database names.
/// </summary>
/// <param name="directory">The data directory.</param>
/// <param name="includeKeys">Whether the folder <c>keys</c> is copied too.</param>
/// <param name="server">Address of the PostgreSQL database; null where the database is the directory's file.</param>
public sealed class DataBackup(string directory, bool includeKeys, string? server = null)
{
    /// <summary>Folder of the data directory for backups, which no backup copies.</summary>
    public const string BackupsFolder = "backups";

    /// <summary>Folder of the data directory for the keys of data protection.</summary>
    public const string KeysFolder = "keys";

    /// <summary>How often files may go away under the copying before it gives up.</summary>
    private const int MostPasses = 20;

    /// <summary>Shares of the work, for the progress: database, files, reading all of it again.</summary>
    private const double DatabaseShare = 0.1, FilesShare = 0.6;

    private readonly string root = Path.TrimEndingDirectorySeparator(Path.GetFullPath(directory));
    private readonly SortedDictionary<string, BackupFile> files = new(StringComparer.Ordinal);
    private readonly SortedSet<string> leftOut = new(StringComparer.Ordinal);

    /// <summary>Copies everything into a new folder and reads the copy again before it counts.</summary>
    /// <param name="target">The new folder; it exists afterwards whole or not at all.</param>
    /// <param name="program">Version of the program, for the manifest.</param>
    /// <param name="time">The clock.</param>
    /// <param name="progress">Told the share that is done; null for nobody.</param>
    /// <param name="cancellationToken">Stops and leaves nothing.</param>
    /// <exception cref="IOException">There is no room, the folder exists already, or the disk refuses; nothing has changed.</exception>
    /// <exception cref="InvalidDataException">There are no data, or the database is damaged.</exception>
    public BackupManifest Write(string target, string program, TimeProvider time, IProgress<double>? progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(time);
        var database = Path.Combine(root, BackupManifest.DatabaseFile);
        if (server is null ? !File.Exists(database) : !Directory.Exists(root))
        {
            throw new InvalidDataException($"There are no data in {root}: name the data directory with --data.");
        }

        target = Path.TrimEndingDirectorySeparator(Path.GetFullPath(target));
        RequireOutside(target);
        var expected = Files(root).Where(file => !Skipped(file)).Sum(file => Length(Path.Combine(root, file))) + (server is null ? Length(database) : 0);
        DiskRoom.Require(target, expected, "the backup");
        BackupManifest? manifest = null;
        AtomicFolder.Create(target, temporary =>
        {
            OwnerOnly(temporary);
            var data = Path.Combine(temporary, BackupManifest.DataFolder);
            Directory.CreateDirectory(data);
            var at = time.GetUtcNow();
            var schema = server is null
                ? CopyDatabase(database, Path.Combine(data, BackupManifest.DatabaseFile), Part(progress, 0, DatabaseShare), cancellationToken)
                : CopyServer(server, Path.Combine(data, BackupManifest.ServerFile), cancellationToken);
            CopyFiles(data, expected, Part(progress, DatabaseShare, FilesShare), cancellationToken);
            manifest = new BackupManifest
            {
                CreatedAt = at,
                Program = program,
                Schema = schema,
                HasKeys = includeKeys,
                LeftOut = [.. leftOut],
                Files = files,
            };
            manifest.Write(temporary);
            manifest.Verify(data, Part(progress, DatabaseShare + FilesShare, 1 - DatabaseShare - FilesShare), cancellationToken);
        });
        return manifest!;
    }

    private static Progress? Part(IProgress<double>? whole, double from, double share) => whole is null ? null : new Progress(whole, from, share);

    /// <summary>The manifest and the keys are nobody else's.</summary>
    internal static void OwnerOnly(string folder)
    {
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    private string CopyDatabase(string database, string copy, IProgress<double>? progress, CancellationToken cancellationToken)
    {
        DatabaseCopy.Write(database, copy, progress, cancellationToken);
        if (DatabaseCopy.FaultOf(copy) is { } fault)
        {
            throw new InvalidDataException($"The database {database} is damaged ({fault}): no backup was made of it. Keep a copy of the folder, and restore the last backup.");
        }

        Add(BackupManifest.DatabaseFile, copy, cancellationToken);
        return DatabaseCopy.Migrations(copy).LastOrDefault() ?? "";
    }

    private string CopyServer(string address, string copy, CancellationToken cancellationToken)
    {
        var schema = PostgresServer.LookAsync(address, cancellationToken).GetAwaiter().GetResult().Migrations.LastOrDefault() ?? "";
        PostgresDump.Write(address, copy, cancellationToken);
        Add(BackupManifest.ServerFile, copy, cancellationToken);
        return schema;
    }

    private void Add(string name, string copy, CancellationToken cancellationToken)
    {
        using var stream = File.OpenRead(copy);
        files.Add(name, FileCopy.Fingerprint(stream, Stream.Null, _ => { }, cancellationToken));
    }

    /// <summary>Files that are written once come first; where one goes away meanwhile, its successor has come, and the next pass finds it. Files that grow come last and may be ahead of the rest, which every reader of them allows.</summary>
    private void CopyFiles(string data, long expected, IProgress<double>? progress, CancellationToken cancellationToken)
    {
        var all = Math.Max(1.0, expected);
        var done = 0L;
        for (var pass = 1; ; pass++)
        {
            var gone = false;
            foreach (var file in Files(root).Where(file => !Skipped(file) && !Grows(file) && !files.ContainsKey(file)))
            {
                gone |= !TryCopy(file);
            }

            if (!gone)
            {
                break;
            }

            if (pass == MostPasses)
            {
                throw new IOException($"Files in {root} go away faster than they can be copied: try again when less is being deleted. Nothing was written.");
            }
        }

        foreach (var file in Files(root).Where(file => !Skipped(file) && Grows(file)))
        {
            TryCopy(file);
        }

        bool TryCopy(string file)
        {
            try
            {
                using var from = new FileStream(Path.Combine(root, file), FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
                var path = Path.Combine(data, file);
                Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                AtomicFile.WriteDurably(path, to => files.Add(file, FileCopy.Fingerprint(from, to, count => progress?.Report(Math.Min(1, (done += count) / all)), cancellationToken)));
                return true;
            }
            catch (Exception fault) when (fault is FileNotFoundException or DirectoryNotFoundException)
            {
                return false;
            }
        }
    }

    /// <summary>Paths inside the data directory, with slashes, files of a folder before its folders: the state of an optimizer is found before, or together with, the checkpoint that it belongs to.</summary>
    private IEnumerable<string> Files(string folder)
    {
        FileSystemInfo[] entries;
        try
        {
            entries = new DirectoryInfo(folder).GetFileSystemInfos();
        }
        catch (DirectoryNotFoundException)
        {
            yield break;
        }

        foreach (var file in entries.OfType<FileInfo>().OrderBy(file => file.Name, StringComparer.Ordinal))
        {
            if (file.LinkTarget is null || IsInside(file.ResolveLinkTarget(returnFinalTarget: true)?.FullName))
            {
                yield return Relative(file.FullName);
            }
            else
            {
                leftOut.Add(Relative(file.FullName));
            }
        }

        foreach (var below in entries.OfType<DirectoryInfo>().OrderBy(below => below.Name, StringComparer.Ordinal))
        {
            if (below.LinkTarget is not null)
            {
                leftOut.Add(Relative(below.FullName));
                continue;
            }

            foreach (var file in Skipped(Relative(below.FullName) + "/") ? [] : Files(below.FullName))
            {
                yield return file;
            }
        }
    }

    private string Relative(string path) => Path.GetRelativePath(root, path).Replace(Path.DirectorySeparatorChar, '/');

    private bool IsInside(string? path) => path is not null && path.StartsWith(root + Path.DirectorySeparatorChar, StringComparison.Ordinal) && File.Exists(path);

    /// <summary>The database, which is copied its own way; backups; locks; and what is being written under a name of its own.</summary>
    private bool Skipped(string file)
    {
        var name = Path.GetFileName(file.TrimEnd('/'));
        return file.StartsWith(BackupManifest.DatabaseFile, StringComparison.Ordinal)
            || file == BackupManifest.ServerFile
            || file.StartsWith(BackupsFolder + "/", StringComparison.Ordinal)
            || (!includeKeys && file.StartsWith(KeysFolder + "/", StringComparison.Ordinal))
            || name.EndsWith(".lock", StringComparison.Ordinal)
            || name.EndsWith(".lock.holder", StringComparison.Ordinal)
            || (name.StartsWith('.') && name.EndsWith(".tmp", StringComparison.Ordinal));
    }

    private static bool Grows(string file) =>
        file.EndsWith(".jsonl", StringComparison.Ordinal) || Path.GetFileName(file).StartsWith("events.out.", StringComparison.Ordinal);

    private static long Length(string file)
    {
        try
        {
            return new FileInfo(file).Length;
        }
        catch (FileNotFoundException)
        {
            return 0;
        }
    }

    private void RequireOutside(string target)
    {
        if ((target + Path.DirectorySeparatorChar).StartsWith(root + Path.DirectorySeparatorChar, StringComparison.Ordinal)
            && !target.StartsWith(Path.Combine(root, BackupsFolder) + Path.DirectorySeparatorChar, StringComparison.Ordinal))
        {
            throw new IOException($"{target} lies inside the data directory, where the next backup would copy it: choose a folder outside, or inside {Path.Combine(root, BackupsFolder)}.");
        }
    }

    private sealed class Progress(IProgress<double> whole, double from, double share) : IProgress<double>
    {
        public void Report(double value) => whole.Report(from + (share * value));
    }
}
