using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace CoScientist.Training.Checkpoints;

/// <summary>
/// Conversions between 32-bit floats and the narrower float types, eight values at a time. Compiled with full optimization at
/// once: a model is loaded once, and unoptimized vector code would take ten times as long.
/// </summary>
internal static class FloatConversion
{
    private const uint Magnitude = 0x7FFF_FFFF;

    // 2^112 moves the exponent of a half that was read as a single into place, subnormal ones included.
    private const float HalfScale = 5192296858534827628530496329220096f;

    /// <summary>The 256 values of F8_E4M3.</summary>
    public static float[] E4M3 { get; } = CreateE4M3();

    /// <summary>The 256 values of F8_E5M2.</summary>
    public static float[] E5M2 { get; } = [.. Enumerable.Range(0, 256).Select(bits => (float)BitConverter.UInt16BitsToHalf((ushort)(bits << 8)))];

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void FromTable(float[] table, ReadOnlySpan<byte> bytes, Span<float> values)
    {
        for (var i = 0; i < bytes.Length; i++)
        {
            values[i] = table[bytes[i]];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void FromBFloat16(ReadOnlySpan<byte> bytes, Span<float> values)
    {
        var source = MemoryMarshal.Cast<byte, ushort>(bytes);
        var i = 0;
        for (; i <= source.Length - Vector256<ushort>.Count; i += Vector256<ushort>.Count)
        {
            var (lower, upper) = Vector256.Widen(Vector256.Create(source[i..]));
            (lower << 16).AsSingle().CopyTo(values[i..]);
            (upper << 16).AsSingle().CopyTo(values[(i + 8)..]);
        }

        for (; i < source.Length; i++)
        {
            values[i] = BitConverter.UInt32BitsToSingle((uint)source[i] << 16);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void FromHalf(ReadOnlySpan<byte> bytes, Span<float> values)
    {
        var source = MemoryMarshal.Cast<byte, ushort>(bytes);
        var i = 0;
        for (; i <= source.Length - Vector256<ushort>.Count; i += Vector256<ushort>.Count)
        {
            var (lower, upper) = Vector256.Widen(Vector256.Create(source[i..]));
            FromHalf(lower).CopyTo(values[i..]);
            FromHalf(upper).CopyTo(values[(i + 8)..]);
        }

        for (; i < source.Length; i++)
        {
            values[i] = (float)BitConverter.UInt16BitsToHalf(source[i]);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void ToBFloat16(ReadOnlySpan<float> values, Span<byte> bytes)
    {
        var target = MemoryMarshal.Cast<byte, ushort>(bytes);
        var i = 0;
        for (; i <= values.Length - Vector256<ushort>.Count; i += Vector256<ushort>.Count)
        {
            Vector256.Narrow(ToBFloat16(Vector256.Create(values[i..])), ToBFloat16(Vector256.Create(values[(i + 8)..]))).CopyTo(target[i..]);
        }

        for (; i < values.Length; i++)
        {
            var bits = BitConverter.SingleToUInt32Bits(values[i]);

            // Rounding could carry a NaN's payload into infinity: keep it quiet instead.
            target[i] = float.IsNaN(values[i])
                ? (ushort)((bits >> 16) | 0x40)
                : (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void ToHalf(ReadOnlySpan<float> values, Span<byte> bytes)
    {
        var target = MemoryMarshal.Cast<byte, ushort>(bytes);
        var i = 0;
        for (; i <= values.Length - Vector256<ushort>.Count; i += Vector256<ushort>.Count)
        {
            Vector256.Narrow(ToHalf(Vector256.Create(values[i..])), ToHalf(Vector256.Create(values[(i + 8)..]))).CopyTo(target[i..]);
        }

        for (; i < values.Length; i++)
        {
            target[i] = BitConverter.HalfToUInt16Bits((Half)values[i]);
        }
    }

    private static Vector256<float> FromHalf(Vector256<uint> bits)
    {
        var magnitude = (bits & Vector256.Create(0x7FFFu)) << 13;
        var sign = (bits & Vector256.Create(0x8000u)) << 16;
        var special = Vector256.Equals(bits & Vector256.Create(0x7C00u), Vector256.Create(0x7C00u));

        // Infinities and NaNs keep their mantissa under the largest exponent; NaNs become quiet, as a cast makes them.
        var quiet = Vector256.GreaterThan(magnitude, Vector256.Create(0x7C00u << 13)) & Vector256.Create(0x40_0000u);
        var scaled = (magnitude.AsSingle() * Vector256.Create(HalfScale)).AsUInt32();
        return (Vector256.ConditionalSelect(special, magnitude | Vector256.Create(0x7F80_0000u) | quiet, scaled) | sign).AsSingle();
    }

    private static Vector256<uint> ToBFloat16(Vector256<float> values)
    {
        var bits = values.AsUInt32();
        var high = bits >> 16;
        var rounded = (bits + Vector256.Create(0x7FFFu) + (high & Vector256<uint>.One)) >> 16;
        return Vector256.ConditionalSelect(Vector256.Equals(values, values).AsUInt32(), rounded, high | Vector256.Create(0x40u));
    }

    private static Vector256<uint> ToHalf(Vector256<float> values)
    {
        var bits = values.AsUInt32();
        var sign = (bits >> 16) & Vector256.Create(0x8000u);
        var magnitude = bits & Vector256.Create(Magnitude);

        // Normal: move the exponent, add just less than half of what is cut off, and the rest where the kept part is odd.
        var odd = (magnitude >> 13) & Vector256<uint>.One;
        var normal = (magnitude - Vector256.Create(112u << 23) + Vector256.Create(0xFFFu) + odd) >> 13;

        // Below 2^-14: added to 0.5, the value's last kept bit is that of a subnormal half, and the addition rounds.
        var subnormal = (magnitude.AsSingle() + Vector256.Create(0.5f)).AsUInt32() - Vector256.Create(0.5f).AsUInt32();

        // From 65,520 on it is infinity, and a NaN keeps the upper part of its payload.
        var infinite = Vector256.Create(0x7C00u);
        var nan = infinite | Vector256.Create(0x200u) | ((magnitude >> 13) & Vector256.Create(0x3FFu));
        var result = Vector256.ConditionalSelect(Vector256.LessThan(magnitude, Vector256.Create(113u << 23)), subnormal, normal);
        result = Vector256.ConditionalSelect(Vector256.GreaterThanOrEqual(magnitude, Vector256.Create(143u << 23)), infinite, result);
        result = Vector256.ConditionalSelect(Vector256.GreaterThan(magnitude, Vector256.Create(0x7F80_0000u)), nan, result);
        return result | sign;
    }

    private static float[] CreateE4M3()
    {
        var values = new float[256];
        for (var bits = 0; bits < values.Length; bits++)
        {
            var (exponent, mantissa) = ((bits >> 3) & 0xF, bits & 7);
            var magnitude = (bits & 0x7F) == 0x7F ? float.NaN : exponent == 0 ? mantissa * MathF.Pow(2, -9) : (8 + mantissa) * MathF.Pow(2, exponent - 10);
            values[bits] = bits < 0x80 ? magnitude : -magnitude;
        }

        return values;
    }
}
