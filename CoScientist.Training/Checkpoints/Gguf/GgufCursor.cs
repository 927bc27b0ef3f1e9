using System.Buffers.Binary;
using System.Text;

namespace CoScientist.Training.Checkpoints.Gguf;

/// <summary>Reads the head of a GGUF file value by value; every length is held against what is left of the file before it is used.</summary>
internal sealed class GgufCursor(MappedFile file)
{
    private const int LongestText = 16 << 20;

    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Next byte.</summary>
    public long Position { get; private set; }

    /// <summary>Bytes to the end of the file.</summary>
    public long Left => file.Length - Position;

    public uint UInt32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(4));

    public ulong UInt64() => BinaryPrimitives.ReadUInt64LittleEndian(Take(8));

    /// <summary>A number of things that take at least <paramref name="least"/> bytes each.</summary>
    public int Count(string what, long least)
    {
        var count = UInt64();
        return count <= (ulong)(Left / least) && count <= int.MaxValue
            ? (int)count
            : throw Fault($"it lists {count} {what}, more than the file can hold; the file is damaged or truncated: copy it again");
    }

    /// <summary>A text with its length before it.</summary>
    public string Text(string what)
    {
        var length = UInt64();
        if (length > (ulong)Left || length > LongestText)
        {
            throw Fault($"{what} is {length} bytes long, at byte {Position}; the file is damaged or truncated: copy it again");
        }

        try
        {
            return Strict.GetString(Take((int)length));
        }
        catch (DecoderFallbackException)
        {
            throw Fault($"{what} is not UTF-8, at byte {Position}; the file is damaged: copy it again");
        }
    }

    /// <summary>A value of metadata: long, double, bool, string, or an array of one of them.</summary>
    public object Value(string key)
    {
        var type = UInt32();
        return type == 9 ? Array(key) : Scalar(key, type);
    }

    /// <summary>The fault, naming the file.</summary>
    public InvalidDataException Fault(string what) => new($"{file.Path}: {what}.");

    private object Array(string key)
    {
        var type = UInt32();
        switch (type)
        {
            case 8:
                var texts = new string[Count($"texts in {key}", 8)];
                for (var i = 0; i < texts.Length; i++)
                {
                    texts[i] = Text($"text {i} of {key}");
                }

                return texts;
            case 6 or 12:
                return Many(type == 6 ? 4 : 8, value => (double)value);
            case 7:
                return Many(1, value => (bool)value);
            case 0 or 1 or 2 or 3 or 4 or 5 or 10 or 11:
                return Many(type switch { 0 or 1 => 1, 2 or 3 => 2, 4 or 5 => 4, _ => 8 }, value => (long)value);
            default:
                throw Fault($"{key} is an array of type {type}; arrays of arrays and unknown types are not read");
        }

        T[] Many<T>(int size, Func<object, T> cast)
        {
            var values = new T[Count($"values in {key}", size)];
            for (var i = 0; i < values.Length; i++)
            {
                values[i] = cast(Scalar(key, type));
            }

            return values;
        }
    }

    private object Scalar(string key, uint type) => type switch
    {
        0 => (long)Take(1)[0],
        1 => (long)(sbyte)Take(1)[0],
        2 => (long)BinaryPrimitives.ReadUInt16LittleEndian(Take(2)),
        3 => (long)BinaryPrimitives.ReadInt16LittleEndian(Take(2)),
        4 => (long)UInt32(),
        5 => (long)BinaryPrimitives.ReadInt32LittleEndian(Take(4)),

        // By way of the shortest decimal: what was written as 1e-6 is meant, not its nearest single.
        6 => double.Parse(BinaryPrimitives.ReadSingleLittleEndian(Take(4)).ToString("R")),
        7 => Take(1)[0] switch { 0 => false, 1 => true, var other => throw Fault($"{key} is {other}; true (1) or false (0) is expected") },
        8 => Text(key),
        10 => UInt64() is var value and <= long.MaxValue ? (long)value : throw Fault($"{key} is beyond 63 bits"),
        11 => BinaryPrimitives.ReadInt64LittleEndian(Take(8)),
        12 => BinaryPrimitives.ReadDoubleLittleEndian(Take(8)),
        _ => throw Fault($"{key} has the unknown type {type}; the file is damaged: copy it again"),
    };

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > Left)
        {
            throw Fault($"it ends at byte {file.Length} within its head; the file is truncated: copy it again");
        }

        Position += count;
        return file.Bytes(Position - count, count);
    }
}
