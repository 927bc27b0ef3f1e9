using CoScientist.Core.Studies;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Storage;

namespace CoScientist.Core.Storage;

/// <summary>
/// Transactions that read before they write. SQLite has one writer: whoever has begun is alone. PostgreSQL has many, and those
/// that could get in each other's way take turns here, each waiting until the one before has committed.
/// </summary>
public static class Transactions
{
    /// <summary>Whoever adds papers, goals, plans or judgments that may be there already.</summary>
    public const string Library = "library";

    /// <summary>Begins a transaction in which nobody else is within what it names; it reads all that those before have committed.</summary>
    /// <param name="database">The database.</param>
    /// <param name="what">What no two may be at once, for example a table; two that share nothing name different things.</param>
    /// <param name="cancellationToken">Cancels the waiting.</param>
    public static async Task<IDbContextTransaction> BeginAloneAsync(this DatabaseFacade database, string what, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(database);
        var transaction = await database.BeginTransactionAsync(cancellationToken);
        await database.WaitForTurnAsync(what, cancellationToken);
        return transaction;
    }

    /// <summary>Waits, within a transaction, until nobody else is within what it names; lets go of it as the transaction ends.</summary>
    /// <param name="database">The database.</param>
    /// <param name="what">As for <see cref="BeginAloneAsync"/>.</param>
    /// <param name="cancellationToken">Cancels the waiting.</param>
    public static async Task WaitForTurnAsync(this DatabaseFacade database, string what, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(database);
        if (database.IsNpgsql())
        {
            await database.ExecuteSqlAsync($"SELECT pg_advisory_xact_lock(hashtextextended({what}, 0))", cancellationToken);
        }
    }

    /// <summary>What time it is, for what several processes must agree on: by the clock of the database's server where there is one.</summary>
    internal static async Task<DateTimeOffset> NowAsync(this DatabaseFacade database, TimeProvider time, CancellationToken cancellationToken) => database.IsNpgsql()
        ? DateTimeOffset.UnixEpoch.AddTicks((await database.SqlQuery<long>($"SELECT CAST(extract(epoch FROM clock_timestamp()) * {TimeSpan.TicksPerSecond} AS bigint) AS \"Value\"").ToListAsync(cancellationToken))[0])
        : time.GetUtcNow();

    /// <summary>Begins a transaction for reading, all of whose reads see the database as of one moment.</summary>
    internal static Task<IDbContextTransaction> BeginSnapshotAsync(this DatabaseFacade database, CancellationToken cancellationToken) => database.IsNpgsql()
        ? database.BeginTransactionAsync(System.Data.IsolationLevel.RepeatableRead, cancellationToken)
        : database.BeginTransactionAsync(cancellationToken);

    /// <summary>
    /// Holds, until the transaction ends, all that decides who gets which pair of a study: triggers raise the study's revision with
    /// every such change, whoever makes it, and must wait for its row.
    /// </summary>
    internal static async Task HoldStudyAsync(this DatabaseFacade database, StudyId study, CancellationToken cancellationToken)
    {
        if (database.IsNpgsql())
        {
            await database.ExecuteSqlAsync($"SELECT 1 FROM \"StudyRevisions\" WHERE \"StudyId\" = {study.Value} FOR UPDATE", cancellationToken);
        }
    }

    /// <summary>The same for the study of an assignment.</summary>
    internal static async Task HoldStudyAsync(this DatabaseFacade database, AssignmentId assignment, CancellationToken cancellationToken)
    {
        if (database.IsNpgsql())
        {
            await database.ExecuteSqlAsync($"SELECT 1 FROM \"StudyRevisions\" WHERE \"StudyId\" = (SELECT c.\"StudyId\" FROM \"Assignments\" a JOIN \"Comparisons\" c ON c.\"Id\" = a.\"ComparisonId\" WHERE a.\"Id\" = {assignment.Value}) FOR UPDATE", cancellationToken);
        }
    }
}
