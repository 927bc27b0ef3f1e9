using System.Data.Common;
using System.Globalization;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Core.Storage.Backups;
using CoScientist.Core.Storage.Postgres;
using CoScientist.Training.Checkpoints;
using CoScientist.Web.Configuration;
using Microsoft.Data.Sqlite;

namespace CoScientist.Web.Operation;

/// <summary>One thing that was looked at.</summary>
/// <param name="What">What was found.</param>
/// <param name="Ok">Whether it is as it should be.</param>
/// <param name="Remedy">What to do about it, or what else is to be known; empty for nothing.</param>
internal sealed record Finding(string What, bool Ok, string Remedy = "");

/// <summary>Looks through a data directory for what is missing, damaged or in the way: disk, database, checkpoints, saved states of runs, keys. Changes nothing.</summary>
/// <param name="options">The data directory.</param>
internal sealed class DataCheck(CoScientistOptions options)
{
    private const string Replace = "stop the application, keep a copy of the folder, and 'restore' the last backup into a new one";

    private const string Copied = "the next start copies it to backups/ and brings it up to date; look again after that";

    private readonly string directory = options.DataDirectory;

    /// <summary>What was found. The same data give the same findings on every machine.</summary>
    /// <param name="cancellationToken">Stops between files.</param>
    public async Task<IReadOnlyList<Finding>> LookAsync(CancellationToken cancellationToken)
    {
        if (options.UsesPostgres)
        {
            return await LookAtServerAsync(cancellationToken);
        }

        if (!File.Exists(options.DatabaseFile))
        {
            return [new Finding("there are no data here yet", Ok: true, "the first start makes them")];
        }

        var findings = new List<Finding> { Writable(), Room() };
        if (DatabaseCopy.FaultOf(options.DatabaseFile) is { } fault)
        {
            findings.Add(new Finding("the database is damaged", Ok: false, $"{fault}; {Replace}"));
            findings.AddRange(Folders([]));
            return findings;
        }

        findings.Add(new Finding("the database is whole", Ok: true));
        await AddSchemaAsync(findings, DatabaseCopy.Migrations(options.DatabaseFile), Copied, cancellationToken);
        return findings;
    }

    private async Task<IReadOnlyList<Finding>> LookAtServerAsync(CancellationToken cancellationToken)
    {
        PostgresServer server;
        try
        {
            server = await PostgresServer.LookAsync(options.Database, cancellationToken);
        }
        catch (Exception fault) when (fault is InvalidDataException || StorageFaults.Describe(fault) is not null)
        {
            return [new Finding("the database cannot be used", Ok: false, StorageFaults.Describe(fault) ?? fault.Message)];
        }

        var where = $"the {DatabaseAddress.Describe(options.Database)} answers";
        if (server.Migrations.Count == 0 || !Directory.Exists(directory))
        {
            return [new Finding(where, Ok: true, $"version {server.Version}"), new Finding("there are no data here yet", Ok: true, "the first start makes them")];
        }

        List<Finding> findings =
        [
            Writable(),
            Room(),
            new Finding(where, Ok: true, FormattableString.Invariant($"version {server.Version}; the database takes {server.Bytes / 1048576.0:N0} MiB there")),
            .. server.Faults.Count == 0 ? [new Finding("the database is whole", Ok: true)] : server.Faults.Select(fault => new Finding("the database is damaged", Ok: false, fault)),
        ];
        await AddSchemaAsync(findings, server.Migrations, options.CopyBeforeMigration ? Copied : "the next start brings it up to date; look again after that", cancellationToken);
        return findings;
    }

    private async Task AddSchemaAsync(List<Finding> findings, IReadOnlyList<string> applied, string whenBehind, CancellationToken cancellationToken)
    {
        var newer = applied.Except(StorageSetup.Migrations, StringComparer.Ordinal).LastOrDefault();
        var behind = StorageSetup.Migrations.Count - applied.Count;
        if (newer is not null)
        {
            findings.Add(new Finding($"a newer version of this program made the database (schema {newer})", Ok: false, "use that version, or restore a backup made before it"));
        }
        else if (behind > 0)
        {
            findings.Add(new Finding($"the database is {behind} schema versions behind", Ok: true, whenBehind));
            findings.AddRange(Folders([]));
        }
        else
        {
            findings.Add(new Finding($"the database has the current schema, {applied[^1]}", Ok: true));
            await AddFilesAsync(findings, cancellationToken);
        }
    }

    private Finding Writable()
    {
        try
        {
            using var probe = new FileStream(AtomicFile.TemporaryName(Path.Combine(directory, "doctor")), FileMode.CreateNew, FileAccess.Write, FileShare.None, 1, FileOptions.DeleteOnClose);
            return new Finding("the data directory can be written", Ok: true);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            return new Finding("the data directory cannot be written", Ok: false, $"{fault.Message} Nothing can be saved: give account {Environment.UserName} the right to write there, or mount the disk writable");
        }
    }

    private Finding Room()
    {
        var free = DiskRoom.Free(directory);
        return free >= DiskRoom.LowBytes
            ? new Finding("there is room on the disk", Ok: true)
            : new Finding("the disk is nearly full", Ok: false, FormattableString.Invariant($"{free >> 20:N0} MiB are free, and {DiskRoom.LowBytes >> 20:N0} MiB should be: delete checkpoints on the Models page, or move backups elsewhere"));
    }

