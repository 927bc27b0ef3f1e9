using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace CoScientist.Training.Kernels;

/// <summary>Vector forms of what several kernels need: exponential, sums, dot products, scaled additions.</summary>
internal static unsafe class VectorMath
{
    private const float Log2E = 1.44269504088896341f;
    // ln 2 in two parts (Cody and Waite), so that x − n·ln 2 loses no bits for |n| ≤ 127.
    private const float Ln2High = 0.693359375f;
    private const float Ln2Low = -2.12194440e-4f;

    /// <summary>
    /// e^x for every element, within 2 units in the last place on [−87, 88]; smaller arguments give 0.
    /// Range reduction x = n·ln 2 + r with |r| ≤ ln 2 / 2, then the degree-6 polynomial of Cephes' expf, then scaling by 2ⁿ.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Exp(Vector512<float> x)
    {
        var underflow = Vector512.LessThan(x, Vector512.Create(-87.0f));
        x = Vector512.Min(Vector512.Max(x, Vector512.Create(-87.0f)), Vector512.Create(88.0f));
        var n = Vector512.Floor(Vector512.FusedMultiplyAdd(x, Vector512.Create(Log2E), Vector512.Create(0.5f)));
        var r = Vector512.FusedMultiplyAdd(n, Vector512.Create(-Ln2High), x);
        r = Vector512.FusedMultiplyAdd(n, Vector512.Create(-Ln2Low), r);
        var p = Vector512.Create(1.9875691500e-4f);
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(1.3981999507e-3f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(8.3334519073e-3f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(4.1665795894e-2f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(1.6666665459e-1f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(5.0000001201e-1f));
        p = Vector512.FusedMultiplyAdd(p, r * r, r + Vector512<float>.One);
        var power = Vector512.ShiftLeft(Vector512.ConvertToInt32(n) + Vector512.Create(127), 23).AsSingle();
        return Vector512.ConditionalSelect(underflow, Vector512<float>.Zero, p * power);
    }

    /// <summary>Loads 16 elements, or the first <paramref name="count"/> and zeros.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(float* x, int count) => count >= 16 ? Vector512.Load(x) : LoadPart(x, count, 0);

    /// <summary>Stores 16 elements, or the first <paramref name="count"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<float> value, float* x, int count)
    {
        if (count >= 16)
        {
            value.Store(x);
            return;
        }

        StorePart(value, x, count);
    }

    /// <summary>Loads up to 16 elements; the missing ones are <paramref name="fill"/>.</summary>
    public static Vector512<float> LoadPart(float* x, int count, float fill)
    {
        if (Avx512F.IsSupported)
        {
            return Avx512F.MaskLoad(x, First(count), Vector512.Create(fill));
        }

        var part = stackalloc float[16];
        for (var i = 0; i < 16; i++)
        {
            part[i] = i < count ? x[i] : fill;
        }

        return Vector512.Load(part);
    }

    /// <summary>Stores the first <paramref name="count"/> elements.</summary>
    public static void StorePart(Vector512<float> value, float* x, int count)
    {
        if (Avx512F.IsSupported)
        {
            Avx512F.MaskStore(x, First(count), value);
            return;
        }

        var part = stackalloc float[16];
        value.Store(part);
        for (var i = 0; i < count; i++)
        {
            x[i] = part[i];
        }
    }

    /// <summary>Σ x·y.</summary>
    public static float Dot(float* x, float* y, int n)
    {
        var sum = Vector512<float>.Zero;
        var i = 0;
        for (; i + 16 <= n; i += 16)
        {
            sum = Vector512.FusedMultiplyAdd(Vector512.Load(x + i), Vector512.Load(y + i), sum);
        }

        var total = Vector512.Sum(sum);
        for (; i < n; i++)
        {
            total += x[i] * y[i];
        }

        return total;
    }

    /// <summary>Largest element; −∞ for none.</summary>
    public static float Max(float* x, int n)
    {
        var best = Vector512.Create(float.NegativeInfinity);
        var i = 0;
        for (; i + 16 <= n; i += 16)
        {
            best = Vector512.Max(best, Vector512.Load(x + i));
        }

        if (i < n)
        {
            best = Vector512.Max(best, LoadPart(x + i, n - i, float.NegativeInfinity));
        }

        var half = Vector256.Max(best.GetLower(), best.GetUpper());
        var quarter = Vector128.Max(half.GetLower(), half.GetUpper());
        return MathF.Max(MathF.Max(quarter[0], quarter[1]), MathF.Max(quarter[2], quarter[3]));
    }

    /// <summary>y += s·x.</summary>
    public static void AddScaled(float* x, float s, float* y, int n)
    {
        var scale = Vector512.Create(s);
        var i = 0;
        for (; i + 16 <= n; i += 16)
        {
            Vector512.FusedMultiplyAdd(scale, Vector512.Load(x + i), Vector512.Load(y + i)).Store(y + i);
        }

        for (; i < n; i++)
        {
            y[i] += s * x[i];
        }
    }

    /// <summary>Replaces scale·x by its softmax in place and returns log Σ e^(scale·x).</summary>
    public static float Softmax(float* x, int n, float scale)
    {
        var max = Max(x, n) * scale;
        var shift = Vector512.Create(-max);
        var factor = Vector512.Create(scale);
        var sum = Vector512<float>.Zero;
        var i = 0;
        for (; i + 16 <= n; i += 16)
        {
            var e = Exp(Vector512.FusedMultiplyAdd(Vector512.Load(x + i), factor, shift));
            e.Store(x + i);
            sum += e;
        }

        if (i < n)
        {
            var e = Exp(Vector512.FusedMultiplyAdd(LoadPart(x + i, n - i, float.NegativeInfinity), factor, shift));
            StorePart(e, x + i, n - i);
            sum += e;
        }

        var total = Vector512.Sum(sum);
        var inverse = Vector512.Create(1 / total);
        for (i = 0; i < n; i += 16)
        {
            Store(Load(x + i, n - i) * inverse, x + i, n - i);
        }

        return max + MathF.Log(total);
    }

    /// <summary>
    /// From probabilities p and the gradient dp of them, the gradient of what their softmax was taken of:
    /// dp ← p ⊙ (dp − Σ p ⊙ dp) · scale, for n elements.
    /// </summary>
    public static void SoftmaxBackward(float* p, float* dp, int n, float scale)
    {
        var sum = Vector512.Create(Dot(p, dp, n));
        var factor = Vector512.Create(scale);
        for (var i = 0; i < n; i += 16)
        {
            Store(Load(p + i, n - i) * (Load(dp + i, n - i) - sum) * factor, dp + i, n - i);
        }
    }

    private static Vector512<float> First(int count) => Vector512.LessThan(Vector512<int>.Indices, Vector512.Create(count)).AsSingle();
}
