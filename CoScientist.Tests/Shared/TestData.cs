using System.Collections.Concurrent;
using CoScientist.Tests.Core.Storage;
using CoScientist.Web.Configuration;

namespace CoScientist.Tests.Shared;

/// <summary>
/// Data directories of tests that go through the application: with a database of the PostgreSQL server that
/// <see cref="TestPostgres.Variable"/> names, else with the file of the directory.
/// </summary>
internal static class TestData
{
    private static readonly ConcurrentDictionary<string, Lazy<string>> s_databases = new(StringComparer.Ordinal);

    /// <summary>Address of the directory's database, or path of its file.</summary>
    public static string Database(string folder) => TestPostgres.IsOn
        ? s_databases.GetOrAdd(Path.GetFullPath(folder), _ => Made(TestPostgres.CreateAsync)).Value
        : Path.Combine(folder, "coscientist.db");

    /// <summary>Gives a directory a database of the server that nobody has migrated, as its file would not be there; before anything else is asked of it.</summary>
    public static void BeginEmpty(string folder)
    {
        if (TestPostgres.IsOn)
        {
            Assert.True(s_databases.TryAdd(Path.GetFullPath(folder), Made(TestPostgres.CreateEmptyAsync)));
        }
    }

    /// <summary>The options of a command line that name both.</summary>
    public static string[] Arguments(string folder) => TestPostgres.IsOn ? ["--data", folder, "--database", Database(folder)] : ["--data", folder];

    /// <summary>The settings of the application that name both.</summary>
    public static CoScientistOptions Options(string folder) => new() { DataDirectory = folder, Database = TestPostgres.IsOn ? Database(folder) : "" };

    /// <summary>When nobody works with the directory any more.</summary>
    public static async Task ReturnAsync(string folder)
    {
        if (s_databases.TryRemove(Path.GetFullPath(folder), out var database))
        {
            await TestPostgres.ReturnAsync(database.Value);
        }
    }

    private static Lazy<string> Made(Func<Task<string>> make) => new(() => Task.Run(make).GetAwaiter().GetResult());
}
