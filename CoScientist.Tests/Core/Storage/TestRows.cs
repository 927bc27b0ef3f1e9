using System.Data.Common;
using System.Globalization;
using CoScientist.Core.Storage;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Metadata;

namespace CoScientist.Tests.Core.Storage;

/// <summary>A row that was put in: its table, and what was put into each column.</summary>
internal sealed record TestRow(string Table, Dictionary<string, object?> Values);

/// <summary>Rows for every table that a database has, whichever version made it: by what the database says of its tables, on a file and on a server.</summary>
internal static class TestRows
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>Puts a row into every table but those that triggers fill, those first that others refer to.</summary>
    public static async Task<List<TestRow>> FillAsync(CoScientistDb db, int seed)
    {
        await db.Database.OpenConnectionAsync(Token);
        var tables = (await QueryAsync(db, db.Database.IsNpgsql() ? "SELECT tablename FROM pg_tables WHERE schemaname = 'public'" : "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"))
            .Select(row => row[0])
            .Where(name => !name.StartsWith("__EF", StringComparison.Ordinal) && !name.StartsWith("SearchText", StringComparison.Ordinal) && name != "StudyRevisions")
            .ToList();
        var filled = new List<TestRow>();
        while (tables.Count > 0)
        {
            var before = tables.Count;
            foreach (var table in tables.ToList())
            {
                var keys = await ForeignKeysAsync(db, table);
                if (keys.Any(key => key.Table is { } other && other != table && tables.Contains(other)))
                {
                    continue;
                }

                var values = new Dictionary<string, object?>(StringComparer.Ordinal);
                foreach (var column in await ColumnsAsync(db, table))
                {
                    var key = keys.Find(key => key.From == column.Name);
                    values[column.Name] = key.Table is null || key.Table == table
                        ? key.Table is null ? Sample(db.Model, table, column, ++seed) : null
                        : filled.First(row => row.Table == key.Table).Values[key.To];
                }

                await using var command = Command(db, $"INSERT INTO \"{table}\" ({string.Join(", ", values.Keys.Select(name => $"\"{name}\""))}) VALUES ({string.Join(", ", values.Select((_, index) => $"@p{index}"))})", values.Values);
                await command.ExecuteNonQueryAsync(Token);
                filled.Add(new TestRow(table, values));
                tables.Remove(table);
            }

            Assert.True(tables.Count < before, "Tables refer to each other in a circle.");
        }

        return filled;
    }

    /// <summary>How many rows of a table hold what was put in, in those of the columns that are still there.</summary>
    public static async Task<long> CountAsync(CoScientistDb db, string table, Dictionary<string, object?> values)
    {
        await db.Database.OpenConnectionAsync(Token);
        var columns = await ColumnsAsync(db, table);
        var kept = values.Where(value => columns.Exists(column => column.Name == value.Key)).ToList();
        await using var command = Command(db, $"SELECT count(*) FROM \"{table}\" WHERE {string.Join(" AND ", kept.Select((value, index) => $"\"{value.Key}\" IS NOT DISTINCT FROM @p{index}"))}", kept.Select(value => value.Value));
        return (long)(await command.ExecuteScalarAsync(Token))!;
    }

    /// <summary>A value as the model would write it; by the column's type where the model does not know the column any more.</summary>
    private static object? Sample(IModel model, string table, (string Name, string Type) column, int number)
    {
        var property = model.GetEntityTypes().Where(entity => entity.GetTableName() == table)
            .SelectMany(entity => entity.GetProperties()).FirstOrDefault(property => property.GetColumnName() == column.Name);
        var type = property is null ? null : Nullable.GetUnderlyingType(property.ClrType) ?? property.ClrType;
        if (type is { IsEnum: true })
        {
            return Enum.GetNames(type)[0];
        }

        if (property is { IsNullable: true } && type == typeof(string) && column.Name.EndsWith("Json", StringComparison.Ordinal))
        {
            return null;
        }

        var isId = property?.GetProviderClrType() == typeof(Guid) || property?.GetValueConverter()?.ProviderClrType == typeof(Guid) || type == typeof(Guid);
        var id = new Guid(number, 0, 0, [0, 0, 0, 0, 0, 0, 0, 1]);
        return column.Type switch
        {
            "uuid" => id,
            "TEXT" when isId => id.ToString().ToUpperInvariant(),
            "boolean" => true,
            _ when type == typeof(bool) => 1L,
            "integer" => number,
            _ when type == typeof(int) => (long)number,
            "INTEGER" or "bigint" => 637000000000000000 + number,
            "REAL" or "real" or "double precision" => 0.5,
            "numeric" => 1.5m,
            _ when type == typeof(decimal) => "1.5",
            _ when type is not null && type != typeof(string) && type.IsGenericType => "[]",
            _ => $"text {number}",
        };
    }

    private static async Task<List<(string Name, string Type)>> ColumnsAsync(CoScientistDb db, string table) =>
        [.. (await QueryAsync(db, db.Database.IsNpgsql() ? $"SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = 'public' AND table_name = '{table}'" : $"SELECT name, type FROM pragma_table_info('{table}')")).Select(row => (row[0], row[1]))];

    private static async Task<List<(string From, string? Table, string To)>> ForeignKeysAsync(CoScientistDb db, string table) =>
        [.. (await QueryAsync(db, db.Database.IsNpgsql()
            ? $"""
                SELECT here.attname, other.relname, there.attname FROM pg_constraint AS k JOIN pg_class AS other ON other.oid = k.confrelid, unnest(k.conkey, k.confkey) AS pair(a, b)
                  JOIN pg_attribute AS here ON here.attnum = a JOIN pg_attribute AS there ON there.attnum = b
                  WHERE k.contype = 'f' AND k.conrelid = '"{table}"'::regclass AND here.attrelid = k.conrelid AND there.attrelid = k.confrelid
                """
            : $"SELECT \"from\", \"table\", \"to\" FROM pragma_foreign_key_list('{table}')")).Select(row => (row[0], (string?)row[1], row[2]))];

    private static async Task<List<string[]>> QueryAsync(CoScientistDb db, string query)
    {
        await using var command = Command(db, query, []);
        await using var reader = await command.ExecuteReaderAsync(Token);
        var rows = new List<string[]>();
        while (await reader.ReadAsync(Token))
        {
            rows.Add([.. Enumerable.Range(0, reader.FieldCount).Select(index => Convert.ToString(reader.GetValue(index), CultureInfo.InvariantCulture)!)]);
        }

        return rows;
    }

    private static DbCommand Command(CoScientistDb db, string text, IEnumerable<object?> values)
    {
        var command = db.Database.GetDbConnection().CreateCommand();
        command.CommandText = text;
        foreach (var (index, value) in values.Index())
        {
            var parameter = command.CreateParameter();
            (parameter.ParameterName, parameter.Value) = ($"@p{index}", value ?? DBNull.Value);
            command.Parameters.Add(parameter);
        }

        return command;
    }
}
