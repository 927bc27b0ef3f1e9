using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using Npgsql;

namespace CoScientist.Core.Storage.Postgres;

/// <summary>Copies of a PostgreSQL database as of one moment, made and read back by the server's own tools, <c>pg_dump</c> and <c>pg_restore</c>.</summary>
public static class PostgresDump
{
    /// <summary>Writes the database into one file, flushed to the disk, while others go on writing to it.</summary>
    /// <param name="database">The address of the database.</param>
    /// <param name="file">The new file.</param>
    /// <param name="cancellationToken">Ends the tool.</param>
    /// <exception cref="IOException">The tool is not there or fails; the message says what to do.</exception>
    public static void Write(string database, string file, CancellationToken cancellationToken)
    {
        Run("pg_dump", database, ["--format=custom", "--no-owner", "--no-privileges", "--file", file], cancellationToken);
        using var written = new FileStream(file, FileMode.Open, FileAccess.ReadWrite);
        written.Flush(flushToDisk: true);
    }

    /// <summary>Fills an empty database from such a file, whole or not at all.</summary>
    /// <param name="database">The address of the database.</param>
    /// <param name="file">The file.</param>
    /// <param name="cancellationToken">Ends the tool; the database stays empty.</param>
    /// <exception cref="IOException">The database is not empty, or the tool is not there or fails; the message says what to do.</exception>
    public static void Read(string database, string file, CancellationToken cancellationToken)
    {
        RequireEmpty(database);
        Run("pg_restore", database, ["--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error", file], cancellationToken);
    }

    /// <summary>Refuses a database with tables in it.</summary>
    /// <param name="database">The address of the database.</param>
    /// <exception cref="IOException">There are some.</exception>
    public static void RequireEmpty(string database)
    {
        using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(DatabaseAddress.ConnectionString(database)) { Pooling = false }.ToString());
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = "SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace";
        if (command.ExecuteScalar() is > 0L)
        {
            throw new IOException($"The {DatabaseAddress.Describe(database)} is not empty and is left as it is: make a new one with 'createdb', and name it with --database.");
        }
    }

    private static void Run(string tool, string database, string[] arguments, CancellationToken cancellationToken)
    {
        var parts = DatabaseAddress.Parse(database);
        var start = new ProcessStartInfo(tool, ["--no-password", "--dbname", parts.Database!, .. arguments]) { UseShellExecute = false, RedirectStandardError = true };

        // By the environment, which only this account can read; arguments can be seen by all.
        void Set(string variable, string? value)
        {
            if (!string.IsNullOrEmpty(value))
            {
                start.Environment[variable] = value;
            }
        }

        Set("PGHOST", parts.Host);
        Set("PGPORT", parts.Port.ToString(CultureInfo.InvariantCulture));
        Set("PGUSER", parts.Username);
        Set("PGPASSWORD", parts.Password);
        Set("PGPASSFILE", parts.Passfile);
        Set("PGSSLROOTCERT", parts.RootCertificate);
        Set("PGSSLMODE", parts.SslMode switch
        {
            SslMode.VerifyCA => "verify-ca",
            SslMode.VerifyFull => "verify-full",
            var mode => mode.ToString().ToLowerInvariant(),
        });
        try
        {
            using var process = Process.Start(start)!;
            using var ended = cancellationToken.Register(() => process.Kill());
            var said = process.StandardError.ReadToEnd();
            process.WaitForExit();
            cancellationToken.ThrowIfCancellationRequested();
            if (process.ExitCode != 0)
            {
                throw new IOException($"{tool} did not copy the {DatabaseAddress.Describe(database)}: {said.ReplaceLineEndings(" ").Trim()} Its version must not be older than the server's.");
            }
        }
        catch (Win32Exception fault)
        {
            throw new IOException($"{tool} is not installed here, and the database lies on a PostgreSQL server: install it (apt-get install postgresql-client), or copy the database with the server's own backups and the data directory as files.", fault);
        }
    }
}
