using System.Buffers.Binary;
using System.Numerics;
using System.Text;

namespace CoScientist.Core.Runs;

/// <summary>
/// A run's metrics as TensorBoard reads them: an event file, each record framed as in TFRecord files (length, its checksum, the event, its
/// checksum; CRC-32C, rotated right by 15 bits plus 0xa282ead8) and each event a protobuf message of TensorFlow's <c>event.proto</c>: wall_time (1, double), step (2, varint),
/// file_version (3, string) in the first, summary (5) with one value (1) per metric: tag (1, string) and simple_value (2, float).
/// For one writer; readers may follow the file as it grows.
/// </summary>
/// <param name="path">The file; TensorBoard knows such files by "tfevents" in their name.</param>
/// <param name="time">The clock of the events.</param>
public sealed class TensorBoardFile(string path, TimeProvider time)
{
    private const string Version = "brain.Event:2";
    private const int HeadBytes = 12;
    private const int ChecksumBytes = 4;

    /// <summary>No event of ours is near this long: a length beyond it is damage.</summary>
    private const ulong LongestEvent = 1 << 24;

    /// <summary>Adds the metrics of a step; values that are not finite are left out.</summary>
    /// <param name="metrics">The metrics, of a step no earlier than those before.</param>
    public void Append(RunMetrics metrics)
    {
        ArgumentNullException.ThrowIfNull(metrics);
        using var file = new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete);
        using var records = new MemoryStream();
        if (file.Length == 0)
        {
            Frame(records, Event(-1, 3, Encoding.UTF8.GetBytes(Version)));
        }

        using var summary = new MemoryStream();
        foreach (var (name, value) in metrics.Values)
        {
            if (double.IsFinite(value))
            {
                Field(summary, 1, Value(name, (float)value));
            }
        }

        if (summary.Length > 0)
        {
            Frame(records, Event(metrics.Step, 5, summary.ToArray()));
        }

        file.Write(records.GetBuffer().AsSpan(0, (int)records.Length));
    }

    /// <summary>Drops the events after a step, which are about to be written again, and a record that a crash cut off.</summary>
    /// <param name="step">The last step to keep.</param>
    /// <returns>The step of the last event that is left; null when there is none.</returns>
    public int? TruncateAfter(int step)
    {
        if (!File.Exists(path))
        {
            return null;
        }

        using var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        int? last = null;
        var end = 0L;
        while (Read(file) is { } record && StepOf(record) is var at && (at is null || at <= step))
        {
            (last, end) = (at ?? last, file.Position);
        }

        file.SetLength(end);
        return last;
    }

    /// <summary>The next record; null at the end, or where the file is damaged.</summary>
    private static byte[]? Read(FileStream file)
    {
        Span<byte> head = stackalloc byte[HeadBytes];
        if (file.ReadAtLeast(head, HeadBytes, throwOnEndOfStream: false) < HeadBytes
            || BinaryPrimitives.ReadUInt32LittleEndian(head[8..]) != Checksum(head[..8])
            || BinaryPrimitives.ReadUInt64LittleEndian(head) is not (<= LongestEvent and var length))
        {
            return null;
        }

        var record = new byte[length + ChecksumBytes];
        return file.ReadAtLeast(record, record.Length, throwOnEndOfStream: false) == record.Length
            && BinaryPrimitives.ReadUInt32LittleEndian(record.AsSpan(^ChecksumBytes)) == Checksum(record.AsSpan(..^ChecksumBytes))
            ? record[..^ChecksumBytes]
            : null;
    }

    /// <summary>The step of an event as written here, where it stands second; null for the first event, which has none.</summary>
    private static int? StepOf(ReadOnlySpan<byte> record)
    {
        const int TimeBytes = 9;
        if (record.Length <= TimeBytes || record[TimeBytes] != Tag(2, 0))
        {
            return null;
        }

        var (step, shift) = (0, 0);
        foreach (var part in record[(TimeBytes + 1)..])
        {
            step |= (part & 0x7f) << shift;
            shift += 7;
            if (part < 0x80)
            {
                break;
            }
        }

        return step;
    }

    private byte[] Event(int step, int field, byte[] content)
    {
        using var message = new MemoryStream();
        Span<byte> seconds = stackalloc byte[8];
        BinaryPrimitives.WriteDoubleLittleEndian(seconds, time.GetUtcNow().ToUnixTimeMilliseconds() / 1000.0);
        message.WriteByte(Tag(1, 1));
        message.Write(seconds);
        if (step >= 0)
        {
            message.WriteByte(Tag(2, 0));
            Varint(message, (ulong)step);
        }

        Field(message, field, content);
        return message.ToArray();
    }

    private static byte[] Value(string name, float value)
    {
        using var message = new MemoryStream();
        Field(message, 1, Encoding.UTF8.GetBytes(name));
        Span<byte> number = stackalloc byte[4];
        BinaryPrimitives.WriteSingleLittleEndian(number, value);
        message.WriteByte(Tag(2, 5));
        message.Write(number);
        return message.ToArray();
    }

    private static void Field(MemoryStream message, int number, byte[] content)
    {
        message.WriteByte(Tag(number, 2));
        Varint(message, (ulong)content.Length);
        message.Write(content);
    }

    /// <summary>Number and wire type of a field: 0 varint, 1 eight bytes, 2 counted bytes, 5 four bytes.</summary>
    private static byte Tag(int number, int type) => (byte)((number << 3) | type);

    private static void Varint(MemoryStream message, ulong value)
    {
        while (value >= 0x80)
        {
            message.WriteByte((byte)(value | 0x80));
            value >>= 7;
        }

        message.WriteByte((byte)value);
    }

    private static void Frame(MemoryStream records, byte[] record)
    {
        Span<byte> number = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(number, (ulong)record.Length);
        records.Write(number);
        Write(records, Checksum(number));
        records.Write(record);
        Write(records, Checksum(record));
    }

    private static void Write(MemoryStream records, uint checksum)
    {
        Span<byte> number = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(number, checksum);
        records.Write(number);
    }

    private static uint Checksum(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        foreach (var value in bytes)
        {
            crc = BitOperations.Crc32C(crc, value);
        }

        return BitOperations.RotateRight(~crc, 15) + 0xa282ead8;
    }
}
