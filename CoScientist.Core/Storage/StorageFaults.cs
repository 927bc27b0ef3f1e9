using System.Data.Common;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using SQLitePCL;

namespace CoScientist.Core.Storage;

/// <summary>Says in one sentence why the database did not do its work and what to do about it.</summary>
public static class StorageFaults
{
    /// <summary>The sentence; null for faults that do not come from the database.</summary>
    /// <param name="fault">What was thrown.</param>
    public static string? Describe(Exception fault) => CauseOf(fault) switch
    {
        SqliteException file => OfFile(file, Said(file)),
        PostgresException server => OfServer(server, Said(server)),
        NpgsqlException { InnerException: TimeoutException } => "The PostgreSQL server took too long: try again; where it comes back, look what keeps the server busy. Of this, nothing was saved.",
        NpgsqlException asked when asked.Message.StartsWith("No password has been provided", StringComparison.Ordinal) => "The PostgreSQL server asks for a password: put it into the database setting, into PGPASSWORD or into ~/.pgpass.",
        NpgsqlException connection => $"The PostgreSQL server cannot be reached ({Said(connection)}): look whether it runs and whether the database setting names it, and try again. What was saved before is intact; of this, nothing was.",
        DbException other => Unknown(Said(other)),
        _ => null,
    };

    /// <summary>Whether two came with the same at once, and the other one was first.</summary>
    /// <param name="fault">What was thrown.</param>
    public static bool IsTaken(Exception fault) => CauseOf(fault) is PostgresException { SqlState: PostgresErrorCodes.UniqueViolation }
        or SqliteException { SqliteExtendedErrorCode: raw.SQLITE_CONSTRAINT_UNIQUE or raw.SQLITE_CONSTRAINT_PRIMARYKEY };

    // The driver of PostgreSQL wraps faults that may pass by themselves once more.
    private static DbException? CauseOf(Exception? fault) => fault switch
    {
        DbUpdateException or InvalidOperationException => CauseOf(fault.InnerException),
        _ => fault as DbException,
    };

    private static string Said(DbException fault) => ((fault as PostgresException)?.MessageText ?? fault.Message).ReplaceLineEndings(" ").TrimEnd('.', ' ', '\'');

    private static string OfFile(SqliteException fault, string said) => fault.SqliteErrorCode switch
    {
        raw.SQLITE_CORRUPT or raw.SQLITE_NOTADB => $"The database is damaged ({said}): stop the application, keep a copy of the data directory, and 'restore' the last backup into a new one. 'doctor' says more.",
        raw.SQLITE_FULL or raw.SQLITE_IOERR => $"The database could not be written, most likely because the disk is full ({said}): make room and try again. What was saved before is intact; of this, nothing was.",
        raw.SQLITE_READONLY or raw.SQLITE_CANTOPEN or raw.SQLITE_PERM => $"The database cannot be written ({said}): give this account the right to write in the data directory, and try again.",
        raw.SQLITE_BUSY or raw.SQLITE_LOCKED => $"Another process keeps the database busy ({said}): try again when it is done.",
        _ => Unknown(said),
    };

    private static string OfServer(PostgresException fault, string said) => fault.SqlState switch
    {
        PostgresErrorCodes.InvalidPassword or PostgresErrorCodes.InvalidAuthorizationSpecification => $"The PostgreSQL server does not let this program in ({said}): check user and password of the database setting.",
        PostgresErrorCodes.InvalidCatalogName => $"There is no such database ({said}): make it with 'createdb', or correct the database setting.",
        PostgresErrorCodes.InsufficientPrivilege or PostgresErrorCodes.ReadOnlySqlTransaction => $"The PostgreSQL server does not let this program write ({said}): let its user own the database, on the primary server.",
        PostgresErrorCodes.DiskFull => $"The disk of the PostgreSQL server is full ({said}): make room and try again. What was saved before is intact; of this, nothing was.",
        PostgresErrorCodes.TooManyConnections => $"The PostgreSQL server has no connection left ({said}): raise its max_connections, or lower Maximum Pool Size in the database setting.",
        PostgresErrorCodes.SerializationFailure or PostgresErrorCodes.DeadlockDetected or PostgresErrorCodes.LockNotAvailable => $"Somebody changed the same at the same moment ({said}): try again. Of this, nothing was saved.",
        PostgresErrorCodes.AdminShutdown or PostgresErrorCodes.CrashShutdown or PostgresErrorCodes.CannotConnectNow => $"The PostgreSQL server is being restarted ({said}): try again in a moment. What was saved before is intact; of this, nothing was.",
        PostgresErrorCodes.DataCorrupted or PostgresErrorCodes.IndexCorrupted => $"The database is damaged ({said}): stop the application and restore the server's last backup. 'doctor' says more.",
        _ => Unknown(said),
    };

    private static string Unknown(string said) => $"The database did not do it ({said}): nothing of it was saved. 'doctor' looks what is wrong.";
}
