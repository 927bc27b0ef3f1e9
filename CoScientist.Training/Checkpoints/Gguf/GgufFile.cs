using System.Numerics;
using CoScientist.Core;
using CoScientist.Training.Tensors;

namespace CoScientist.Training.Checkpoints.Gguf;

/// <summary>A GGUF file of version 2 or 3, little-endian, mapped into memory: metadata and tensors under ggml's names. A file that was split is read through its first part.</summary>
internal sealed partial class GgufFile : IDisposable
{
    /// <summary>Ending of such files.</summary>
    public const string Extension = ".gguf";

    /// <summary>Boundary on which tensors start unless the file says otherwise.</summary>
    public const int DefaultAlignment = 32;

    private const int MostDimensions = 4;
    private const int LongestName = 256;
    private const int LongestKey = 65_535;
    private const int LargestAlignment = 1 << 20;

    private readonly MappedFile file;
    private readonly Dictionary<string, object> metadata = new(StringComparer.Ordinal);

    private GgufFile(MappedFile file)
    {
        this.file = file;
        var cursor = new GgufCursor(file);
        if (file.Length < 24 || cursor.UInt32() != 0x4655_4747)
        {
            throw new InvalidDataException($"{file.Path} is not a GGUF file: it does not start with \"GGUF\" and a head. Give a file that ends in {Extension}.");
        }

        Version = cursor.UInt32();
        if (Version is not (2 or 3))
        {
            throw cursor.Fault((Version & 0xFFFF) == 0 ? "it is in big-endian order; convert it to little-endian first" : $"it has version {Version} of the format; 2 and 3 are read");
        }

        // A tensor takes at least 8 + 4 + 4 + 8 bytes in the head, an entry of the metadata 8 + 4 + 1.
        var tensorCount = cursor.UInt64();
        var entryCount = cursor.Count("entries", 13);
        for (var i = 0; i < entryCount; i++)
        {
            var key = cursor.Text($"the key of entry {i}");
            var shown = FileText.Shown(key);
            if (key.Length is 0 or > LongestKey || !metadata.TryAdd(key, cursor.Value(shown)))
            {
                throw cursor.Fault($"entry {i} of the metadata has the key '{shown}', which is empty, too long or there twice; the file is damaged: copy it again");
            }
        }

        if (tensorCount > (ulong)(cursor.Left / 24))
        {
            throw cursor.Fault($"it lists {tensorCount} tensors, more than the file can hold; the file is damaged or truncated: copy it again");
        }

        Tensors = ReadTensors(cursor, (int)tensorCount);
    }

    /// <summary>The file.</summary>
    public string Path => file.Path;

    /// <summary>Version of the format.</summary>
    public uint Version { get; }

    /// <summary>What the file says of itself: long, double, bool, string or an array of one of them, by key.</summary>
    public IReadOnlyDictionary<string, object> Metadata => metadata;

    /// <summary>The tensors of all parts in file order; valid until disposal.</summary>
    public IReadOnlyList<StoredTensor> Tensors { get; private set; }

    /// <summary>Opens a file and checks its head against its length.</summary>
    /// <exception cref="InvalidDataException">Truncated, damaged or of another format; names the file and the place.</exception>
    public static GgufFile Open(string path)
    {
        var first = OpenPart(path);
        try
        {
            first.JoinParts();
            return first;
        }
        catch
        {
            first.Dispose();
            throw;
        }
    }

    private static GgufFile OpenPart(string path)
    {
        var mapped = new MappedFile(path);
        try
        {
            return new GgufFile(mapped);
        }
        catch
        {
            mapped.Dispose();
            throw;
        }
    }

    /// <summary>An entry of the metadata; null when there is none.</summary>
    /// <exception cref="InvalidDataException">It is of another type.</exception>
    public T? Find<T>(string key)
        where T : class =>
        metadata.TryGetValue(key, out var value) ? value as T ?? throw Fault($"{key} is not of the type that is expected ({typeof(T).Name})") : null;

    /// <summary>A number of the metadata; null when there is none.</summary>
    /// <exception cref="InvalidDataException">It is no number.</exception>
    public double? Number(string key) => metadata.TryGetValue(key, out var value)
        ? value switch { long whole => whole, double number => number, _ => throw Fault($"{key} is not a number") }
        : null;

