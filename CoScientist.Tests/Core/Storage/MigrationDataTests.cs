using System.Data.Common;
using System.Globalization;
using System.Reflection;
using CoScientist.Core.Storage;
using CoScientist.Core.Storage.Backups;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Metadata;
using Microsoft.EntityFrameworkCore.Migrations;

namespace CoScientist.Tests.Core.Storage;

/// <summary>Databases of every earlier schema version, with rows in every table, brought to the current one.</summary>
[Trait("Database", "file")]
public sealed class MigrationDataTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>One database goes through all versions and gets rows in all of its tables at each: what was put in at a version has gone through every migration after it.</summary>
    [Fact]
    public async Task Migrate_RowsOfEveryEarlierVersion_AreAllThereAndReadable()
    {
        await using var database = TestDatabase.Open(Directory.CreateTempSubdirectory("coscientist-").FullName);
        var rows = new List<(string Table, Dictionary<string, object?> Values, string Version)>();
        foreach (var (index, version) in StorageSetup.Migrations.Index())
        {
            await using var db = database.NewContext();
            await db.GetService<IMigrator>().MigrateAsync(version, Token);
            rows.AddRange((await FillAsync(db, seed: 10_000 * index)).Select(row => (row.Table, row.Values, version)));
        }

        await using (var db = database.NewContext())
        {
            await db.Database.OpenConnectionAsync(Token);
            var connection = db.Database.GetDbConnection();
            foreach (var (before, values, version) in rows)
            {
                // The trail of accounts became that of everything.
                var table = before == "AccountEvents" ? "AuditEntries" : before;
                var columns = await ColumnsAsync(connection, table);
                var kept = values.Where(value => columns.Exists(column => column.Name == value.Key)).ToList();
                Assert.True(await CountAsync(connection, table, kept) > 0, $"A row of {table}, put in at {version}, is gone or changed.");
            }

            foreach (var entity in db.Model.GetEntityTypes().Where(entity => entity.GetTableName() is not null && entity.ClrType != typeof(Dictionary<string, object>)))
            {
                var read = (Task<int>)typeof(MigrationDataTests).GetMethod(nameof(ReadAsync), BindingFlags.Static | BindingFlags.NonPublic)!.MakeGenericMethod(entity.ClrType).Invoke(null, [db])!;
                Assert.True(await read > 0, $"No {entity.DisplayName()} can be read.");
            }
        }

        Assert.Null(DatabaseCopy.FaultOf(database.File));
        Assert.True(rows.Select(row => row.Version).Distinct(StringComparer.Ordinal).Count() == StorageSetup.Migrations.Count);
    }

    [Fact]
    public async Task Migrate_DatabaseOfAnEarlierVersion_IsCopiedFirst()
    {
        await using var database = TestDatabase.Open(Directory.CreateTempSubdirectory("coscientist-").FullName);
        await using var db = database.NewContext();
        await db.GetService<IMigrator>().MigrateAsync(StorageSetup.Migrations[^2], Token);
        await db.Database.ExecuteSqlAsync($"INSERT INTO \"AspNetRoles\" (\"Id\", \"Name\") VALUES ('1', 'of old')", Token);
        Assert.True(await StorageSetup.IsBehindAsync(db, Token));

        await StorageSetup.MigrateAsync(db, Token);

        var copy = Path.Combine(database.Folder, "backups", $"before-{StorageSetup.Migrations[^1]}.db");
        Assert.Equal(StorageSetup.Migrations.SkipLast(1), DatabaseCopy.Migrations(copy));
        Assert.Null(DatabaseCopy.FaultOf(copy));
        Assert.Equal([copy], Directory.GetFileSystemEntries(Path.GetDirectoryName(copy)!));
        await using var old = new SqliteConnection($"Data Source={copy};Mode=ReadOnly;Pooling=False");
        await old.OpenAsync(Token);
        Assert.Equal(1, await CountAsync(old, "AspNetRoles", [new("Name", "of old")]));
        Assert.False(await StorageSetup.IsBehindAsync(db, Token));
    }

    [Fact]
    public async Task Migrate_WhereTheCopyCannotBeWritten_ChangesNothing()
    {
        await using var database = TestDatabase.Open(Directory.CreateTempSubdirectory("coscientist-").FullName);
        await using var db = database.NewContext();
        await db.GetService<IMigrator>().MigrateAsync(StorageSetup.Migrations[^2], Token);
        await File.WriteAllTextAsync(Path.Combine(database.Folder, "backups"), "a file where the folder should be", Token);

        await Assert.ThrowsAnyAsync<IOException>(() => StorageSetup.MigrateAsync(db, Token));

        Assert.True(await StorageSetup.IsBehindAsync(db, Token));
    }

    private static async Task<int> ReadAsync<TEntity>(CoScientistDb db)
        where TEntity : class => (await db.Set<TEntity>().AsNoTracking().ToListAsync(Token)).Count;

    /// <summary>Puts a row into every table but those that triggers fill, those first that others refer to.</summary>
    internal static async Task<List<(string Table, Dictionary<string, object?> Values)>> FillAsync(CoScientistDb db, int seed)
    {
        await db.Database.OpenConnectionAsync(Token);
        var connection = db.Database.GetDbConnection();
        var tables = await NamesAsync(connection, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name NOT LIKE '\\_\\_EF%' ESCAPE '\\' AND name NOT LIKE 'SearchText%' AND name <> 'StudyRevisions'");
        var filled = new List<(string Table, Dictionary<string, object?> Values)>();
        while (tables.Count > 0)
        {
            var before = tables.Count;
            foreach (var table in tables.ToList())
            {
                var keys = await ForeignKeysAsync(connection, table);
                if (keys.Any(key => key.Table is { } other && other != table && tables.Contains(other)))
                {
                    continue;
                }

                var values = new Dictionary<string, object?>(StringComparer.Ordinal);
                foreach (var column in await ColumnsAsync(connection, table))
                {
                    var key = keys.Find(key => key.From == column.Name);
                    values[column.Name] = key.Table is null || key.Table == table
                        ? key.Table is null ? Sample(db.Model, table, column, ++seed) : null
                        : filled.First(row => row.Table == key.Table).Values[key.To];
                }

                await InsertAsync(connection, table, values);
                filled.Add((table, values));
                tables.Remove(table);
            }

            Assert.True(tables.Count < before, "Tables refer to each other in a circle.");
        }

        return filled;
    }

    /// <summary>A value as the model would write it; by the column's type where the model does not know the column any more.</summary>
    private static object? Sample(IModel model, string table, (string Name, string Type, bool Required, bool Key) column, int number)
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

        return property?.GetProviderClrType() == typeof(Guid) || property?.GetValueConverter()?.ProviderClrType == typeof(Guid) || type == typeof(Guid)
            ? new Guid(number, 0, 0, [0, 0, 0, 0, 0, 0, 0, 1]).ToString().ToUpperInvariant()
            : column.Type switch
            {
                _ when type == typeof(bool) => 1L,
                _ when type == typeof(int) => (long)number,
                "INTEGER" => 637000000000000000 + number,
                "REAL" => 0.5,
                _ when type == typeof(decimal) => "1.5",
                _ when type is not null && type != typeof(string) && type.IsGenericType => "[]",
                _ => $"text {number}",
            };
    }

    private static async Task InsertAsync(DbConnection connection, string table, Dictionary<string, object?> values)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = $"INSERT INTO \"{table}\" ({string.Join(", ", values.Keys.Select(name => $"\"{name}\""))}) VALUES ({string.Join(", ", values.Select((_, index) => $"@p{index}"))})";
        Bind(command, values.Values);
        await command.ExecuteNonQueryAsync(Token);
    }

    private static async Task<long> CountAsync(DbConnection connection, string table, List<KeyValuePair<string, object?>> values)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = $"SELECT count(*) FROM \"{table}\" WHERE {string.Join(" AND ", values.Select((value, index) => $"\"{value.Key}\" IS @p{index}"))}";
        Bind(command, values.Select(value => value.Value));
        return (long)(await command.ExecuteScalarAsync(Token))!;
    }

    private static void Bind(DbCommand command, IEnumerable<object?> values)
    {
        foreach (var (index, value) in values.Index())
        {
            var parameter = command.CreateParameter();
            (parameter.ParameterName, parameter.Value) = ($"@p{index}", value ?? DBNull.Value);
            command.Parameters.Add(parameter);
        }
    }

    private static async Task<List<(string Name, string Type, bool Required, bool Key)>> ColumnsAsync(DbConnection connection, string table) =>
        [.. (await QueryAsync(connection, $"SELECT name, type, \"notnull\", pk FROM pragma_table_info('{table}')")).Select(row => (row[0]!, row[1]!, row[2] == "1", row[3] != "0"))];

    private static async Task<List<(string From, string? Table, string To)>> ForeignKeysAsync(DbConnection connection, string table) =>
        [.. (await QueryAsync(connection, $"SELECT \"from\", \"table\", \"to\" FROM pragma_foreign_key_list('{table}')")).Select(row => (row[0]!, row[1], row[2]!))];

    private static async Task<List<string>> NamesAsync(DbConnection connection, string query) => [.. (await QueryAsync(connection, query)).Select(row => row[0]!)];

    private static async Task<List<string?[]>> QueryAsync(DbConnection connection, string query)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = query;
        await using var reader = await command.ExecuteReaderAsync(Token);
        var rows = new List<string?[]>();
        while (await reader.ReadAsync(Token))
        {
            rows.Add([.. Enumerable.Range(0, reader.FieldCount).Select(index => Convert.ToString(reader.GetValue(index), CultureInfo.InvariantCulture))]);
        }

        return rows;
    }
}
