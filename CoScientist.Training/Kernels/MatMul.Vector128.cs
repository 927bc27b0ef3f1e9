using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace CoScientist.Training.Kernels;

/// <content>
/// Tiles for 128-bit registers: Arm's processors, which have 32 of them and fused multiply-adds. On x86 without AVX2 the same
/// code computes the same bits with emulated multiply-adds, slowly.
/// </content>
public static unsafe partial class MatMul
{
    /// <summary>The largest tiles that fit into the rows; returns their rows.</summary>
    private static int TileVector128(float* a, nint aRow, nint aDepth, float* b, nint bRow, float* start, nint startRow, float* c, nint cRow, int rows, int depth)
    {
        for (var half = 0; half < PanelWidth; half += 16)
        {
            if (rows >= 6)
            {
                Tile6x16Vector128(a, aRow, aDepth, b + half, bRow, start is null ? null : start + half, startRow, c + half, cRow, depth);
            }
            else
            {
                Tile1x16Vector128(a, aDepth, b + half, bRow, start is null ? null : start + half, c + half, depth);
            }
        }

        return rows >= 6 ? 6 : 1;
    }

    /// <summary>6 rows × 16 columns: 24 accumulators, four registers of the right side, one broadcast element.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile6x16Vector128(float* a, nint aRow, nint aDepth, float* b, nint bRow, float* start, nint startRow, float* c, nint cRow, int depth)
    {
        var a1 = a + aRow;
        var a2 = a + (2 * aRow);
        var a3 = a + (3 * aRow);
        var a4 = a + (4 * aRow);
        var a5 = a + (5 * aRow);
        Vector128<float> c0a, c0b, c0c, c0d;
        Vector128<float> c1a, c1b, c1c, c1d;
        Vector128<float> c2a, c2b, c2c, c2d;
        Vector128<float> c3a, c3b, c3c, c3d;
        Vector128<float> c4a, c4b, c4c, c4d;
        Vector128<float> c5a, c5b, c5c, c5d;
        if (start is not null)
        {
            var row = start;
            c0a = Vector128.Load(row);
            c0b = Vector128.Load(row + 4);
            c0c = Vector128.Load(row + 8);
            c0d = Vector128.Load(row + 12);
            row += startRow;
            c1a = Vector128.Load(row);
            c1b = Vector128.Load(row + 4);
            c1c = Vector128.Load(row + 8);
            c1d = Vector128.Load(row + 12);
            row += startRow;
            c2a = Vector128.Load(row);
            c2b = Vector128.Load(row + 4);
            c2c = Vector128.Load(row + 8);
            c2d = Vector128.Load(row + 12);
            row += startRow;
            c3a = Vector128.Load(row);
            c3b = Vector128.Load(row + 4);
            c3c = Vector128.Load(row + 8);
            c3d = Vector128.Load(row + 12);
            row += startRow;
            c4a = Vector128.Load(row);
            c4b = Vector128.Load(row + 4);
            c4c = Vector128.Load(row + 8);
            c4d = Vector128.Load(row + 12);
            row += startRow;
            c5a = Vector128.Load(row);
            c5b = Vector128.Load(row + 4);
            c5c = Vector128.Load(row + 8);
            c5d = Vector128.Load(row + 12);
        }
        else
        {
            c0a = c1a = c2a = c3a = c4a = c5a = Vector128<float>.Zero;
            c0b = c1b = c2b = c3b = c4b = c5b = Vector128<float>.Zero;
            c0c = c1c = c2c = c3c = c4c = c5c = Vector128<float>.Zero;
            c0d = c1d = c2d = c3d = c4d = c5d = Vector128<float>.Zero;
        }

        nint at = 0;
        for (var k = 0; k < depth; k++, at += aDepth, b += bRow)
        {
            var b0 = Vector128.Load(b);
            var b1 = Vector128.Load(b + 4);
            var b2 = Vector128.Load(b + 8);
            var b3 = Vector128.Load(b + 12);
            var x0 = Vector128.Create(a[at]);
            c0a = Vector128.FusedMultiplyAdd(x0, b0, c0a);
            c0b = Vector128.FusedMultiplyAdd(x0, b1, c0b);
            c0c = Vector128.FusedMultiplyAdd(x0, b2, c0c);
            c0d = Vector128.FusedMultiplyAdd(x0, b3, c0d);
            var x1 = Vector128.Create(a1[at]);
            c1a = Vector128.FusedMultiplyAdd(x1, b0, c1a);
            c1b = Vector128.FusedMultiplyAdd(x1, b1, c1b);
            c1c = Vector128.FusedMultiplyAdd(x1, b2, c1c);
            c1d = Vector128.FusedMultiplyAdd(x1, b3, c1d);
            var x2 = Vector128.Create(a2[at]);
            c2a = Vector128.FusedMultiplyAdd(x2, b0, c2a);
            c2b = Vector128.FusedMultiplyAdd(x2, b1, c2b);
            c2c = Vector128.FusedMultiplyAdd(x2, b2, c2c);
            c2d = Vector128.FusedMultiplyAdd(x2, b3, c2d);
            var x3 = Vector128.Create(a3[at]);
            c3a = Vector128.FusedMultiplyAdd(x3, b0, c3a);
            c3b = Vector128.FusedMultiplyAdd(x3, b1, c3b);
            c3c = Vector128.FusedMultiplyAdd(x3, b2, c3c);
            c3d = Vector128.FusedMultiplyAdd(x3, b3, c3d);
            var x4 = Vector128.Create(a4[at]);
            c4a = Vector128.FusedMultiplyAdd(x4, b0, c4a);
            c4b = Vector128.FusedMultiplyAdd(x4, b1, c4b);
            c4c = Vector128.FusedMultiplyAdd(x4, b2, c4c);
            c4d = Vector128.FusedMultiplyAdd(x4, b3, c4d);
            var x5 = Vector128.Create(a5[at]);
            c5a = Vector128.FusedMultiplyAdd(x5, b0, c5a);
            c5b = Vector128.FusedMultiplyAdd(x5, b1, c5b);
            c5c = Vector128.FusedMultiplyAdd(x5, b2, c5c);
            c5d = Vector128.FusedMultiplyAdd(x5, b3, c5d);
        }

        c0a.Store(c);
        c0b.Store(c + 4);
        c0c.Store(c + 8);
        c0d.Store(c + 12);
        c += cRow;
        c1a.Store(c);
        c1b.Store(c + 4);
        c1c.Store(c + 8);
        c1d.Store(c + 12);
        c += cRow;
        c2a.Store(c);
        c2b.Store(c + 4);
        c2c.Store(c + 8);
        c2d.Store(c + 12);
        c += cRow;
        c3a.Store(c);
        c3b.Store(c + 4);
        c3c.Store(c + 8);
        c3d.Store(c + 12);
        c += cRow;
        c4a.Store(c);
        c4b.Store(c + 4);
        c4c.Store(c + 8);
        c4d.Store(c + 12);
        c += cRow;
        c5a.Store(c);
        c5b.Store(c + 4);
        c5c.Store(c + 8);
        c5d.Store(c + 12);
    }

