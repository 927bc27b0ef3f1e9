using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace CoScientist.Training.Checkpoints;

/// <summary>The block formats of GGUF files, as ggml defines them.</summary>
internal static class QuantizedBlocks
{
    /// <summary>Values in a block of Q8_0.</summary>
    public const int Q8Values = 32;

    /// <summary>Bytes of a block of Q8_0: scale (binary16), then the values (signed bytes).</summary>
    public const int Q8Bytes = 2 + Q8Values;

    /// <summary>Values in a block of the K types.</summary>
    public const int KValues = 256;

    /// <summary>Bytes of a block of Q4_K: scale and scale of the minima (binary16), eight 6-bit scales and minima in 12 bytes, then the values.</summary>
    public const int Q4KBytes = 4 + KScaleBytes + (KValues / 2);

    /// <summary>Bytes of a block of Q6_K: low 4 bits of the values, high 2 bits, sixteen scales (signed bytes), then their scale (binary16).</summary>
    public const int Q6KBytes = (KValues / 2) + (KValues / 4) + (KValues / 16) + 2;

    private const int KScaleBytes = 12;

    /// <summary>value = scale · q.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void DecodeQ8(ReadOnlySpan<byte> bytes, Span<float> values)
    {
        for (; bytes.Length > 0; bytes = bytes[Q8Bytes..], values = values[Q8Values..])
        {
            var scale = HalfAt(bytes, 0);
            var q = MemoryMarshal.Cast<byte, sbyte>(bytes[2..Q8Bytes]);
            for (var i = 0; i < Q8Values; i++)
            {
                values[i] = scale * q[i];
            }
        }
    }

    /// <summary>
    /// scale = max |value| / 127, q = value / scale rounded to nearest, ties away from zero. Values are divided by the scale
    /// before it is rounded to binary16, as ggml does, so that both write the same bytes.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void EncodeQ8(ReadOnlySpan<float> values, Span<byte> bytes)
    {
        for (; values.Length > 0; values = values[Q8Values..], bytes = bytes[Q8Bytes..])
        {
            var largest = 0f;
            foreach (var value in values[..Q8Values])
            {
                largest = MathF.Max(largest, MathF.Abs(value));
            }

            var scale = largest / 127;
            var inverse = scale == 0 ? 0 : 1 / scale;
            BitConverter.TryWriteBytes(bytes, (Half)scale);
            for (var i = 0; i < Q8Values; i++)
            {
                bytes[2 + i] = (byte)(sbyte)MathF.Round(values[i] * inverse, MidpointRounding.AwayFromZero);
            }
        }
    }

    /// <summary>For each 32 values j: value = (scale · s_j) · q − (scaleOfMinima · m_j), q in 0…15.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void DecodeQ4K(ReadOnlySpan<byte> bytes, Span<float> values)
    {
        for (; bytes.Length > 0; bytes = bytes[Q4KBytes..], values = values[KValues..])
        {
            var (scale, minimum) = (HalfAt(bytes, 0), HalfAt(bytes, 2));
            var packed = bytes.Slice(4, KScaleBytes);
            var q = bytes[(4 + KScaleBytes)..Q4KBytes];

            // 32 bytes hold 64 values: the low halves are the first 32, the high halves the next.
            for (var pair = 0; pair < 4; pair++)
            {
                var low = (Scale: scale * ScaleOf(packed, 2 * pair), Minimum: minimum * MinimumOf(packed, 2 * pair));
                var high = (Scale: scale * ScaleOf(packed, (2 * pair) + 1), Minimum: minimum * MinimumOf(packed, (2 * pair) + 1));
                var source = q.Slice(32 * pair, 32);
                var target = values.Slice(64 * pair, 64);
                for (var i = 0; i < 32; i++)
                {
                    target[i] = (low.Scale * (source[i] & 0xF)) - low.Minimum;
                    target[32 + i] = (high.Scale * (source[i] >> 4)) - high.Minimum;
                }
            }
        }
    }

    /// <summary>For each 16 values j: value = (scale · s_j) · (q − 32), q in 0…63.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void DecodeQ6K(ReadOnlySpan<byte> bytes, Span<float> values)
    {
        for (; bytes.Length > 0; bytes = bytes[Q6KBytes..], values = values[KValues..])
        {
            var scales = MemoryMarshal.Cast<byte, sbyte>(bytes.Slice(192, 16));
            var scale = HalfAt(bytes, 208);

            // Each half of the block is four runs of 32 that share bytes: low bits in two runs of 64, high bits in one of 32.
            for (var half = 0; half < 2; half++)
            {
                var low = bytes.Slice(64 * half, 64);
                var high = bytes.Slice(128 + (32 * half), 32);
                for (var run = 0; run < 4; run++)
                {
                    var (at, nibble, bits) = (32 * (run % 2), 4 * (run / 2), 2 * run);
                    for (var i = 0; i < 32; i++)
                    {
                        var q = ((low[at + i] >> nibble) & 0xF) | (((high[i] >> bits) & 3) << 4);
                        values[(128 * half) + (32 * run) + i] = scale * scales[(8 * half) + (2 * run) + (i / 16)] * (q - 32);
                    }
                }
            }
        }
    }

    private static float HalfAt(ReadOnlySpan<byte> bytes, int at) => (float)BitConverter.ToHalf(bytes[at..]);

    // Six bits each: the first four lie in the low bits of a byte, the last four in a nibble and the top two bits of the former.
    private static int ScaleOf(ReadOnlySpan<byte> packed, int j) =>
        j < 4 ? packed[j] & 63 : (packed[j + 4] & 0xF) | ((packed[j - 4] >> 6) << 4);

    private static int MinimumOf(ReadOnlySpan<byte> packed, int j) =>
        j < 4 ? packed[j + 4] & 63 : (packed[j + 4] >> 4) | ((packed[j] >> 6) << 4);
}
