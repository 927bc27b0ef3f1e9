using CoScientist.Core.Grading;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Core.TextModels;
using CoScientist.Training.Engines;
using CoScientist.Training.Kernels.Mixed;
using CoScientist.Training.Sandbox;
using CoScientist.Web.Commands;
using CoScientist.Web.Configuration;
using CoScientist.Web.Runs;

namespace CoScientist.Web.Jobs;

/// <summary>Puts a model, called by its name, into a role. Checkpoints are looked for first, then model servers.</summary>
internal sealed class ModelRoles(ModelCatalog catalog, RunCheckpointStore checkpoints, TextModels servers)
{
    /// <summary>Name that stands for the sandbox's oracle.</summary>
    public const string Oracle = "oracle";

    /// <summary>A writer of plans; a checkpoint is read in fp32.</summary>
    /// <exception cref="InvalidDataException">There is no such model, or it cannot do this; the message says what to do.</exception>
    public Task<PlanWriter> WriterAsync(string name, CancellationToken cancellationToken) => WriterAsync(name, Precision.Single, cancellationToken);

    /// <summary>A grader of plans; a checkpoint is read in fp32.</summary>
    /// <exception cref="InvalidDataException">There is no such model, or it cannot do this; the message says what to do.</exception>
    public Task<PlanGrader> GraderAsync(string name, GraderRole role, CancellationToken cancellationToken) => GraderAsync(name, role, Precision.Single, cancellationToken);

    /// <summary>A writer of plans.</summary>
    /// <param name="name">The model's name.</param>
    /// <param name="precision">Numbers in which a checkpoint is read.</param>
    /// <param name="cancellationToken">Cancels the look-up.</param>
    /// <exception cref="InvalidDataException">There is no such model, or it cannot do this; the message says what to do.</exception>
    public async Task<PlanWriter> WriterAsync(string name, Precision precision, CancellationToken cancellationToken) =>
        await FindAsync(name, cancellationToken) is { } checkpoint
            ? new SandboxPlanWriter(Dtype.Name(checkpoint.Name, precision), checkpoint.Id, CpuEngine.LoadReadOnly(await catalog.ResolveAsync(name, cancellationToken), precision))
            : new ServerPlanWriter(Server(name));

    /// <summary>A grader of plans.</summary>
    /// <param name="name">The model's name, or <see cref="Oracle"/>.</param>
    /// <param name="role">In what capacity it grades.</param>
    /// <param name="precision">Numbers in which a checkpoint is read.</param>
    /// <param name="cancellationToken">Cancels the look-up.</param>
    /// <exception cref="InvalidDataException">There is no such model, or it cannot do this; the message says what to do.</exception>
    public async Task<PlanGrader> GraderAsync(string name, GraderRole role, Precision precision, CancellationToken cancellationToken)
    {
        if (name == Oracle)
        {
            return new OraclePlanGrader();
        }

        if (await FindAsync(name, cancellationToken) is not { } checkpoint)
        {
            return new ServerPlanGrader(Server(name), role);
        }

        var folder = await catalog.ResolveAsync(name, cancellationToken);
        return new SandboxPlanGrader(Dtype.Name(checkpoint.Name, precision), role, CpuEngine.LoadReadOnly(folder, precision), SandboxBaseModel.GraderThreshold(folder));
    }

    private ITextModel Server(string name)
    {
        try
        {
            return servers.Get(name);
        }
        catch (ArgumentException fault)
        {
            // Without the parameter's name, which means nothing to people.
            throw new InvalidDataException(fault.Message.Split(" (Parameter", 2)[0], fault);
        }
    }

    /// <summary>The checkpoint of that name; null when it is a model server's.</summary>
    private async Task<Checkpoint?> FindAsync(string name, CancellationToken cancellationToken)
    {
        await catalog.RegisterBuiltInsAsync(cancellationToken);
        if (await checkpoints.FindAsync(name, cancellationToken) is { } checkpoint)
        {
            return checkpoint.IsSandbox
                ? checkpoint
                : throw new InvalidDataException($"Checkpoint {name} is not one of the sandbox's, and only those are run here: put it behind a model server (llama.cpp, vLLM, Ollama) and add that to CoScientist:ModelServers.");
        }

        if (servers.Names.Contains(name, StringComparer.OrdinalIgnoreCase))
        {
            return null;
        }

        // The catalog knows best what to say about its own model.
        if (name == ModelCatalog.SandboxBase)
        {
            await catalog.ResolveAsync(name, cancellationToken);
        }

        var names = (await checkpoints.ListAsync(cancellationToken)).Select(known => known.Name).Concat(servers.Names).ToList();
        throw new InvalidDataException($"There is no checkpoint or model server \"{name}\"{(names.Count == 0 ? "" : $" (there are: {string.Join(", ", names)})")}: choose one from the Models page, or add a server to CoScientist:ModelServers.");
    }
}
