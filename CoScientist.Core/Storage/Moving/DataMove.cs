using System.Data;
using System.Globalization;
using System.Reflection;
using CoScientist.Core.Storage.Postgres;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Metadata;
using Microsoft.EntityFrameworkCore.Storage;

namespace CoScientist.Core.Storage.Moving;

/// <summary>A table that was carried over.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Rows">Its rows.</param>
/// <param name="Checksum">Of their content, the same in both databases; independent of their order.</param>
public sealed record MovedTable(string Name, long Rows, string Checksum);

/// <summary>
/// Carries all rows of an SQLite database over into an empty PostgreSQL database of the same schema, or back: table after table, parents first, row by
/// row from one to the other, in one transaction on both sides. What was written is read again and compared before it counts; whatever
/// goes wrong, the target stays empty and the source as it was.
/// </summary>
/// <param name="source">The one database. Nobody can write to it meanwhile.</param>
/// <param name="target">The other one, with the current schema.</param>
/// <param name="replaces">Whether characters that PostgreSQL cannot hold are replaced by U+FFFD instead of refused.</param>
public sealed class DataMove(CoScientistDb source, CoScientistDb target, bool replaces = false)
{
    // The target keeps its own search index.
    private static readonly Type[] s_derived = [typeof(SearchEntry)];

    // At the end of a table its texts are indexed.
    private static readonly TimeSpan s_longest = TimeSpan.FromHours(6);

    private readonly MoveTarget end = MoveTarget.Of(target);
    private readonly List<MovedTable> moved = [];
    private IProgress<double>? progress;
    private long all;
    private long done;

    /// <summary>Does it.</summary>
    /// <param name="told">Told the share that is done; null for nobody.</param>
    /// <param name="cancellationToken">Stops between rows; the target stays empty.</param>
    /// <returns>The tables, in the order they were carried over.</returns>
    /// <exception cref="InvalidDataException">The schemas differ, the target has rows, or a text cannot be held; the message says where and what to do.</exception>
    public async Task<IReadOnlyList<MovedTable>> RunAsync(IProgress<double>? told, CancellationToken cancellationToken)
    {
        progress = told;
        await RequireSchemaAsync(source, cancellationToken);
        await RequireSchemaAsync(target, cancellationToken);
        (source.Database.IsNpgsql() ? source : target).Database.SetCommandTimeout(s_longest);

        // The file's way to store a value stands for both sides: what a value is there, it must be here.
        var types = InOrder((source.Database.IsSqlite() ? source : target).Model);
        await using var reading = await BeginReadingAsync(types, cancellationToken);
        await using var writing = await target.Database.BeginTransactionAsync(cancellationToken);
        await end.BeginAsync(types, cancellationToken);
        await RequireEmptyAsync(types, cancellationToken);
        foreach (var type in types)
        {
            // Each row is read twice: once there, once here.
            all += 2 * await CallAsync<long>(nameof(CountAsync), type, source, cancellationToken);
        }

        foreach (var type in types)
        {
            await CallAsync<bool>(nameof(MoveAsync), type, type, cancellationToken);
        }

        await end.EndAsync(cancellationToken);
        await writing.CommitAsync(cancellationToken);
        return moved;
    }

