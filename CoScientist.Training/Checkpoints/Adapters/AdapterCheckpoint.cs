using System.Security.Cryptography;
using System.Text;

namespace CoScientist.Training.Checkpoints.Adapters;

/// <summary>
/// A checkpoint that is kept as the adapter alone: its manifest names the base by path and hash, and the whole model is made of
/// both when somebody needs it.
/// </summary>
public static class AdapterCheckpoint
{
    /// <summary>Entry of the adapter's manifest: folder of the model that it was trained on, as it lay then.</summary>
    public const string BaseKey = "base";

    /// <summary>Entry of the adapter's manifest: <see cref="Fingerprint"/> of that model.</summary>
    public const string BaseHashKey = "base/sha256";

    private static readonly Lock Merging = new();

    /// <summary>SHA-256, lower-case hexadecimal, over the hashes of a model's configuration and weights. Hashes that a manifest lists are taken from there.</summary>
    /// <param name="directory">The model's folder.</param>
    public static string Fingerprint(string directory)
    {
        var listed = CheckpointManifest.Read(directory)?.Files;
        var names = Directory.EnumerateFiles(directory, "*.safetensors").Append(Path.Combine(directory, CheckpointFolder.ConfigFile)).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal);
        var hashes = names.Select(name => $"{name} {(listed?.GetValueOrDefault(name) ?? FileFingerprint.Of(Path.Combine(directory, name))).Sha256}\n");
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Concat(hashes))));
    }

    /// <summary>Checks that a model is the one that an adapter was trained on; adapters from elsewhere say nothing about it and pass.</summary>
    /// <param name="adapter">The adapter's folder.</param>
    /// <param name="baseModel">The model's folder.</param>
    /// <exception cref="InvalidDataException">It is another model.</exception>
    public static void RequireBase(string adapter, string baseModel)
    {
        if (CheckpointManifest.Read(adapter)?.Origin.TryGetValue(BaseHashKey, out var expected) == true && Fingerprint(baseModel) != expected)
        {
            throw new InvalidDataException($"{baseModel} is not the model that the adapter in {adapter} was trained on (its weights have another SHA-256): put the original files back.");
        }
    }

    /// <summary>Writes the whole model in single precision, the adapter folded into its base; does nothing where it lies already.</summary>
    /// <param name="adapter">The adapter's folder.</param>
    /// <param name="baseModel">Folder of the model that it was trained on.</param>
    /// <param name="target">The folder to make.</param>
    /// <param name="cancellationToken">Stops and leaves nothing.</param>
    /// <exception cref="InvalidDataException">Something is missing or damaged, or the base is another model.</exception>
    /// <exception cref="IOException">The disk refuses; nothing has changed.</exception>
    public static void Merge(string adapter, string baseModel, string target, CancellationToken cancellationToken)
    {
        lock (Merging)
        {
            if (Directory.Exists(target))
            {
                return;
            }

            RequireBase(adapter, baseModel);
            var (config, tokenizer) = CheckpointFolder.Open(baseModel);
            using var weights = WeightFiles.Open(baseModel);
            weights.Check([.. config.Tensors()]);
            using var change = AdapterFolder.Open(adapter);
            var origin = CheckpointManifest.Read(adapter)?.Origin ?? new Dictionary<string, string>(StringComparer.Ordinal);
            var content = new CheckpointContent(config, AdapterMerge.Fold([.. config.Tensors().Select(spec => TensorSource.From(weights.Find(spec)))], change), tokenizer, origin, Companions.Of(baseModel));
            CheckpointFolder.Write(target, content, TensorType.F32, SafetensorsWriter.DefaultShardBytes, cancellationToken);
        }
    }
}