    /// <summary>One row × 16 columns.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile1x16Vector128(float* a, nint aDepth, float* b, nint bRow, float* start, float* c, int depth)
    {
        Vector128<float> c0a, c0b, c0c, c0d;
        if (start is not null)
        {
            var row = start;
            c0a = Vector128.Load(row);
            c0b = Vector128.Load(row + 4);
            c0c = Vector128.Load(row + 8);
            c0d = Vector128.Load(row + 12);
        }
        else
        {
            c0a = Vector128<float>.Zero;
            c0b = Vector128<float>.Zero;
            c0c = Vector128<float>.Zero;
            c0d = Vector128<float>.Zero;
        }

        nint at = 0;
        for (var k = 0; k < depth; k++, at += aDepth, b += bRow)
        {
            var b0 = Vector128.Load(b);
            var b1 = Vector128.Load(b + 4);
            var b2 = Vector128.Load(b + 8);
            var b3 = Vector128.Load(b + 12);
            var x0 = Vector128.Create(a[at]);
            c0a = Vector128.FusedMultiplyAdd(x0, b0, c0a);
            c0b = Vector128.FusedMultiplyAdd(x0, b1, c0b);
            c0c = Vector128.FusedMultiplyAdd(x0, b2, c0c);
            c0d = Vector128.FusedMultiplyAdd(x0, b3, c0d);
        }

        c0a.Store(c);
        c0b.Store(c + 4);
        c0c.Store(c + 8);
        c0d.Store(c + 12);
    }
}
