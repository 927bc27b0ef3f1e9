using System.Text.Json;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;

namespace CoScientist.Training.Clusters;

/// <summary>Where a run elsewhere stands, kept beside its metrics so that a program that starts anew finds its job again.</summary>
internal sealed record ClusterState
{
    /// <summary>Name of the file in the run's folder.</summary>
    public const string FileName = "cluster.json";

    /// <summary>Number of the job of this run; 0 before the first.</summary>
    public int Attempt { get; init; }

    /// <summary>Id of that job at Ray; null before the first.</summary>
    public string? Job { get; init; }

    /// <summary>Whether Ray has taken it.</summary>
    public bool Sent { get; init; }

    /// <summary>Whether that job is over and has been read to its end: what goes on is another.</summary>
    public bool Over { get; init; }

    /// <summary>How far the reward function's notes have been read.</summary>
    public Dictionary<string, long> Notes { get; init; } = new(StringComparer.Ordinal);

    /// <summary>Reads it; a new one when there is none.</summary>
    public static ClusterState Read(RunFolder folder)
    {
        var file = folder.File(FileName);
        return File.Exists(file) ? JsonSerializer.Deserialize<ClusterState>(File.ReadAllText(file), RunFolder.LineOptions) ?? new ClusterState() : new ClusterState();
    }

    /// <summary>Writes it, whole or not at all.</summary>
    public void Write(RunFolder folder) => AtomicFile.WriteAllText(folder.File(FileName), JsonSerializer.Serialize(this, RunFolder.LineOptions));
}
