using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using CoScientist.Training.Tensors;

namespace CoScientist.Training.Kernels.Mixed;

/// <content>Packing: from single precision or bfloat16 to panels.</content>
public static unsafe partial class Bf16MatMul
{
    /// <summary>Pairs of rows per parallel iteration.</summary>
    private const int PairBlock = DepthStep / 2;

    /// <summary>Packs Wᵀ for y = x·Wᵀ, from W [m, k] in single precision.</summary>
    public static void PackTransposed(WorkerPool pool, float* w, int m, int k, ushort* packed) =>
        pool.For(WorkKind.Other, Panels(m), new PackTransposedLoop(w, null, m, k, packed));

    /// <summary>Packs Wᵀ for y = x·Wᵀ, from W [m, k] in bfloat16.</summary>
    public static void PackTransposed(WorkerPool pool, ushort* w, int m, int k, ushort* packed) =>
        pool.For(WorkKind.Other, Panels(m), new PackTransposedLoop(null, w, m, k, packed));

    /// <summary>Packs B for c = a·B, from B [depth, cols] in single precision with rows <paramref name="stride"/> apart.</summary>
    public static void PackRows(WorkerPool pool, float* b, int depth, int cols, long stride, ushort* packed) =>
        pool.For(WorkKind.Other, PaddedDepth(depth) / 2 / PairBlock, new PackRowsLoop(b, null, depth, cols, stride, packed));

    /// <summary>Packs B for c = a·B, from B [depth, cols] in bfloat16 with rows <paramref name="stride"/> apart.</summary>
    public static void PackRows(WorkerPool pool, ushort* b, int depth, int cols, long stride, ushort* packed) =>
        pool.For(WorkKind.Other, PaddedDepth(depth) / 2 / PairBlock, new PackRowsLoop(null, b, depth, cols, stride, packed));

    /// <summary>Packs the left side dy [depth, rows] of <see cref="MultiplyPacked"/>, in the layout that the kernel reads fastest.</summary>
    public static void PackLeft(WorkerPool pool, float* dy, int depth, int rows, long stride, ushort* packed) =>
        PackLeft(pool, new Matrix(dy, rows, stride, half: false), depth, packed);

    /// <summary>The same from rows in whatever precision.</summary>
    internal static void PackLeft(WorkerPool pool, in Matrix dy, int depth, ushort* packed)
    {
        var single = dy.IsHalf ? null : dy.Singles;
        var half = dy.IsHalf ? dy.Halves : null;
        if (Kernel == Bf16Kernel.MatrixTiles)
        {
            pool.For(WorkKind.Other, Panels(dy.Width), new PackLeftLoop(single, half, depth, dy.Width, dy.Stride, packed));
        }
        else
        {
            pool.For(WorkKind.Other, PaddedDepth(depth) / 2 / PairBlock, new PackRowsLoop(single, half, depth, dy.Width, dy.Stride, packed));
        }
    }

    /// <summary>Packs rowsᵀ for x · rowsᵀ on the calling thread, from rows [count, width] in bfloat16, both multiples of 32.</summary>
    internal static void PackColumns(ushort* rows, int count, int width, ushort* packed)
    {
        for (var first = 0; first < count; first += PanelWidth)
        {
            TransposePairs((uint*)(rows + ((long)first * width)), width / 2, (uint*)(packed + ((long)first * width)), PanelWidth, PanelWidth, width / 2);
        }
    }

    /// <summary>Packs rows for p · rows on the calling thread, from rows [count, width] in bfloat16, both multiples of 32.</summary>
    internal static void PackRows(ushort* rows, int count, int width, ushort* packed)
    {
        for (var column = 0; column < width; column += PanelWidth)
        {
            var target = (uint*)(packed + ((long)column * count));
            for (var pair = 0; pair < count / 2; pair++)
            {
                JoinRows(rows + (2L * pair * width) + column, width, both: true, PanelWidth, target + ((long)pair * PanelWidth));
            }
        }
    }

