using System.Data.Common;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using SQLitePCL;

namespace CoScientist.Core.Storage;

/// <summary>Says in one sentence why the database did not do its work and what to do about it.</summary>
public static class StorageFaults
{
    /// <summary>The sentence; null for faults that do not come from the database.</summary>
    /// <param name="fault">What was thrown.</param>
    public static string? Describe(Exception fault)
    {
        var cause = fault is DbUpdateException { InnerException: { } inner } ? inner : fault;
        if (cause is not DbException)
        {
            return null;
        }

        var said = cause.Message.ReplaceLineEndings(" ").TrimEnd('.', ' ', '\'');
        return (cause as SqliteException)?.SqliteErrorCode switch
        {
            raw.SQLITE_CORRUPT or raw.SQLITE_NOTADB => $"The database is damaged ({said}): stop the application, keep a copy of the data directory, and 'restore' the last backup into a new one. 'doctor' says more.",
            raw.SQLITE_FULL or raw.SQLITE_IOERR => $"The database could not be written, most likely because the disk is full ({said}): make room and try again. What was saved before is intact; of this, nothing was.",
            raw.SQLITE_READONLY or raw.SQLITE_CANTOPEN or raw.SQLITE_PERM => $"The database cannot be written ({said}): give this account the right to write in the data directory, and try again.",
            raw.SQLITE_BUSY or raw.SQLITE_LOCKED => $"Another process keeps the database busy ({said}): try again when it is done.",
            _ => $"The database did not do it ({said}): nothing of it was saved. 'doctor' looks what is wrong.",
        };
    }
}
