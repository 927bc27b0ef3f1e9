namespace CoScientist.Training.Clusters;

/// <summary>Names of settings that a trainer has, taken from its own configuration; the files' first lines name version and commit.</summary>
public static class ClusterKeys
{
    /// <summary>verl's.</summary>
    public static IReadOnlySet<string> Verl { get; } = Read("verl-keys.txt");

    /// <summary>TRL's.</summary>
    public static IReadOnlySet<string> Trl { get; } = Read("trl-keys.txt");

    /// <summary>Version of verl whose keys these are.</summary>
    public const string VerlVersion = "0.9.0";

    /// <summary>Version of TRL whose keys these are.</summary>
    public const string TrlVersion = "1.9.0";

    /// <summary>Settings whose keys a trainer does not have.</summary>
    /// <exception cref="InvalidOperationException">There is one: this program would hand over a setting that nobody reads.</exception>
    internal static void Require(IEnumerable<ClusterSetting> settings, IReadOnlySet<string> known)
    {
        if (settings.FirstOrDefault(setting => !known.Contains(setting.Key)) is { } strange)
        {
            throw new InvalidOperationException($"The trainer has no setting {strange.Key}.");
        }
    }

    private static HashSet<string> Read(string name) =>
        [.. ClusterFiles.Read(name).Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(line => line[0] != '#')];
}
