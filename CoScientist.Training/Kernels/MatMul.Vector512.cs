using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace CoScientist.Training.Kernels;

/// <content>Tiles for 512-bit registers. Accumulators are separate locals because only those stay in registers.</content>
public static unsafe partial class MatMul
{
    /// <summary>
    /// 12 rows × 32 columns: 24 accumulators, two registers of the right side and one broadcast element. The left side is packed
    /// as [depth, 12], so that one pointer reaches all rows.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Strip12x32(float* a, float* b, float* start, nint startRow, float* c, nint cRow, int depth)
    {
        Vector512<float> l0, l1, l2, l3, l4, l5, l6, l7, l8, l9, l10, l11;
        Vector512<float> h0, h1, h2, h3, h4, h5, h6, h7, h8, h9, h10, h11;
        if (start is not null)
        {
            var row = start;
            l0 = Vector512.Load(row);
            h0 = Vector512.Load(row + 16);
            row += startRow;
            l1 = Vector512.Load(row);
            h1 = Vector512.Load(row + 16);
            row += startRow;
            l2 = Vector512.Load(row);
            h2 = Vector512.Load(row + 16);
            row += startRow;
            l3 = Vector512.Load(row);
            h3 = Vector512.Load(row + 16);
            row += startRow;
            l4 = Vector512.Load(row);
            h4 = Vector512.Load(row + 16);
            row += startRow;
            l5 = Vector512.Load(row);
            h5 = Vector512.Load(row + 16);
            row += startRow;
            l6 = Vector512.Load(row);
            h6 = Vector512.Load(row + 16);
            row += startRow;
            l7 = Vector512.Load(row);
            h7 = Vector512.Load(row + 16);
            row += startRow;
            l8 = Vector512.Load(row);
            h8 = Vector512.Load(row + 16);
            row += startRow;
            l9 = Vector512.Load(row);
            h9 = Vector512.Load(row + 16);
            row += startRow;
            l10 = Vector512.Load(row);
            h10 = Vector512.Load(row + 16);
            row += startRow;
            l11 = Vector512.Load(row);
            h11 = Vector512.Load(row + 16);
        }
        else
        {
            l0 = l1 = l2 = l3 = l4 = l5 = l6 = l7 = l8 = l9 = l10 = l11 = Vector512<float>.Zero;
            h0 = h1 = h2 = h3 = h4 = h5 = h6 = h7 = h8 = h9 = h10 = h11 = Vector512<float>.Zero;
        }

        for (var end = a + ((nint)depth * StripRows); a < end; a += StripRows, b += PanelWidth)
        {
            var b0 = Vector512.Load(b);
            var b1 = Vector512.Load(b + 16);
            var x0 = Vector512.Create(a[0]);
            l0 = Vector512.FusedMultiplyAdd(x0, b0, l0);
            h0 = Vector512.FusedMultiplyAdd(x0, b1, h0);
            var x1 = Vector512.Create(a[1]);
            l1 = Vector512.FusedMultiplyAdd(x1, b0, l1);
            h1 = Vector512.FusedMultiplyAdd(x1, b1, h1);
            var x2 = Vector512.Create(a[2]);
            l2 = Vector512.FusedMultiplyAdd(x2, b0, l2);
            h2 = Vector512.FusedMultiplyAdd(x2, b1, h2);
            var x3 = Vector512.Create(a[3]);
            l3 = Vector512.FusedMultiplyAdd(x3, b0, l3);
            h3 = Vector512.FusedMultiplyAdd(x3, b1, h3);
            var x4 = Vector512.Create(a[4]);
            l4 = Vector512.FusedMultiplyAdd(x4, b0, l4);
            h4 = Vector512.FusedMultiplyAdd(x4, b1, h4);
            var x5 = Vector512.Create(a[5]);
            l5 = Vector512.FusedMultiplyAdd(x5, b0, l5);
            h5 = Vector512.FusedMultiplyAdd(x5, b1, h5);
            var x6 = Vector512.Create(a[6]);
            l6 = Vector512.FusedMultiplyAdd(x6, b0, l6);
            h6 = Vector512.FusedMultiplyAdd(x6, b1, h6);
            var x7 = Vector512.Create(a[7]);
            l7 = Vector512.FusedMultiplyAdd(x7, b0, l7);
            h7 = Vector512.FusedMultiplyAdd(x7, b1, h7);
            var x8 = Vector512.Create(a[8]);
            l8 = Vector512.FusedMultiplyAdd(x8, b0, l8);
            h8 = Vector512.FusedMultiplyAdd(x8, b1, h8);
            var x9 = Vector512.Create(a[9]);
            l9 = Vector512.FusedMultiplyAdd(x9, b0, l9);
            h9 = Vector512.FusedMultiplyAdd(x9, b1, h9);
            var x10 = Vector512.Create(a[10]);
            l10 = Vector512.FusedMultiplyAdd(x10, b0, l10);
            h10 = Vector512.FusedMultiplyAdd(x10, b1, h10);
            var x11 = Vector512.Create(a[11]);
            l11 = Vector512.FusedMultiplyAdd(x11, b0, l11);
            h11 = Vector512.FusedMultiplyAdd(x11, b1, h11);
        }

        l0.Store(c);
        h0.Store(c + 16);
        c += cRow;
        l1.Store(c);
        h1.Store(c + 16);
        c += cRow;
        l2.Store(c);
        h2.Store(c + 16);
        c += cRow;
        l3.Store(c);
        h3.Store(c + 16);
        c += cRow;
        l4.Store(c);
        h4.Store(c + 16);
        c += cRow;
        l5.Store(c);
        h5.Store(c + 16);
        c += cRow;
        l6.Store(c);
        h6.Store(c + 16);
        c += cRow;
        l7.Store(c);
        h7.Store(c + 16);
        c += cRow;
        l8.Store(c);
        h8.Store(c + 16);
        c += cRow;
        l9.Store(c);
        h9.Store(c + 16);
        c += cRow;
        l10.Store(c);
        h10.Store(c + 16);
        c += cRow;
        l11.Store(c);
        h11.Store(c + 16);
    }
}
