using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace CoScientist.Core.Storage.Backups;

/// <summary>Copies of the SQLite database as it is at one moment, while others go on writing to it.</summary>
public static class DatabaseCopy
{
    private const int PagesAtOnce = 2048;
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(20);

    /// <summary>Copies the database into one file without a log beside it, flushed to the disk.</summary>
    /// <param name="source">The database; it may be in use.</param>
    /// <param name="destination">The new file; must not exist.</param>
    /// <param name="progress">Told the share that is done; null for nobody.</param>
    /// <param name="cancellationToken">Stops between pages; what was written of the file stays for the caller to remove.</param>
    /// <exception cref="IOException">The disk refuses.</exception>
    /// <exception cref="InvalidDataException">The source is no database, or damaged.</exception>
    public static void Write(string source, string destination, IProgress<double>? progress, CancellationToken cancellationToken)
    {
        try
        {
            using (var from = Open(source, SqliteOpenMode.ReadOnly))
            using (var to = Open(destination, SqliteOpenMode.ReadWriteCreate))
            {
                // The snapshot is held from the first page to the last, so that nobody's writing makes the copy begin anew.
                Run(from, "BEGIN");
                Run(from, "SELECT count(*) FROM sqlite_master");
                CopyPages(from, to, progress, cancellationToken);
                Run(to, "PRAGMA journal_mode=DELETE");
            }

            using var written = new FileStream(destination, FileMode.Open, FileAccess.ReadWrite);
            written.Flush(flushToDisk: true);
        }
        catch (SqliteException fault)
        {
            throw Told(source, destination, fault);
        }
    }

    /// <summary>What is wrong inside a database, as SQLite says it; null when it is whole.</summary>
    /// <param name="file">The database; nothing is written to it.</param>
    public static string? FaultOf(string file)
    {
        try
        {
            using var connection = Open(file, SqliteOpenMode.ReadOnly);
            using var command = connection.CreateCommand();
            command.CommandText = "PRAGMA integrity_check(3)";
            var answer = command.ExecuteScalar() as string;
            if (answer != "ok")
            {
                return answer?.ReplaceLineEndings(" ") ?? "it says nothing about its state";
            }

            command.CommandText = "SELECT \"table\" FROM pragma_foreign_key_check LIMIT 1";
            return command.ExecuteScalar() is string table ? $"rows of {table} refer to rows that are not there" : null;
        }
        catch (SqliteException fault)
        {
            return fault.Message;
        }
    }

    /// <summary>Schema versions that were applied to a database, in order; empty for one that this program did not make.</summary>
    /// <param name="file">The database.</param>
    /// <exception cref="InvalidDataException">It cannot be read.</exception>
    public static IReadOnlyList<string> Migrations(string file)
    {
        try
        {
            using var connection = Open(file, SqliteOpenMode.ReadOnly);
            using var command = connection.CreateCommand();
            command.CommandText = "SELECT count(*) FROM sqlite_master WHERE name = '__EFMigrationsHistory'";
            if (command.ExecuteScalar() is not (long and > 0))
            {
                return [];
            }

            command.CommandText = "SELECT MigrationId FROM \"__EFMigrationsHistory\" ORDER BY MigrationId";
            using var reader = command.ExecuteReader();
            var applied = new List<string>();
            while (reader.Read())
            {
                applied.Add(reader.GetString(0));
            }

            return applied;
        }
        catch (SqliteException fault)
        {
            throw new InvalidDataException($"{file} cannot be read as a database: {fault.Message}", fault);
        }
    }

    private static SqliteConnection Open(string file, SqliteOpenMode mode)
    {
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = file, Mode = mode, Pooling = false, DefaultTimeout = 30 }.ToString());
        connection.Open();
        return connection;
    }

    private static void Run(SqliteConnection connection, string statement)
    {
        using var command = connection.CreateCommand();
        command.CommandText = statement;
        command.ExecuteScalar();
    }

    private static void CopyPages(SqliteConnection from, SqliteConnection to, IProgress<double>? progress, CancellationToken cancellationToken)
    {
        using var backup = raw.sqlite3_backup_init(to.Handle, "main", from.Handle, "main");
        if (backup.IsInvalid)
        {
            throw Fault(to, raw.sqlite3_errcode(to.Handle));
        }

        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var answer = raw.sqlite3_backup_step(backup, PagesAtOnce);
            switch (answer)
            {
                case raw.SQLITE_DONE:
                    return;
                case raw.SQLITE_OK:
                    var pages = raw.sqlite3_backup_pagecount(backup);
                    progress?.Report(1 - (raw.sqlite3_backup_remaining(backup) / Math.Max(1.0, pages)));
                    break;
                case raw.SQLITE_BUSY or raw.SQLITE_LOCKED:
                    Thread.Sleep(s_pause);
                    break;
                default:
                    throw Fault(to, answer);
            }
        }
    }

    private static SqliteException Fault(SqliteConnection connection, int code) => new(raw.sqlite3_errstr(code).utf8_to_string() ?? raw.sqlite3_errmsg(connection.Handle).utf8_to_string(), code & 0xFF, code);

    private static Exception Told(string source, string destination, SqliteException fault) => fault.SqliteErrorCode switch
    {
        raw.SQLITE_CORRUPT or raw.SQLITE_NOTADB => new InvalidDataException($"The database {source} is damaged ({fault.Message}): keep a copy of the folder, and restore the last backup.", fault),
        raw.SQLITE_FULL => new IOException($"There is no room for {destination}: make room, or choose another disk.", fault),
        _ => new IOException($"The database {source} could not be copied to {destination} ({fault.Message}): make room or mend the permissions, then try again.", fault),
    };
}
