using CoScientist.Core;
using CoScientist.Training.Checkpoints.Gguf;
using CoScientist.Training.Tensors;

namespace CoScientist.Training.Checkpoints;

/// <summary>The weights of a checkpoint: <c>model.safetensors</c>, the shards that <c>model.safetensors.index.json</c> lists, or a GGUF file.</summary>
public sealed class WeightFiles : IDisposable
{
    /// <summary>Name of the only file, where there are no shards.</summary>
    public const string SingleFile = "model.safetensors";

    /// <summary>Name of the list of shards.</summary>
    public const string IndexFile = "model.safetensors.index.json";

    private readonly List<IDisposable> files = [];
    private readonly List<StoredTensor> tensors = [];
    private readonly Dictionary<string, StoredTensor> byName = new(StringComparer.Ordinal);
    private readonly string source;

    private WeightFiles(string source) => this.source = source;

    /// <summary>All tensors, file by file; valid until disposal.</summary>
    public IReadOnlyList<StoredTensor> Tensors => tensors;

    /// <summary>Whether a path names a GGUF file rather than a folder.</summary>
    public static bool IsGguf(string path) => path.EndsWith(GgufFile.Extension, StringComparison.OrdinalIgnoreCase) && File.Exists(path);

    /// <summary>Opens the files and checks their headers.</summary>
    /// <param name="directory">The checkpoint's folder, or a GGUF file, whose tensors get Hugging Face's names.</param>
    /// <exception cref="InvalidDataException">A file is missing or unusable, or the index and the shards disagree.</exception>
    public static WeightFiles Open(string directory)
    {
        var single = Path.Combine(directory, SingleFile);
        var index = Path.Combine(directory, IndexFile);
        var sharded = File.Exists(index) && !File.Exists(single);
        var weights = new WeightFiles(IsGguf(directory) ? directory : sharded ? index : single);
        try
        {
            if (IsGguf(directory))
            {
                weights.AddGguf(directory);
            }
            else if (sharded)
            {
                weights.AddShards(directory, index);
            }
            else
            {
                weights.Add(single);
            }

            return weights;
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }

    /// <summary>A tensor by name: its rows as floats, or their bytes in the file's element type.</summary>
    /// <param name="spec">Name and shape.</param>
    /// <exception cref="InvalidDataException">It is missing, or has another shape or an element type that is no float.</exception>
    public StoredTensor Find(TensorSpec spec)
    {
        ArgumentNullException.ThrowIfNull(spec);
        var tensor = byName.GetValueOrDefault(spec.Name)
            ?? throw new InvalidDataException($"{source}: tensor '{spec.Name}' is missing; use the file that belongs to this model.");
        tensor.Check(spec.Shape);
        return tensor;
    }

    /// <summary>Compares the tensors with those a model needs.</summary>
    /// <param name="specs">All tensors of the model.</param>
    /// <exception cref="InvalidDataException">A tensor is missing, has another shape, or is not of this model.</exception>
    public void Check(IReadOnlyList<TensorSpec> specs)
    {
        ArgumentNullException.ThrowIfNull(specs);
        var wanted = specs.Select(spec => spec.Name).ToHashSet(StringComparer.Ordinal);
        if (tensors.Find(tensor => !wanted.Contains(tensor.Spec.Name) && !IsDerived(tensor)) is { } surplus)
        {
            throw new InvalidDataException($"{surplus.Path}: tensor '{FileText.Shown(surplus.Spec.Name)}' is not of the model that config.json describes; the two must come from the same checkpoint.");
        }

        foreach (var spec in specs)
        {
            Find(spec);
        }
    }

    /// <summary>Fills all tensors of a model, on all processors; nothing is filled when one of them does not fit.</summary>
    /// <param name="targets">Names, shapes and the memory to fill.</param>
    /// <param name="cancellationToken">Stops between parts of the work.</param>
    /// <exception cref="InvalidDataException">A tensor is missing, has another shape, or is not of this model.</exception>
    public void Read(IReadOnlyList<NamedTensor> targets, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(targets);
        TensorSpec[] specs = [.. targets.Select(tensor => new TensorSpec(tensor.Name, tensor.Shape))];
        Check(specs);
        TensorReading.Fill([.. targets.Select((tensor, i) => (Find(specs[i]), tensor.Values))], cancellationToken);
    }

    /// <inheritdoc/>
    public void Dispose() => files.ForEach(file => file.Dispose());

    // Some writers also store what follows from the rest: a tied head, the rotary frequencies, masks and positions (whole numbers).
    private static bool IsDerived(StoredTensor tensor) =>
        tensor.Type is null || tensor.Spec.Name == "lm_head.weight" || tensor.Spec.Name.EndsWith(".rotary_emb.inv_freq", StringComparison.Ordinal);

    private void Add(string path)
    {
        if (!File.Exists(path))
        {
            throw new InvalidDataException($"{path} is missing; copy it into the folder, which needs all files of the checkpoint.");
        }

        ShardIndex.CheckLink(path);
        var file = SafetensorsFile.Open(path);
        files.Add(file);
        foreach (var tensor in file.Tensors)
        {
            if (!byName.TryAdd(tensor.Spec.Name, tensor))
            {
                throw new InvalidDataException($"{path}: tensor '{FileText.Shown(tensor.Spec.Name)}' is also in {byName[tensor.Spec.Name].Path}; copy the folder again.");
            }

            tensors.Add(tensor);
        }
    }

    private void AddGguf(string path)
    {
        var file = GgufFile.Open(path);
        files.Add(file);
        foreach (var tensor in GgufModel.Weights(file, GgufModel.Config(file)))
        {
            byName.Add(tensor.Spec.Name, tensor);
            tensors.Add(tensor);
        }
    }

    private void AddShards(string directory, string index)
    {
        var map = ShardIndex.Read(index);
        foreach (var shard in map.Values.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal))
        {
            Add(Path.Combine(directory, shard));
        }

        if (tensors.Find(tensor => map.GetValueOrDefault(tensor.Spec.Name) != Path.GetFileName(tensor.Path)) is { } stray)
        {
            throw new InvalidDataException($"{stray.Path} holds tensor '{FileText.Shown(stray.Spec.Name)}', which {IndexFile} does not put there; copy both again.");
        }

        if (map.FirstOrDefault(entry => !byName.ContainsKey(entry.Key)) is { Key: not null } missing)
        {
            throw new InvalidDataException($"{Path.Combine(directory, missing.Value)} lacks tensor '{FileText.Shown(missing.Key)}', which {IndexFile} puts there; copy both again.");
        }
    }
}
