using System.Globalization;
using Npgsql;

namespace CoScientist.Core.Storage;

/// <summary>
/// Where a database lies: the path of an SQLite file, or a PostgreSQL server as a <c>postgres://</c> address or a connection
/// string (<c>Host=…;Database=…;Username=…;Password=…</c>). What is said of it never holds the password.
/// </summary>
public static class DatabaseAddress
{
    /// <summary>Most connections of one process, unless the address says otherwise: three processes keep within the 100 that a server allows by default.</summary>
    private const int MostConnections = 30;

    private const string ApplicationName = "CoScientist";

    /// <summary>Whether it is a server's, and not the path of a file.</summary>
    /// <param name="database">The address or path.</param>
    public static bool IsPostgres(string database)
    {
        ArgumentNullException.ThrowIfNull(database);
        return IsUrl(database) || database.Split(';').Any(part => part.Split('=', 2) is [var key, _] && key.Trim().ToUpperInvariant() is "HOST" or "SERVER");
    }

    /// <summary>The database, its server and port, without user and password; a path as it is.</summary>
    /// <param name="database">The address or path.</param>
    /// <exception cref="InvalidDataException">The address is malformed.</exception>
    public static string Describe(string database)
    {
        if (!IsPostgres(database))
        {
            return database;
        }

        var parts = Parse(database);
        return string.Create(CultureInfo.InvariantCulture, $"PostgreSQL database {parts.Database} on {parts.Host}, port {parts.Port}");
    }

    /// <summary>The connection string of a PostgreSQL server, with what this program adds where it says nothing of it.</summary>
    /// <param name="database">The address.</param>
    /// <exception cref="InvalidDataException">The address is malformed.</exception>
    public static string ConnectionString(string database) => Parse(database).ToString();

    internal static NpgsqlConnectionStringBuilder Parse(string database)
    {
        NpgsqlConnectionStringBuilder parts;
        try
        {
            parts = IsUrl(database) ? OfUrl(new Uri(database)) : new NpgsqlConnectionStringBuilder(database);
        }
        catch (Exception fault) when (fault is ArgumentException or FormatException or InvalidCastException or OverflowException or KeyNotFoundException)
        {
#pragma warning disable MA0054 // Neither the address nor the parser's words are repeated, here or within: they may hold the password.
            throw new InvalidDataException("The address of the PostgreSQL database cannot be read. Write it as postgres://USER:PASSWORD@HOST:PORT/DATABASE (other than letters and digits in the password as %XX), or as Host=…;Port=…;Database=…;Username=…;Password=….");
#pragma warning restore MA0054
        }

        if (string.IsNullOrEmpty(parts.Host) || string.IsNullOrEmpty(parts.Database))
        {
            throw new InvalidDataException("The address of the PostgreSQL database names no server or no database. Write it as postgres://USER:PASSWORD@HOST:PORT/DATABASE, or as Host=…;Port=…;Database=…;Username=…;Password=….");
        }

        parts.ApplicationName ??= ApplicationName;
        if (!parts.ConnectionString.Contains("Maximum Pool Size", StringComparison.Ordinal))
        {
            parts.MaxPoolSize = MostConnections;
        }

        // Otherwise the server's own words would bring rows, and with them people's texts, into messages and logs.
        parts.IncludeErrorDetail = false;
        return parts;
    }

    private static bool IsUrl(string database) =>
        database.StartsWith("postgres://", StringComparison.OrdinalIgnoreCase) || database.StartsWith("postgresql://", StringComparison.OrdinalIgnoreCase);

    private static NpgsqlConnectionStringBuilder OfUrl(Uri address)
    {
        var parts = new NpgsqlConnectionStringBuilder { Host = Uri.UnescapeDataString(address.Host), Database = Uri.UnescapeDataString(address.AbsolutePath.TrimStart('/')) };
        if (address.Port > 0)
        {
            parts.Port = address.Port;
        }

        if (address.UserInfo.Split(':', 2) is [{ Length: > 0 } user, ..] names)
        {
            parts.Username = Uri.UnescapeDataString(user);
            parts.Password = names.Length == 2 ? Uri.UnescapeDataString(names[1]) : null;
        }

        foreach (var pair in address.Query.TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var setting = pair.Split('=', 2);
            var (name, value) = (Uri.UnescapeDataString(setting[0]), Uri.UnescapeDataString(setting.Length == 2 ? setting[1] : ""));
            var isSsl = name.Equals("sslmode", StringComparison.OrdinalIgnoreCase);

            // PostgreSQL's own tools write verify-full where this driver writes VerifyFull.
            parts[isSsl ? "SSL Mode" : name] = isSsl ? value.Replace("-", "", StringComparison.Ordinal) : value;
        }

        return parts;
    }
}
