using System.CommandLine;
using CoScientist.Core.Storage;
using CoScientist.Web.Commands;

namespace CoScientist.Web.Configuration;

/// <summary>The one setting that chooses the database.</summary>
internal static class DatabaseSetting
{
    /// <summary>Environment variable of the address.</summary>
    public const string Variable = "COSCIENTIST_DATABASE";

    /// <summary>Key of the address in appsettings.json.</summary>
    public const string Key = "CoScientist:Database";

    /// <summary>Key of whether a PostgreSQL database is copied before its schema changes; <c>CoScientist__CopyBeforeMigration</c> in the environment.</summary>
    public const string CopyKey = "CoScientist:CopyBeforeMigration";

    /// <summary>The address, for every verb.</summary>
    public static Option<string?> Option { get; } = new("--database")
    {
        Description = $"Address of a PostgreSQL database, postgres://USER@HOST/DATABASE (default: {Variable}, else {Key}, else an SQLite file in the data directory); keep its password in one of these or in PGPASSWORD, which other users of the machine cannot see",
        HelpName = "ADDRESS",
        Recursive = true,
    };

    /// <summary>What the command line says, else the environment, else appsettings.json; empty for the SQLite file.</summary>
    /// <exception cref="CommandException">It is no address of a PostgreSQL database.</exception>
    public static string Resolve(string? named)
    {
        var setting = new[] { named, Environment.GetEnvironmentVariable(Variable), TextModels.ReadConfiguration()[Key] }.FirstOrDefault(value => !string.IsNullOrWhiteSpace(value))?.Trim() ?? "";
        if (setting.Length == 0)
        {
            return "";
        }

        if (!DatabaseAddress.IsPostgres(setting))
        {
            throw new CommandException($"The database setting ({Variable}, {Key} or --database) is no address of a PostgreSQL database. Write it as postgres://USER:PASSWORD@HOST:PORT/DATABASE, or leave it empty for an SQLite file in the data directory.");
        }

        _ = DatabaseAddress.ConnectionString(setting);
        return setting;
    }

    /// <summary>The data directory and the database of a command line.</summary>
    public static CoScientistOptions Options(ParseResult parsed) => new()
    {
        DataDirectory = DataDirectory.Resolve(parsed.GetValue(CommandContext.Data)),
        Database = Resolve(parsed.GetValue(Option)),
        CopyBeforeMigration = Copies(TextModels.ReadConfiguration()[CopyKey]),
    };

    /// <summary>Reads the setting of <see cref="CopyKey"/>; yes without one.</summary>
    /// <exception cref="CommandException">It says neither yes nor no.</exception>
    internal static bool Copies(string? setting) => string.IsNullOrWhiteSpace(setting)
        || (bool.TryParse(setting, out var copies) ? copies : throw new CommandException($"{CopyKey} is \"{setting}\": write true, or false where the database server's own backups are enough."));
}
