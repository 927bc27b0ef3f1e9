using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace CoScientist.Training.Kernels.Mixed;

/// <content>
/// The kernel for every processor: pairs are widened by shifts and accumulated by two fused multiply-adds, so each element
/// is one chain in ascending order of the inner index, the same bits whatever the vector width.
/// </content>
public static unsafe partial class Bf16MatMul
{
    private static void PortablePanel(LeftSide a, ushort* b, float* c, long cRow, int rows, int depth, bool accumulate)
    {
        var i = 0;
        if (Vector512.IsHardwareAccelerated)
        {
            for (; i + 6 <= rows; i += 6)
            {
                PortableTile6(a.Below(i), b, c + (i * cRow), (nint)cRow, depth / 2, accumulate);
            }

            for (; i < rows; i++)
            {
                PortableTile1(a.Below(i), b, c + (i * cRow), depth / 2, accumulate);
            }

            return;
        }

        for (; i < rows; i++)
        {
            for (var column = 0; column < PanelWidth; column += 16)
            {
                PortableTile1Vector256(a.Below(i), b + (2 * column), c + (i * cRow) + column, depth / 2, accumulate);
            }
        }
    }

    /// <summary>6 rows × 32 columns: 12 accumulators in registers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void PortableTile6(LeftSide a, ushort* b, float* c, nint cRow, int pairs, bool accumulate)
    {
        var (row, pair) = (a.RowBytes, a.PairBytes);
        var a0 = (byte*)a.Start;
        var a3 = a0 + (3 * row);
        Vector512<float> l0, h0, l1, h1, l2, h2, l3, h3, l4, h4, l5, h5;
        if (accumulate)
        {
            l0 = Vector512.Load(c);
            h0 = Vector512.Load(c + 16);
            l1 = Vector512.Load(c + cRow);
            h1 = Vector512.Load(c + cRow + 16);
            l2 = Vector512.Load(c + (2 * cRow));
            h2 = Vector512.Load(c + (2 * cRow) + 16);
            l3 = Vector512.Load(c + (3 * cRow));
            h3 = Vector512.Load(c + (3 * cRow) + 16);
            l4 = Vector512.Load(c + (4 * cRow));
            h4 = Vector512.Load(c + (4 * cRow) + 16);
            l5 = Vector512.Load(c + (5 * cRow));
            h5 = Vector512.Load(c + (5 * cRow) + 16);
        }
        else
        {
            l0 = l1 = l2 = l3 = l4 = l5 = Vector512<float>.Zero;
            h0 = h1 = h2 = h3 = h4 = h5 = Vector512<float>.Zero;
        }

        var upper = Vector512.Create(0xFFFF0000u);
        for (var p = 0; p < pairs; p++)
        {
            var low = Vector512.Load((uint*)b);
            var high = Vector512.Load((uint*)b + 16);
            var lowEven = (low << 16).AsSingle();
            var lowOdd = (low & upper).AsSingle();
            var highEven = (high << 16).AsSingle();
            var highOdd = (high & upper).AsSingle();
            Step(*(uint*)a0, ref l0, ref h0);
            Step(*(uint*)(a0 + row), ref l1, ref h1);
            Step(*(uint*)(a0 + (2 * row)), ref l2, ref h2);
            Step(*(uint*)a3, ref l3, ref h3);
            Step(*(uint*)(a3 + row), ref l4, ref h4);
            Step(*(uint*)(a3 + (2 * row)), ref l5, ref h5);
            a0 += pair;
            a3 += pair;
            b += 2 * PanelWidth;

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            void Step(uint both, ref Vector512<float> l, ref Vector512<float> h)
            {
                var even = Vector512.Create(both << 16).AsSingle();
                var odd = Vector512.Create(both & 0xFFFF0000u).AsSingle();
                l = Vector512.FusedMultiplyAdd(odd, lowOdd, Vector512.FusedMultiplyAdd(even, lowEven, l));
                h = Vector512.FusedMultiplyAdd(odd, highOdd, Vector512.FusedMultiplyAdd(even, highEven, h));
            }
        }

        l0.Store(c);
        h0.Store(c + 16);
        l1.Store(c + cRow);
        h1.Store(c + cRow + 16);
        l2.Store(c + (2 * cRow));
        h2.Store(c + (2 * cRow) + 16);
        l3.Store(c + (3 * cRow));
        h3.Store(c + (3 * cRow) + 16);
        l4.Store(c + (4 * cRow));
        h4.Store(c + (4 * cRow) + 16);
        l5.Store(c + (5 * cRow));
        h5.Store(c + (5 * cRow) + 16);
    }

    /// <summary>One row × 32 columns.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void PortableTile1(LeftSide a, ushort* b, float* c, int pairs, bool accumulate)
    {
        var at = (byte*)a.Start;
        var low = accumulate ? Vector512.Load(c) : Vector512<float>.Zero;
        var high = accumulate ? Vector512.Load(c + 16) : Vector512<float>.Zero;
        var upper = Vector512.Create(0xFFFF0000u);
        for (var p = 0; p < pairs; p++)
        {
            var both = *(uint*)at;
            var even = Vector512.Create(both << 16).AsSingle();
            var odd = Vector512.Create(both & 0xFFFF0000u).AsSingle();
            var first = Vector512.Load((uint*)b);
            var second = Vector512.Load((uint*)b + 16);
            low = Vector512.FusedMultiplyAdd(odd, (first & upper).AsSingle(), Vector512.FusedMultiplyAdd(even, (first << 16).AsSingle(), low));
            high = Vector512.FusedMultiplyAdd(odd, (second & upper).AsSingle(), Vector512.FusedMultiplyAdd(even, (second << 16).AsSingle(), high));
            at += a.PairBytes;
            b += 2 * PanelWidth;
        }

        low.Store(c);
        high.Store(c + 16);
    }

    /// <summary>One row × 16 columns in 256-bit registers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void PortableTile1Vector256(LeftSide a, ushort* b, float* c, int pairs, bool accumulate)
    {
        var at = (byte*)a.Start;
        var low = accumulate ? Vector256.Load(c) : Vector256<float>.Zero;
        var high = accumulate ? Vector256.Load(c + 8) : Vector256<float>.Zero;
        var upper = Vector256.Create(0xFFFF0000u);
        for (var p = 0; p < pairs; p++)
        {
            var both = *(uint*)at;
            var even = Vector256.Create(both << 16).AsSingle();
            var odd = Vector256.Create(both & 0xFFFF0000u).AsSingle();
            var first = Vector256.Load((uint*)b);
            var second = Vector256.Load((uint*)b + 8);
            low = Vector256.FusedMultiplyAdd(odd, (first & upper).AsSingle(), Vector256.FusedMultiplyAdd(even, (first << 16).AsSingle(), low));
            high = Vector256.FusedMultiplyAdd(odd, (second & upper).AsSingle(), Vector256.FusedMultiplyAdd(even, (second << 16).AsSingle(), high));
            at += a.PairBytes;
            b += 2 * PanelWidth;
        }

        low.Store(c);
        high.Store(c + 8);
    }
}
