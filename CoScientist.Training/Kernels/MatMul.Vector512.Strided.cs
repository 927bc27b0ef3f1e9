using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace CoScientist.Training.Kernels;

/// <content>Tiles for 512-bit registers whose left side is read where it stands, with any strides.</content>
public static unsafe partial class MatMul
{
    /// <summary>The largest tile that fits into the rows; returns its rows.</summary>
    private static int TileVector512(float* a, nint aRow, nint aDepth, float* b, nint bRow, float* start, nint startRow, float* c, nint cRow, int rows, int depth)
    {
        if (rows >= 8)
        {
            Tile8x32(a, aRow, aDepth, b, bRow, start, startRow, c, cRow, depth);
            return 8;
        }

        if (rows >= 4)
        {
            Tile4x32(a, aRow, aDepth, b, bRow, start, startRow, c, cRow, depth);
            return 4;
        }

        Tile1x32(a, aDepth, b, bRow, start, c, depth);
        return 1;
    }

    /// <summary>8 rows × 32 columns: 16 accumulators.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile8x32(float* a, nint aRow, nint aDepth, float* b, nint bRow, float* start, nint startRow, float* c, nint cRow, int depth)
    {
        var a1 = a + aRow;
        var a2 = a + (2 * aRow);
        var a3 = a + (3 * aRow);
        var a4 = a + (4 * aRow);
        var a5 = a + (5 * aRow);
        var a6 = a + (6 * aRow);
        var a7 = a + (7 * aRow);
        Vector512<float> c0a, c0b;
        Vector512<float> c1a, c1b;
        Vector512<float> c2a, c2b;
        Vector512<float> c3a, c3b;
        Vector512<float> c4a, c4b;
        Vector512<float> c5a, c5b;
        Vector512<float> c6a, c6b;
        Vector512<float> c7a, c7b;
        if (start is not null)
        {
            var row = start;
            c0a = Vector512.Load(row);
            c0b = Vector512.Load(row + 16);
            row += startRow;
            c1a = Vector512.Load(row);
            c1b = Vector512.Load(row + 16);
            row += startRow;
            c2a = Vector512.Load(row);
            c2b = Vector512.Load(row + 16);
            row += startRow;
            c3a = Vector512.Load(row);
            c3b = Vector512.Load(row + 16);
            row += startRow;
            c4a = Vector512.Load(row);
            c4b = Vector512.Load(row + 16);
            row += startRow;
            c5a = Vector512.Load(row);
            c5b = Vector512.Load(row + 16);
            row += startRow;
            c6a = Vector512.Load(row);
            c6b = Vector512.Load(row + 16);
            row += startRow;
            c7a = Vector512.Load(row);
            c7b = Vector512.Load(row + 16);
        }
        else
        {
            c0a = c1a = c2a = c3a = c4a = c5a = c6a = c7a = Vector512<float>.Zero;
            c0b = c1b = c2b = c3b = c4b = c5b = c6b = c7b = Vector512<float>.Zero;
        }

        nint at = 0;
        for (var k = 0; k < depth; k++, at += aDepth, b += bRow)
        {
            var b0 = Vector512.Load(b);
            var b1 = Vector512.Load(b + 16);
            var x0 = Vector512.Create(a[at]);
            c0a = Vector512.FusedMultiplyAdd(x0, b0, c0a);
            c0b = Vector512.FusedMultiplyAdd(x0, b1, c0b);
            var x1 = Vector512.Create(a1[at]);
            c1a = Vector512.FusedMultiplyAdd(x1, b0, c1a);
            c1b = Vector512.FusedMultiplyAdd(x1, b1, c1b);
            var x2 = Vector512.Create(a2[at]);
            c2a = Vector512.FusedMultiplyAdd(x2, b0, c2a);
            c2b = Vector512.FusedMultiplyAdd(x2, b1, c2b);
            var x3 = Vector512.Create(a3[at]);
            c3a = Vector512.FusedMultiplyAdd(x3, b0, c3a);
            c3b = Vector512.FusedMultiplyAdd(x3, b1, c3b);
            var x4 = Vector512.Create(a4[at]);
            c4a = Vector512.FusedMultiplyAdd(x4, b0, c4a);
            c4b = Vector512.FusedMultiplyAdd(x4, b1, c4b);
            var x5 = Vector512.Create(a5[at]);
            c5a = Vector512.FusedMultiplyAdd(x5, b0, c5a);
            c5b = Vector512.FusedMultiplyAdd(x5, b1, c5b);
            var x6 = Vector512.Create(a6[at]);
            c6a = Vector512.FusedMultiplyAdd(x6, b0, c6a);
            c6b = Vector512.FusedMultiplyAdd(x6, b1, c6b);
            var x7 = Vector512.Create(a7[at]);
            c7a = Vector512.FusedMultiplyAdd(x7, b0, c7a);
            c7b = Vector512.FusedMultiplyAdd(x7, b1, c7b);
        }

        c0a.Store(c);
        c0b.Store(c + 16);
        c += cRow;
        c1a.Store(c);
        c1b.Store(c + 16);
        c += cRow;
        c2a.Store(c);
        c2b.Store(c + 16);
        c += cRow;
        c3a.Store(c);
        c3b.Store(c + 16);
        c += cRow;
        c4a.Store(c);
        c4b.Store(c + 16);
        c += cRow;
        c5a.Store(c);
        c5b.Store(c + 16);
        c += cRow;
        c6a.Store(c);
        c6b.Store(c + 16);
        c += cRow;
        c7a.Store(c);
        c7b.Store(c + 16);
    }

