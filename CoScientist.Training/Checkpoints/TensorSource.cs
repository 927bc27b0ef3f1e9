using CoScientist.Training.Tensors;

namespace CoScientist.Training.Checkpoints;

/// <summary>Gives rows of a tensor that is being written.</summary>
/// <param name="firstRow">The first, from 0.</param>
/// <param name="values">Receives whole rows.</param>
public delegate void TensorRows(long firstRow, Span<float> values);

/// <summary>A tensor to write, row by row, so that a model need not fit into memory to be converted.</summary>
/// <param name="Spec">Name and shape.</param>
/// <param name="Read">Gives its rows.</param>
public sealed record TensorSource(TensorSpec Spec, TensorRows Read)
{
    private const int PartValues = 1 << 18;

    /// <summary>A tensor in memory.</summary>
    public static TensorSource From(NamedTensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        var length = tensor.Shape.Length == 0 ? 1 : tensor.Shape[^1];
        return new(new TensorSpec(tensor.Name, tensor.Shape), (row, values) => tensor.Values.Span.Slice((int)(row * length), values.Length).CopyTo(values));
    }

    /// <summary>A tensor in an open file.</summary>
    public static TensorSource From(StoredTensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        return new(tensor.Spec, tensor.Read);
    }

    /// <summary>Writes all values.</summary>
    /// <param name="stream">Where to.</param>
    /// <param name="type">How they are kept.</param>
    /// <param name="cancellationToken">Stops between parts.</param>
    /// <exception cref="InvalidDataException">A value is beyond the type's range.</exception>
    internal void Write(Stream stream, TensorType type, CancellationToken cancellationToken)
    {
        var length = Spec.Shape.Length == 0 ? 1 : Spec.Shape[^1];
        var rows = length == 0 ? 0 : Spec.Count / length;
        var step = Math.Max(1, Math.Min(rows, PartValues / Math.Max(1, length)));
        var values = new float[step * length];
        var bytes = new byte[type.ByteCount(values.Length)];
        for (var row = 0L; row < rows; row += step)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var part = values.AsSpan(0, (int)(Math.Min(step, rows - row) * length));
            var target = bytes.AsSpan(0, (int)type.ByteCount(part.Length));
            Read(row, part);
            CheckRange(type, part);
            TensorTypes.Encode(type, part, target);
            stream.Write(target);
        }
    }

    // Rounding to a narrower range would turn a weight into infinity without a word; what is none of ours stays as it is where it can.
    private void CheckRange(TensorType type, ReadOnlySpan<float> values)
    {
        if (type is not (TensorType.F16 or TensorType.Q8_0))
        {
            return;
        }

        var largest = type == TensorType.F16 ? 65_519f : 127 * 65_504f;
        foreach (var value in values)
        {
            if (!(MathF.Abs(value) <= largest) && (float.IsFinite(value) || type == TensorType.Q8_0))
            {
                throw new InvalidDataException($"Tensor '{Spec.Name}' holds the value {value}, which {type} cannot hold; choose bf16 or f32.");
            }
        }
    }
}