    /// <summary>
    /// pᵀ as a left side, on the calling thread, from p [rows, cols] in bfloat16 with rows <paramref name="stride"/> apart, both multiples of 32.
    /// </summary>
    /// <param name="p">The matrix; its rows become the inner index.</param>
    /// <param name="rows">Its rows, at most 64.</param>
    /// <param name="cols">Its columns.</param>
    /// <param name="stride">Between its rows, a multiple of 32 and at least <paramref name="cols"/> and 32 more.</param>
    /// <param name="memory">Room for 64 · stride numbers of 32 bits.</param>
    internal static LeftSide Transposed(ushort* p, int rows, int cols, int stride, uint* memory)
    {
        var pairs = rows / 2;
        for (var pair = 0; pair < pairs; pair++)
        {
            for (var column = 0; column < cols; column += PanelWidth)
            {
                JoinRows(p + (2L * pair * stride) + column, stride, both: true, PanelWidth, memory + ((long)pair * stride) + column);
            }
        }

        if (Kernel != Bf16Kernel.MatrixTiles)
        {
            return new LeftSide((ushort*)memory, sizeof(uint), stride * sizeof(uint));
        }

        // Matrix instructions take pairs of a row side by side.
        var target = memory + (32L * stride);
        TransposePairs(memory, stride, target, pairs, pairs, cols);
        return LeftSide.Rows((ushort*)target, rows);
    }

    /// <summary>The pairs 2p and 2p + 1 of 32 columns of a matrix; columns and rows that do not exist are zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void JoinPair(float* single, ushort* half, int pair, int depth, int column, int cols, long stride, uint* target)
    {
        var (row, width) = (2 * pair, Math.Min(PanelWidth, cols - column));
        if (row >= depth)
        {
            new Span<uint>(target, PanelWidth).Clear();
        }
        else if (single is not null)
        {
            JoinRows(single + (row * stride) + column, stride, row + 1 < depth, width, target);
        }
        else
        {
            JoinRows(half + (row * stride) + column, stride, row + 1 < depth, width, target);
        }
    }

    /// <summary>32 pairs from two rows; the second row counts as zero when it is missing.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void JoinRows(float* first, long stride, bool both, int width, uint* target)
    {
        if (width == PanelWidth && both)
        {
            var upper = Vector512.Create(0xFFFF0000u);
            ((Bfloat16.Rounded(first) >>> 16) | (Bfloat16.Rounded(first + stride) & upper)).Store(target);
            ((Bfloat16.Rounded(first + 16) >>> 16) | (Bfloat16.Rounded(first + stride + 16) & upper)).Store(target + 16);
            return;
        }

        for (var j = 0; j < PanelWidth; j++)
        {
            target[j] = j < width ? Bfloat16.Narrow(first[j]) | (both ? (uint)Bfloat16.Narrow(first[stride + j]) << 16 : 0) : 0;
        }
    }

    /// <summary>32 pairs from two rows; the second row counts as zero when it is missing.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void JoinRows(ushort* first, long stride, bool both, int width, uint* target)
    {
        if (width == PanelWidth && both)
        {
            var (low, high) = Vector512.Widen(Vector512.Load(first));
            var (nextLow, nextHigh) = Vector512.Widen(Vector512.Load(first + stride));
            (low | (nextLow << 16)).Store(target);
            (high | (nextHigh << 16)).Store(target + 16);
            return;
        }

        for (var j = 0; j < PanelWidth; j++)
        {
            target[j] = j < width ? first[j] | (both ? (uint)first[stride + j] << 16 : 0) : 0;
        }
    }