    /// <summary>A whole number of the metadata that fits 31 bits; null when there is none.</summary>
    /// <exception cref="InvalidDataException">It is something else.</exception>
    public int? Whole(string key) => metadata.TryGetValue(key, out var value)
        ? value is long and >= 0 and <= int.MaxValue ? (int)(long)value : throw Fault($"{key} is {FileText.Shown(value.ToString() ?? "")}; a whole number from 0 to {int.MaxValue} is expected")
        : null;

    /// <summary>A fault, naming the file.</summary>
    public InvalidDataException Fault(string what) => new($"{Path}: {what}.");

    /// <inheritdoc/>
    public void Dispose()
    {
        parts.ForEach(part => part.Dispose());
        file.Dispose();
    }

    private List<StoredTensor> ReadTensors(GgufCursor cursor, int count)
    {
        var heads = new List<(TensorSpec Spec, string Type, long Bytes)>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        var alignment = Whole("general.alignment") ?? DefaultAlignment;
        if (alignment < 8 || alignment > LargestAlignment || !BitOperations.IsPow2(alignment))
        {
            throw Fault($"general.alignment is {alignment}; a power of two from 8 to {LargestAlignment} is expected");
        }

        var next = 0UL;
        for (var i = 0; i < count; i++)
        {
            var head = Head(cursor, i);
            if (!names.Add(head.Spec.Name))
            {
                throw Fault($"tensor '{FileText.Shown(head.Spec.Name)}' is listed twice; the file is damaged: copy it again");
            }

            // Tensors lie one after the other: anything else is an overlap or a gap.
            var place = cursor.UInt64();
            if (place != next)
            {
                throw Fault($"tensor '{FileText.Shown(head.Spec.Name)}' is at byte {place} of the data, expected at {next}; the file is damaged: copy it again");
            }

            heads.Add(head);
            next += (ulong)Padded(head.Bytes, alignment);
        }

        var (start, tensors) = (Padded(cursor.Position, alignment), new List<StoredTensor>());
        foreach (var (spec, type, bytes) in heads)
        {
            if (start > file.Length || bytes > file.Length - start)
            {
                throw Fault($"tensor '{FileText.Shown(spec.Name)}' ends at byte {start + (Int128)bytes}, the file has {file.Length}; it is truncated: copy it again");
            }

            tensors.Add(new StoredTensor(file, spec, type, start, bytes));
            start += Padded(bytes, alignment);
        }

        return tensors;
    }

    private (TensorSpec Spec, string Type, long Bytes) Head(GgufCursor cursor, int index)
    {
        var name = cursor.Text($"the name of tensor {index}");
        var shown = FileText.Shown(name);
        var dimensions = cursor.UInt32();
        if (name.Length is 0 or > LongestName || dimensions is 0 or > MostDimensions)
        {
            throw Fault($"tensor {index}, '{shown}', has {dimensions} dimensions and a name of {name.Length} characters; 1 to {MostDimensions} and 1 to {LongestName} are expected: the file is damaged, copy it again");
        }

        // The innermost extent comes first.
        var shape = new int[dimensions];
        var values = (Int128)1;
        for (var d = shape.Length - 1; d >= 0; d--)
        {
            var extent = cursor.UInt64();
            values *= extent;
            shape[d] = extent is > 0 and <= int.MaxValue && values <= long.MaxValue / 4
                ? (int)extent
                : throw Fault($"tensor '{shown}' has an extent of {extent}, which is not usable; the file is damaged: copy it again");
        }

        var number = cursor.UInt32();
        var type = GgufTypes.Find(number)
            ?? throw Fault($"tensor '{shown}' has element type {number}, which is not known here; use a file of type F16, BF16, Q8_0, Q6_K or Q4_K");
        return shape[^1] % type.Values == 0
            ? (new TensorSpec(name, shape), type.Name, (long)values / type.Values * type.Bytes)
            : throw Fault($"tensor '{shown}' has rows of {shape[^1]} values, no multiple of the {type.Values} in a block of {type.Name}; the file is damaged: copy it again");
    }

    private static long Padded(long bytes, int alignment) => (bytes + alignment - 1) / alignment * alignment;
}
