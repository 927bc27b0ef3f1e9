using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Training.Clusters;
using CoScientist.Web.Configuration;

namespace CoScientist.Web.Runs;

/// <summary>Makes runs ready for trainers elsewhere: who grades them under which address, and where their model lies for the machines there.</summary>
internal sealed class ClusterRuns(ClusterOptions cluster, TextModels servers, ModelCatalog models)
{
    /// <summary>The machines.</summary>
    public ClusterOptions Cluster => cluster;

    /// <summary>What of a specification the cluster cannot do; empty for runs of this machine.</summary>
    public IEnumerable<RunSpecFault> Faults(RunSpec spec)
    {
        if (spec.Engine.Kind != RunEngine.Verl)
        {
            return [];
        }

        var faults = VerlSettings.Faults(spec);
        return cluster.IsSetUp ? faults : [.. faults, new RunSpecFault("engine.kind", "is \"verl\", and no cluster is set up: name it in CoScientist:Cluster (Address of Ray's dashboard, and a Folder that its nodes share), or take the folder yourself with 'train --engine verl --export'")];
    }

    /// <summary>A run as it is handed over.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="spec">Its specification.</param>
    /// <param name="data">Its goals and items.</param>
    /// <param name="folder">Folder of the export as the machines there name it.</param>
    /// <param name="place">Tells, for a checkpoint's name and folder here, its folder there.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="InvalidDataException">A checkpoint is gone.</exception>
    /// <exception cref="ArgumentException">A model server is gone or incomplete.</exception>
    public async Task<ClusterJob> JobAsync(string name, RunSpec spec, RunData data, string folder, Func<string, string, string> place, CancellationToken cancellationToken)
    {
        var model = place(spec.Model, await models.ResolveAsync(spec.Model, cancellationToken));
        return new ClusterJob(name, spec, data, folder, model, await GraderAsync(spec.Grader), await GraderAsync(spec.Judge));

        async Task<ClusterGrader> GraderAsync(string grader)
        {
            if (grader is RunSpec.InitialGrader or RunSpec.Oracle)
            {
                return new ClusterGrader(model, Endpoint: null);
            }

            if (RunSpec.ServerOf(grader) is not { } server)
            {
                return new ClusterGrader(place(grader, await models.ResolveAsync(grader, cancellationToken)), Endpoint: null);
            }

            var (known, served) = servers.Named(server);
            return new ClusterGrader(served, known.Settings.Endpoint, KeyVariable(known), known.Settings.TimeoutSeconds);
        }
    }

    /// <summary>Folder of a checkpoint as the cluster's nodes name it; copied into the shared folder when it lies elsewhere.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="folder">Its folder here.</param>
    /// <exception cref="IOException">The shared folder cannot be written.</exception>
    public string Share(string name, string folder)
    {
        if (cluster.Remote(folder) is { } there)
        {
            return there;
        }

        var copy = Path.Combine(Path.GetFullPath(cluster.Folder), "models", name);
        if (!Directory.Exists(copy))
        {
            AtomicFolder.Create(copy, temporary =>
            {
                foreach (var file in Directory.EnumerateFiles(folder))
                {
                    File.Copy(file, Path.Combine(temporary, Path.GetFileName(file)));
                }
            });
        }

        return cluster.Remote(copy)!;
    }

    /// <summary>A key never leaves this machine by itself: the nodes have it in a variable of their own.</summary>
    private static string KeyVariable(KnownServer server) =>
        !server.HasKey ? ""
        : server.Configured is { KeyVariable: { Length: > 0 } variable } ? variable
        : "COSCIENTIST_KEY_" + string.Concat(server.Name.ToUpperInvariant().Select(letter => char.IsAsciiLetterOrDigit(letter) ? letter : '_'));
}
