using CoScientist.Core.Storage.Postgres;

namespace CoScientist.Core.Storage.Backups;

/// <summary>
/// Puts a backup into a new data directory, which is there afterwards whole or not at all. A folder that is there already may be a
/// mount point, which can be neither removed nor renamed: it is filled from a folder inside it, in steps that <see cref="Finish"/>
/// can take up wherever they were cut.
/// </summary>
public static class DataRestore
{
    /// <summary>Folder inside the data directory that holds what has been copied so far, and what is checked and waits to be moved up.</summary>
    private const string CopyingFolder = ".restore.tmp", CheckedFolder = ".restore-checked.tmp";

    /// <summary>What a new disk has of its own.</summary>
    private const string FoundFolder = "lost+found";

    /// <summary>Checks the backup, copies it and checks the copy.</summary>
    /// <param name="backup">The folder that <see cref="DataBackup"/> made; it stays as it is.</param>
    /// <param name="directory">The data directory; must be empty or not exist.</param>
    /// <param name="progress">Told the share that is done; null for nobody.</param>
    /// <param name="cancellationToken">Stops and leaves nothing.</param>
    /// <exception cref="InvalidDataException">The backup is damaged, or a newer version of the program made it.</exception>
    /// <exception cref="IOException">The directory is not empty, there is no room, or the disk refuses.</exception>
    /// <param name="server">Address of an empty PostgreSQL database for a backup of one; null for others.</param>
    public static BackupManifest Read(string backup, string directory, IProgress<double>? progress, CancellationToken cancellationToken, string? server = null)
    {
        backup = Path.GetFullPath(backup);
        directory = Path.TrimEndingDirectorySeparator(Path.GetFullPath(directory));
        var manifest = BackupManifest.Read(backup);
        if (manifest.IsOfServer != server is not null)
        {
            throw new InvalidDataException(server is null
                ? $"{backup} is of a database on a PostgreSQL server: make an empty database there with 'createdb', and name it with --database."
                : $"{backup} is of an SQLite database: restore it without --database, and move it to the server after that.");
        }

        var source = Path.Combine(backup, BackupManifest.DataFolder);
        var database = Path.Combine(source, server is null ? BackupManifest.DatabaseFile : BackupManifest.ServerFile);
        if (!File.Exists(database))
        {
            throw new InvalidDataException($"{database} is missing: copy the backup again, or use another.");
        }

        IReadOnlyList<string> schema = server is null ? DatabaseCopy.Migrations(database) : manifest.Schema.Length > 0 ? [manifest.Schema] : [];
        var newer = schema.Except(StorageSetup.Migrations, StringComparer.Ordinal).LastOrDefault();
        if (newer is not null)
        {
            throw new InvalidDataException($"A newer version of this program made the backup {backup} (schema {newer}, program {manifest.Program}). Restore it with that version.");
        }

        var wasThere = RequireEmpty(directory);
        if (server is not null)
        {
            PostgresDump.RequireEmpty(server);
        }

        DiskRoom.Require(directory, manifest.Bytes, "the restored data");
        if (wasThere)
        {
            Fill(directory, temporary => Copy(manifest, source, temporary, server, progress, cancellationToken));
        }
        else
        {
            AtomicFolder.Create(directory, temporary => Copy(manifest, source, temporary, server, progress, cancellationToken));
        }

        return manifest;
    }

    /// <summary>Ends a restore into a folder that was cut after everything had been checked. To be called before anything else is done with a data directory.</summary>
    /// <param name="directory">The data directory.</param>
    /// <exception cref="InvalidDataException">One was cut before that: it must be begun anew.</exception>
    /// <exception cref="IOException">The disk refuses; the next call goes on.</exception>
    public static void Finish(string directory)
    {
        if (Directory.Exists(Path.Combine(directory, CopyingFolder)))
        {
            throw new InvalidDataException($"A backup was being restored into {directory} when that was cut short: 'restore' it again.");
        }

        var stage = new DirectoryInfo(Path.Combine(directory, CheckedFolder));
        if (!stage.Exists)
        {
            return;
        }

        // The database last: without it there are no data yet.
        foreach (var entry in stage.GetFileSystemInfos().OrderBy(entry => entry.Name == BackupManifest.DatabaseFile))
        {
            Directory.Move(entry.FullName, Path.Combine(directory, entry.Name));
        }

        stage.Delete();
    }

    private static void Fill(string directory, Action<string> copy)
    {
        var stage = Path.Combine(directory, CopyingFolder);
        Directory.CreateDirectory(stage);
        try
        {
            copy(stage);
            if (Others(directory).Any())
            {
                throw new IOException($"Somebody has put files into {directory} meanwhile; they are left as they are: name a new folder with --data, or move these away first.");
            }

            Directory.Move(stage, Path.Combine(directory, CheckedFolder));
        }
        catch
        {
            Directory.Delete(stage, recursive: true);
            throw;
        }

        Finish(directory);
    }

    private static bool RequireEmpty(string directory)
    {
        if (!Path.Exists(directory))
        {
            return false;
        }

        if (Directory.Exists(Path.Combine(directory, CheckedFolder)))
        {
            throw new IOException($"A backup was restored into {directory} and only has to be moved into place: start the application, which does that, or name a new folder with --data.");
        }

        if (!Directory.Exists(directory) || Others(directory).Any())
        {
            throw new IOException($"{directory} is not empty and is left as it is: name a new folder with --data, or move this one away first.");
        }

        // What an attempt that was cut short has left.
        if (Directory.Exists(Path.Combine(directory, CopyingFolder)))
        {
            Directory.Delete(Path.Combine(directory, CopyingFolder), recursive: true);
        }

        return true;
    }

    private static IEnumerable<string?> Others(string directory) => Directory.EnumerateFileSystemEntries(directory).Select(Path.GetFileName).Where(name => name is not (CopyingFolder or FoundFolder));

    private static void Copy(BackupManifest manifest, string source, string temporary, string? server, IProgress<double>? progress, CancellationToken cancellationToken)
    {
        var all = Math.Max(1.0, manifest.Bytes);
        var done = 0L;
        foreach (var (name, expected) in manifest.Files)
        {
            var from = Path.Combine(source, name);
            if (!File.Exists(from))
            {
                throw new InvalidDataException($"{from} is missing, though {BackupManifest.FileName} lists it. Copy the backup again, or use another.");
            }

            var path = Path.Combine(temporary, name);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            using var stream = File.OpenRead(from);
            AtomicFile.WriteDurably(path, to => BackupManifest.Require(from, expected, FileCopy.Fingerprint(stream, to, count => progress?.Report((done += count) / all), cancellationToken)));
        }

        var keys = Path.Combine(temporary, DataBackup.KeysFolder);
        if (Directory.Exists(keys))
        {
            DataBackup.OwnerOnly(keys);
        }

        manifest.Verify(temporary, null, cancellationToken);
        if (server is not null)
        {
            // Last, because it is whole or not at all: after it nothing can fail. The file has done its work.
            var dump = Path.Combine(temporary, BackupManifest.ServerFile);
            PostgresDump.Read(server, dump, cancellationToken);
            File.Delete(dump);
        }
        else if (DatabaseCopy.FaultOf(Path.Combine(temporary, BackupManifest.DatabaseFile)) is { } fault)
        {
            throw new InvalidDataException($"The database of the backup is damaged ({fault}): use another backup.");
        }
    }
}