    /// <summary>From here on the source stays as it is: a transaction of SQLite holds the writer's place, PostgreSQL is asked for it.</summary>
    private async Task<IDbContextTransaction> BeginReadingAsync(List<IEntityType> types, CancellationToken cancellationToken)
    {
        if (source.Database.IsSqlite())
        {
            return await source.Database.BeginTransactionAsync(cancellationToken);
        }

        var reading = await source.Database.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancellationToken);
        await MoveTarget.ExecuteAsync(source, $"LOCK TABLE {string.Join(", ", types.Select(MoveTarget.TableOf))} IN SHARE MODE", cancellationToken);
        return reading;
    }

    /// <summary>Tables in an order in which each comes after those that it refers to.</summary>
    private static List<IEntityType> InOrder(IModel model)
    {
        var open = model.GetEntityTypes().Where(type => type.GetTableName() is not null && !s_derived.Contains(type.ClrType)).OrderBy(type => type.GetTableName(), StringComparer.Ordinal).ToList();
        var ordered = new List<IEntityType>();
        while (open.Count > 0)
        {
            var next = open.Find(type => type.GetForeignKeys().All(key => key.PrincipalEntityType == type || !open.Contains(key.PrincipalEntityType)))
                ?? throw new InvalidOperationException($"Tables refer to each other in a circle: {string.Join(", ", open.Select(type => type.GetTableName()))}.");
            open.Remove(next);
            ordered.Add(next);
        }

        return ordered;
    }

    private static string Name(CoScientistDb db) => db.Database.IsSqlite() ? "SQLite" : "PostgreSQL";

    private static async Task RequireSchemaAsync(CoScientistDb db, CancellationToken cancellationToken)
    {
        var applied = (await db.Database.GetAppliedMigrationsAsync(cancellationToken)).ToList();
        if (applied.Count == 0)
        {
            throw new InvalidDataException($"The {Name(db)} database holds nothing of this program: there is nothing to move.");
        }

        if (applied.Except(StorageSetup.Migrations, StringComparer.Ordinal).FirstOrDefault() is { } newer)
        {
            throw new InvalidDataException($"The {Name(db)} database was made by a newer version of this program (schema {newer}). Move it with that version.");
        }

        if (StorageSetup.Migrations.Except(applied, StringComparer.Ordinal).FirstOrDefault() is { } missing)
        {
            throw new InvalidDataException($"The {Name(db)} database was made by an earlier version of this program (it lacks schema {missing}). Start the application on it once, which brings it to the current schema, then move it.");
        }
    }

    private async Task RequireEmptyAsync(List<IEntityType> types, CancellationToken cancellationToken)
    {
        foreach (var type in types)
        {
            if (await CallAsync<long>(nameof(CountAsync), type, target, cancellationToken) is > 0 and var rows)
            {
                throw new InvalidDataException(string.Create(CultureInfo.InvariantCulture, $"The {Name(target)} database is not empty: {type.GetTableName()} has {rows:N0} rows. Make a new database ('createdb NAME') and move into that before any other program is started on it."));
            }
        }
    }

    private async Task<bool> MoveAsync<TEntity>(IEntityType type, CancellationToken cancellationToken)
        where TEntity : class
    {
        var columns = type.GetProperties().Select(property => new Column(property)).ToList();
        var there = new ContentChecksum();
        await target.InsertRowsAsync(ReadAsync(), keepsNumbers: true, cancellationToken);
        await end.NumberOnAsync(type, cancellationToken);

        var here = new ContentChecksum();
        await foreach (var row in target.Set<TEntity>().AsNoTracking().AsAsyncEnumerable().WithCancellation(cancellationToken))
        {
            here.Add(columns.Select(column => column.Stored(row)));
            Report();
        }

        if (there.Rows != here.Rows || there.Value != here.Value)
        {
            throw new InvalidDataException(string.Create(CultureInfo.InvariantCulture, $"{type.GetTableName()} does not read back as it was written ({there.Rows:N0} rows and {here.Rows:N0}, checksums {there.Value} and {here.Value}). Nothing was moved: report it."));
        }

        moved.Add(new MovedTable(type.GetTableName()!, there.Rows, there.Value));
        return true;

        async IAsyncEnumerable<TEntity> ReadAsync()
        {
            await foreach (var row in source.Set<TEntity>().AsNoTracking().AsAsyncEnumerable().WithCancellation(cancellationToken))
            {
                there.Add(columns.Select(column => column.Stored(row) is string text ? Held(type, columns, row, column, text) : column.Stored(row)));
                yield return row;
                Report();
            }
        }
    }

    /// <summary>The text as PostgreSQL holds it.</summary>
    private string Held<TEntity>(IEntityType type, List<Column> columns, TEntity row, Column column, string text)
        where TEntity : class
    {
        var held = PostgresText.Clean(text);
        if (held == text || replaces)
        {
            return held;
        }

        var key = string.Join(", ", columns.Where(part => part.Property.IsPrimaryKey()).Select(part => $"{part.Property.GetColumnName()} {part.Stored(row)}"));
        var place = held.Zip(text).TakeWhile(pair => pair.First == pair.Second).Count();
        throw new InvalidDataException(string.Create(CultureInfo.InvariantCulture, $"{type.GetTableName()}, row {key}: {column.Property.GetColumnName()} has a character at place {place + 1} that PostgreSQL cannot hold (code {(int)text[place]}). Nothing was moved. With --replace such characters become U+FFFD, the sign for what cannot be read."));
    }

    private static async Task<long> CountAsync<TEntity>(CoScientistDb db, CancellationToken cancellationToken)
        where TEntity : class => await db.Set<TEntity>().LongCountAsync(cancellationToken);

    private Task<TResult> CallAsync<TResult>(string method, IEntityType type, params object[] arguments) =>
        (Task<TResult>)typeof(DataMove).GetMethod(method, BindingFlags.Static | BindingFlags.Instance | BindingFlags.NonPublic)!.MakeGenericMethod(type.ClrType).Invoke(this, arguments)!;

    private void Report() => progress?.Report(all == 0 ? 1 : Math.Min(1, (double)++done / all));

    /// <summary>A column, as the file has it.</summary>
    private sealed class Column(IProperty property)
    {
        private readonly Func<object?, object?>? convert = property.GetRelationalTypeMapping().Converter?.ConvertToProvider;

        public IProperty Property => property;

        /// <summary>The value of a row as the program sees it.</summary>
        public object? Value(object row) => property.GetGetter().GetClrValue(row);

        /// <summary>The value of a row as it is stored.</summary>
        public object? Stored(object row) => Value(row) is { } value ? convert is null ? value : convert(value) : null;
    }
}
