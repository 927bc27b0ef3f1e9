using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace CoScientist.Training.Kernels.Mixed;

/// <summary>
/// bfloat16: the upper half of a single-precision number, so 8 bits of exponent and 7 of fraction. Narrowing rounds to the
/// nearest, ties to even; NaN stays NaN. Values are kept as <see cref="ushort"/>.
/// </summary>
public static unsafe class Bfloat16
{
    /// <summary>Largest relative error of narrowing a normal number: half a unit in the last of 8 significant bits.</summary>
    public const double Rounding = 1.0 / 256;

    /// <summary>The nearest bfloat16.</summary>
    public static ushort Narrow(float value)
    {
        var bits = BitConverter.SingleToUInt32Bits(value);
        return float.IsNaN(value) ? (ushort)((bits >> 16) | 0x40) : (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }

    /// <summary>The same number in single precision.</summary>
    public static float Widen(ushort value) => BitConverter.UInt32BitsToSingle((uint)value << 16);

    /// <summary>Narrows <paramref name="count"/> numbers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Narrow(float* source, ushort* target, long count)
    {
        long i = 0;
        for (; i + 32 <= count; i += 32)
        {
            Vector512.Narrow(Rounded(source + i) >>> 16, Rounded(source + i + 16) >>> 16).Store(target + i);
        }

        for (; i < count; i++)
        {
            target[i] = Narrow(source[i]);
        }
    }

    /// <summary>Widens <paramref name="count"/> numbers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Widen(ushort* source, float* target, long count)
    {
        long i = 0;
        for (; i + 32 <= count; i += 32)
        {
            var (low, high) = Vector512.Widen(Vector512.Load(source + i));
            (low << 16).AsSingle().Store(target + i);
            (high << 16).AsSingle().Store(target + i + 16);
        }

        for (; i < count; i++)
        {
            target[i] = Widen(source[i]);
        }
    }

    /// <summary>Sixteen numbers narrowed, each in the upper half of its lane; the lower halves hold what rounding left there.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector512<uint> Rounded(float* source)
    {
        return Rounded(Vector512.Load(source));
    }

    /// <summary>The same of numbers at hand.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector512<uint> Rounded(Vector512<float> value)
    {
        var bits = value.AsUInt32();
        var rounded = bits + Vector512.Create(0x7FFFu) + ((bits >>> 16) & Vector512<uint>.One);
        return Vector512.ConditionalSelect(Vector512.Equals(value, value).AsUInt32(), rounded, bits | Vector512.Create(0x400000u));
    }

    /// <summary>Widens 16 numbers, or the first <paramref name="count"/> and zeros.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector512<float> Load(ushort* source, int count) => count >= 16 ? Widen(Vector256.Load(source)) : LoadPart(source, count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Widen(Vector256<ushort> values)
    {
        var (low, high) = Vector256.Widen(values);
        return (Vector512.Create(low, high) << 16).AsSingle();
    }

    private static Vector512<float> LoadPart(ushort* source, int count)
    {
        var part = stackalloc ushort[16];
        new Span<ushort>(part, 16).Clear();
        new ReadOnlySpan<ushort>(source, count).CopyTo(new Span<ushort>(part, 16));
        return Widen(Vector256.Load(part));
    }

    /// <summary>Narrows and stores 16 numbers, or the first <paramref name="count"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Store(Vector512<float> value, ushort* target, int count) => StoreUpper(Rounded(value), target, count);

    /// <summary>Stores the upper halves of 16 lanes, or of the first <paramref name="count"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void StoreUpper(Vector512<uint> rounded, ushort* target, int count)
    {
        rounded >>>= 16;
        var narrow = Vector256.Narrow(rounded.GetLower(), rounded.GetUpper());
        if (count >= 16)
        {
            narrow.Store(target);
            return;
        }

        for (var i = 0; i < count; i++)
        {
            target[i] = narrow[i];
        }
    }
}
