namespace CoScientist.Training.Checkpoints;

/// <summary>How weights are kept in a file; in memory they are 32-bit floats. Names are those of the file formats.</summary>
public enum TensorType
{
    /// <summary>IEEE 754 binary32, bit for bit what is in memory.</summary>
    F32,

    /// <summary>The upper half of a binary32: its range, 8 bits of precision.</summary>
    BF16,

    /// <summary>IEEE 754 binary16: 11 bits of precision, at most 65,504.</summary>
    F16,

    /// <summary>8 bits: 4 of exponent, 3 of mantissa, at most 448, no infinities (OCP 8-bit floating point). Read only.</summary>
    F8_E4M3,

    /// <summary>8 bits: the upper half of a binary16, at most 57,344. Read only.</summary>
    F8_E5M2,

    /// <summary>Blocks of 32 values: whole numbers of 8 bits times one binary16 scale. In GGUF files.</summary>
    Q8_0,

    /// <summary>Blocks of 256 values of 4 bits, with 6-bit scales and minima for each 32. In GGUF files; read only.</summary>
    Q4_K,

    /// <summary>Blocks of 256 values of 6 bits, with 8-bit scales for each 16. In GGUF files; read only.</summary>
    Q6_K,
}

/// <summary>Sizes and conversions of element types. Files are little-endian, as is every machine .NET's releases for servers run on.</summary>
public static class TensorTypes
{
    /// <summary>Values that are kept together: 1, except for the quantized types.</summary>
    public static int BlockValues(this TensorType type) => type switch
    {
        TensorType.Q8_0 => QuantizedBlocks.Q8Values,
        TensorType.Q4_K or TensorType.Q6_K => QuantizedBlocks.KValues,
        _ => 1,
    };

    /// <summary>Bytes of one block.</summary>
    public static int BlockBytes(this TensorType type) => type switch
    {
        TensorType.F32 => 4,
        TensorType.BF16 or TensorType.F16 => 2,
        TensorType.Q8_0 => QuantizedBlocks.Q8Bytes,
        TensorType.Q4_K => QuantizedBlocks.Q4KBytes,
        TensorType.Q6_K => QuantizedBlocks.Q6KBytes,
        _ => 1,
    };

    /// <summary>Bytes of a number of values, which must be whole blocks.</summary>
    public static long ByteCount(this TensorType type, long values) => values / type.BlockValues() * type.BlockBytes();

    /// <summary>Turns what is in a file into floats; exact for every float type, and for the others what the format defines.</summary>
    /// <param name="type">How they are kept.</param>
    /// <param name="bytes">Whole blocks.</param>
    /// <param name="values">Receives all of them.</param>
    /// <exception cref="ArgumentException">The two lengths disagree.</exception>
    public static void Decode(TensorType type, ReadOnlySpan<byte> bytes, Span<float> values)
    {
        CheckLengths(type, bytes.Length, values.Length);
        switch (type)
        {
            case TensorType.F32:
                System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(bytes).CopyTo(values);
                break;
            case TensorType.BF16:
                FloatConversion.FromBFloat16(bytes, values);
                break;
            case TensorType.F16:
                FloatConversion.FromHalf(bytes, values);
                break;
            case TensorType.F8_E4M3:
                FloatConversion.FromTable(FloatConversion.E4M3, bytes, values);
                break;
            case TensorType.F8_E5M2:
                FloatConversion.FromTable(FloatConversion.E5M2, bytes, values);
                break;
            case TensorType.Q8_0:
                QuantizedBlocks.DecodeQ8(bytes, values);
                break;
            case TensorType.Q4_K:
                QuantizedBlocks.DecodeQ4K(bytes, values);
                break;
            default:
                QuantizedBlocks.DecodeQ6K(bytes, values);
                break;
        }
    }

    /// <summary>Turns floats into what goes into a file, rounding to nearest, ties to even, where the type is narrower.</summary>
    /// <param name="type">F32, BF16, F16 or Q8_0.</param>
    /// <param name="values">Whole blocks.</param>
    /// <param name="bytes">Receives all of them.</param>
    /// <exception cref="ArgumentException">The type cannot be written, or the two lengths disagree.</exception>
    public static void Encode(TensorType type, ReadOnlySpan<float> values, Span<byte> bytes)
    {
        CheckLengths(type, bytes.Length, values.Length);
        switch (type)
        {
            case TensorType.F32:
                System.Runtime.InteropServices.MemoryMarshal.AsBytes(values).CopyTo(bytes);
                break;
            case TensorType.BF16:
                FloatConversion.ToBFloat16(values, bytes);
                break;
            case TensorType.F16:
                FloatConversion.ToHalf(values, bytes);
                break;
            case TensorType.Q8_0:
                QuantizedBlocks.EncodeQ8(values, bytes);
                break;
            default:
                throw new ArgumentException($"Weights can be written as F32, BF16, F16 or Q8_0, not as {type}.", nameof(type));
        }
    }

    private static void CheckLengths(TensorType type, int bytes, int values)
    {
        if (values % type.BlockValues() != 0 || type.ByteCount(values) != bytes)
        {
            throw new ArgumentException($"{values} values of type {type} do not take {bytes} bytes.", nameof(bytes));
        }
    }
}
