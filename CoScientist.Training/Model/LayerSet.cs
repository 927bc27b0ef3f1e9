namespace CoScientist.Training.Model;

/// <summary>Some layers of a model, by index from 0; two sets are equal when they hold the same layers.</summary>
public sealed class LayerSet : IEquatable<LayerSet>
{
    private readonly SortedSet<int> layers;

    /// <summary>The given layers.</summary>
    /// <exception cref="ArgumentException">An index is negative.</exception>
    public LayerSet(IEnumerable<int> layers)
    {
        this.layers = [.. layers];
        if (this.layers.Count > 0 && this.layers.Min < 0)
        {
            throw new ArgumentException($"Layer {this.layers.Min} does not exist: layers count from 0.", nameof(layers));
        }
    }

    /// <summary>No layer.</summary>
    public static LayerSet None { get; } = new([]);

    /// <summary>The layers in ascending order.</summary>
    public IReadOnlyCollection<int> Indices => layers;

    /// <summary>Whether the set holds a layer.</summary>
    public bool Contains(int layer) => layers.Contains(layer);

    /// <inheritdoc/>
    public bool Equals(LayerSet? other) => other is not null && layers.SetEquals(other.layers);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as LayerSet);

    /// <inheritdoc/>
    public override int GetHashCode() => layers.Aggregate(0, HashCode.Combine);

    /// <inheritdoc/>
    public override string ToString() => $"[{string.Join(", ", layers)}]";
}
