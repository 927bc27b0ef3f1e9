using CoScientist.Core.Storage;
using CoScientist.Core.TextModels;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Web.Runs;

/// <summary>Says in one sentence what ended a run and what to do about it.</summary>
internal static class RunFault
{
    /// <summary>The sentence.</summary>
    public static string Describe(Exception fault) => fault switch
    {
        AggregateException { InnerException: { } inner } => Describe(inner),

        // These already name the thing and the remedy.
        InvalidDataException => fault.Message,
        TextModelException => $"{fault.Message} Then resume: the last checkpoint is intact.",
        OutOfMemoryException => "The machine ran out of memory: lower the goals per step, the group size or the longest plan in a new run, or free memory and resume.",
        UnauthorizedAccessException or IOException => $"A file of the run could not be read or written ({Trim(fault.Message)}): make room or mend the permissions, then resume.",
        DbUpdateException { InnerException: SqliteException } or SqliteException => $"The database could not be written ({Trim((fault.InnerException ?? fault).Message)}): make room in the data directory or close what holds it, then resume.",
        _ when StorageFaults.Describe(fault) is { } said => $"{said} Then resume: the last checkpoint is intact.",
        _ => $"The trainer stopped with a fault ({fault.GetType().Name}: {Trim(fault.Message)}): resume from the last checkpoint, and report it with the log if it comes back.",
    };

    private static string Trim(string message) => message.ReplaceLineEndings(" ").TrimEnd('.', ' ');
}
