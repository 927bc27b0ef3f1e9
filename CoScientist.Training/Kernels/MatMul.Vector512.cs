using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace CoScientist.Training.Kernels;

/// <content>Tiles for 512-bit registers. Accumulators are separate locals because only those stay in registers.</content>
public static unsafe partial class MatMul
{
    /// <summary>8 rows × 32 columns: 16 accumulators in registers, each row's element broadcast once for both halves.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile8x32(float* a, nint aRow, nint aDepth, float* b, nint bRow, float* c, nint cRow, int depth, bool accumulate)
    {
        var a1 = a + aRow;
        var a2 = a + (2 * aRow);
        var a3 = a + (3 * aRow);
        var a4 = a + (4 * aRow);
        var a5 = a + (5 * aRow);
        var a6 = a + (6 * aRow);
        var a7 = a + (7 * aRow);
        Vector512<float> l0, h0, l1, h1, l2, h2, l3, h3, l4, h4, l5, h5, l6, h6, l7, h7;
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
            l6 = Vector512.Load(c + (6 * cRow));
            h6 = Vector512.Load(c + (6 * cRow) + 16);
            l7 = Vector512.Load(c + (7 * cRow));
            h7 = Vector512.Load(c + (7 * cRow) + 16);
        }
        else
        {
            l0 = l1 = l2 = l3 = l4 = l5 = l6 = l7 = Vector512<float>.Zero;
            h0 = h1 = h2 = h3 = h4 = h5 = h6 = h7 = Vector512<float>.Zero;
        }

        nint at = 0;
        for (var k = 0; k < depth; k++)
        {
            var b0 = Vector512.Load(b);
            var b1 = Vector512.Load(b + 16);
            var x0 = Vector512.Create(a[at]);
            l0 = Vector512.FusedMultiplyAdd(x0, b0, l0);
            h0 = Vector512.FusedMultiplyAdd(x0, b1, h0);
            var x1 = Vector512.Create(a1[at]);
            l1 = Vector512.FusedMultiplyAdd(x1, b0, l1);
            h1 = Vector512.FusedMultiplyAdd(x1, b1, h1);
            var x2 = Vector512.Create(a2[at]);
            l2 = Vector512.FusedMultiplyAdd(x2, b0, l2);
            h2 = Vector512.FusedMultiplyAdd(x2, b1, h2);
            var x3 = Vector512.Create(a3[at]);
            l3 = Vector512.FusedMultiplyAdd(x3, b0, l3);
            h3 = Vector512.FusedMultiplyAdd(x3, b1, h3);
            var x4 = Vector512.Create(a4[at]);
            l4 = Vector512.FusedMultiplyAdd(x4, b0, l4);
            h4 = Vector512.FusedMultiplyAdd(x4, b1, h4);
            var x5 = Vector512.Create(a5[at]);
            l5 = Vector512.FusedMultiplyAdd(x5, b0, l5);
            h5 = Vector512.FusedMultiplyAdd(x5, b1, h5);
            var x6 = Vector512.Create(a6[at]);
            l6 = Vector512.FusedMultiplyAdd(x6, b0, l6);
            h6 = Vector512.FusedMultiplyAdd(x6, b1, h6);
            var x7 = Vector512.Create(a7[at]);
            l7 = Vector512.FusedMultiplyAdd(x7, b0, l7);
            h7 = Vector512.FusedMultiplyAdd(x7, b1, h7);
            at += aDepth;
            b += bRow;
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
        l6.Store(c + (6 * cRow));
        h6.Store(c + (6 * cRow) + 16);
        l7.Store(c + (7 * cRow));
        h7.Store(c + (7 * cRow) + 16);
    }

    /// <summary>4 rows × 32 columns: 8 accumulators in registers, each row's element broadcast once for both halves.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile4x32(float* a, nint aRow, nint aDepth, float* b, nint bRow, float* c, nint cRow, int depth, bool accumulate)
    {
        var a1 = a + aRow;
        var a2 = a + (2 * aRow);
        var a3 = a + (3 * aRow);
        Vector512<float> l0, h0, l1, h1, l2, h2, l3, h3;
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
        }
        else
        {
            l0 = l1 = l2 = l3 = Vector512<float>.Zero;
            h0 = h1 = h2 = h3 = Vector512<float>.Zero;
        }

        nint at = 0;
        for (var k = 0; k < depth; k++)
        {
            var b0 = Vector512.Load(b);
            var b1 = Vector512.Load(b + 16);
            var x0 = Vector512.Create(a[at]);
            l0 = Vector512.FusedMultiplyAdd(x0, b0, l0);
            h0 = Vector512.FusedMultiplyAdd(x0, b1, h0);
            var x1 = Vector512.Create(a1[at]);
            l1 = Vector512.FusedMultiplyAdd(x1, b0, l1);
            h1 = Vector512.FusedMultiplyAdd(x1, b1, h1);
            var x2 = Vector512.Create(a2[at]);
            l2 = Vector512.FusedMultiplyAdd(x2, b0, l2);
            h2 = Vector512.FusedMultiplyAdd(x2, b1, h2);
            var x3 = Vector512.Create(a3[at]);
            l3 = Vector512.FusedMultiplyAdd(x3, b0, l3);
            h3 = Vector512.FusedMultiplyAdd(x3, b1, h3);
            at += aDepth;
            b += bRow;
        }

        l0.Store(c);
        h0.Store(c + 16);
        l1.Store(c + cRow);
        h1.Store(c + cRow + 16);
        l2.Store(c + (2 * cRow));
        h2.Store(c + (2 * cRow) + 16);
        l3.Store(c + (3 * cRow));
        h3.Store(c + (3 * cRow) + 16);
    }

    /// <summary>One row × 32 columns.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile1x32(float* a, nint aDepth, float* b, nint bRow, float* c, int depth, bool accumulate)
    {
        var low = accumulate ? Vector512.Load(c) : Vector512<float>.Zero;
        var high = accumulate ? Vector512.Load(c + 16) : Vector512<float>.Zero;
        nint at = 0;
        for (var k = 0; k < depth; k++)
        {
            var x = Vector512.Create(a[at]);
            low = Vector512.FusedMultiplyAdd(x, Vector512.Load(b), low);
            high = Vector512.FusedMultiplyAdd(x, Vector512.Load(b + 16), high);
            at += aDepth;
            b += bRow;
        }

        low.Store(c);
        high.Store(c + 16);
    }
}
