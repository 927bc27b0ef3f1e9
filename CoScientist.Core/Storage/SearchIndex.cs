using CoScientist.Core.Storage.Migrations;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using SQLitePCL;

namespace CoScientist.Core.Storage;

/// <summary>
/// New rows of tables that the full-text index follows, many at once. Row by row the triggers of these tables make the index
/// write itself to disk after each; here they rest, and all rows are indexed by one statement.
/// </summary>
internal static class SearchIndex
{
    // SQLite's SQLITE_DBCONFIG_ENABLE_TRIGGER: for one connection only.
    private const int EnableTriggers = 1003;

    // Bytes of words that the index gathers before it writes them: the more, the less is merged later. 1 MB is FTS5's own choice.
    private const int UsualRoom = 1 << 20;
    private const int MuchRoom = 32 << 20;

    /// <summary>Inserts goals with their items and indexes them, goals first.</summary>
    /// <param name="db">The database, in a transaction of the caller's.</param>
    /// <param name="goals">New goals with their items.</param>
    /// <param name="cancellationToken">Cancels; the caller rolls back.</param>
    public static async Task InsertGoalsAsync(CoScientistDb db, IReadOnlyList<Goals.Goal> goals, CancellationToken cancellationToken)
    {
        if (db.Database.IsNpgsql())
        {
            // Its triggers take all rows of a statement together.
            await db.InsertRowsAsync(goals, cancellationToken);
            await db.InsertRowsAsync(goals.SelectMany(goal => goal.Items), cancellationToken);
            return;
        }

        await SetRoomAsync(db, MuchRoom, cancellationToken);
        await InsertAsync(db, goals, "Goals", "Id", cancellationToken);
        await InsertAsync(db, goals.SelectMany(goal => goal.Items), "RubricItems", "GoalId", cancellationToken);
        await SetRoomAsync(db, UsualRoom, cancellationToken);
    }

    /// <summary>Fills the empty index of an SQLite database by what its tables hold.</summary>
    /// <param name="db">The database, in a transaction of the caller's.</param>
    /// <param name="cancellationToken">Cancels; the caller rolls back.</param>
    public static async Task FillAsync(CoScientistDb db, CancellationToken cancellationToken)
    {
        await SetRoomAsync(db, MuchRoom, cancellationToken);
        foreach (var statement in (string[])[.. LibraryPages.FillSearch, PassageSearch.FillSearch])
        {
            await db.Database.ExecuteSqlRawAsync(statement, cancellationToken);
        }

        await SetRoomAsync(db, UsualRoom, cancellationToken);
    }

    private static Task SetRoomAsync(CoScientistDb db, int bytes, CancellationToken cancellationToken) =>
        db.Database.ExecuteSqlAsync($"INSERT INTO \"SearchText\" (\"SearchText\", rank) VALUES ('hashsize', {bytes})", cancellationToken);

    private static async Task InsertAsync<TEntity>(CoScientistDb db, IEnumerable<TEntity> rows, string table, string goal, CancellationToken cancellationToken)
        where TEntity : class
    {
        var ofLast = $"SELECT coalesce(max(rowid), 0) AS \"Value\" FROM \"{table}\"";
        var toEntries = $"INSERT INTO \"SearchEntries\" (\"Id\", \"OwnerId\", \"GoalId\") SELECT rowid + @shift, \"Id\", \"{goal}\" FROM \"{table}\" WHERE rowid > @last ORDER BY rowid";
        var toText = $"INSERT INTO \"SearchText\" (rowid, \"Text\") SELECT rowid + @shift, \"Text\" FROM \"{table}\" WHERE rowid > @last ORDER BY rowid";
        var last = (await db.Database.SqlQueryRaw<long>(ofLast).ToListAsync(cancellationToken))[0];
        var connection = ((SqliteConnection)db.Database.GetDbConnection()).Handle!;
        _ = raw.sqlite3_db_config(connection, EnableTriggers, 0, out _);
        try
        {
            await db.InsertRowsAsync(rows, cancellationToken);
        }
        finally
        {
            _ = raw.sqlite3_db_config(connection, EnableTriggers, 1, out _);
        }

        // Rows count on from the last one, and so do their entries.
        var entry = (await db.Database.SqlQueryRaw<long>("SELECT coalesce(max(\"seq\"), 0) AS \"Value\" FROM sqlite_sequence WHERE \"name\" = 'SearchEntries'").ToListAsync(cancellationToken))[0];
        object[] place = [new SqliteParameter("@shift", entry - last), new SqliteParameter("@last", last)];
        await db.Database.ExecuteSqlRawAsync(toEntries, place, cancellationToken);
        await db.Database.ExecuteSqlRawAsync(toText, place, cancellationToken);
    }
}
