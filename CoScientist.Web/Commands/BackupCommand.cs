using System.CommandLine;
using System.Globalization;
using System.Reflection;
using CoScientist.Core.Storage;
using CoScientist.Core.Storage.Backups;
using CoScientist.Web.Configuration;

namespace CoScientist.Web.Commands;

/// <summary><c>backup</c> and <c>restore</c>: the data directory as one folder, checked when written and when read.</summary>
internal static class BackupCommand
{
    /// <summary>Version of the program, as manifests and pages name it.</summary>
    public static string Version { get; } = typeof(BackupCommand).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";

    /// <summary>What the audit trail says of backups.</summary>
    public const string MadeBackup = "made a backup";

    public static Command Create()
    {
        var folder = new Argument<string?>("FOLDER") { Description = "New folder for the backup (default: backups/DATE-TIME of the data directory)", Arity = ArgumentArity.ZeroOrOne };
        var withoutKeys = new Option<bool>("--without-keys") { Description = "Leave out the keys that decrypt what the database keeps encrypted; a restored copy then needs the keys of model servers again, and everybody signs in anew" };
        var command = new Command("backup", "Copy the data directory, also while the application works with it") { folder, withoutKeys };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var options = DatabaseSetting.Options(parsed);
            var directory = options.DataDirectory;
            var keys = !parsed.GetValue(withoutKeys);
            var now = TimeProvider.System.GetUtcNow();
            var target = Path.GetFullPath(parsed.GetValue(folder) ?? Path.Combine(directory, DataBackup.BackupsFolder, now.ToString("yyyy-MM-dd-HHmmss", CultureInfo.InvariantCulture)));
            BackupManifest manifest;
            using (var bar = new PercentBar(Console.Error, bar: !Console.IsErrorRedirected, "backup"))
            {
                manifest = new DataBackup(directory, keys, options.UsesPostgres ? options.Database : null).Write(target, Version, TimeProvider.System, bar, cancellationToken);
            }

            await CommandContext.RecordAsync(parsed, AuditKind.Backup, target, keys ? MadeBackup : MadeBackup + ", without keys");

            CommandContext.Answer(parsed, new { folder = target, files = manifest.Files.Count, bytes = manifest.Bytes, schema = manifest.Schema, hasKeys = keys, leftOut = manifest.LeftOut }, Lines());
            return 0;

            IEnumerable<string> Lines()
            {
                yield return $"{target}: {manifest.Files.Count:N0} files, {manifest.Bytes / 1048576.0:N1} MiB, written and read again.";
                yield return keys
                    ? "It holds the keys that decrypt secrets of the database: keep it as safe as the data directory, or make it with --without-keys."
                    : "It holds no keys: after a restore enter the keys of model servers again; everybody signs in anew.";
                foreach (var link in manifest.LeftOut)
                {
                    yield return $"Not part of it, because it lies outside the data directory: {link}";
                }

                if (DiskRoom.IsSame(target, directory))
                {
                    yield return "It lies on the disk of the data: copy it to another.";
                }
            }
        });
        return command;
    }

    public static Command CreateRestore()
    {
        var folder = new Argument<string>("FOLDER") { Description = "What 'backup' made" };
        var command = new Command("restore", "Put a backup into a new, empty data directory (--data), and one of a PostgreSQL database into an empty one (--database)") { folder };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var options = DatabaseSetting.Options(parsed);
            var directory = options.DataDirectory;
            if (DataDirectoryLock.OtherHolder(directory) is { } holder)
            {
                throw new CommandException($"The data directory {directory} is in use by {holder}. Name a new, empty one with --data.");
            }

            BackupManifest manifest;
            using (var bar = new PercentBar(Console.Error, bar: !Console.IsErrorRedirected, "restore"))
            {
                manifest = DataRestore.Read(parsed.GetValue(folder)!, directory, bar, cancellationToken, options.UsesPostgres ? options.Database : null);
            }

            await CommandContext.RecordAsync(parsed, AuditKind.Backup, Path.GetFullPath(parsed.GetValue(folder)!), "restored the backup");

            CommandContext.Answer(parsed, new { data = directory, files = manifest.Files.Count, bytes = manifest.Bytes, createdAt = manifest.CreatedAt, hasKeys = manifest.HasKeys }, [
                $"{directory}: {manifest.Files.Count:N0} files as of {manifest.CreatedAt:yyyy-MM-dd HH:mm:ss} UTC, checked. 'doctor' looks at the rest.",
                .. manifest.HasKeys ? Array.Empty<string>() : ["The backup holds no keys: enter the keys of model servers again; everybody signs in anew."]]);
            return 0;
        });
        return command;
    }
}