    /// <summary>target [cols, rows] = sourceᵀ of [rows, cols] pairs, in blocks of 4 × 4; both lengths multiples of 4.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void TransposePairs(uint* source, nint sourceRow, uint* target, nint targetRow, int rows, int cols)
    {
        for (nint j = 0; j < cols; j += 4)
        {
            for (nint i = 0; i < rows; i += 4)
            {
                var from = source + (i * sourceRow) + j;
                var r0 = Vector128.Load(from);
                var r1 = Vector128.Load(from + sourceRow);
                var r2 = Vector128.Load(from + (2 * sourceRow));
                var r3 = Vector128.Load(from + (3 * sourceRow));
                // Zipping rows 0 with 2 and 1 with 3, then the results, transposes a block.
                var (low02, high02) = (ZipLow(r0, r2), ZipHigh(r0, r2));
                var (low13, high13) = (ZipLow(r1, r3), ZipHigh(r1, r3));
                var to = target + (j * targetRow) + i;
                ZipLow(low02, low13).Store(to);
                ZipHigh(low02, low13).Store(to + targetRow);
                ZipLow(high02, high13).Store(to + (2 * targetRow));
                ZipHigh(high02, high13).Store(to + (3 * targetRow));
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<uint> ZipLow(Vector128<uint> a, Vector128<uint> b) =>
        Sse2.IsSupported ? Sse2.UnpackLow(a, b) : AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.ZipLow(a, b) : Vector128.Create(a[0], b[0], a[1], b[1]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<uint> ZipHigh(Vector128<uint> a, Vector128<uint> b) =>
        Sse2.IsSupported ? Sse2.UnpackHigh(a, b) : AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.ZipHigh(a, b) : Vector128.Create(a[2], b[2], a[3], b[3]);

    private readonly struct PackTransposedLoop(float* single, ushort* half, int m, int k, ushort* packed) : ILoopBody
    {
        public void Run(int index)
        {
            var padded = PaddedDepth(k);
            var target = (uint*)packed + ((long)index * padded / 2 * PanelWidth);
            var first = (long)index * PanelWidth * k;
            if (half is not null && padded == k && (index + 1) * PanelWidth <= m)
            {
                TransposePairs((uint*)(half + first), k / 2, target, PanelWidth, PanelWidth, k / 2);
                return;
            }

            // The panel's rows as bfloat16, padded, aside.
            var rows = (ushort*)(scratch ??= new ScratchBuffer()).Get((long)PanelWidth * padded / 2);
            for (var j = 0; j < PanelWidth; j++)
            {
                var row = rows + ((long)j * padded);
                var count = (index * PanelWidth) + j < m ? k : 0;
                if (single is not null)
                {
                    Bfloat16.Narrow(single + first + ((long)j * k), row, count);
                }
                else
                {
                    Unsafe.CopyBlockUnaligned(row, half + first + ((long)j * k), (uint)(count * sizeof(ushort)));
                }

                new Span<ushort>(row + count, padded - count).Clear();
            }

            TransposePairs((uint*)rows, padded / 2, target, PanelWidth, PanelWidth, padded / 2);
        }
    }

    private readonly struct PackRowsLoop(float* single, ushort* half, int depth, int cols, long stride, ushort* packed) : ILoopBody
    {
        public void Run(int index)
        {
            // Pairs of rows outside, panels inside: the source is read once, in order.
            var pairs = PaddedDepth(depth) / 2;
            for (var pair = index * PairBlock; pair < (index + 1) * PairBlock; pair++)
            {
                for (var panel = 0; panel < Panels(cols); panel++)
                {
                    JoinPair(single, half, pair, depth, panel * PanelWidth, cols, stride, (uint*)packed + ((((long)panel * pairs) + pair) * PanelWidth));
                }
            }
        }
    }

    /// <summary>For matrix instructions, which take the left side row-major: a panel's pairs aside, then transposed.</summary>
    private readonly struct PackLeftLoop(float* single, ushort* half, int depth, int rows, long stride, ushort* packed) : ILoopBody
    {
        public void Run(int index)
        {
            var pairs = PaddedDepth(depth) / 2;
            var aside = (uint*)(scratch ??= new ScratchBuffer()).Get((long)PanelWidth * pairs);
            for (var pair = 0; pair < pairs; pair++)
            {
                JoinPair(single, half, pair, depth, index * PanelWidth, rows, stride, aside + ((long)pair * PanelWidth));
            }

            TransposePairs(aside, PanelWidth, (uint*)packed + ((long)index * PanelWidth * pairs), pairs, pairs, PanelWidth);
        }
    }
}
