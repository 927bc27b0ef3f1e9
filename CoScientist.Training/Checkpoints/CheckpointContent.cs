using CoScientist.Training.Model;
using CoScientist.Training.Tensors;
using CoScientist.Training.Tokenization;

namespace CoScientist.Training.Checkpoints;

/// <summary>What goes into a checkpoint folder.</summary>
/// <param name="Config">The model's shape.</param>
/// <param name="Tensors">All tensors of the model, by name in any order.</param>
/// <param name="Tokenizer">Its tokenizer.</param>
/// <param name="Origin">Where it comes from; see <see cref="CheckpointManifest.Origin"/>.</param>
/// <param name="Companions">Files that say how it is used.</param>
internal sealed record CheckpointContent(ModelConfig Config, IReadOnlyList<TensorSource> Tensors, BpeTokenizer Tokenizer, IReadOnlyDictionary<string, string> Origin, Companions Companions)
{
    /// <summary>The tensors in file order.</summary>
    /// <exception cref="ArgumentException">They are not those of the configuration.</exception>
    public List<TensorSource> Ordered()
    {
        ArgumentNullException.ThrowIfNull(Config);
        ArgumentNullException.ThrowIfNull(Tokenizer);
        var byName = Tensors.ToDictionary(tensor => tensor.Spec.Name, StringComparer.Ordinal);
        var ordered = new List<TensorSource>(Tensors.Count);
        foreach (var spec in Config.Tensors())
        {
            ordered.Add(byName.TryGetValue(spec.Name, out var tensor) && tensor.Spec.Shape.AsSpan().SequenceEqual(spec.Shape)
                ? tensor
                : throw new ArgumentException($"The model needs tensor '{spec.Name}' of shape {spec.ShapeText}.", nameof(Tensors)));
        }

        return ordered.Count == Tensors.Count
            ? ordered
            : throw new ArgumentException($"{Tensors.Count} tensors were given for a model of {ordered.Count}.", nameof(Tensors));
    }
}

/// <summary>Small files that say how a model is used, not what it computes.</summary>
/// <param name="Config">A <c>config.json</c> whose other fields are carried over; null for none.</param>
/// <param name="Files">Content by name.</param>
internal sealed record Companions(string? Config, IReadOnlyDictionary<string, byte[]> Files)
{
    /// <summary>None.</summary>
    public static Companions None { get; } = new(null, new Dictionary<string, byte[]>(StringComparer.Ordinal));

    private static readonly string[] Names =
    [
        CheckpointFolder.TokenizerConfigFile, "chat_template.jinja", "generation_config.json", "special_tokens_map.json",
        "added_tokens.json", "vocab.json", "merges.txt",
    ];

    /// <summary>Those of a folder.</summary>
    public static Companions Of(string directory) => new(
        Path.Combine(directory, CheckpointFolder.ConfigFile),
        Names.Where(name => File.Exists(Path.Combine(directory, name))).ToDictionary(name => name, name => File.ReadAllBytes(Path.Combine(directory, name)), StringComparer.Ordinal));
}
