using System.Globalization;
using CoScientist.Core.Runs;
using CoScientist.Training.Checkpoints;
using CoScientist.Training.Checkpoints.Adapters;
using CoScientist.Training.Tensors;

namespace CoScientist.Training.Clusters;

/// <summary>Takes over what verl saved: whole models as they are, adapters as adapters, which this program folds into their base itself because verl's merge leaves them apart.</summary>
internal static class ClusterCheckpoints
{
    private const string StepPrefix = "global_step_";

    /// <summary>The last step that verl has saved whole; null before the first.</summary>
    /// <param name="folder">verl's folder of checkpoints.</param>
    public static int? LastSaved(string folder)
    {
        var file = Path.Combine(folder, "latest_checkpointed_iteration.txt");
        return File.Exists(file) && int.TryParse(File.ReadAllText(file).Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var step) ? step : null;
    }

    /// <summary>Steps that can be taken over, ascending.</summary>
    /// <param name="folder">verl's folder of checkpoints.</param>
    /// <param name="adapter">Whether the run trains an adapter.</param>
    public static IReadOnlyList<int> Ready(string folder, bool adapter)
    {
        if (LastSaved(folder) is not { } last)
        {
            return [];
        }

        var steps = Directory.EnumerateDirectories(folder, StepPrefix + "*")
            .Select(path => int.TryParse(Path.GetFileName(path)[StepPrefix.Length..], NumberStyles.None, CultureInfo.InvariantCulture, out var step) ? step : -1);
        return [.. steps.Where(step => step > 0 && step <= last && Directory.Exists(Source(folder, step, adapter))).Order()];
    }

    /// <summary>Writes a step into the run's folder, whole or not at all.</summary>
    /// <param name="folder">verl's folder of checkpoints.</param>
    /// <param name="step">The step.</param>
    /// <param name="spec">The run.</param>
    /// <param name="target">The run's folder.</param>
    /// <param name="baseModel">Folder of the model that it began with.</param>
    /// <param name="origin">Where it comes from.</param>
    /// <param name="cancellationToken">Stops and leaves nothing.</param>
    /// <exception cref="InvalidDataException">What verl wrote is not what the run asked for.</exception>
    public static void Adopt(string folder, int step, RunSpec spec, RunFolder target, string baseModel, IReadOnlyDictionary<string, string> origin, CancellationToken cancellationToken)
    {
        if (spec.Lora.Rank > 0)
        {
            AdoptAdapter(Source(folder, step, adapter: true), spec, target.File(RunFolder.AdapterDirectory(step)), baseModel, origin);
        }
        else
        {
            AdoptModel(Source(folder, step, adapter: false), target.File(RunFolder.CheckpointDirectory(step)), baseModel, origin, cancellationToken);
        }
    }

    /// <summary>Where verl, or the end of the job, puts what is taken over of a step.</summary>
    public static string Source(string folder, int step, bool adapter) => adapter
        ? Path.Combine(folder, FormattableString.Invariant($"{StepPrefix}{step}"), "merged", "lora_adapter")
        : Path.Combine(folder, FormattableString.Invariant($"{StepPrefix}{step}"), "actor", "huggingface");

    private static void AdoptModel(string source, string target, string baseModel, IReadOnlyDictionary<string, string> origin, CancellationToken cancellationToken)
    {
        // Tokenizer, chat template and shape are the base's, which the training does not change; weights of another shape are refused.
        var (config, tokenizer) = CheckpointFolder.Open(baseModel);
        using var weights = WeightFiles.Open(source);
        weights.Check([.. config.Tensors()]);
        var type = weights.Tensors.All(tensor => tensor.Type == TensorType.BF16) ? TensorType.BF16 : TensorType.F32;
        var content = new CheckpointContent(config, [.. config.Tensors().Select(spec => TensorSource.From(weights.Find(spec)))], tokenizer, origin, Companions.Of(baseModel));
        CheckpointFolder.Write(target, content, type, SafetensorsWriter.DefaultShardBytes, cancellationToken);
    }

    private static void AdoptAdapter(string source, RunSpec spec, string target, string baseModel, IReadOnlyDictionary<string, string> origin)
    {
        using var adapter = AdapterFolder.Open(source);
        if (adapter.Config.Rank != spec.Lora.Rank)
        {
            throw new InvalidDataException($"The adapter in {source} has rank {adapter.Config.Rank}, and the run asked for {spec.Lora.Rank}: it is not this run's. Remove the folder and resume.");
        }

        // Where verl lost the strength it writes 0, which would make the adapter do nothing.
        var config = adapter.Config with { Alpha = spec.Lora.Alpha, BaseModel = baseModel };
        NamedTensor[] tensors = [.. adapter.Tensors.Select(tensor => new NamedTensor(tensor.Spec.Name, tensor.Spec.Shape, new float[tensor.Spec.Count]))];
        adapter.Read(tensors);
        var whole = new Dictionary<string, string>(origin, StringComparer.Ordinal)
        {
            [AdapterCheckpoint.BaseKey] = baseModel,
            [AdapterCheckpoint.BaseHashKey] = AdapterCheckpoint.Fingerprint(baseModel),
        };
        AdapterFolder.Write(target, config, tensors, whole);
    }
}
