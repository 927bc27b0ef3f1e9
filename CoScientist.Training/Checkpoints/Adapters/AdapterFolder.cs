using System.Text;
using CoScientist.Core;
using CoScientist.Core.Storage;
using CoScientist.Training.Tensors;

namespace CoScientist.Training.Checkpoints.Adapters;

/// <summary>An adapter in PEFT's layout: <c>adapter_config.json</c> and <c>adapter_model.safetensors</c>, open for reading.</summary>
public sealed class AdapterFolder : IDisposable
{
    /// <summary>Name of the file with A and B of each layer.</summary>
    public const string WeightsFile = "adapter_model.safetensors";

    /// <summary>What stands before a layer's name in the file.</summary>
    public const string Prefix = "base_model.model.";

    private const string EndOfA = ".lora_A.weight";
    private const string EndOfB = ".lora_B.weight";

    private readonly SafetensorsFile file;

    private AdapterFolder(string directory)
    {
        Path = directory;
        Config = AdapterConfig.Read(Existing(directory, AdapterConfig.FileName));
        CheckpointManifest.Read(directory)?.Verify(directory);
        var weights = Existing(directory, WeightsFile);
        ShardIndex.CheckLink(weights);
        file = SafetensorsFile.Open(weights);
        try
        {
            Modules = Pairs();
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>The folder.</summary>
    public string Path { get; }

    /// <summary>Rank, strength and targets.</summary>
    public AdapterConfig Config { get; }

    /// <summary>A [r, in] and B [out, r] by the name of their layer ("model.layers.0.self_attn.q_proj"); valid until disposal.</summary>
    public IReadOnlyDictionary<string, (StoredTensor A, StoredTensor B)> Modules { get; }

    /// <summary>All tensors under their names in the file; valid until disposal.</summary>
    public IReadOnlyList<StoredTensor> Tensors => file.Tensors;

    /// <summary>Whether a folder holds an adapter.</summary>
    public static bool IsAdapter(string directory) => File.Exists(System.IO.Path.Combine(directory, AdapterConfig.FileName));

    /// <summary>Opens a folder and checks it; where there is a manifest, every file that it lists is verified.</summary>
    /// <param name="directory">The folder.</param>
    /// <exception cref="InvalidDataException">A file is missing, malformed or damaged, or asks for what is not supported.</exception>
    public static AdapterFolder Open(string directory) => new(directory);

    /// <summary>Writes a folder, whole or not at all.</summary>
    /// <param name="directory">The folder; must not exist.</param>
    /// <param name="config">Rank, strength and targets.</param>
    /// <param name="tensors">A and B of each layer, named as in the file: <c>base_model.model.LAYER.lora_A.weight</c> [r, in], <c>…lora_B.weight</c> [out, r].</param>
    /// <param name="origin">Where it comes from; see <see cref="CheckpointManifest.Origin"/>.</param>
    /// <param name="type">Element type of the weights. Default: F32, so that nothing is lost.</param>
    /// <exception cref="IOException">The folder exists already, or the disk refuses; nothing has changed.</exception>
    public static void Write(string directory, AdapterConfig config, IReadOnlyList<NamedTensor> tensors, IReadOnlyDictionary<string, string> origin, TensorType type = TensorType.F32)
    {
        ArgumentNullException.ThrowIfNull(config);
        AtomicFolder.Create(directory, temporary =>
        {
            var files = new Dictionary<string, FileFingerprint>(StringComparer.Ordinal);
            Add(AdapterConfig.FileName, stream => stream.Write(Encoding.UTF8.GetBytes(config.Write())));
            Add(WeightsFile, stream => SafetensorsWriter.Write(stream, [.. tensors.Select(TensorSource.From)], type, CancellationToken.None));
            var manifest = new CheckpointManifest { Origin = origin, Files = files }.Write();
            AtomicFile.WriteDurably(System.IO.Path.Combine(temporary, CheckpointManifest.FileName), stream => stream.Write(Encoding.UTF8.GetBytes(manifest)));

            void Add(string name, Action<Stream> write)
            {
                var path = System.IO.Path.Combine(temporary, name);
                AtomicFile.WriteDurably(path, write);
                files.Add(name, FileFingerprint.Of(path));
            }
        });
    }

    /// <summary>Fills an adapter in memory; nothing is filled when the two do not fit.</summary>
    /// <param name="tensors">All its tensors, named as in the file.</param>
    /// <exception cref="InvalidDataException">A tensor is missing, one too many, or of another shape.</exception>
    public void Read(IReadOnlyList<NamedTensor> tensors) => SafetensorsFile.Read(file.Path, tensors);

    /// <inheritdoc/>
    public void Dispose() => file.Dispose();

    private Dictionary<string, (StoredTensor A, StoredTensor B)> Pairs()
    {
        var byName = file.Tensors.ToDictionary(tensor => tensor.Spec.Name, StringComparer.Ordinal);
        var pairs = new Dictionary<string, (StoredTensor, StoredTensor)>(StringComparer.Ordinal);
        foreach (var (name, a) in byName)
        {
            var isA = name.EndsWith(EndOfA, StringComparison.Ordinal);
            if (!name.StartsWith(Prefix, StringComparison.Ordinal) || !(isA || name.EndsWith(EndOfB, StringComparison.Ordinal)))
            {
                throw Fault($"tensor '{FileText.Shown(name)}' is {What(name)}; A and B of linear layers are expected");
            }

            var module = name[Prefix.Length..^EndOfA.Length];
            var other = Prefix + module + (isA ? EndOfB : EndOfA);
            if (!byName.TryGetValue(other, out var b))
            {
                throw Fault($"tensor '{FileText.Shown(other)}' is missing; copy the adapter again");
            }

            if (isA)
            {
                var rank = Config.RankOf(module);
                if (a.Spec.Shape is not [var rows, _] || b.Spec.Shape is not [_, var columns] || rows != rank || columns != rank || a.Type is null || b.Type is null)
                {
                    throw Fault($"tensors of '{FileText.Shown(module)}' have shapes {a.Spec.ShapeText} and {b.Spec.ShapeText}, types {a.TypeName} and {b.TypeName}; floats of [{rank}, in] and [out, {rank}] are expected");
                }

                pairs.Add(module, (a, b));
            }
        }

        return pairs.Count > 0 ? pairs : throw Fault("it holds no tensors; copy the adapter again");
    }

    private static string What(string name) =>
        name.Contains(".lora_embedding_", StringComparison.Ordinal) ? "an adapter of the embedding, which is not supported"
        : name.StartsWith(Prefix, StringComparison.Ordinal) && !name.Contains(".lora_", StringComparison.Ordinal) ? "a whole weight (modules_to_save, or an embedding that was resized), which an adapter cannot bring along: merge it with PEFT first"
        : "no part of a LoRA adapter";

    private InvalidDataException Fault(string what) => new($"{file.Path}: {what}.");

    private static string Existing(string directory, string name)
    {
        var path = System.IO.Path.Combine(directory, name);
        return File.Exists(path) ? path : throw new InvalidDataException($"{path} is missing; give the folder of a PEFT adapter, with {AdapterConfig.FileName} and {WeightsFile}.");
    }
}
