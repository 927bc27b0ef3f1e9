using CoScientist.Core.Storage;

namespace CoScientist.Web.Configuration;

/// <summary>Settings of the application, section <c>CoScientist</c> of the configuration.</summary>
public sealed record CoScientistOptions
{
    /// <summary>Folder for database, models, runs, imports and keys. Default: <c>data</c> beside the solution, or in the working directory.</summary>
    public required string DataDirectory { get; init; }

    /// <summary>The SQLite file, where no other database is set.</summary>
    public string DatabaseFile => Path.Combine(DataDirectory, "coscientist.db");

    /// <summary>Address of a PostgreSQL database (see <see cref="DatabaseAddress"/>), or the SQLite file. Default: the file.</summary>
    public string Database
    {
        get => string.IsNullOrWhiteSpace(field) ? DatabaseFile : field;
        init;
    } = "";

    /// <summary>Whether a PostgreSQL database is copied to <c>backups</c>, by <c>pg_dump</c>, before its schema changes; a file always is. Default: yes.</summary>
    public bool CopyBeforeMigration { get; init; } = true;

    /// <summary>Whether everything but files lies in a PostgreSQL database.</summary>
    public bool UsesPostgres => DatabaseAddress.IsPostgres(Database);

    /// <summary>The settings without what must not be shown: the address holds a password.</summary>
    public override string ToString() => $"{nameof(CoScientistOptions)} {{ {DataDirectory}, {DatabaseAddress.Describe(Database)} }}";

    /// <summary>Folder of a run.</summary>
    public string RunDirectory(string runName) => Path.Combine(DataDirectory, "runs", runName);
}
