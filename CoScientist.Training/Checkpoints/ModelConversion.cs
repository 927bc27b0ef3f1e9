using System.Text.Json;
using CoScientist.Training.Checkpoints.Adapters;
using CoScientist.Training.Checkpoints.Gguf;

namespace CoScientist.Training.Checkpoints;

/// <summary>Writes a checkpoint again: with another element type, in the other layout, with an adapter folded in. Tensor by tensor, so that it need not fit into memory.</summary>
public static class ModelConversion
{
    /// <summary>Converts, whole or not at all.</summary>
    /// <param name="source">A folder of Hugging Face layout, or a GGUF file.</param>
    /// <param name="target">The folder to make, or a file that ends in ".gguf"; must not exist.</param>
    /// <param name="type">Element type: F32, BF16 or F16, and Q8_0 for a GGUF file.</param>
    /// <param name="adapter">Folder of a PEFT adapter to fold in; null for none.</param>
    /// <param name="progress">Told the part done, 0 to 1; null for nobody.</param>
    /// <param name="cancellationToken">Stops and leaves nothing.</param>
    /// <returns>Number of weights written.</returns>
    /// <exception cref="InvalidDataException">Something is missing, malformed, or has no place in the target's format.</exception>
    /// <exception cref="IOException">The target exists already, or the disk refuses.</exception>
    public static long Convert(string source, string target, TensorType type, string? adapter, IProgress<double>? progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(target);
        var (config, tokenizer) = CheckpointFolder.Open(source);
        using var weights = WeightFiles.Open(source);
        weights.Check([.. config.Tensors()]);
        using var change = adapter is null ? null : AdapterFolder.Open(adapter);
        IReadOnlyList<TensorSource> tensors = [.. config.Tensors().Select(spec => TensorSource.From(weights.Find(spec)))];
        if (change is not null)
        {
            tensors = AdapterMerge.Fold(tensors, change);
        }

        var content = new CheckpointContent(config, Counted(tensors, config.ParameterCount, progress), tokenizer, Origin(source, change), CompanionsOf(source));
        if (target.EndsWith(GgufFile.Extension, StringComparison.OrdinalIgnoreCase))
        {
            GgufExport.Write(target, content, type, cancellationToken);
        }
        else
        {
            CheckpointFolder.Write(target, content, type, SafetensorsWriter.DefaultShardBytes, cancellationToken);
        }

        return config.ParameterCount;
    }

    private static IReadOnlyList<TensorSource> Counted(IReadOnlyList<TensorSource> tensors, long total, IProgress<double>? progress)
    {
        if (progress is null)
        {
            return tensors;
        }

        var done = 0L;
        return
        [
            .. tensors.Select(tensor => tensor with
            {
                Read = (row, values) =>
                {
                    tensor.Read(row, values);
                    progress.Report((double)(done += values.Length) / total);
                },
            }),
        ];
    }

    private static Companions CompanionsOf(string source)
    {
        if (!WeightFiles.IsGguf(source))
        {
            return Companions.Of(source);
        }

        using var file = GgufFile.Open(source);
        return GgufCompanions.Of(file);
    }

    // A conversion keeps the history of what it converts; a merge begins one with two parents.
    private static Dictionary<string, string> Origin(string source, AdapterFolder? adapter)
    {
        var own = OriginOf(source);
        if (adapter is null)
        {
            return own ?? new(StringComparer.Ordinal) { ["parent"] = Name(source) };
        }

        var origin = new Dictionary<string, string>(StringComparer.Ordinal) { ["parent"] = Name(source), ["adapter"] = Name(adapter.Path) };
        Add("parent", own);
        Add("adapter", OriginOf(adapter.Path));
        return origin;

        void Add(string parent, Dictionary<string, string>? facts)
        {
            foreach (var (key, value) in facts ?? [])
            {
                origin[$"{parent}/{key}"] = value;
            }
        }
    }

    private static Dictionary<string, string>? OriginOf(string source)
    {
        if (!WeightFiles.IsGguf(source))
        {
            return CheckpointManifest.Read(source) is { } manifest ? new(manifest.Origin, StringComparer.Ordinal) : null;
        }

        using var file = GgufFile.Open(source);
        try
        {
            return file.Find<string>(GgufExport.OriginKey) is { } json ? JsonSerializer.Deserialize<Dictionary<string, string>>(json) : null;
        }
        catch (JsonException)
        {
            throw file.Fault($"{GgufExport.OriginKey} is not a map of texts; get the file again");
        }
    }

    private static string Name(string path) => Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)));
}
