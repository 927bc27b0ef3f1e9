using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata;

namespace CoScientist.Core.Storage.Moving;

/// <summary>Into an SQLite file, whose transaction holds the writer's place from its beginning. Numbers go on from the last row by themselves.</summary>
internal sealed class FileMoveTarget(CoScientistDb db) : MoveTarget(db)
{
    private List<Trigger> triggers = [];

    /// <inheritdoc/>
    public override async Task BeginAsync(IReadOnlyList<IEntityType> tables, CancellationToken cancellationToken)
    {
        // Rows of a table that refer to each other come in any order.
        await ExecuteAsync("PRAGMA defer_foreign_keys = ON", cancellationToken);
        triggers = await Db.Database.SqlQuery<Trigger>($"SELECT \"name\" AS \"Name\", \"sql\" AS \"Text\" FROM sqlite_master WHERE \"type\" = 'trigger'").ToListAsync(cancellationToken);
        foreach (var trigger in triggers)
        {
            await ExecuteAsync($"DROP TRIGGER \"{trigger.Name}\"", cancellationToken);
        }
    }

    /// <inheritdoc/>
    public override Task NumberOnAsync(IEntityType table, CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public override async Task EndAsync(CancellationToken cancellationToken)
    {
        await SearchIndex.FillAsync(Db, cancellationToken);
        foreach (var trigger in triggers)
        {
            await ExecuteAsync(trigger.Text, cancellationToken);
        }
    }

    private sealed record Trigger(string Name, string Text);
}
