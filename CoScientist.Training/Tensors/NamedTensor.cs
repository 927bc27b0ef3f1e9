namespace CoScientist.Training.Tensors;

/// <summary>Name and shape of a tensor, without its values.</summary>
/// <param name="Name">Name, in Hugging Face's scheme for model weights ("model.layers.0.mlp.up_proj.weight").</param>
/// <param name="Shape">Extent of each dimension, outermost first; empty for a scalar.</param>
public sealed record TensorSpec(string Name, int[] Shape)
{
    /// <summary>Number of elements.</summary>
    /// <exception cref="OverflowException">The product of the extents exceeds 64 bits.</exception>
    public long Count
    {
        get
        {
            var count = 1L;
            foreach (var extent in Shape)
            {
                count = checked(count * extent);
            }

            return count;
        }
    }

    /// <summary>The shape for people: "[512, 64]".</summary>
    public string ShapeText => Text(Shape);

    internal static string Text(IEnumerable<int> shape) => $"[{string.Join(", ", shape)}]";
}

/// <summary>A tensor that goes into or comes out of a file: the owner's own memory, row-major, never copied on the way.</summary>
public sealed record NamedTensor
{
    /// <summary>Describes memory that someone else owns.</summary>
    /// <param name="name">Unique name within its file.</param>
    /// <param name="shape">Extent of each dimension, outermost first; empty for a scalar.</param>
    /// <param name="values">The elements, row-major.</param>
    /// <exception cref="ArgumentException">The shape and the number of elements disagree.</exception>
    public NamedTensor(string name, int[] shape, Memory<float> values)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        if (new TensorSpec(name, shape).Count != values.Length)
        {
            throw new ArgumentException($"Tensor '{name}' of shape {TensorSpec.Text(shape)} cannot hold {values.Length} values.", nameof(values));
        }

        Name = name;
        Shape = shape;
        Values = values;
    }

    /// <summary>Unique name within its file.</summary>
    public string Name { get; }

    /// <summary>Extent of each dimension, outermost first; empty for a scalar.</summary>
    public int[] Shape { get; }

    /// <summary>The elements, row-major, in the owner's memory.</summary>
    public Memory<float> Values { get; }
}
