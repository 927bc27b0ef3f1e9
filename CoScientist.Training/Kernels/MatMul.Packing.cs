using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace CoScientist.Training.Kernels;

/// <content>Rearranging the sides of a product: panels of 32 columns on the right, strips of 12 rows on the left.</content>
public static unsafe partial class MatMul
{
    /// <summary>Floats that the packed form of a [rows, cols] right-hand side needs: panels of 32 columns, each [rows, 32].</summary>
    public static long PackedLength(int depth, int cols) => (long)depth * Padded(cols);

    /// <summary>Packs Wᵀ for y = x·Wᵀ: from W [M, K] to panels [M/32][K][32], missing columns zero.</summary>
    public static void PackTransposed(WorkerPool pool, float* w, int m, int k, float* packed) =>
        pool.For(WorkKind.Other, Padded(m) / PanelWidth, new PackTransposedLoop(w, m, k, packed));

    /// <summary>Packs B for c = a·B: from B [depth, cols] (row stride <paramref name="stride"/>) to panels [cols/32][depth][32], missing columns zero.</summary>
    public static void PackRows(WorkerPool pool, float* b, int depth, int cols, long stride, float* packed) =>
        pool.For(WorkKind.Other, Padded(cols) / PanelWidth, new PackRowsLoop(b, depth, cols, stride, packed));

    /// <summary>Strips [strips][depth][12] of a left side; the rows after the last whole strip are left out.</summary>
    private static void PackStrips(float* a, long aRow, long aDepth, int strips, int depth, float* target)
    {
        for (var strip = 0; strip < strips; strip++, a += StripRows * aRow, target += (long)StripRows * depth)
        {
            if (aDepth == 1)
            {
                for (var row = 0; row < StripRows; row += 4)
                {
                    Transpose4(a + (row * aRow), aRow, depth, target + row, StripRows);
                }
            }
            else if (aRow == 1)
            {
                CopyTwelves(a, (nint)aDepth, depth, target);
            }
            else
            {
                for (var i = 0; i < depth * StripRows; i++)
                {
                    target[i] = a[(i % StripRows * aRow) + (i / StripRows * aDepth)];
                }
            }
        }
    }

    /// <summary>target[k·stride + i] = source[i·row + k] for four rows i.</summary>
    internal static void Transpose4(float* source, long row, int count, float* target, nint stride)
    {
        var r0 = source;
        var r1 = source + row;
        var r2 = source + (2 * row);
        var r3 = source + (3 * row);
        var k = 0;
        if (Avx512F.IsSupported)
        {
            // Transposes four 4 × 4 blocks at once, one in each quarter of the registers.
            for (; k + 16 <= count; k += 16)
            {
                var (v0, v1, v2, v3) = (Vector512.Load(r0 + k), Vector512.Load(r1 + k), Vector512.Load(r2 + k), Vector512.Load(r3 + k));
                var (low01, high01) = (Avx512F.UnpackLow(v0, v1).AsDouble(), Avx512F.UnpackHigh(v0, v1).AsDouble());
                var (low23, high23) = (Avx512F.UnpackLow(v2, v3).AsDouble(), Avx512F.UnpackHigh(v2, v3).AsDouble());
                StoreQuarters(Avx512F.UnpackLow(low01, low23).AsSingle(), target, 4 * stride);
                StoreQuarters(Avx512F.UnpackHigh(low01, low23).AsSingle(), target + stride, 4 * stride);
                StoreQuarters(Avx512F.UnpackLow(high01, high23).AsSingle(), target + (2 * stride), 4 * stride);
                StoreQuarters(Avx512F.UnpackHigh(high01, high23).AsSingle(), target + (3 * stride), 4 * stride);
                target += 16 * stride;
            }
        }

        for (; k < count; k++, target += stride)
        {
            Vector128.Create(r0[k], r1[k], r2[k], r3[k]).Store(target);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreQuarters(Vector512<float> value, float* target, nint stride)
    {
        Avx512F.ExtractVector128(value, 0).Store(target);
        Avx512F.ExtractVector128(value, 1).Store(target + stride);
        Avx512F.ExtractVector128(value, 2).Store(target + (2 * stride));
        Avx512F.ExtractVector128(value, 3).Store(target + (3 * stride));
    }

    /// <summary>Twelve consecutive floats of each of <paramref name="depth"/> rows, one after the other.</summary>
    private static void CopyTwelves(float* source, nint stride, int depth, float* target)
    {
        for (var k = 0; k < depth; k++, source += stride, target += StripRows)
        {
            Vector256.Load(source).Store(target);
            Vector128.Load(source + 8).Store(target + 8);
        }
    }

    private readonly struct PackTransposedLoop(float* w, int m, int k, float* packed) : ILoopBody
    {
        public void Run(int index)
        {
            var target = packed + ((long)index * k * PanelWidth);
            var source = w + ((long)index * PanelWidth * k);
            var cols = Math.Min(PanelWidth, m - (index * PanelWidth));
            var j = 0;
            for (; j + 4 <= cols; j += 4)
            {
                Transpose4(source + ((long)j * k), k, k, target + j, PanelWidth);
            }

            for (; j < PanelWidth; j++)
            {
                for (var i = 0; i < k; i++)
                {
                    target[((long)i * PanelWidth) + j] = j < cols ? source[((long)j * k) + i] : 0;
                }
            }
        }
    }

    private readonly struct PackRowsLoop(float* b, int depth, int cols, long stride, float* packed) : ILoopBody
    {
        public void Run(int index)
        {
            var target = packed + ((long)index * depth * PanelWidth);
            var source = b + ((long)index * PanelWidth);
            var width = Math.Min(PanelWidth, cols - (index * PanelWidth));
            for (var i = 0; i < depth; i++, source += stride, target += PanelWidth)
            {
                if (width == PanelWidth)
                {
                    Vector512.Load(source).Store(target);
                    Vector512.Load(source + 16).Store(target + 16);
                    continue;
                }

                var row = new Span<float>(target, PanelWidth);
                new ReadOnlySpan<float>(source, width).CopyTo(row);
                row[width..].Clear();
            }
        }
    }
}