    /// <summary>4 rows × 32 columns.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile4x32(float* a, nint aRow, nint aDepth, float* b, nint bRow, float* start, nint startRow, float* c, nint cRow, int depth)
    {
        var a1 = a + aRow;
        var a2 = a + (2 * aRow);
        var a3 = a + (3 * aRow);
        Vector512<float> c0a, c0b;
        Vector512<float> c1a, c1b;
        Vector512<float> c2a, c2b;
        Vector512<float> c3a, c3b;
        if (start is not null)
        {
            var row = start;
            c0a = Vector512.Load(row);
            c0b = Vector512.Load(row + 16);
            row += startRow;
            c1a = Vector512.Load(row);
            c1b = Vector512.Load(row + 16);
            row += startRow;
            c2a = Vector512.Load(row);
            c2b = Vector512.Load(row + 16);
            row += startRow;
            c3a = Vector512.Load(row);
            c3b = Vector512.Load(row + 16);
        }
        else
        {
            c0a = c1a = c2a = c3a = Vector512<float>.Zero;
            c0b = c1b = c2b = c3b = Vector512<float>.Zero;
        }

        nint at = 0;
        for (var k = 0; k < depth; k++, at += aDepth, b += bRow)
        {
            var b0 = Vector512.Load(b);
            var b1 = Vector512.Load(b + 16);
            var x0 = Vector512.Create(a[at]);
            c0a = Vector512.FusedMultiplyAdd(x0, b0, c0a);
            c0b = Vector512.FusedMultiplyAdd(x0, b1, c0b);
            var x1 = Vector512.Create(a1[at]);
            c1a = Vector512.FusedMultiplyAdd(x1, b0, c1a);
            c1b = Vector512.FusedMultiplyAdd(x1, b1, c1b);
            var x2 = Vector512.Create(a2[at]);
            c2a = Vector512.FusedMultiplyAdd(x2, b0, c2a);
            c2b = Vector512.FusedMultiplyAdd(x2, b1, c2b);
            var x3 = Vector512.Create(a3[at]);
            c3a = Vector512.FusedMultiplyAdd(x3, b0, c3a);
            c3b = Vector512.FusedMultiplyAdd(x3, b1, c3b);
        }

        c0a.Store(c);
        c0b.Store(c + 16);
        c += cRow;
        c1a.Store(c);
        c1b.Store(c + 16);
        c += cRow;
        c2a.Store(c);
        c2b.Store(c + 16);
        c += cRow;
        c3a.Store(c);
        c3b.Store(c + 16);
    }

    /// <summary>One row × 32 columns.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile1x32(float* a, nint aDepth, float* b, nint bRow, float* start, float* c, int depth)
    {
        Vector512<float> c0a, c0b;
        if (start is not null)
        {
            var row = start;
            c0a = Vector512.Load(row);
            c0b = Vector512.Load(row + 16);
        }
        else
        {
            c0a = Vector512<float>.Zero;
            c0b = Vector512<float>.Zero;
        }

        nint at = 0;
        for (var k = 0; k < depth; k++, at += aDepth, b += bRow)
        {
            var b0 = Vector512.Load(b);
            var b1 = Vector512.Load(b + 16);
            var x0 = Vector512.Create(a[at]);
            c0a = Vector512.FusedMultiplyAdd(x0, b0, c0a);
            c0b = Vector512.FusedMultiplyAdd(x0, b1, c0b);
        }

        c0a.Store(c);
        c0b.Store(c + 16);
    }
}
