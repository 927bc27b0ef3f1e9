using CoScientist.Core.Storage;
using CoScientist.Training.Checkpoints;
using CoScientist.Training.Checkpoints.Adapters;

namespace CoScientist.Web.Runs;

/// <summary>A merge as it stands.</summary>
/// <param name="Name">Name of the model that it makes.</param>
/// <param name="Model">Name of the model that the adapter goes into.</param>
/// <param name="Done">Part done, 0 to 1.</param>
/// <param name="Finished">Whether it has ended.</param>
/// <param name="Fault">Why it failed; null unless it did.</param>
internal sealed record ModelMerge(string Name, string Model, double Done, bool Finished, string? Fault);

/// <summary>Folds adapters into models, one at a time, tensor by tensor; goes on when the page that asked for it is closed.</summary>
internal sealed class ModelMerges(ModelCatalog catalog, RunCheckpointStore checkpoints, ILogger<ModelMerges> logger) : IDisposable
{
    private readonly Lock gate = new();
    private readonly CancellationTokenSource stopping = new();

    /// <summary>The last one asked for; null before the first.</summary>
    public ModelMerge? Latest { get; private set; }

    /// <summary>Told when <see cref="Latest"/> has changed, on any thread.</summary>
    public event Action? Changed;

    /// <summary>Begins a merge.</summary>
    /// <param name="model">Name of the model that the adapter was trained on.</param>
    /// <param name="adapter">Folder of a PEFT adapter.</param>
    /// <param name="name">Name of the model to make.</param>
    /// <param name="cancellationToken">Cancels the checks, not the merge.</param>
    /// <returns>The work, for who wants to wait for it; it does not fail.</returns>
    /// <exception cref="InvalidDataException">It cannot be done, or another is under way; nothing has changed.</exception>
    public async Task<Task> StartAsync(string model, string adapter, string name, CancellationToken cancellationToken)
    {
        ModelCatalog.CheckName(name);
        var source = await catalog.ResolveAsync(model, cancellationToken);
        var target = catalog.OwnDirectory(name);
        if (await checkpoints.FindAsync(name, cancellationToken) is not null || Path.Exists(target))
        {
            throw new InvalidDataException($"There is a model \"{name}\" already: give this one another name.");
        }

        if (!AdapterFolder.IsAdapter(adapter))
        {
            throw new InvalidDataException($"{adapter} is no folder of a PEFT adapter: give the folder that holds {AdapterConfig.FileName} and {AdapterFolder.WeightsFile}.");
        }

        lock (gate)
        {
            if (Latest is { Finished: false } other)
            {
                throw new InvalidDataException($"{other.Name} is being made: wait until it is done.");
            }

            Latest = new ModelMerge(name, model, 0, Finished: false, null);
        }

        Changed?.Invoke();
        return Task.Run(() => WorkAsync(model, source, adapter, name, target), CancellationToken.None);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        stopping.Cancel();
        stopping.Dispose();
    }

    private async Task WorkAsync(string model, string source, string adapter, string name, string target)
    {
        string? fault = null;
        try
        {
            ModelConversion.Convert(source, target, TypeOf(source), adapter, new Percent(this), stopping.Token);
            var parent = await checkpoints.FindAsync(model, CancellationToken.None);
            await checkpoints.RegisterBaseAsync(name, target, parent?.IsSandbox == true, CancellationToken.None, parent?.Id);
        }
        catch (Exception expected) when (expected is InvalidDataException or IOException or UnauthorizedAccessException or OperationCanceledException)
        {
            fault = expected.Message;
        }
#pragma warning disable CA1031 // Nobody waits for this task: what it did not expect must still be shown.
        catch (Exception unexpected)
#pragma warning restore CA1031
        {
            logger.LogError(unexpected, "The merge into {Name} failed.", name);
            fault = "the server's log says more";
        }

        Latest = Latest! with { Done = fault is null ? 1 : Latest.Done, Finished = true, Fault = fault };
        Changed?.Invoke();
    }

    /// <summary>The element type of the model's own weights, where it can be written again.</summary>
    private static TensorType TypeOf(string folder)
    {
        using var weights = WeightFiles.Open(folder);
        return weights.Tensors.Select(tensor => tensor.Type).FirstOrDefault(type => type is TensorType.F32 or TensorType.F16 or TensorType.BF16) ?? TensorType.BF16;
    }

    /// <summary>Tells every whole percent.</summary>
    private sealed class Percent(ModelMerges merges) : IProgress<double>
    {
        private int last;

        public void Report(double value)
        {
            if ((int)(100 * value) is var percent && percent != last)
            {
                last = percent;
                merges.Latest = merges.Latest! with { Done = value };
                merges.Changed?.Invoke();
            }
        }
    }
}
