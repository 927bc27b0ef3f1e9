using System.Buffers.Binary;
using CoScientist.Core;
using CoScientist.Core.Storage;
using CoScientist.Training.Tensors;

namespace CoScientist.Training.Checkpoints;

/// <summary>
/// A file of named tensors in Hugging Face's safetensors format, mapped into memory. The header is checked as a whole when the
/// file is opened; values are read where they lie.
/// </summary>
public sealed class SafetensorsFile : IDisposable
{
    private readonly MappedFile file;
    private readonly Dictionary<string, StoredTensor> byName;

    private SafetensorsFile(MappedFile file, IReadOnlyList<StoredTensor> tensors)
    {
        this.file = file;
        Tensors = tensors;
        byName = tensors.ToDictionary(tensor => tensor.Spec.Name, StringComparer.Ordinal);
    }

    /// <summary>The file.</summary>
    public string Path => file.Path;

    /// <summary>Its tensors, in the header's order; valid until disposal.</summary>
    public IReadOnlyList<StoredTensor> Tensors { get; }

    /// <summary>Opens a file and checks its header against its length.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="InvalidDataException">Truncated, damaged or of another format; names the file, the tensor and the remedy.</exception>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    public static SafetensorsFile Open(string path)
    {
        var mapped = new MappedFile(path);
        try
        {
            if (mapped.Length < 8)
            {
                throw new InvalidDataException($"{path}: it has {mapped.Length} bytes, not even a header's length; the file is truncated: copy it again.");
            }

            var length = SafetensorsHeader.CheckLength(path, BinaryPrimitives.ReadUInt64LittleEndian(mapped.Bytes(0, 8)), mapped.Length);
            var start = 8 + length;
            var entries = SafetensorsHeader.Parse(path, mapped.Bytes(8, length).ToArray(), mapped.Length - start);
            return new SafetensorsFile(mapped, [.. entries.Select(entry => new StoredTensor(mapped, entry.Spec, entry.Type, start + entry.Begin, entry.End - entry.Begin))]);
        }
        catch
        {
            mapped.Dispose();
            throw;
        }
    }

    /// <summary>Fills the given tensors from a file that holds exactly them.</summary>
    /// <param name="path">The file.</param>
    /// <param name="tensors">Names, shapes and the memory to fill.</param>
    /// <exception cref="InvalidDataException">The file is unusable, or lacks a tensor, or has one of another shape or one too many.</exception>
    public static void Read(string path, IReadOnlyList<NamedTensor> tensors)
    {
        using var opened = Open(path);
        var wanted = tensors.Select(tensor => tensor.Name).ToHashSet(StringComparer.Ordinal);
        if (opened.Tensors.FirstOrDefault(tensor => !wanted.Contains(tensor.Spec.Name)) is { } surplus)
        {
            throw new InvalidDataException($"{path}: tensor '{FileText.Shown(surplus.Spec.Name)}' is not of this model; use the file that was saved with it.");
        }

        TensorReading.Fill([.. tensors.Select(tensor => (opened.Find(tensor.Name, tensor.Shape), tensor.Values))], CancellationToken.None);
    }

    /// <summary>Fills one tensor.</summary>
    /// <param name="tensor">Name, shape and the memory to fill.</param>
    /// <exception cref="InvalidDataException">The file lacks it, or has it in another shape or an element type that is no float.</exception>
    public void Read(NamedTensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        Find(tensor.Name, tensor.Shape).Read(0, tensor.Values.Span);
    }

    /// <summary>Writes a file, whole or not at all.</summary>
    /// <param name="path">The file; replaced when it exists.</param>
    /// <param name="tensors">The tensors, in file order; names must be unique.</param>
    /// <param name="type">Element type of all. Default: F32, bit for bit.</param>
    /// <exception cref="ArgumentException">Two tensors have one name, or the type is not one of safetensors.</exception>
    public static void Write(string path, IReadOnlyList<NamedTensor> tensors, TensorType type = TensorType.F32) =>
        AtomicFile.Write(path, stream => SafetensorsWriter.Write(stream, [.. tensors.Select(TensorSource.From)], type, CancellationToken.None));

    /// <inheritdoc/>
    public void Dispose() => file.Dispose();

    private StoredTensor Find(string name, int[] shape)
    {
        var tensor = byName.GetValueOrDefault(name)
            ?? throw new InvalidDataException($"{Path}: tensor '{name}' is missing; use the file that belongs to this model.");
        tensor.Check(shape);
        return tensor;
    }
}
