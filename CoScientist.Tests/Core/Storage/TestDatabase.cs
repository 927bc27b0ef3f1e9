using CoScientist.Core;
using CoScientist.Core.Storage;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace CoScientist.Tests.Core.Storage;

/// <summary>
/// A migrated database of its own, with the stores over it: a file in a temporary folder, or a database of the PostgreSQL server
/// that <see cref="TestPostgres.Variable"/> names. Tests about the file itself ask for it (<see cref="CreateFileAsync"/>, <see cref="Open(string)"/>).
/// </summary>
public sealed class TestDatabase : IAsyncDisposable
{
    // Migrating takes longer than most tests: done once, copied for each.
    private static readonly Lazy<Task<byte[]>> Migrated = new(MigrateAsync);

    private readonly ServiceProvider services;

    private TestDatabase(string folder, string address, ServiceProvider services)
    {
        Folder = folder;
        Address = address;
        this.services = services;
    }

    /// <summary>The file, or the address of the server's database.</summary>
    public string Address { get; }

    public string Folder { get; }

    public string File => Path.Combine(Folder, "coscientist.db");

    public required ManualTime Time { get; init; }

    public IDbContextFactory<CoScientistDb> Factory => services.GetRequiredService<IDbContextFactory<CoScientistDb>>();

    public static async Task<TestDatabase> CreateAsync() => TestPostgres.IsOn
        ? Open(Directory.CreateTempSubdirectory("coscientist-").FullName, await TestPostgres.CreateAsync())
        : await CreateFileAsync();

    /// <summary>An SQLite file, whatever the other tests run on.</summary>
    public static async Task<TestDatabase> CreateFileAsync()
    {
        var database = Open(Directory.CreateTempSubdirectory("coscientist-").FullName);
        await System.IO.File.WriteAllBytesAsync(database.File, await Migrated.Value, TestContext.Current.CancellationToken);
        return database;
    }

    /// <summary>Over the file that lies in the folder; the folder goes when the object is disposed.</summary>
    public static TestDatabase Open(string folder) => Open(folder, Path.Combine(folder, "coscientist.db"));

    /// <summary>One that nobody has migrated: a file, or a database of the server.</summary>
    public static async Task<TestDatabase> CreateEmptyAsync()
    {
        var folder = Directory.CreateTempSubdirectory("coscientist-").FullName;
        return TestPostgres.IsOn ? Open(folder, await TestPostgres.CreateEmptyAsync()) : Open(folder);
    }

    /// <summary>Over a database that somebody else has made; disposing returns it, and deletes the folder.</summary>
    internal static TestDatabase Open(string folder, string address)
    {
        var time = new ManualTime();
        var provider = new ServiceCollection()
            .AddSingleton<TimeProvider>(time)
            .AddStorage(address)
            .BuildServiceProvider();
        return new TestDatabase(folder, address, provider) { Time = time };
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
            if (db.Database.GetDbConnection() is SqliteConnection file)
            {
                SqliteConnection.ClearPool(file);
            }
        }

        await services.DisposeAsync();
        await TestPostgres.ReturnAsync(Address);
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
