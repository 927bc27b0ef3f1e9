using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace CoScientist.Tests.Load;

/// <summary>
/// SignalR's hub protocol as circuits speak it ("blazorpack"): each message is its length in seven-bit groups, then a MessagePack array whose
/// first element is its kind. Only the shapes that circuits use.
/// </summary>
internal static class BlazorPack
{
    /// <summary>Kinds of messages.</summary>
    public const long Invocation = 1, Completion = 3, Close = 7;

    /// <summary>Says that the connection is alive.</summary>
    public static ReadOnlyMemory<byte> Ping { get; } = new byte[] { 2, 0x91, 6 };

    /// <summary>The first message, which is text.</summary>
    public static ReadOnlyMemory<byte> Handshake { get; } = "{\"protocol\":\"blazorpack\",\"version\":1}\u001e"u8.ToArray();

    /// <summary>A call of the server. Arguments: null, true and false, whole numbers, text.</summary>
    /// <param name="id">What the answer will carry; null wants none.</param>
    /// <param name="target">Name of the hub's method.</param>
    /// <param name="arguments">Its arguments.</param>
    public static ReadOnlyMemory<byte> Call(string? id, string target, params ReadOnlySpan<object?> arguments)
    {
        var body = new ArrayBufferWriter<byte>();
        body.Write<byte>([0x95, (byte)Invocation, 0x80]);
        WriteValue(body, id);
        WriteValue(body, target);
        body.Write<byte>([(byte)(0x90 | arguments.Length)]);
        foreach (var argument in arguments)
        {
            WriteValue(body, argument);
        }

        var message = new ArrayBufferWriter<byte>();
        var length = body.WrittenCount;
        for (; length >= 0x80; length >>= 7)
        {
            message.Write<byte>([(byte)(length | 0x80)]);
        }

        message.Write<byte>([(byte)length]);
        message.Write(body.WrittenSpan);
        return message.WrittenMemory;
    }

    /// <summary>Takes the next whole message off the front; false when it has not all arrived.</summary>
    /// <exception cref="InvalidDataException">It is none.</exception>
    public static bool TryRead(ref ReadOnlySpan<byte> data, out object?[] message)
    {
        message = [];
        if (!TryReadLength(data, out var length, out var prefix) || data.Length - prefix < length)
        {
            return false;
        }

        var body = data.Slice(prefix, length);
        message = ReadValue(ref body) as object?[] ?? throw new InvalidDataException("A message of a circuit is not an array.");
        data = data[(prefix + length)..];
        return true;
    }

    /// <summary>Reads a length in seven-bit groups, lowest first; false when it goes on beyond the end.</summary>
    public static bool TryReadLength(ReadOnlySpan<byte> data, out int length, out int size)
    {
        length = 0;
        for (size = 0; size < data.Length && size < 5;)
        {
            var part = data[size];
            length |= (part & 0x7f) << (7 * size++);
            if (part < 0x80)
            {
                return true;
            }
        }

        return false;
    }

    private static void WriteValue(ArrayBufferWriter<byte> to, object? value)
    {
        switch (value)
        {
            case null:
                to.Write<byte>([0xc0]);
                break;
            case bool truth:
                to.Write<byte>([truth ? (byte)0xc3 : (byte)0xc2]);
                break;
            case int or long:
                to.Write<byte>([0xd3]);
                BinaryPrimitives.WriteInt64BigEndian(to.GetSpan(8), Convert.ToInt64(value, System.Globalization.CultureInfo.InvariantCulture));
                to.Advance(8);
                break;
            case string text:
                to.Write<byte>([0xdb]);
                BinaryPrimitives.WriteInt32BigEndian(to.GetSpan(4), Encoding.UTF8.GetByteCount(text));
                to.Advance(4);
                to.Write(Encoding.UTF8.GetBytes(text));
                break;
            default:
                throw new ArgumentException($"A circuit takes no {value.GetType()}.", nameof(value));
        }
    }

    private static object? ReadValue(ref ReadOnlySpan<byte> data)
    {
        var kind = Take(ref data, 1)[0];
        return kind switch
        {
            < 0x80 => (long)kind,
            < 0x90 => ReadMap(ref data, kind & 0xf),
            < 0xa0 => ReadArray(ref data, kind & 0xf),
            < 0xc0 => Encoding.UTF8.GetString(Take(ref data, kind & 0x1f)),
            0xc0 => null,
            0xc2 => false,
            0xc3 => true,
            0xc4 or 0xc5 or 0xc6 => Take(ref data, ReadSize(ref data, 1 << (kind - 0xc4))).ToArray(),
            0xca => (double)BinaryPrimitives.ReadSingleBigEndian(Take(ref data, 4)),
            0xcb => BinaryPrimitives.ReadDoubleBigEndian(Take(ref data, 8)),
            0xcc or 0xcd or 0xce => (long)(uint)ReadSize(ref data, 1 << (kind - 0xcc)),
            0xcf or 0xd3 => BinaryPrimitives.ReadInt64BigEndian(Take(ref data, 8)),
            0xd0 => (long)(sbyte)Take(ref data, 1)[0],
            0xd1 => (long)BinaryPrimitives.ReadInt16BigEndian(Take(ref data, 2)),
            0xd2 => (long)BinaryPrimitives.ReadInt32BigEndian(Take(ref data, 4)),
            0xd9 or 0xda or 0xdb => Encoding.UTF8.GetString(Take(ref data, ReadSize(ref data, 1 << (kind - 0xd9)))),
            0xdc or 0xdd => ReadArray(ref data, ReadSize(ref data, 2 << (kind - 0xdc))),
            0xde or 0xdf => ReadMap(ref data, ReadSize(ref data, 2 << (kind - 0xde))),
            >= 0xe0 => (long)(sbyte)kind,
            _ => throw new InvalidDataException($"A message of a circuit has a value of the unknown kind {kind:x2}."),
        };
    }

    private static object?[] ReadArray(ref ReadOnlySpan<byte> data, int count)
    {
        // Each element takes a byte or more: a count beyond that is a lie, and nothing is allocated for it.
        var values = new object?[count <= data.Length ? count : throw Cut()];
        for (var i = 0; i < count; i++)
        {
            values[i] = ReadValue(ref data);
        }

        return values;
    }

    // Headers, which no circuit needs.
    private static object? ReadMap(ref ReadOnlySpan<byte> data, int count)
    {
        for (var i = 0; i < 2L * count; i++)
        {
            ReadValue(ref data);
        }

        return null;
    }

    private static int ReadSize(ref ReadOnlySpan<byte> data, int bytes)
    {
        var size = 0;
        foreach (var part in Take(ref data, bytes))
        {
            size = (size << 8) | part;
        }

        return size;
    }

    private static ReadOnlySpan<byte> Take(ref ReadOnlySpan<byte> data, int count)
    {
        if ((uint)count > (uint)data.Length)
        {
            throw Cut();
        }

        var taken = data[..count];
        data = data[count..];
        return taken;
    }

    private static InvalidDataException Cut() => new("A message of a circuit ends in the middle of a value.");
}
