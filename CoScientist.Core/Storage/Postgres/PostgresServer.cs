using System.Globalization;
using Npgsql;

namespace CoScientist.Core.Storage.Postgres;

/// <summary>What a PostgreSQL server says of itself and of the database on it.</summary>
/// <param name="Version">Its version, as it names it.</param>
/// <param name="Bytes">Size of the database.</param>
/// <param name="Migrations">Schema versions that were applied, in order; empty for a database that this program has not made.</param>
/// <param name="Faults">What is wrong inside the database, each with its remedy.</param>
public sealed record PostgresServer(string Version, long Bytes, IReadOnlyList<string> Migrations, IReadOnlyList<string> Faults)
{
    /// <summary>The first version that has all that is asked of it: tests run on it.</summary>
    public const int OldestVersion = 15;

    /// <summary>Asks the server, and changes nothing.</summary>
    /// <param name="database">The address of the database.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="NpgsqlException">It cannot be reached, or does not let this program in.</exception>
    /// <exception cref="InvalidDataException">The address is malformed, or the server is none that this program works with.</exception>
    public static async Task<PostgresServer> LookAsync(string database, CancellationToken cancellationToken)
    {
        await using var connection = await OpenAsync(database, cancellationToken);
        var version = await AskAsync<string>(connection, "SELECT current_setting('server_version')", cancellationToken);
        var bytes = await AskAsync<long>(connection, "SELECT pg_database_size(current_database())", cancellationToken);
        var made = await AskAsync<bool>(connection, "SELECT to_regclass('\"__EFMigrationsHistory\"') IS NOT NULL", cancellationToken);
        var migrations = made ? await AskAsync<string[]>(connection, "SELECT coalesce(array_agg(\"MigrationId\"::text ORDER BY \"MigrationId\" COLLATE \"C\"), '{}') FROM \"__EFMigrationsHistory\"", cancellationToken) : [];
        var faults = new List<string>();
        if (await AskAsync<long>(connection, "SELECT coalesce(checksum_failures, 0) FROM pg_stat_database WHERE datname = current_database()", cancellationToken) is var torn and > 0)
        {
            faults.Add(string.Create(CultureInfo.InvariantCulture, $"{torn} pages on the server's disk have another checksum than was written: look at that disk, and restore the server's last backup"));
        }

        if (await AskAsync<string?>(connection, "SELECT string_agg(relname, ', ') FROM pg_index JOIN pg_class ON oid = indexrelid WHERE NOT indisvalid AND relnamespace = current_schema()::regnamespace", cancellationToken) is { } indexes)
        {
            faults.Add($"the indexes {indexes} are not whole: REINDEX DATABASE makes them anew");
        }

        if (migrations.Contains("20261123003000_PassageSearch", StringComparer.Ordinal)
            && !await AskAsync<bool>(connection, "SELECT (SELECT count(*) FROM \"SearchText\") = (SELECT count(*) FROM \"Papers\") + (SELECT count(*) FROM \"Goals\") + (SELECT count(*) FROM \"RubricItems\")", cancellationToken))
        {
            faults.Add("the full-text index has not as many entries as there are papers, goals and items: somebody has written past its triggers; restore the last backup");
        }

        return new PostgresServer(version, bytes, migrations, faults);
    }

    /// <summary>Opens a connection to a server that this program works with.</summary>
    /// <param name="database">The address of the database.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="NpgsqlException">It cannot be reached, or does not let this program in.</exception>
    /// <exception cref="InvalidDataException">The address is malformed, or the server is none that this program works with.</exception>
    public static async Task<NpgsqlConnection> OpenAsync(string database, CancellationToken cancellationToken)
    {
        var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(DatabaseAddress.ConnectionString(database)) { Pooling = false }.ToString());
        try
        {
            await connection.OpenAsync(cancellationToken);
            await RequireSuitableAsync(connection, cancellationToken);
            return connection;
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    /// <summary>Refuses a server of an old version, and a database that cannot hold every text.</summary>
    internal static async Task RequireSuitableAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        if (connection.PostgreSqlVersion.Major < OldestVersion)
        {
            throw new InvalidDataException(string.Create(CultureInfo.InvariantCulture, $"The PostgreSQL server has version {connection.PostgreSqlVersion.Major}, and {OldestVersion} is the first that this program works with: upgrade it, or use another."));
        }

        if (await AskAsync<string>(connection, "SELECT current_setting('server_encoding')", cancellationToken) is var encoding and not "UTF8")
        {
            throw new InvalidDataException($"The PostgreSQL database {connection.Database} has the encoding {encoding}, which cannot hold every text: make one with CREATE DATABASE … TEMPLATE template0 ENCODING 'UTF8'.");
        }
    }

    private static async Task<T> AskAsync<T>(NpgsqlConnection connection, string question, CancellationToken cancellationToken)
    {
        await using var command = connection.CreateCommand();
#pragma warning disable CA2100 // The questions are the constants above.
        command.CommandText = question;
#pragma warning restore CA2100
        return await command.ExecuteScalarAsync(cancellationToken) is T answer ? answer : default!;
    }
}
