using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata;

namespace CoScientist.Core.Storage.Moving;

/// <summary>Into a PostgreSQL database. Its own triggers keep the search index, all rows of a table at once.</summary>
internal sealed class PostgresMoveTarget(CoScientistDb db) : MoveTarget(db)
{
    /// <inheritdoc/>
    public override async Task BeginAsync(IReadOnlyList<IEntityType> tables, CancellationToken cancellationToken)
    {
        await ExecuteAsync($"LOCK TABLE {string.Join(", ", tables.Select(TableOf))} IN EXCLUSIVE MODE", cancellationToken);
        await SetTriggersAsync("DISABLE", cancellationToken);
    }

    /// <inheritdoc/>
    public override async Task NumberOnAsync(IEntityType table, CancellationToken cancellationToken)
    {
        var name = TableOf(table);
        foreach (var column in table.GetProperties().Where(property => property.ValueGenerated == ValueGenerated.OnAdd && (property.ClrType == typeof(long) || property.ClrType == typeof(int)) && property.IsPrimaryKey()).Select(property => property.GetColumnName()))
        {
            await ExecuteAsync($"SELECT setval(pg_get_serial_sequence('{name}', '{column}'), coalesce(max(\"{column}\"), 0) + 1, false) FROM {name}", cancellationToken);
        }
    }

    /// <inheritdoc/>
    public override Task EndAsync(CancellationToken cancellationToken) => SetTriggersAsync("ENABLE", cancellationToken);

    // The numbers that tell of changes to studies are carried over like the rest; counted up row by row they would take hours.
    private async Task SetTriggersAsync(string how, CancellationToken cancellationToken)
    {
        var triggers = await Db.Database.SqlQuery<string>($"SELECT format('%s %s TRIGGER %I', tgrelid::regclass, {how}::text, tgname) AS \"Value\" FROM pg_trigger WHERE NOT tgisinternal AND starts_with(tgname, 'StudyRevision')").ToListAsync(cancellationToken);
        foreach (var trigger in triggers)
        {
            await ExecuteAsync($"ALTER TABLE {trigger}", cancellationToken);
        }
    }
}
