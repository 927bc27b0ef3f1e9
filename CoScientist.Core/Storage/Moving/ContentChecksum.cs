using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace CoScientist.Core.Storage.Moving;

/// <summary>A checksum over rows in whatever order they come: the sum of the rows' own (128 bits of SHA-256), so that a row that is missing, doubled or changed shows.</summary>
internal sealed class ContentChecksum
{
    private UInt128 sum;

    /// <summary>Rows so far.</summary>
    public long Rows { get; private set; }

    /// <summary>The checksum, as 32 hexadecimal digits.</summary>
    public string Value => sum.ToString("x32", CultureInfo.InvariantCulture);

    /// <summary>Adds a row.</summary>
    /// <param name="values">Its values in the order of the columns, as they are stored.</param>
    public void Add(IEnumerable<object?> values)
    {
        using var row = new MemoryStream();
        Span<byte> length = stackalloc byte[sizeof(int)];
        foreach (var value in values)
        {
            var text = value switch
            {
                null => null,
                byte[] bytes => Convert.ToHexString(bytes),
                double number => BitConverter.DoubleToInt64Bits(number).ToString(CultureInfo.InvariantCulture),
                decimal number => number.ToString("0.############################", CultureInfo.InvariantCulture),
                _ => Convert.ToString(value, CultureInfo.InvariantCulture),
            };

            // With its length before it, so that no two rows look alike; nothing is not the empty text.
            var content = Encoding.UTF8.GetBytes(text ?? "");
            BinaryPrimitives.WriteInt32LittleEndian(length, text is null ? -1 : content.Length);
            row.Write(length);
            row.Write(content);
        }

        row.Position = 0;
        sum += BinaryPrimitives.ReadUInt128LittleEndian(SHA256.HashData(row));
        Rows++;
    }
}
