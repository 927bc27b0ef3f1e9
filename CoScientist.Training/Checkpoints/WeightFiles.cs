using System.Text.Json;
using CoScientist.Training.Tensors;

namespace CoScientist.Training.Checkpoints;

/// <summary>The weights of a folder: <c>model.safetensors</c>, or the shards that <c>model.safetensors.index.json</c> lists.</summary>
public sealed class WeightFiles : IDisposable
{
    /// <summary>Name of the only file, where there are no shards.</summary>
    public const string SingleFile = "model.safetensors";

    /// <summary>Name of the list of shards.</summary>
    public const string IndexFile = "model.safetensors.index.json";

    private readonly List<SafetensorsFile> files = [];
    private readonly Dictionary<string, SafetensorsFile> byTensor = new(StringComparer.Ordinal);
    private readonly string directory;

    private WeightFiles(string directory) => this.directory = directory;

    /// <summary>All tensors, file by file.</summary>
    public IEnumerable<SafetensorsEntry> Entries => files.SelectMany(file => file.Entries);

    /// <summary>Opens the files and checks their headers.</summary>
    /// <param name="directory">The checkpoint's folder.</param>
    /// <exception cref="InvalidDataException">A file is missing or unusable, or the index and the shards disagree.</exception>
    public static WeightFiles Open(string directory)
    {
        var weights = new WeightFiles(directory);
        try
        {
            var index = Path.Combine(directory, IndexFile);
            if (File.Exists(Path.Combine(directory, SingleFile)) || !File.Exists(index))
            {
                weights.Add(SingleFile);
            }
            else
            {
                weights.AddShards(index);
            }

            return weights;
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }

    /// <summary>Compares the tensors with those a model needs.</summary>
    /// <param name="specs">All tensors of the model.</param>
    /// <exception cref="InvalidDataException">A tensor is missing, has another shape, or is not of this model.</exception>
    public void Check(IReadOnlyList<TensorSpec> specs)
    {
        ArgumentNullException.ThrowIfNull(specs);
        var wanted = specs.Select(spec => spec.Name).ToHashSet(StringComparer.Ordinal);
        if (byTensor.Keys.FirstOrDefault(name => !wanted.Contains(name) && !IsDerived(name)) is { } surplus)
        {
            throw new InvalidDataException($"{byTensor[surplus].Path}: tensor '{surplus}' is not of the model that config.json describes; the two must come from the same checkpoint.");
        }

        foreach (var spec in specs)
        {
            Holder(spec.Name).Find(spec, out _);
        }
    }

    /// <summary>Fills all tensors of a model, or none.</summary>
    /// <param name="tensors">Names, shapes and the memory to fill.</param>
    /// <exception cref="InvalidDataException">A tensor is missing, has another shape, or is not of this model.</exception>
    public void Read(IReadOnlyList<NamedTensor> tensors)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        Check([.. tensors.Select(tensor => new TensorSpec(tensor.Name, tensor.Shape))]);
        foreach (var tensor in tensors)
        {
            Holder(tensor.Name).Read(tensor);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => files.ForEach(file => file.Dispose());

    // Some writers also store what follows from the rest: a tied head, the rotary frequencies.
    private static bool IsDerived(string name) =>
        name == "lm_head.weight" || name.EndsWith(".rotary_emb.inv_freq", StringComparison.Ordinal);

    // A missing tensor is reported by the file that would hold it.
    private SafetensorsFile Holder(string tensor) => byTensor.GetValueOrDefault(tensor, files[0]);

    private void Add(string name)
    {
        var path = Path.Combine(directory, name);
        if (!File.Exists(path))
        {
            throw new InvalidDataException($"{path} is missing; copy it into the folder, which needs all files of the checkpoint.");
        }

        var file = SafetensorsFile.Open(path);
        files.Add(file);
        foreach (var entry in file.Entries)
        {
            if (!byTensor.TryAdd(entry.Spec.Name, file))
            {
                throw new InvalidDataException($"{path}: tensor '{entry.Spec.Name}' is also in {byTensor[entry.Spec.Name].Path}; copy the folder again.");
            }
        }
    }

    private void AddShards(string index)
    {
        Dictionary<string, string> map;
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(index));
            map = document.RootElement.GetProperty("weight_map").EnumerateObject()
                .ToDictionary(entry => entry.Name, entry => entry.Value.GetString() ?? "", StringComparer.Ordinal);
        }
        catch (Exception exception) when (exception is JsonException or KeyNotFoundException or InvalidOperationException or ArgumentException)
        {
            throw new InvalidDataException($"{index} has no valid \"weight_map\" from tensors to files; copy it again.", exception);
        }

        foreach (var shard in map.Values.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal))
        {
            // A name with a path could point anywhere on this machine.
            if (shard.Length == 0 || shard.AsSpan().ContainsAny('/', '\\'))
            {
                throw new InvalidDataException($"{index} names the file '{shard}', which is not inside the folder; copy the checkpoint again.");
            }

            Add(shard);
        }

        if (map.Count == 0)
        {
            throw new InvalidDataException($"{index} lists no tensors; copy it again.");
        }

        foreach (var (tensor, shard) in map)
        {
            if (!byTensor.TryGetValue(tensor, out var file) || Path.GetFileName(file.Path) != shard)
            {
                throw new InvalidDataException($"{Path.Combine(directory, shard)} lacks tensor '{tensor}', which {IndexFile} puts there; copy both again.");
            }
        }
    }
}
