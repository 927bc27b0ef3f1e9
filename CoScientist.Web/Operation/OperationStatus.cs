using System.Runtime.InteropServices;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Core.Storage.Backups;
using CoScientist.Training.Kernels.Mixed;
using CoScientist.Web.Commands;
using CoScientist.Web.Configuration;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Web.Operation;

/// <summary>A line of a table: what, and its value.</summary>
/// <param name="Name">What.</param>
/// <param name="Value">Its value, in words.</param>
internal sealed record OperationLine(string Name, string Value);

/// <summary>What takes room.</summary>
/// <param name="Name">What.</param>
/// <param name="Bytes">How much; null where it stands beside others.</param>
/// <param name="Count">How many of it there are; null where that says nothing.</param>
internal sealed record OperationSize(string Name, long? Bytes, long? Count);

/// <summary>The server as those who keep it running want to see it.</summary>
/// <param name="Versions">Versions of program, runtime, schema and database; what the processor can do.</param>
/// <param name="Holder">Who writes to the data directory.</param>
/// <param name="LastBackup">When the last backup was made; null when never.</param>
/// <param name="Jobs">The newest imports and extractions.</param>
/// <param name="JobCount">All of them.</param>
/// <param name="Runs">Runs that wait or are at work, the one at work first.</param>
/// <param name="FailedRuns">Runs that failed.</param>
/// <param name="Unchecked">Rubric items of real goals whose wording has not been checked.</param>
/// <param name="FailedCalls">Calls of model servers that came to nothing and can be sent again.</param>
internal sealed record OperationView(
    IReadOnlyList<OperationLine> Versions,
    string? Holder,
    DateTimeOffset? LastBackup,
    IReadOnlyList<LibraryJobRow> Jobs,
    int JobCount,
    IReadOnlyList<Run> Runs,
    int FailedRuns,
    int Unchecked,
    int FailedCalls);

/// <summary>Reads it.</summary>
internal sealed class OperationStatus(IDbContextFactory<CoScientistDb> contexts, CoScientistOptions options, LibraryJobStore jobs, AuditTrail trail)
{
    private const int JobsShown = 8;
    private const int RunsShown = 20;

    /// <summary>All but the sizes, which take time to measure.</summary>
    public async Task<OperationView> LookAsync(CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var (count, rows) = await jobs.ListAsync(0, JobsShown, cancellationToken);
        return new OperationView(
            await VersionsAsync(db, cancellationToken),
            DataDirectoryLock.HolderOf(options.DataDirectory),
            Later(await trail.LastAsync(AuditKind.Backup, BackupCommand.MadeBackup, cancellationToken), NewestBackup()),
            rows,
            count,
            await db.Runs.AsNoTracking().Where(run => run.State == RunState.Running || run.State == RunState.Pending).OrderByDescending(run => run.State == RunState.Running).ThenBy(run => run.Id).Take(RunsShown).ToListAsync(cancellationToken),
            await db.Runs.CountAsync(run => run.State == RunState.Failed, cancellationToken),
            await db.RubricItems.CountAsync(item => db.Goals.Any(goal => goal.Id == item.GoalId && !goal.IsSandbox) && !db.ItemChecks.Any(check => check.ItemId == item.Id), cancellationToken),
            await db.ModelFailures.CountAsync(cancellationToken));
    }

    /// <summary>What takes room. Walks through the folders.</summary>
    public async Task<IReadOnlyList<OperationSize>> MeasureAsync(CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var directory = options.DataDirectory;
        return
        [
            new("Database", await DatabaseSizeAsync(db, cancellationToken), null),
            new("Papers", null, await db.Papers.LongCountAsync(cancellationToken)),
            new("Goals", null, await db.Goals.LongCountAsync(cancellationToken)),
            new("Rubric items", null, await db.RubricItems.LongCountAsync(cancellationToken)),
            new("Plans", null, await db.Plans.LongCountAsync(cancellationToken)),
            new("Answers of experts", null, await db.Preferences.LongCountAsync(cancellationToken)),
            new("Checkpoints, models", Size("models", cancellationToken), await db.Checkpoints.LongCountAsync(checkpoint => checkpoint.DeletedAt == null, cancellationToken)),
            new("Runs, with their checkpoints", Size("runs", cancellationToken), await db.Runs.LongCountAsync(cancellationToken)),
            new("Files of imports", Size("imports", cancellationToken), null),
            new("Backups", Size(DataBackup.BackupsFolder, cancellationToken), Backups().Count()),
            new("Free on this disk", DiskRoom.Free(directory), null),
        ];
    }

    private async Task<IReadOnlyList<OperationLine>> VersionsAsync(CoScientistDb db, CancellationToken cancellationToken)
    {
        await db.Database.OpenConnectionAsync(cancellationToken);
        var provider = db.Database.ProviderName?.Split('.')[^1] ?? "";
        return
        [
            new("Program", BackupCommand.Version),
            new(".NET", RuntimeInformation.FrameworkDescription),
            new("System", $"{RuntimeInformation.OSDescription}, {RuntimeInformation.ProcessArchitecture}"),
            new("Database", $"{provider} {db.Database.GetDbConnection().ServerVersion}"),
            new("Schema", (await db.Database.GetAppliedMigrationsAsync(cancellationToken)).LastOrDefault() ?? "none"),
            new("Processors", Environment.ProcessorCount.ToString(System.Globalization.CultureInfo.InvariantCulture)),
            .. KernelSelection.All.Select(kernel => new OperationLine($"Products in {kernel.Numbers}", $"{kernel.Kernel}: {kernel.Reason}")),
            new("Data directory", options.DataDirectory),
        ];
    }

    private async Task<long> DatabaseSizeAsync(CoScientistDb db, CancellationToken cancellationToken) => options.UsesPostgres
        ? await db.Database.SqlQuery<long>($"SELECT pg_database_size(current_database()) AS \"Value\"").SingleAsync(cancellationToken)
        : new DirectoryInfo(options.DataDirectory).EnumerateFiles(BackupManifest.DatabaseFile + "*").Sum(file => file.Length);

    private long Size(string name, CancellationToken cancellationToken)
    {
        var folder = new DirectoryInfo(Path.Combine(options.DataDirectory, name));
        var bytes = 0L;
        foreach (var file in folder.Exists ? folder.EnumerateFiles("*", new EnumerationOptions { RecurseSubdirectories = true, IgnoreInaccessible = true, AttributesToSkip = FileAttributes.ReparsePoint }) : [])
        {
            cancellationToken.ThrowIfCancellationRequested();
            try
            {
                bytes += file.Length;
            }
            catch (FileNotFoundException)
            {
                // A run has cleared it away meanwhile.
            }
        }

        return bytes;
    }

    private IEnumerable<FileInfo> Backups()
    {
        var folder = new DirectoryInfo(Path.Combine(options.DataDirectory, DataBackup.BackupsFolder));
        return folder.Exists ? folder.EnumerateDirectories().Select(backup => new FileInfo(Path.Combine(backup.FullName, BackupManifest.FileName))).Where(manifest => manifest.Exists) : [];
    }

    private DateTimeOffset? NewestBackup() => Backups().Select(manifest => (DateTimeOffset?)manifest.LastWriteTimeUtc).Max();

    private static DateTimeOffset? Later(DateTimeOffset? one, DateTimeOffset? other) => one is null || other > one ? other : one;
}
