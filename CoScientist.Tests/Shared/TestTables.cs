using System.Data.Common;
using System.Security.Cryptography;
using System.Text;
using CoScientist.Tests.Core.Storage;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace CoScientist.Tests.Shared;

/// <summary>The tables of a data directory's database as somebody outside sees them, to tell which have changed.</summary>
internal sealed class TestTables(string folder)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>A connection that only looks.</summary>
    public async Task<DbConnection> ConnectAsync()
    {
        DbConnection connection = TestPostgres.IsOn
            ? new NpgsqlConnection(TestData.Database(folder))
            : new SqliteConnection($"Data Source={TestData.Database(folder)};Mode=ReadOnly;Pooling=false");
        await connection.OpenAsync(Token);
        return connection;
    }

    /// <summary>A number that differs when another connection has written.</summary>
    public static async Task<long> VersionAsync(DbConnection connection)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = TestPostgres.IsOn ? "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint" : "PRAGMA data_version";
        return (long)(await command.ExecuteScalarAsync(Token))!;
    }

    /// <summary>A fingerprint of every table, or of some.</summary>
    public async Task<Dictionary<string, string>> LookAsync(params string[] some)
    {
        await using var connection = await ConnectAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = TestPostgres.IsOn
            ? "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE '%Search%'"
            : "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '%Search%'";
        var tables = new List<string>();
        await using (var names = await command.ExecuteReaderAsync(Token))
        {
            while (await names.ReadAsync(Token))
            {
                tables.Add(names.GetString(0));
            }
        }

        var look = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var table in some.Length > 0 ? tables.Intersect(some, StringComparer.Ordinal) : tables)
        {
            look[table] = await HashAsync(connection, table);
        }

        return look;
    }

    private static async Task<string> HashAsync(DbConnection connection, string table)
    {
        await using var command = connection.CreateCommand();
        if (TestPostgres.IsOn)
        {
            // A server gives rows in any order, and sums them quicker than it sorts and sends them.
            command.CommandText = $"SELECT concat_ws(' ', count(*), sum(hashtextextended(row::text, 0))) FROM \"{table}\" AS row";
            return (string)(await command.ExecuteScalarAsync(Token))!;
        }

        command.CommandText = $"SELECT * FROM \"{table}\"";
        await using var rows = await command.ExecuteReaderAsync(Token);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        while (await rows.ReadAsync(Token))
        {
            for (var column = 0; column < rows.FieldCount; column++)
            {
                hash.AppendData(Encoding.UTF8.GetBytes(Convert.ToString(rows.GetValue(column), System.Globalization.CultureInfo.InvariantCulture) ?? ""));
            }
        }

        return Convert.ToHexString(hash.GetHashAndReset());
    }
}
