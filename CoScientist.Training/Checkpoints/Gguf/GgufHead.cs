using System.Buffers.Binary;
using System.Text;

namespace CoScientist.Training.Checkpoints.Gguf;

/// <summary>The head of a GGUF file of version 3 that is being written: metadata and the list of tensors.</summary>
internal sealed class GgufHead
{
    private readonly MemoryStream entries = new();
    private readonly MemoryStream list = new();
    private readonly HashSet<string> keys = new(StringComparer.Ordinal);
    private int tensors;
    private long position;

    public void Add(string key, string value)
    {
        Key(key, 8);
        Text(entries, value);
    }

    public void Add(string key, int value)
    {
        Key(key, 4);
        Number(entries, value, 4);
    }

    public void Add(string key, double value)
    {
        Key(key, 6);
        entries.Write(BitConverter.GetBytes((float)value));
    }

    public void Add(string key, bool value)
    {
        Key(key, 7);
        entries.WriteByte(value ? (byte)1 : (byte)0);
    }

    public void Add(string key, string[] values)
    {
        Array(key, 8, values.Length);
        System.Array.ForEach(values, value => Text(entries, value));
    }

    public void Add(string key, int[] values)
    {
        Array(key, 5, values.Length);
        System.Array.ForEach(values, value => Number(entries, value, 4));
    }

    /// <summary>Lists a tensor; its data follow those of the tensors before it.</summary>
    public void AddTensor(string name, int[] shape, TensorType type, long bytes)
    {
        Text(list, name);
        Number(list, shape.Length, 4);
        foreach (var extent in shape.Reverse())
        {
            Number(list, extent, 8);
        }

        Number(list, GgufTypes.Number(type), 4);
        Number(list, position, 8);
        position += bytes + Padding(bytes);
        tensors++;
    }

    /// <summary>Writes the head, up to where the data begin.</summary>
    public void Write(Stream stream)
    {
        var start = new MemoryStream();
        start.Write("GGUF"u8);
        Number(start, 3, 4);
        Number(start, tensors, 8);
        Number(start, keys.Count, 8);
        start.WriteTo(stream);
        entries.WriteTo(stream);
        list.WriteTo(stream);
        Pad(stream, start.Length + entries.Length + list.Length);
    }

    /// <summary>Writes zeros up to the next boundary.</summary>
    public static void Pad(Stream stream, long bytes) => stream.Write(new byte[Padding(bytes)]);

    private static int Padding(long bytes) => (int)(-bytes & (GgufFile.DefaultAlignment - 1));

    private static void Number(Stream stream, long value, int size)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
        stream.Write(bytes[..size]);
    }

    private static void Text(Stream stream, string value)
    {
        var bytes = Encoding.UTF8.GetBytes(value);
        Number(stream, bytes.Length, 8);
        stream.Write(bytes);
    }

    private void Key(string key, int type)
    {
        if (!keys.Add(key))
        {
            throw new ArgumentException($"The key '{key}' is there already.", nameof(key));
        }

        Text(entries, key);
        Number(entries, type, 4);
    }

    private void Array(string key, int type, int count)
    {
        Key(key, 9);
        Number(entries, type, 4);
        Number(entries, count, 8);
    }
}
