using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata;
using Microsoft.EntityFrameworkCore.Storage;

namespace CoScientist.Core.Storage.Moving;

/// <summary>The database that rows are carried into, within a transaction of its own: what only it needs before, between and after.</summary>
/// <param name="db">The database.</param>
internal abstract class MoveTarget(CoScientistDb db)
{
    /// <summary>The database.</summary>
    protected CoScientistDb Db => db;

    /// <summary>Makes the one for a database.</summary>
    public static MoveTarget Of(CoScientistDb db) => db.Database.IsSqlite() ? new FileMoveTarget(db) : new PostgresMoveTarget(db);

    /// <summary>Keeps others from writing, and lets triggers rest that would do row by row what is carried over or done at the end.</summary>
    /// <param name="tables">All tables.</param>
    /// <param name="cancellationToken">Cancels; the caller rolls back.</param>
    public abstract Task BeginAsync(IReadOnlyList<IEntityType> tables, CancellationToken cancellationToken);

    /// <summary>Lets rows that come later be numbered on from the last one of a table that is written.</summary>
    public abstract Task NumberOnAsync(IEntityType table, CancellationToken cancellationToken);

    /// <summary>What is left to do when all tables are written.</summary>
    public abstract Task EndAsync(CancellationToken cancellationToken);

    /// <summary>A table's name as statements have it.</summary>
    public static string TableOf(IEntityType type) => $"\"{type.GetTableName()}\"";

    /// <summary>Runs a statement within a database's transaction, however long it takes. Names of tables, columns and triggers in it come from the model and the schema alone.</summary>
    public static async Task ExecuteAsync(CoScientistDb db, string sql, CancellationToken cancellationToken)
    {
        await using var command = db.Database.GetDbConnection().CreateCommand();
        command.Transaction = db.Database.CurrentTransaction!.GetDbTransaction();
        command.CommandText = sql;
        command.CommandTimeout = 0;
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Runs a statement within the transaction.</summary>
    protected Task ExecuteAsync(string sql, CancellationToken cancellationToken) => ExecuteAsync(db, sql, cancellationToken);
}