    private async Task AddFilesAsync(List<Finding> findings, CancellationToken cancellationToken)
    {
        await using DbConnection connection = options.UsesPostgres
            ? await PostgresServer.OpenAsync(options.Database, cancellationToken)
            : new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = options.DatabaseFile, Mode = SqliteOpenMode.ReadOnly, Pooling = false }.ToString());
        if (!options.UsesPostgres)
        {
            await connection.OpenAsync(cancellationToken);
        }

        var known = new HashSet<string>(StringComparer.Ordinal);
        var (whole, broken) = (0, 0);
        foreach (var (name, path) in await RowsAsync(connection, "SELECT \"Name\", \"Path\" FROM \"Checkpoints\" WHERE \"DeletedAt\" IS NULL AND \"Path\" NOT LIKE 'builtin:%' ORDER BY \"Name\"", cancellationToken))
        {
            cancellationToken.ThrowIfCancellationRequested();
            var folder = Path.GetFullPath(path, directory);
            known.Add(folder);
            if (Checkpoint(name, folder, Adapter(folder)) is { } fault)
            {
                findings.Add(fault);
                broken++;
            }
            else
            {
                whole++;
            }
        }

        findings.AddRange(Folders(known));
        foreach (var (name, state) in await RowsAsync(connection, "SELECT \"Name\", \"State\" FROM \"Runs\" WHERE \"Step\" > 0 ORDER BY \"Name\"", cancellationToken))
        {
            if (Run(name, Enum.Parse<RunState>(state)) is { } fault)
            {
                findings.Add(fault);
                broken++;
            }
        }

        if (broken == 0)
        {
            findings.Add(new Finding(whole == 1 ? "the one checkpoint is there, with the content it was written with" : $"all {whole} checkpoints are there, with the content they were written with", Ok: true));
        }

        var keys = Path.Combine(directory, DataBackup.KeysFolder);
        var encrypted = await RowsAsync(connection, "SELECT \"Name\", '' FROM \"ModelServers\" WHERE \"EncryptedKey\" IS NOT NULL", cancellationToken);
        if (encrypted.Count > 0 && (!Directory.Exists(keys) || Directory.GetFiles(keys, "*.xml").Length == 0))
        {
            findings.Add(new Finding($"the keys that decrypt those of {string.Join(", ", encrypted.Select(row => row.First))} are gone from {keys}", Ok: false, "put the folder back, or enter the keys again on Admin, Model servers"));
        }
    }

    private static async Task<List<(string First, string Second)>> RowsAsync(DbConnection connection, string query, CancellationToken cancellationToken)
    {
        await using var command = connection.CreateCommand();
#pragma warning disable CA2100 // The queries are the constants above.
        command.CommandText = query;
#pragma warning restore CA2100
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var rows = new List<(string, string)>();
        while (await reader.ReadAsync(cancellationToken))
        {
            rows.Add((reader.GetString(0), reader.GetString(1)));
        }

        return rows;
    }

    /// <summary>runs/NAME/checkpoints/step-000020 stands beside runs/NAME/adapters/step-000020, which is enough to make it.</summary>
    private static string? Adapter(string folder)
    {
        var run = Path.GetDirectoryName(Path.GetDirectoryName(folder));
        var adapter = run is null ? null : Path.Combine(run, RunFolder.AdaptersFolder, Path.GetFileName(folder));
        return Directory.Exists(adapter) ? adapter : null;
    }

    private static Finding? Checkpoint(string name, string folder, string? adapter)
    {
        try
        {
            if (adapter is not null)
            {
                CheckpointManifest.Read(adapter)?.Verify(adapter);
            }

            if (adapter is null || Directory.Exists(folder))
            {
                _ = CheckpointFolder.Open(folder);
            }

            return null;
        }
        catch (Exception fault) when (fault is IOException or InvalidDataException or UnauthorizedAccessException)
        {
            return new Finding($"checkpoint {name} cannot be used", Ok: false, fault.Message);
        }
    }

    /// <summary>Folders of models that the database does not know yet.</summary>
    private IEnumerable<Finding> Folders(HashSet<string> known)
    {
        var models = Path.Combine(directory, "models");
        foreach (var folder in (Directory.Exists(models) ? Directory.GetDirectories(models) : []).Order(StringComparer.Ordinal))
        {
            if (!known.Contains(folder) && Checkpoint(Path.GetFileName(folder), folder, adapter: null) is { } fault)
            {
                yield return fault with { What = $"model {Path.GetFileName(folder)} cannot be used" };
            }
        }
    }

    /// <summary>Whether a run that has not ended can go on from its last checkpoint.</summary>
    private Finding? Run(string name, RunState state)
    {
        var folder = new RunFolder(options.RunDirectory(name));
        if (!Directory.Exists(folder.Path))
        {
            return new Finding($"the files of run {name} are gone from {folder.Path}", Ok: false, "put the folder back from a backup; charts and samples of the run lie in it");
        }

        var steps = folder.CheckpointSteps();
        if (state is RunState.Finished or RunState.Cancelled || steps.Count == 0)
        {
            return null;
        }

        var saved = steps.Where(step => File.Exists(Optimizer(step))).Select(step => (int?)step).LastOrDefault();
        if (saved is null)
        {
            return new Finding($"run {name} has checkpoints but no state of its optimizer to go on from", Ok: false, "put optimizer-*.safetensors back from a backup; resumed without it, the run begins anew");
        }

        try
        {
            using var optimizer = SafetensorsFile.Open(Optimizer(saved.Value));
            return null;
        }
        catch (Exception fault) when (fault is IOException or InvalidDataException or UnauthorizedAccessException)
        {
            return new Finding($"run {name} cannot go on from step {saved}", Ok: false, $"{fault.Message} Put it back from a backup");
        }

        string Optimizer(int step) => folder.File(string.Create(CultureInfo.InvariantCulture, $"optimizer-{step:D6}.safetensors"));
    }
}
