using CoScientist.Training.Tensors;

namespace CoScientist.Training.Checkpoints;

/// <summary>
/// A tensor in an open file, read where it lies: as floats, or as the bytes of its rows for those who convert them themselves.
/// Valid until the file is closed. Any number of threads may read.
/// </summary>
public sealed class StoredTensor
{
    private readonly MappedFile file;
    private readonly long offset;
    private readonly int rotaryHeads;

    /// <param name="file">The file.</param>
    /// <param name="spec">Name and shape.</param>
    /// <param name="typeName">The file's name of the element type.</param>
    /// <param name="offset">First byte.</param>
    /// <param name="byteCount">Bytes in all; checked by the caller to lie inside the file and to fit the shape.</param>
    /// <param name="rotaryHeads">Heads whose rows lie pair by pair (0, h/2, 1, h/2+1, …) in the file; 0 where rows are in order.</param>
    internal StoredTensor(MappedFile file, TensorSpec spec, string typeName, long offset, long byteCount, int rotaryHeads = 0)
    {
        this.file = file;
        this.offset = offset;
        this.rotaryHeads = rotaryHeads;
        Spec = spec;
        TypeName = typeName;
        ByteCount = byteCount;
        Type = TypeOf(typeName);
    }

    /// <summary>Name and shape.</summary>
    public TensorSpec Spec { get; }

    /// <summary>The file that holds it.</summary>
    public string Path => file.Path;

    /// <summary>The file's name of the element type ("F32", "BF16", "I64", …).</summary>
    public string TypeName { get; }

    /// <summary>The element type; null for those that hold no weights here, such as whole numbers.</summary>
    public TensorType? Type { get; }

    /// <summary>Bytes in the file.</summary>
    public long ByteCount { get; }

    /// <summary>Values in a row: the last extent, 1 for a scalar.</summary>
    public int RowLength => Spec.Shape.Length == 0 ? 1 : Spec.Shape[^1];

    /// <summary>Number of rows: the product of the other extents.</summary>
    public long Rows => RowLength == 0 ? 0 : Spec.Count / RowLength;

    /// <summary>Whether the rows lie one after the other in their order, so that the first row's bytes lead to all.</summary>
    internal bool InOrder => rotaryHeads == 0;

    /// <summary>The bytes of a row, in the file's element type.</summary>
    /// <param name="row">Which one, from 0, in the order of Hugging Face's layout whatever the file's own.</param>
    /// <exception cref="InvalidDataException">The element type holds no weights here, or a row has 2 GiB and more.</exception>
    public ReadOnlySpan<byte> Row(long row)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((ulong)row, (ulong)Rows);
        var bytes = RowBytes;
        return file.Bytes(offset + (RowInFile(row) * bytes), bytes);
    }

    /// <summary>Reads whole rows as floats.</summary>
    /// <param name="firstRow">The first, from 0.</param>
    /// <param name="values">Receives them; a multiple of <see cref="RowLength"/> long.</param>
    /// <exception cref="InvalidDataException">The element type holds no weights here, or a row has 2 GiB and more.</exception>
    public void Read(long firstRow, Span<float> values)
    {
        var type = Weights;
        var length = RowLength;
        if (length == 0)
        {
            return;
        }

        var (bytes, count) = (RowBytes, values.Length / length);

        // Rows that lie one after the other are converted together: a row of an embedding is short.
        var step = rotaryHeads > 0 ? 1 : (int)Math.Clamp(int.MaxValue / Math.Max(1, bytes), 1, Math.Max(1, count));
        for (var done = 0; done < count; done += step)
        {
            var rows = Math.Min(step, count - done);
            TensorTypes.Decode(type, file.Bytes(offset + (RowInFile(firstRow + done) * bytes), rows * bytes), values.Slice(done * length, rows * length));
        }
    }

    /// <summary>Compares the shape with the one a model needs, and the element type with those that hold weights.</summary>
    /// <param name="shape">The model's shape.</param>
    /// <exception cref="InvalidDataException">They differ.</exception>
    internal void Check(int[] shape)
    {
        if (!Spec.Shape.AsSpan().SequenceEqual(shape))
        {
            throw new InvalidDataException($"{Path}: tensor '{Spec.Name}' has shape {Spec.ShapeText}, but the model needs {TensorSpec.Text(shape)}; use the file that belongs to this model.");
        }

        _ = Weights;
    }

    /// <summary>The same bytes under another name: a part of the rows, or rows in another order.</summary>
    internal StoredTensor Part(TensorSpec spec, long firstRow, int heads = 0) =>
        new(file, spec, TypeName, offset + (firstRow * RowBytes), Weights.ByteCount(spec.Count), heads);

    private TensorType Weights => Type
        ?? throw new InvalidDataException($"{Path}: tensor '{Spec.Name}' has element type {TypeName}, which holds no weights here; save it as F32, BF16 or F16.");

    private int RowBytes
    {
        get
        {
            var bytes = Weights.ByteCount(RowLength);
            return bytes <= int.MaxValue
                ? (int)bytes
                : throw new InvalidDataException($"{Path}: tensor '{Spec.Name}' has rows of {bytes} bytes; at most {int.MaxValue} can be read.");
        }
    }

    private long RowInFile(long row)
    {
        if (rotaryHeads == 0)
        {
            return row;
        }

        var width = Rows / rotaryHeads;
        var (head, at) = (row / width, row % width);
        return (head * width) + (at < width / 2 ? 2 * at : (2 * (at - (width / 2))) + 1);
    }

    private static TensorType? TypeOf(string name) => name switch
    {
        "F32" => TensorType.F32,
        "BF16" => TensorType.BF16,
        "F16" => TensorType.F16,
        "F8_E4M3" => TensorType.F8_E4M3,
        "F8_E5M2" => TensorType.F8_E5M2,
        "Q8_0" => TensorType.Q8_0,
        "Q4_K" => TensorType.Q4_K,
        "Q6_K" => TensorType.Q6_K,
        _ => null,
    };
}
