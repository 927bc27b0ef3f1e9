using System.Data.Common;
using CoScientist.Core.Storage.Postgres;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Metadata;
using Microsoft.EntityFrameworkCore.Storage;
using Npgsql;

namespace CoScientist.Core.Storage;

/// <summary>
/// Writes thousands of new rows by one prepared statement (SQLite) or one COPY (PostgreSQL), several times faster than tracking each of them. Columns and
/// conversions come from the model, so that a row reads back as if it had been added one by one.
/// </summary>
public static class BulkInsert
{
    /// <summary>Inserts rows of one table. Related rows are not followed: their foreign keys must be set, parents inserted first.</summary>
    /// <param name="db">The database, in a transaction of the caller's: all rows stand or fall with it.</param>
    /// <param name="rows">New rows; keys that the database numbers are left to it.</param>
    /// <param name="cancellationToken">Ends the work between rows.</param>
    /// <exception cref="InvalidOperationException">There is no transaction, or the type is not part of the model.</exception>
    public static Task InsertRowsAsync<TEntity>(this DbContext db, IEnumerable<TEntity> rows, CancellationToken cancellationToken)
        where TEntity : class
    {
        ArgumentNullException.ThrowIfNull(rows);
        return db.InsertRowsAsync(rows.ToAsyncEnumerable(), keepsNumbers: false, cancellationToken);
    }

    /// <summary>Inserts rows of one table as they come. Related rows are not followed: their foreign keys must be set, parents inserted first.</summary>
    /// <param name="db">The database, in a transaction of the caller's: all rows stand or fall with it.</param>
    /// <param name="rows">New rows.</param>
    /// <param name="keepsNumbers">Whether keys that the database numbers are those of the rows.</param>
    /// <param name="cancellationToken">Ends the work between rows.</param>
    /// <exception cref="InvalidOperationException">There is no transaction, or the type is not part of the model.</exception>
    public static async Task InsertRowsAsync<TEntity>(this DbContext db, IAsyncEnumerable<TEntity> rows, bool keepsNumbers, CancellationToken cancellationToken)
        where TEntity : class
    {
        ArgumentNullException.ThrowIfNull(db);
        ArgumentNullException.ThrowIfNull(rows);
        var transaction = db.Database.CurrentTransaction ?? throw new InvalidOperationException("Rows are inserted in bulk within a transaction: begin one first.");
        var type = db.Model.FindEntityType(typeof(TEntity)) ?? throw new InvalidOperationException($"{typeof(TEntity).Name} has no table.");
        List<IProperty> properties = [.. type.GetProperties().Where(property => keepsNumbers || !IsNumberedByDatabase(property))];
        if (db.Database.GetDbConnection() is NpgsqlConnection server)
        {
            await CopyAsync(server, db, type, properties, rows, cancellationToken);
            return;
        }

        await using var command = db.Database.GetDbConnection().CreateCommand();
        command.Transaction = transaction.GetDbTransaction();
        command.CommandText = Statement(db, type, properties);
        List<Column> columns = [.. properties.Select((property, index) => new Column(command, Name(index), property))];
        await foreach (var row in rows.WithCancellation(cancellationToken))
        {
            cancellationToken.ThrowIfCancellationRequested();
            foreach (var column in columns)
            {
                column.Take(row);
            }

            await command.ExecuteNonQueryAsync(cancellationToken);
        }
    }

    // PostgreSQL's own way for many rows: COPY in its binary format.
    private static async Task CopyAsync<TEntity>(NpgsqlConnection connection, DbContext db, IEntityType type, List<IProperty> properties, IAsyncEnumerable<TEntity> rows, CancellationToken cancellationToken)
        where TEntity : class
    {
        var (table, columns) = Names(db, type, properties);
        var getters = properties.ConvertAll(property => property.GetGetter());
        var mappings = properties.ConvertAll(property => property.GetRelationalTypeMapping());
        await using var writer = await connection.BeginBinaryImportAsync($"COPY {table} ({string.Join(", ", columns)}) FROM STDIN (FORMAT BINARY)", cancellationToken);
        if (db.Database.GetCommandTimeout() is { } seconds)
        {
            // At the end of a table its texts are indexed.
            writer.Timeout = TimeSpan.FromSeconds(seconds);
        }

        await foreach (var row in rows.WithCancellation(cancellationToken))
        {
            await writer.StartRowAsync(cancellationToken);
            for (var i = 0; i < getters.Count; i++)
            {
                await writer.WriteAsync(getters[i].GetClrValue(row), mappings[i], cancellationToken);
            }
        }

        await writer.CompleteAsync(cancellationToken);
    }

    private static bool IsNumberedByDatabase(IProperty property) => property.ValueGenerated == ValueGenerated.OnAdd && property.ClrType == typeof(long);

    private static string Statement(DbContext db, IEntityType type, List<IProperty> properties)
    {
        var (table, columns) = Names(db, type, properties);
        return $"INSERT INTO {table} ({string.Join(", ", columns)}) VALUES ({string.Join(", ", properties.Select((_, index) => Name(index)))})";
    }

    private static (string Table, IEnumerable<string> Columns) Names(DbContext db, IEntityType type, List<IProperty> properties)
    {
        var sql = db.GetService<ISqlGenerationHelper>();
        var table = StoreObjectIdentifier.Create(type, StoreObjectType.Table)!.Value;
        return (sql.DelimitIdentifier(table.Name, table.Schema), properties.Select(property => sql.DelimitIdentifier(property.GetColumnName(table)!)));
    }

    private static string Name(int index) => $"@p{index}";

    /// <summary>A parameter that serves all rows, with the way from a row to its value.</summary>
    private sealed class Column
    {
        private readonly DbParameter parameter;
        private readonly IClrPropertyGetter getter;
        private readonly Func<object?, object?>? convert;

        public Column(DbCommand command, string name, IProperty property)
        {
            var mapping = property.GetRelationalTypeMapping();
            parameter = mapping.CreateParameter(command, name, value: null, nullable: true);
            command.Parameters.Add(parameter);
            getter = property.GetGetter();
            convert = mapping.Converter?.ConvertToProvider;
        }

        public void Take(object row)
        {
            var value = getter.GetClrValue(row);
            parameter.Value = (value is null || convert is null ? value : convert(value)) ?? DBNull.Value;
        }
    }
}
