using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace CoScientist.Training.Kernels;

/// <content>Tiles for 256-bit registers, of which there are 16: half a panel at a time.</content>
public static unsafe partial class MatMul
{
    /// <summary>The largest tiles that fit into the rows; returns their rows.</summary>
    private static int TileVector256(float* a, nint aRow, nint aDepth, float* b, nint bRow, float* start, nint startRow, float* c, nint cRow, int rows, int depth)
    {
        if (rows >= 6)
        {
            Tile6x16(a, aRow, aDepth, b, bRow, start, startRow, c, cRow, depth);
            Tile6x16(a, aRow, aDepth, b + 16, bRow, start is null ? null : start + 16, startRow, c + 16, cRow, depth);
            return 6;
        }

        Tile1x32Vector256(a, aDepth, b, bRow, start, c, depth);
        return 1;
    }

    /// <summary>6 rows × 16 columns: 12 accumulators, two registers of the right side, one broadcast element.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile6x16(float* a, nint aRow, nint aDepth, float* b, nint bRow, float* start, nint startRow, float* c, nint cRow, int depth)
    {
        var a1 = a + aRow;
        var a2 = a + (2 * aRow);
        var a3 = a + (3 * aRow);
        var a4 = a + (4 * aRow);
        var a5 = a + (5 * aRow);
        Vector256<float> c0a, c0b;
        Vector256<float> c1a, c1b;
        Vector256<float> c2a, c2b;
        Vector256<float> c3a, c3b;
        Vector256<float> c4a, c4b;
        Vector256<float> c5a, c5b;
        if (start is not null)
        {
            var row = start;
            c0a = Vector256.Load(row);
            c0b = Vector256.Load(row + 8);
            row += startRow;
            c1a = Vector256.Load(row);
            c1b = Vector256.Load(row + 8);
            row += startRow;
            c2a = Vector256.Load(row);
            c2b = Vector256.Load(row + 8);
            row += startRow;
            c3a = Vector256.Load(row);
            c3b = Vector256.Load(row + 8);
            row += startRow;
            c4a = Vector256.Load(row);
            c4b = Vector256.Load(row + 8);
            row += startRow;
            c5a = Vector256.Load(row);
            c5b = Vector256.Load(row + 8);
        }
        else
        {
            c0a = c1a = c2a = c3a = c4a = c5a = Vector256<float>.Zero;
            c0b = c1b = c2b = c3b = c4b = c5b = Vector256<float>.Zero;
        }

        nint at = 0;
        for (var k = 0; k < depth; k++, at += aDepth, b += bRow)
        {
            var b0 = Vector256.Load(b);
            var b1 = Vector256.Load(b + 8);
            var x0 = Vector256.Create(a[at]);
            c0a = Vector256.FusedMultiplyAdd(x0, b0, c0a);
            c0b = Vector256.FusedMultiplyAdd(x0, b1, c0b);
            var x1 = Vector256.Create(a1[at]);
            c1a = Vector256.FusedMultiplyAdd(x1, b0, c1a);
            c1b = Vector256.FusedMultiplyAdd(x1, b1, c1b);
            var x2 = Vector256.Create(a2[at]);
            c2a = Vector256.FusedMultiplyAdd(x2, b0, c2a);
            c2b = Vector256.FusedMultiplyAdd(x2, b1, c2b);
            var x3 = Vector256.Create(a3[at]);
            c3a = Vector256.FusedMultiplyAdd(x3, b0, c3a);
            c3b = Vector256.FusedMultiplyAdd(x3, b1, c3b);
            var x4 = Vector256.Create(a4[at]);
            c4a = Vector256.FusedMultiplyAdd(x4, b0, c4a);
            c4b = Vector256.FusedMultiplyAdd(x4, b1, c4b);
            var x5 = Vector256.Create(a5[at]);
            c5a = Vector256.FusedMultiplyAdd(x5, b0, c5a);
            c5b = Vector256.FusedMultiplyAdd(x5, b1, c5b);
        }

        c0a.Store(c);
        c0b.Store(c + 8);
        c += cRow;
        c1a.Store(c);
        c1b.Store(c + 8);
        c += cRow;
        c2a.Store(c);
        c2b.Store(c + 8);
        c += cRow;
        c3a.Store(c);
        c3b.Store(c + 8);
        c += cRow;
        c4a.Store(c);
        c4b.Store(c + 8);
        c += cRow;
        c5a.Store(c);
        c5b.Store(c + 8);
    }

    /// <summary>One row × 32 columns.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile1x32Vector256(float* a, nint aDepth, float* b, nint bRow, float* start, float* c, int depth)
    {
        Vector256<float> c0a, c0b, c0c, c0d;
        if (start is not null)
        {
            var row = start;
            c0a = Vector256.Load(row);
            c0b = Vector256.Load(row + 8);
            c0c = Vector256.Load(row + 16);
            c0d = Vector256.Load(row + 24);
        }
        else
        {
            c0a = Vector256<float>.Zero;
            c0b = Vector256<float>.Zero;
            c0c = Vector256<float>.Zero;
            c0d = Vector256<float>.Zero;
        }

        nint at = 0;
        for (var k = 0; k < depth; k++, at += aDepth, b += bRow)
        {
            var b0 = Vector256.Load(b);
            var b1 = Vector256.Load(b + 8);
            var b2 = Vector256.Load(b + 16);
            var b3 = Vector256.Load(b + 24);
            var x0 = Vector256.Create(a[at]);
            c0a = Vector256.FusedMultiplyAdd(x0, b0, c0a);
            c0b = Vector256.FusedMultiplyAdd(x0, b1, c0b);
            c0c = Vector256.FusedMultiplyAdd(x0, b2, c0c);
            c0d = Vector256.FusedMultiplyAdd(x0, b3, c0d);
        }

        c0a.Store(c);
        c0b.Store(c + 8);
        c0c.Store(c + 16);
        c0d.Store(c + 24);
    }
}
