using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using CoScientist.Training.Kernels;

namespace CoScientist.Training.Sampling;

/// <content>
/// The products of two queries with cached keys and values. They read every cached number once and use it for two
/// multiplications only, so they are written for the speed of memory: eight independent chains hide the latency of the
/// multiply-adds, and what is needed next is fetched meanwhile, because pages do not lie in order.
/// </content>
internal static unsafe partial class PagedAttention
{
    /// <summary>Scores of two queries against 64 keys, 32 at <paramref name="left"/> and 32 at <paramref name="right"/>, both [D, T]; the others are fetched.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Scores2x64(float* q0, float* q1, float* left, float* right, float* nextLeft, float* nextRight, nint pageTokens, int size, float* s0, float* s1)
    {
        Vector512<float> a0, a1, a2, a3, b0, b1, b2, b3;
        a0 = a1 = a2 = a3 = b0 = b1 = b2 = b3 = Vector512<float>.Zero;
        for (var d = 0; d < size; d++)
        {
            var x = Vector512.Create(q0[d]);
            var y = Vector512.Create(q1[d]);
            var k0 = Vector512.Load(left);
            var k1 = Vector512.Load(left + 16);
            var k2 = Vector512.Load(right);
            var k3 = Vector512.Load(right + 16);
            a0 = Vector512.FusedMultiplyAdd(x, k0, a0);
            b0 = Vector512.FusedMultiplyAdd(y, k0, b0);
            a1 = Vector512.FusedMultiplyAdd(x, k1, a1);
            b1 = Vector512.FusedMultiplyAdd(y, k1, b1);
            a2 = Vector512.FusedMultiplyAdd(x, k2, a2);
            b2 = Vector512.FusedMultiplyAdd(y, k2, b2);
            a3 = Vector512.FusedMultiplyAdd(x, k3, a3);
            b3 = Vector512.FusedMultiplyAdd(y, k3, b3);
            left += pageTokens;
            right += pageTokens;
            Fetch(nextLeft);
            Fetch(nextRight);
            nextLeft += pageTokens;
            nextRight += pageTokens;
        }

        a0.Store(s0);
        a1.Store(s0 + 16);
        a2.Store(s0 + 32);
        a3.Store(s0 + 48);
        b0.Store(s1);
        b1.Store(s1 + 16);
        b2.Store(s1 + 32);
        b3.Store(s1 + 48);
    }

    /// <summary>Adds to two results of 64 columns, in ascending order of the keys: Σ p · v, with values [keys, stride]; those of the next keys are fetched.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Values2x64(float* p0, float* p1, float* values, float* nextValues, nint stride, int keys, float* o0, float* o1)
    {
        var a0 = Vector512.Load(o0);
        var a1 = Vector512.Load(o0 + 16);
        var a2 = Vector512.Load(o0 + 32);
        var a3 = Vector512.Load(o0 + 48);
        var b0 = Vector512.Load(o1);
        var b1 = Vector512.Load(o1 + 16);
        var b2 = Vector512.Load(o1 + 32);
        var b3 = Vector512.Load(o1 + 48);
        for (var key = 0; key < keys; key++)
        {
            var x = Vector512.Create(p0[key]);
            var y = Vector512.Create(p1[key]);
            var v0 = Vector512.Load(values);
            var v1 = Vector512.Load(values + 16);
            var v2 = Vector512.Load(values + 32);
            var v3 = Vector512.Load(values + 48);
            a0 = Vector512.FusedMultiplyAdd(x, v0, a0);
            b0 = Vector512.FusedMultiplyAdd(y, v0, b0);
            a1 = Vector512.FusedMultiplyAdd(x, v1, a1);
            b1 = Vector512.FusedMultiplyAdd(y, v1, b1);
            a2 = Vector512.FusedMultiplyAdd(x, v2, a2);
            b2 = Vector512.FusedMultiplyAdd(y, v2, b2);
            a3 = Vector512.FusedMultiplyAdd(x, v3, a3);
            b3 = Vector512.FusedMultiplyAdd(y, v3, b3);
            values += stride;
            Fetch(nextValues);
            Fetch(nextValues + 32);
            nextValues += stride;
        }

        a0.Store(o0);
        a1.Store(o0 + 16);
        a2.Store(o0 + 32);
        a3.Store(o0 + 48);
        b0.Store(o1);
        b1.Store(o1 + 16);
        b2.Store(o1 + 32);
        b3.Store(o1 + 48);
    }

    /// <summary>Asks for 32 floats, two lines, that will be read soon.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Fetch(float* soon)
    {
        if (Sse.IsSupported)
        {
            Sse.Prefetch0(soon);
            Sse.Prefetch0(soon + 16);
        }
    }
}
