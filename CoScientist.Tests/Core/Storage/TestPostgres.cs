using System.Collections.Concurrent;
using System.Globalization;
using CoScientist.Core.Storage;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace CoScientist.Tests.Core.Storage;

/// <summary>
/// Databases of a PostgreSQL server for tests, each its own: copied from one that was migrated, emptied when the test is done, and
/// given to the next, which is ten times quicker than another copy; dropped at the end. The variable holds the address of a database
/// of the server, on which databases may be made; where it is not set, tests run on SQLite files.
/// </summary>
internal static class TestPostgres
{
    public const string Variable = "COSCIENTIST_TEST_POSTGRES";

    // What TestEmpty answers is the schema as it is: tests may have put triggers in.
    private const string MakeTestEmpty = """
        CREATE FUNCTION "TestEmpty"() RETURNS text LANGUAGE plpgsql AS $$
        DECLARE
          one record;
          filled boolean;
          names text := '';
        BEGIN
          -- Without triggers and foreign keys. A new file for each table and index, which TRUNCATE makes, costs more than a few rows.
          PERFORM set_config('session_replication_role', 'replica', true);
          FOR one IN SELECT oid, relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> '__EFMigrationsHistory' LOOP
            EXECUTE format('SELECT EXISTS (SELECT 1 FROM %I)', one.relname) INTO filled;
            IF filled AND pg_relation_size(one.oid) > 262144 THEN
              names := names || format(', %I', one.relname);
            ELSIF filled THEN
              EXECUTE format('DELETE FROM %I', one.relname);
            END IF;
          END LOOP;
          IF names <> '' THEN EXECUTE format('TRUNCATE %s CASCADE', substr(names, 3)); END IF;
          PERFORM setval(oid::regclass, 1, false) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'S';
          RETURN concat_ws(' ', (SELECT string_agg("MigrationId", ' ') FROM "__EFMigrationsHistory"),
            (SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relnamespace = 'public'::regnamespace), (SELECT count(*) FROM pg_proc WHERE pronamespace = 'public'::regnamespace),
            (SELECT count(*) FROM pg_trigger WHERE tgenabled = 'O'), (SELECT count(*) FROM pg_attribute), (SELECT count(*) FROM pg_index WHERE indisvalid));
        END $$;
        """;

    private static readonly Lazy<Task<(string Name, string Schema)>> s_template = new(MigrateAsync);
    private static readonly ConcurrentBag<string> s_empty = [];
    private static readonly ConcurrentDictionary<string, bool> s_all = new(StringComparer.Ordinal);
    private static int s_made;

    public static string? Server { get; } = Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } address ? address : null;

    public static bool IsOn => Server is not null;

    /// <summary>A database with the current schema; its address.</summary>
    public static async Task<string> CreateAsync()
    {
        var (template, _) = await s_template.Value;
        if (s_empty.TryTake(out var emptied))
        {
            return emptied;
        }

        var address = NewAddress();
        await RunAsync($"CREATE DATABASE \"{NameOf(address)}\" TEMPLATE \"{template}\"");
        s_all[address] = true;
        return address;
    }

    /// <summary>A database with nothing in it; its address.</summary>
    public static async Task<string> CreateEmptyAsync()
    {
        var address = NewAddress();
        await RunAsync($"CREATE DATABASE \"{NameOf(address)}\"");
        s_all[address] = false;
        return address;
    }

    /// <summary>Takes a database back, whoever is still connected; files stay as they are.</summary>
    public static async Task ReturnAsync(string address)
    {
        if (!DatabaseAddress.IsPostgres(address))
        {
            return;
        }

        Forget(address);
        await CutAsync(address);
        if (s_all[address] && await IsEmptiedAsync(address))
        {
            s_empty.Add(address);
        }
        else
        {
            await DropAsync(address);
        }
    }

    /// <summary>Empties all tables that have rows; false when the schema is no longer that of the template.</summary>
    private static async Task<bool> IsEmptiedAsync(string address) => await EmptyAsync(address) == (await s_template.Value).Schema;

    /// <summary>Ends all connections to a database, whoever has them, as far as the server sees them.</summary>
    public static Task CutAsync(string address) => RunAsync($"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{NameOf(address)}'");

    /// <summary>Lets go of the connections that this process keeps.</summary>
    public static void Forget(string address)
    {
        using var connection = new NpgsqlConnection(DatabaseAddress.ConnectionString(address));
        NpgsqlConnection.ClearPool(connection);
    }

    private static async Task<string> EmptyAsync(string address)
    {
        await using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(address) { Pooling = false }.ToString());
        await connection.OpenAsync(CancellationToken.None);
        await using var command = connection.CreateCommand();
        command.CommandText = "SELECT \"TestEmpty\"()";
        return (string)(await command.ExecuteScalarAsync(CancellationToken.None))!;
    }

    private static Task DropAsync(string address)
    {
        s_all.TryRemove(address, out _);
        return RunAsync($"DROP DATABASE IF EXISTS \"{NameOf(address)}\" WITH (FORCE)");
    }

    public static async Task RunAsync(string sql)
    {
        await using var connection = new NpgsqlConnection(DatabaseAddress.ConnectionString(Server!));
        await connection.OpenAsync(CancellationToken.None);
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        await command.ExecuteNonQueryAsync(CancellationToken.None);
    }

    private static string NameOf(string address) => new NpgsqlConnectionStringBuilder(address).Database!;

    private static string NewAddress() => new NpgsqlConnectionStringBuilder(DatabaseAddress.ConnectionString(Server!))
    {
        Database = string.Create(CultureInfo.InvariantCulture, $"test_{Environment.ProcessId}_{Interlocked.Increment(ref s_made)}"),

        // Many databases share the server's connections: none keeps more than it needs for long.
        MaxPoolSize = 20,
        ConnectionIdleLifetime = 2,
        ConnectionPruningInterval = 1,
    }.ToString();

    private static async Task<(string Name, string Schema)> MigrateAsync()
    {
        var address = await CreateEmptyAsync();
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Task.WhenAll(s_all.Keys.Select(DropAsync)).GetAwaiter().GetResult();
        var options = new DbContextOptionsBuilder<CoScientistDb>();
        options.UseDatabase(address);
        await using (var db = new CoScientistDb(options.Options))
        {
            await StorageSetup.MigrateAsync(db, CancellationToken.None);
            await db.Database.ExecuteSqlRawAsync(MakeTestEmpty, CancellationToken.None);
        }

        // Nobody may be connected to what is copied.
        await using var connection = new NpgsqlConnection(DatabaseAddress.ConnectionString(address));
        NpgsqlConnection.ClearPool(connection);
        return (NameOf(address), await EmptyAsync(address));
    }
}
