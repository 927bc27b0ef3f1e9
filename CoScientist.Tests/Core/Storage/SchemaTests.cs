using System.Globalization;
using CoScientist.Core.Storage;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Tests.Core.Storage;

[Trait("Database", "any")]
public sealed class SchemaTests
{
    [Fact]
    public async Task Migrate_EmptyFile_GivesTheSchemaOfTheModel()
    {
        await using var migrated = await TestDatabase.CreateAsync();
        await using var created = await TestDatabase.CreateEmptyAsync();
        await using (var db = created.NewContext())
        {
            await db.Database.EnsureCreatedAsync(TestContext.Current.CancellationToken);
        }

        var expected = await SchemaOfAsync(created);
        Assert.Contains(expected, line => line.StartsWith("Goals column RubricVersion", StringComparison.Ordinal));
        Assert.Contains(expected, line => line.Contains("\"UndoneAt\" IS NULL", StringComparison.Ordinal));
        Assert.Contains(expected, line => line.StartsWith("Preferences ", StringComparison.Ordinal) && line.Contains("FOREIGN KEY", StringComparison.OrdinalIgnoreCase));
        Assert.Equal(expected, await SchemaOfAsync(migrated));
    }

    [Fact]
    public async Task Migrate_Twice_ChangesNothing()
    {
        await using var database = await TestDatabase.CreateAsync();
        var before = await SchemaOfAsync(database);
        var history = await HistoryAsync(database);

        await using (var db = database.NewContext())
        {
            await StorageSetup.MigrateAsync(db, TestContext.Current.CancellationToken);
        }

        Assert.Equal(before, await SchemaOfAsync(database));
        Assert.Equal(history, await HistoryAsync(database));
    }

    [Fact]
    public async Task Migrate_AfterAMigrationThatWasKilled_DoesNotWaitForIt()
    {
        await using var database = TestDatabase.Open(Directory.CreateTempSubdirectory("coscientist-").FullName);
        await using var db = database.NewContext();
        await db.Database.ExecuteSqlAsync($"CREATE TABLE \"__EFMigrationsLock\" (\"Id\" INTEGER NOT NULL PRIMARY KEY, \"Timestamp\" TEXT NOT NULL)", TestContext.Current.CancellationToken);
        await db.Database.ExecuteSqlAsync($"INSERT INTO \"__EFMigrationsLock\" VALUES (1, '2026-01-01')", TestContext.Current.CancellationToken);

        await StorageSetup.MigrateAsync(db, TestContext.Current.CancellationToken);

        Assert.Empty(await db.Database.GetPendingMigrationsAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Migrate_DatabaseOfANewerVersion_IsRefused()
    {
        await using var database = await TestDatabase.CreateAsync();
        await using var db = database.NewContext();
        await db.Database.ExecuteSqlAsync($"INSERT INTO \"__EFMigrationsHistory\" VALUES ('29991231000000_Later', '99')", TestContext.Current.CancellationToken);

        var refused = await Assert.ThrowsAsync<InvalidDataException>(() => StorageSetup.MigrateAsync(db, TestContext.Current.CancellationToken));

        Assert.Contains("29991231000000_Later", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Connection_Opened_HasTheSettingsThatKeepAnswersSafe()
    {
        await using var database = await TestDatabase.CreateFileAsync();
        await using var db = database.NewContext();

        Assert.Equal("wal", await PragmaAsync(db, "journal_mode"));
        Assert.Equal("2", await PragmaAsync(db, "synchronous")); // FULL
        Assert.Equal("1", await PragmaAsync(db, "foreign_keys"));
        Assert.Equal("5000", await PragmaAsync(db, "busy_timeout"));
    }

    private static async Task<string?> PragmaAsync(CoScientistDb db, string name)
    {
        var rows = await QueryAsync(db, $"PRAGMA {name}");
        return rows.Single()[0];
    }

    private static async Task<List<string>> HistoryAsync(TestDatabase database)
    {
        await using var db = database.NewContext();
        return [.. await db.Database.GetAppliedMigrationsAsync(TestContext.Current.CancellationToken)];
    }

    /// <summary>One sorted line per column, index and foreign key; EF's own bookkeeping and the full-text index, which the model does not know, left out.</summary>
    private static async Task<List<string>> SchemaOfAsync(TestDatabase database)
    {
        await using var db = database.NewContext();
        if (db.Database.IsNpgsql())
        {
            return [.. (await QueryAsync(db, PostgresSchema)).Select(row => row[0]!)];
        }

        var lines = new List<string>();
        foreach (var table in await QueryAsync(db, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_\\_EF%' ESCAPE '\\' AND name NOT LIKE 'SearchText%'"))
        {
            var name = table[0];
            foreach (var c in await QueryAsync(db, $"SELECT name, type, \"notnull\", dflt_value, pk FROM pragma_table_info('{name}')"))
            {
                lines.Add($"{name} column {string.Join(' ', c)}");
            }

            foreach (var k in await QueryAsync(db, $"SELECT \"from\", \"table\", \"to\", on_update, on_delete FROM pragma_foreign_key_list('{name}')"))
            {
                lines.Add($"{name} foreign key {string.Join(' ', k)}");
            }

            foreach (var i in await QueryAsync(db, $"SELECT l.name, l.\"unique\", l.origin, l.partial, m.sql FROM pragma_index_list('{name}') l LEFT JOIN sqlite_master m ON m.name = l.name"))
            {
                lines.Add($"{name} index {string.Join(' ', i)}");
            }
        }

        lines.Sort(StringComparer.Ordinal);
        return lines;
    }

    // ASP.NET Core Identity limits names to 256 characters; the tables leave that to it.
    private const string PostgresSchema = """
        SELECT line COLLATE "C" FROM (
          SELECT c.relname || ' column ' || a.attname || ' ' || replace(format_type(a.atttypid, a.atttypmod), 'character varying(256)', 'text') || ' ' || a.attnotnull || ' ' || a.attidentity::text || ' ' || coalesce(l.collname, '') || ' ' || coalesce(pg_get_expr(d.adbin, d.adrelid), '') AS line, c.relname
            FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 LEFT JOIN pg_collation l ON l.oid = a.attcollation LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
            WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
          UNION ALL SELECT c.relname || ' constraint ' || k.conname || ' ' || pg_get_constraintdef(k.oid), c.relname FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid WHERE k.connamespace = 'public'::regnamespace
          UNION ALL SELECT i.tablename || ' index ' || i.indexdef, i.tablename FROM pg_indexes i WHERE i.schemaname = 'public'
        ) AS lines WHERE relname NOT LIKE '\_\_EF%' AND relname NOT LIKE 'SearchText%' ORDER BY 1
        """;

    private static async Task<List<string?[]>> QueryAsync(CoScientistDb db, string sql)
    {
        await db.Database.OpenConnectionAsync(TestContext.Current.CancellationToken);
        await using var command = db.Database.GetDbConnection().CreateCommand();
        command.CommandText = sql;
        await using var reader = await command.ExecuteReaderAsync(TestContext.Current.CancellationToken);
        var rows = new List<string?[]>();
        while (await reader.ReadAsync(TestContext.Current.CancellationToken))
        {
            rows.Add([.. Enumerable.Range(0, reader.FieldCount).Select(i => Convert.ToString(reader.GetValue(i), CultureInfo.InvariantCulture))]);
        }

        return rows;
    }
}
