using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;
using CoScientist.Core.Storage;
using CoScientist.Training.Tensors;
using Microsoft.Win32.SafeHandles;

namespace CoScientist.Training.Checkpoints;

/// <summary>
/// A file of named tensors in Hugging Face's safetensors format. The header is checked as a whole when the file is opened;
/// values go straight between the file and the caller's memory.
/// </summary>
public sealed class SafetensorsFile : IDisposable
{
    private const int ChunkValues = 1 << 16;

    private readonly SafeFileHandle handle;
    private readonly Dictionary<string, SafetensorsEntry> entries;
    private readonly long dataStart;

    private SafetensorsFile(string path, SafeFileHandle handle, IReadOnlyList<SafetensorsEntry> entries, long dataStart)
    {
        Path = path;
        Entries = entries;
        this.handle = handle;
        this.entries = entries.ToDictionary(entry => entry.Spec.Name, StringComparer.Ordinal);
        this.dataStart = dataStart;
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>Its tensors, in the header's order.</summary>
    public IReadOnlyList<SafetensorsEntry> Entries { get; }

    /// <summary>Opens a file and checks its header against its length.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="InvalidDataException">Truncated, damaged or of another format; names the file, the tensor and the remedy.</exception>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    public static SafetensorsFile Open(string path)
    {
        var opened = File.OpenHandle(path);
        try
        {
            var length = RandomAccess.GetLength(opened);
            if (length < 8)
            {
                throw new InvalidDataException($"{path}: it has {length} bytes, not even a header's length; the file is truncated: copy it again.");
            }

            Span<byte> prefix = stackalloc byte[8];
            ReadExactly(path, opened, prefix, 0);
            var header = new byte[SafetensorsHeader.CheckLength(path, BinaryPrimitives.ReadUInt64LittleEndian(prefix), length)];
            ReadExactly(path, opened, header, 8);
            var start = 8 + header.Length;
            return new SafetensorsFile(path, opened, SafetensorsHeader.Parse(path, header, length - start), start);
        }
        catch
        {
            opened.Dispose();
            throw;
        }
    }

    /// <summary>Fills the given tensors from a file that holds exactly them.</summary>
    /// <param name="path">The file.</param>
    /// <param name="tensors">Names, shapes and the memory to fill.</param>
    /// <exception cref="InvalidDataException">The file is unusable, or lacks a tensor, or has one of another shape or one too many.</exception>
    public static void Read(string path, IReadOnlyList<NamedTensor> tensors)
    {
        using var file = Open(path);
        var wanted = tensors.Select(tensor => tensor.Name).ToHashSet(StringComparer.Ordinal);
        if (file.Entries.FirstOrDefault(entry => !wanted.Contains(entry.Spec.Name)) is { } surplus)
        {
            throw new InvalidDataException($"{path}: tensor '{surplus.Spec.Name}' is not of this model; use the file that was saved with it.");
        }

        foreach (var tensor in tensors)
        {
            file.Read(tensor);
        }
    }

    /// <summary>Fills one tensor.</summary>
    /// <param name="tensor">Name, shape and the memory to fill.</param>
    /// <exception cref="InvalidDataException">The file lacks it, or has it in another shape or an element type that is no float.</exception>
    public void Read(NamedTensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        var entry = Find(new TensorSpec(tensor.Name, tensor.Shape), out var type);
        var values = tensor.Values.Span;
        if (type == TensorType.F32)
        {
            ReadExactly(Path, handle, MemoryMarshal.AsBytes(values), dataStart + entry.Begin);
            return;
        }

        var buffer = new byte[Math.Min(ChunkValues, values.Length) * type.Size()];
        for (var done = 0; done < values.Length;)
        {
            var count = Math.Min(ChunkValues, values.Length - done);
            var bytes = buffer.AsSpan(0, count * type.Size());
            ReadExactly(Path, handle, bytes, dataStart + entry.Begin + ((long)done * type.Size()));
            TensorTypes.Decode(type, bytes, values.Slice(done, count));
            done += count;
        }
    }

    /// <summary>Finds a tensor without reading it.</summary>
    /// <param name="spec">Name and shape.</param>
    /// <param name="type">How its values are kept.</param>
    /// <exception cref="InvalidDataException">The file lacks it, or has it in another shape or an element type that is no float.</exception>
    public SafetensorsEntry Find(TensorSpec spec, out TensorType type)
    {
        ArgumentNullException.ThrowIfNull(spec);
        if (!entries.TryGetValue(spec.Name, out var entry))
        {
            throw new InvalidDataException($"{Path}: tensor '{spec.Name}' is missing; use the file that belongs to this model.");
        }

        if (!entry.Spec.Shape.AsSpan().SequenceEqual(spec.Shape))
        {
            throw new InvalidDataException($"{Path}: tensor '{spec.Name}' has shape {entry.Spec.ShapeText}, but the model needs {spec.ShapeText}; use the file that belongs to this model.");
        }

        return Enum.TryParse(entry.Type, out type)
            ? entry
            : throw new InvalidDataException($"{Path}: tensor '{spec.Name}' has element type {entry.Type}, which holds no weights here; save it as F32, BF16 or F16.");
    }

    /// <summary>Writes a file, whole or not at all.</summary>
    /// <param name="path">The file; replaced when it exists.</param>
    /// <param name="tensors">The tensors, in file order; names must be unique.</param>
    /// <param name="type">Element type of all. Default: F32, bit for bit.</param>
    public static void Write(string path, IReadOnlyList<NamedTensor> tensors, TensorType type = TensorType.F32) =>
        AtomicFile.Write(path, stream => Write(stream, tensors, type));

    /// <summary>Writes a file's content.</summary>
    /// <param name="stream">Where to.</param>
    /// <param name="tensors">The tensors, in file order; names must be unique.</param>
    /// <param name="type">Element type of all.</param>
    /// <exception cref="ArgumentException">Two tensors have one name.</exception>
    public static void Write(Stream stream, IReadOnlyList<NamedTensor> tensors, TensorType type)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(tensors);
        var header = Header(tensors, type);
        Span<byte> prefix = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(prefix, (ulong)header.Length);
        stream.Write(prefix);
        stream.Write(header);
        var buffer = new byte[ChunkValues * type.Size()];
        foreach (var tensor in tensors)
        {
            for (var done = 0; done < tensor.Values.Length; done += ChunkValues)
            {
                var values = tensor.Values.Span.Slice(done, Math.Min(ChunkValues, tensor.Values.Length - done));
                var bytes = buffer.AsSpan(0, values.Length * type.Size());
                TensorTypes.Encode(type, values, bytes);
                stream.Write(bytes);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => handle.Dispose();

    private static byte[] Header(IReadOnlyList<NamedTensor> tensors, TensorType type)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();

            // Hugging Face's loader refuses files that do not say which framework's conventions they follow.
            json.WriteStartObject("__metadata__");
            json.WriteString("format", "pt");
            json.WriteEndObject();
            var names = new HashSet<string>(StringComparer.Ordinal) { "__metadata__" };
            var position = 0L;
            foreach (var tensor in tensors)
            {
                if (!names.Add(tensor.Name))
                {
                    throw new ArgumentException($"Two tensors are named '{tensor.Name}'.", nameof(tensors));
                }

                json.WriteStartObject(tensor.Name);
                json.WriteString("dtype", type.ToString());
                json.WriteStartArray("shape");
                foreach (var extent in tensor.Shape)
                {
                    json.WriteNumberValue(extent);
                }

                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(position);
                json.WriteNumberValue(position += (long)tensor.Values.Length * type.Size());
                json.WriteEndArray();
                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        // Padded with spaces, so that the data starts at a multiple of 8 and can be mapped.
        while (stream.Length % 8 != 0)
        {
            stream.WriteByte((byte)' ');
        }

        return stream.ToArray();
    }

    private static void ReadExactly(string path, SafeFileHandle handle, Span<byte> bytes, long position)
    {
        while (bytes.Length > 0)
        {
            var read = RandomAccess.Read(handle, bytes, position);
            if (read == 0)
            {
                throw new InvalidDataException($"{path} ends at byte {position}; the file is truncated: copy it again.");
            }

            bytes = bytes[read..];
            position += read;
        }
    }
}
