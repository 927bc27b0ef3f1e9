using CoScientist.Core;
using CoScientist.Core.Storage;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace CoScientist.Tests.Core.Storage;

/// <summary>A migrated database of its own in a temporary folder, with the stores over it.</summary>
public sealed class TestDatabase : IAsyncDisposable
{
    // Migrating takes longer than most tests: done once, copied for each.
    private static readonly Lazy<Task<byte[]>> Migrated = new(MigrateAsync);

    private readonly ServiceProvider services;

    private TestDatabase(string folder, ServiceProvider services)
    {
        Folder = folder;
        this.services = services;
    }

    public string Folder { get; }

    public string File => Path.Combine(Folder, "coscientist.db");

    public required ManualTime Time { get; init; }

    public IDbContextFactory<CoScientistDb> Factory => services.GetRequiredService<IDbContextFactory<CoScientistDb>>();

    public static async Task<TestDatabase> CreateAsync()
    {
        var database = Open(Directory.CreateTempSubdirectory("coscientist-").FullName);
        await System.IO.File.WriteAllBytesAsync(database.File, await Migrated.Value, TestContext.Current.CancellationToken);
        return database;
    }

    /// <summary>Over the file that lies in the folder; the folder goes when the object is disposed.</summary>
    public static TestDatabase Open(string folder)
    {
        var time = new ManualTime();
        var provider = new ServiceCollection()
            .AddSingleton<TimeProvider>(time)
            .AddStorage(Path.Combine(folder, "coscientist.db"))
            .BuildServiceProvider();
        return new TestDatabase(folder, provider) { Time = time };
    }

    public CoScientistDb NewContext() => Factory.CreateDbContext();

    public TStore Store<TStore>()
        where TStore : class => services.GetRequiredService<TStore>();

    public TId NewId<TId>()
        where TId : struct, ITypedId<TId> => TypedId.New<TId>(Time);

    public async ValueTask DisposeAsync()
    {
        await using (var db = NewContext())
        {
            SqliteConnection.ClearPool((SqliteConnection)db.Database.GetDbConnection());
        }

        await services.DisposeAsync();
        Directory.Delete(Folder, recursive: true);
    }

    private static async Task<byte[]> MigrateAsync()
    {
        await using var database = Open(Directory.CreateTempSubdirectory("coscientist-").FullName);
        await using var db = database.NewContext();
        await db.Database.MigrateAsync(CancellationToken.None);
        await db.Database.ExecuteSqlAsync($"PRAGMA wal_checkpoint(TRUNCATE)", CancellationToken.None);
        return await System.IO.File.ReadAllBytesAsync(database.File, CancellationToken.None);
    }
}

/// <summary>A clock that moves a second forward with every look, so that orders in tests are definite.</summary>
public sealed class ManualTime : TimeProvider
{
    private DateTimeOffset now = new(2026, 11, 22, 12, 0, 0, TimeSpan.Zero);

    public override DateTimeOffset GetUtcNow() => now += TimeSpan.FromSeconds(1);

    public void Advance(TimeSpan by) => now += by;
}
