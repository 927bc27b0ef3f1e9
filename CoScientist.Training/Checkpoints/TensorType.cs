using System.Runtime.InteropServices;

namespace CoScientist.Training.Checkpoints;

/// <summary>How values are kept in a safetensors file; in memory they are always 32-bit floats.</summary>
public enum TensorType
{
    /// <summary>IEEE 754 binary32, bit for bit what is in memory.</summary>
    F32,

    /// <summary>The upper half of a binary32: its range, 8 bits of precision.</summary>
    BF16,

    /// <summary>IEEE 754 binary16: 11 bits of precision, at most 65,504.</summary>
    F16,
}

/// <summary>Conversion between memory and file. Files are little-endian, as is every machine .NET's releases for servers run on.</summary>
internal static class TensorTypes
{
    /// <summary>Bytes of one value.</summary>
    public static int Size(this TensorType type) => type == TensorType.F32 ? 4 : 2;

    /// <summary>Reads values; exact for every type.</summary>
    public static void Decode(TensorType type, ReadOnlySpan<byte> bytes, Span<float> values)
    {
        switch (type)
        {
            case TensorType.F32:
                MemoryMarshal.Cast<byte, float>(bytes).CopyTo(values);
                break;
            case TensorType.BF16:
                var halves = MemoryMarshal.Cast<byte, ushort>(bytes);
                for (var i = 0; i < halves.Length; i++)
                {
                    values[i] = BitConverter.UInt32BitsToSingle((uint)halves[i] << 16);
                }

                break;
            default:
                var source = MemoryMarshal.Cast<byte, Half>(bytes);
                for (var i = 0; i < source.Length; i++)
                {
                    values[i] = (float)source[i];
                }

                break;
        }
    }

    /// <summary>Writes values, rounding to nearest, ties to even, where the type is narrower.</summary>
    public static void Encode(TensorType type, ReadOnlySpan<float> values, Span<byte> bytes)
    {
        switch (type)
        {
            case TensorType.F32:
                MemoryMarshal.AsBytes(values).CopyTo(bytes);
                break;
            case TensorType.BF16:
                var halves = MemoryMarshal.Cast<byte, ushort>(bytes);
                for (var i = 0; i < values.Length; i++)
                {
                    halves[i] = ToBFloat16(values[i]);
                }

                break;
            default:
                var target = MemoryMarshal.Cast<byte, Half>(bytes);
                for (var i = 0; i < values.Length; i++)
                {
                    target[i] = (Half)values[i];
                }

                break;
        }
    }

    private static ushort ToBFloat16(float value)
    {
        var bits = BitConverter.SingleToUInt32Bits(value);

        // Rounding could carry a NaN's payload into infinity: keep it quiet instead.
        return float.IsNaN(value)
            ? (ushort)((bits >> 16) | 0x40)
            : (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }
}
