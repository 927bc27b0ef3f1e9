using System.Reflection;
using CoScientist.Core.Storage;
using CoScientist.Core.Storage.Backups;
using CoScientist.Core.Storage.Postgres;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace CoScientist.Tests.Core.Storage;

/// <summary>Databases of every earlier schema version, with rows in every table, brought to the current one.</summary>
[Trait("Database", "any")]
public sealed class MigrationDataTests
{
    private static readonly string s_copy = $"before-{StorageSetup.Migrations[^1]}" + (TestPostgres.IsOn ? ".dump" : ".db");

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>One database goes through all versions and gets rows in all of its tables at each: what was put in at a version has gone through every migration after it.</summary>
    [Fact]
    public async Task Migrate_RowsOfEveryEarlierVersion_AreAllThereAndReadable()
    {
        await using var database = await TestDatabase.CreateEmptyAsync();
        var rows = new List<(TestRow Row, string Version)>();
        foreach (var (index, version) in StorageSetup.Migrations.Index())
        {
            await using var db = database.NewContext();
            await db.GetService<IMigrator>().MigrateAsync(version, Token);
            rows.AddRange((await TestRows.FillAsync(db, seed: 10_000 * index)).Select(row => (row, version)));
        }

        await using (var db = database.NewContext())
        {
            foreach (var (row, version) in rows)
            {
                // The trail of accounts became that of everything.
                var table = row.Table == "AccountEvents" ? "AuditEntries" : row.Table;
                Assert.True(await TestRows.CountAsync(db, table, row.Values) > 0, $"A row of {table}, put in at {version}, is gone or changed.");
            }

            foreach (var entity in db.Model.GetEntityTypes().Where(entity => entity.GetTableName() is not null && entity.ClrType != typeof(Dictionary<string, object>)))
            {
                var read = (Task<int>)typeof(MigrationDataTests).GetMethod(nameof(ReadAsync), BindingFlags.Static | BindingFlags.NonPublic)!.MakeGenericMethod(entity.ClrType).Invoke(null, [db])!;
                Assert.True(await read > 0, $"No {entity.DisplayName()} can be read.");
            }
        }

        Assert.Equal(StorageSetup.Migrations, rows.Select(row => row.Version).Distinct(StringComparer.Ordinal));
        Assert.Null(TestPostgres.IsOn ? (await PostgresServer.LookAsync(database.Address, Token)).Faults.FirstOrDefault(fault => !fault.Contains("full-text", StringComparison.Ordinal)) : DatabaseCopy.FaultOf(database.File));
    }

    [Fact]
    public async Task Migrate_DatabaseOfAnEarlierVersion_IsCopiedFirst()
    {
        await using var database = await TestDatabase.CreateEmptyAsync();
        await using var db = database.NewContext();
        await PutEarlierAsync(db);
        Assert.True(await StorageSetup.IsBehindAsync(db, Token));

        var backups = Path.Combine(database.Folder, "backups");
        await StorageSetup.MigrateAsync(db, backups, Token);

        Assert.False(await StorageSetup.IsBehindAsync(db, Token));
        Assert.Equal([s_copy], Directory.GetFileSystemEntries(backups).Select(Path.GetFileName));
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(backups));
        }

        await using var before = await ReadBackAsync(Path.Combine(backups, s_copy));
        await using var old = before.NewContext();
        Assert.Equal(StorageSetup.Migrations.SkipLast(1), await old.Database.GetAppliedMigrationsAsync(Token));
        Assert.Equal("of old", (await old.Roles.AsNoTracking().SingleAsync(Token)).Name);
    }

    [Fact]
    public async Task Migrate_WhereTheCopyCannotBeWritten_ChangesNothing()
    {
        await using var database = await TestDatabase.CreateEmptyAsync();
        await using var db = database.NewContext();
        await PutEarlierAsync(db);
        var backups = Path.Combine(database.Folder, "backups");
        await File.WriteAllTextAsync(backups, "a file where the folder should be", Token);

        await Assert.ThrowsAnyAsync<IOException>(() => StorageSetup.MigrateAsync(db, backups, Token));

        Assert.True(await StorageSetup.IsBehindAsync(db, Token));
    }

    [Fact]
    public async Task Migrate_ThatFails_LeavesTheVersionBeforeAndSaysWhereItsCopyLies()
    {
        await using var database = await TestDatabase.CreateEmptyAsync();
        await using var db = database.NewContext();
        await PutEarlierAsync(db);
        await db.Database.ExecuteSqlRawAsync(
            TestPostgres.IsOn
                ? "ALTER TABLE \"__EFMigrationsHistory\" ADD CHECK (false) NOT VALID"
                : "CREATE TRIGGER \"InTheWay\" BEFORE INSERT ON \"__EFMigrationsHistory\" BEGIN SELECT RAISE(ABORT, 'no further'); END",
            Token);
        var backups = Path.Combine(database.Folder, "backups");

        var refused = await Assert.ThrowsAsync<InvalidDataException>(() => StorageSetup.MigrateAsync(db, backups, Token));

        Assert.Contains(Path.Combine(backups, s_copy), refused.Message, StringComparison.Ordinal);
        await using var before = await ReadBackAsync(Path.Combine(backups, s_copy));
        await using var old = before.NewContext();
        Assert.Equal("of old", (await old.Roles.AsNoTracking().SingleAsync(Token)).Name);
        Assert.True(await StorageSetup.IsBehindAsync(db, Token));
    }

    private static async Task PutEarlierAsync(CoScientistDb db)
    {
        await db.GetService<IMigrator>().MigrateAsync(StorageSetup.Migrations[^2], Token);
        await db.Database.ExecuteSqlAsync($"INSERT INTO \"AspNetRoles\" (\"Id\", \"Name\") VALUES ('1', 'of old')", Token);
    }

    private static async Task<TestDatabase> ReadBackAsync(string copy)
    {
        if (TestPostgres.IsOn)
        {
            var there = await TestDatabase.CreateEmptyAsync();
            PostgresDump.Read(there.Address, copy, Token);
            return there;
        }

        Assert.Null(DatabaseCopy.FaultOf(copy));
        var folder = Directory.CreateTempSubdirectory("coscientist-").FullName;
        File.Copy(copy, Path.Combine(folder, "coscientist.db"));
        return TestDatabase.Open(folder);
    }

    private static async Task<int> ReadAsync<TEntity>(CoScientistDb db)
        where TEntity : class => (await db.Set<TEntity>().AsNoTracking().ToListAsync(Token)).Count;
}
