namespace CoScientist.Training.Clusters;

/// <summary>The machines that train what one machine cannot, section <c>CoScientist:Cluster</c> of the configuration.</summary>
public sealed record ClusterOptions
{
    /// <summary>Address of Ray's dashboard, which serves its Jobs API ("http://head:8265"). Empty: no cluster.</summary>
    public string Address { get; init; } = "";

    /// <summary>Environment variable with the token of a Ray cluster that asks for one; empty for none. The token itself is never written into a file.</summary>
    public string TokenVariable { get; init; } = "";

    /// <summary>Folder that this machine and every node of the cluster see: data, metrics and checkpoints of runs go through it. Empty: no cluster.</summary>
    public string Folder { get; init; } = "";

    /// <summary>The same folder as the nodes name it. Default: as here.</summary>
    public string RemoteFolder { get; init; } = "";

    /// <summary>Nodes that train. Default 1.</summary>
    public int Nodes { get; init; } = 1;

    /// <summary>GPUs of each. Default 8.</summary>
    public int GpusPerNode { get; init; } = 8;

    /// <summary>GPUs that share one copy of the model while it writes plans. Default 1.</summary>
    public int TensorParallel { get; init; } = 1;

    /// <summary>GPUs besides, on a node of their own, for a grader that is a checkpoint: the frozen initial policy, say. Default 1.</summary>
    public int GraderGpus { get; init; } = 1;

    /// <summary>Longest prompt in tokens, 0 and less refused. Default 2,048.</summary>
    public int MaxPromptTokens { get; init; } = 2048;

    /// <summary>Share of a GPU's memory for writing plans, 0–1. Default 0.6.</summary>
    public double MemoryShare { get; init; } = 0.6;

    /// <summary>Gradings under way at once in each of verl's eight reward workers. Default 8.</summary>
    public int ParallelGradings { get; init; } = 8;

    /// <summary>How Python is called on the cluster. Default "python3".</summary>
    public string Python { get; init; } = "python3";

    /// <summary>Seconds between two looks at a job. Default 10.</summary>
    public double PollSeconds { get; init; } = 10;

    /// <summary>Whether runs can be sent to it.</summary>
    public bool IsSetUp => Address.Length > 0 && Folder.Length > 0;

    /// <summary>A path under <see cref="Folder"/> as the nodes name it; null for any other.</summary>
    /// <param name="path">Full path here.</param>
    public string? Remote(string path)
    {
        var relative = Path.GetRelativePath(Path.GetFullPath(Folder), path);
        return relative == ".." || relative.StartsWith("../", StringComparison.Ordinal) || Path.IsPathRooted(relative)
            ? null
            : (RemoteFolder.Length > 0 ? RemoteFolder : Path.GetFullPath(Folder)).TrimEnd('/') + (relative == "." ? "" : "/" + relative.Replace('\\', '/'));
    }
}
