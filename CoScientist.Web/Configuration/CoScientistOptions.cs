namespace CoScientist.Web.Configuration;

/// <summary>Settings of the application, section <c>CoScientist</c> of the configuration.</summary>
public sealed record CoScientistOptions
{
    /// <summary>Folder for database, models, runs, imports and keys. Default: <c>data</c> beside the solution, or in the working directory.</summary>
    public required string DataDirectory { get; init; }

    /// <summary>The SQLite file.</summary>
    public string DatabaseFile => Path.Combine(DataDirectory, "coscientist.db");

    /// <summary>Folder of a run.</summary>
    public string RunDirectory(string runName) => Path.Combine(DataDirectory, "runs", runName);
}
