namespace CoScientist.Core.Storage.Backups;

/// <summary>Puts a backup into a new data directory, which is there afterwards whole or not at all.</summary>
public static class DataRestore
{
    /// <summary>Checks the backup, copies it and checks the copy.</summary>
    /// <param name="backup">The folder that <see cref="DataBackup"/> made; it stays as it is.</param>
    /// <param name="directory">The data directory; must be empty or not exist.</param>
    /// <param name="progress">Told the share that is done; null for nobody.</param>
    /// <param name="cancellationToken">Stops and leaves nothing.</param>
    /// <exception cref="InvalidDataException">The backup is damaged, or a newer version of the program made it.</exception>
    /// <exception cref="IOException">The directory is not empty, there is no room, or the disk refuses.</exception>
    public static BackupManifest Read(string backup, string directory, IProgress<double>? progress, CancellationToken cancellationToken)
    {
        backup = Path.GetFullPath(backup);
        directory = Path.TrimEndingDirectorySeparator(Path.GetFullPath(directory));
        var manifest = BackupManifest.Read(backup);
        var source = Path.Combine(backup, BackupManifest.DataFolder);
        if (!File.Exists(Path.Combine(source, BackupManifest.DatabaseFile)))
        {
            throw new InvalidDataException($"{Path.Combine(source, BackupManifest.DatabaseFile)} is missing: copy the backup again, or use another.");
        }

        var newer = DatabaseCopy.Migrations(Path.Combine(source, BackupManifest.DatabaseFile)).Except(StorageSetup.Migrations, StringComparer.Ordinal).LastOrDefault();
        if (newer is not null)
        {
            throw new InvalidDataException($"A newer version of this program made the backup {backup} (schema {newer}, program {manifest.Program}). Restore it with that version.");
        }

        var wasThere = RequireEmpty(directory);
        DiskRoom.Require(directory, manifest.Bytes, "the restored data");
        try
        {
            if (wasThere)
            {
                Directory.Delete(directory);
            }

            AtomicFolder.Create(directory, temporary => Copy(manifest, source, temporary, progress, cancellationToken));
        }
        catch when (wasThere && !Directory.Exists(directory))
        {
            Directory.CreateDirectory(directory);
            throw;
        }

        return manifest;
    }

    private static bool RequireEmpty(string directory)
    {
        if (!Path.Exists(directory))
        {
            return false;
        }

        return Directory.Exists(directory) && !Directory.EnumerateFileSystemEntries(directory).Any()
            ? true
            : throw new IOException($"{directory} is not empty and is left as it is: name a new folder with --data, or move this one away first.");
    }

    private static void Copy(BackupManifest manifest, string source, string temporary, IProgress<double>? progress, CancellationToken cancellationToken)
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
        if (DatabaseCopy.FaultOf(Path.Combine(temporary, BackupManifest.DatabaseFile)) is { } fault)
        {
            throw new InvalidDataException($"The database of the backup is damaged ({fault}): use another backup.");
        }
    }
}
