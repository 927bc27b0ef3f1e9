using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using CoScientist.Training.Tensors;

namespace CoScientist.Training.Kernels.Mixed;

/// <summary>
/// Matrix products of bfloat16 numbers, accumulated in single precision. The right side is packed in panels of 32 columns,
/// [cols/32][depth/2][32][2]: a row holds a pair of consecutive inner indices for each column, which is what dot-product and
/// matrix instructions take. The inner length is padded with zeros to a multiple of 32. Every element of a product is one
/// chain of accumulations in ascending order of the inner index, whatever the tile, batch or thread: results repeat to the
/// bit on one kind of processor. Kernels for different kinds differ in the order inside a pair or a group of 32 and in
/// intermediate rounding, so results of different processors differ by a few units of single precision times Σ|a·b|.
/// </summary>
public static unsafe partial class Bf16MatMul
{
    /// <summary>Columns of a panel.</summary>
    public const int PanelWidth = 32;

    /// <summary>The inner length is padded to a multiple of this.</summary>
    public const int DepthStep = 32;

    private const int PanelRowBytes = PanelWidth * 2 * sizeof(ushort);

    /// <summary>Inner length of one pass over the tiles, so that a panel stays in the first-level cache.</summary>
    internal const int DepthBlock = 512;

    /// <summary>Rows per parallel iteration: enough work to outweigh handing it out, little enough to balance and to stay in the second-level cache.</summary>
    internal const int RowBlock = 96;

    [ThreadStatic]
    private static ScratchBuffer? scratch;

    /// <summary>The kernel that this process uses.</summary>
    public static Bf16Kernel Kernel => NativeKernels.Selected;

    /// <summary>The inner length as stored.</summary>
    public static int PaddedDepth(int depth) => (depth + DepthStep - 1) / DepthStep * DepthStep;

    /// <summary>Numbers that the packed form of a [depth, cols] right side needs.</summary>
    public static long PackedLength(int depth, int cols) => (long)PaddedDepth(depth) * Panels(cols) * PanelWidth;

    /// <summary>Numbers that the packed left side of a weight gradient needs.</summary>
    public static long PackedLeftLength(int depth, int rows) => PackedLength(depth, rows);

    /// <summary>c [rows, cols] (+)= a · B with a [rows, depth] in single precision, narrowed block by block.</summary>
    /// <param name="pool">Threads.</param>
    /// <param name="a">Left side, row-major.</param>
    /// <param name="aRow">Stride between its rows.</param>
    /// <param name="packed">Right side, packed.</param>
    /// <param name="c">Result, row-major.</param>
    /// <param name="cRow">Stride between its rows.</param>
    /// <param name="rows">Rows of the result.</param>
    /// <param name="cols">Columns of the result.</param>
    /// <param name="depth">Inner length.</param>
    /// <param name="accumulate">Adds to the result instead of replacing it.</param>
    public static void Multiply(WorkerPool pool, float* a, long aRow, ushort* packed, float* c, long cRow, int rows, int cols, int depth, bool accumulate) =>
        Multiply(pool, new Matrix(a, depth, aRow, half: false), packed, accumulate ? c : null, c, cRow, rows, cols, null, default(NoEpilogue));

    /// <summary>
    /// c [rows, cols] (+)= a · B with a [rows, depth] in bfloat16. Where the inner length is no multiple of
    /// <see cref="DepthStep"/>, rows of a must be zero up to it.
    /// </summary>
    /// <inheritdoc cref="Multiply(WorkerPool, float*, long, ushort*, float*, long, int, int, int, bool)"/>
    public static void Multiply(WorkerPool pool, ushort* a, long aRow, ushort* packed, float* c, long cRow, int rows, int cols, int depth, bool accumulate) =>
        Multiply(pool, new Matrix((float*)a, depth, aRow, half: true), packed, accumulate ? c : null, c, cRow, rows, cols, null, default(NoEpilogue));

    /// <summary>
    /// c [rows, cols] = start + a · B + bias, then the epilogue block by block; <paramref name="start"/> is laid out like the
    /// result, and null for zero. Where c is null only the epilogue sees the result, and start is null too.
    /// </summary>
    internal static void Multiply<T>(WorkerPool pool, in Matrix a, ushort* packed, float* start, float* c, long cRow, int rows, int cols, float* bias, in T epilogue)
        where T : struct, IEpilogue
    {
        var left = a.IsHalf ? LeftSide.Rows(a.Halves, a.Stride) : default;
        Run(pool, a.IsHalf ? null : a.Singles, a.Stride, left, a.IsHalf ? LeftForm.Half : LeftForm.Single, new Right(packed, cols, PaddedDepth(a.Width)), a.Width, new Result(start, c, cRow, bias), rows, epilogue);
    }

    /// <summary>
    /// c [rows, cols] (+)= aᵀ · b with both sides packed along the inner index: a by <see cref="PackLeft(WorkerPool, float*, int, int, long, ushort*)"/>, b by
    /// <see cref="PackRows(WorkerPool, float*, int, int, long, ushort*)"/>. The gradient of a weight, dW = dyᵀ·x.
    /// </summary>
    /// <inheritdoc cref="Multiply(WorkerPool, float*, long, ushort*, float*, long, int, int, int, bool)"/>
    public static void MultiplyPacked(WorkerPool pool, ushort* a, ushort* packed, float* c, long cRow, int rows, int cols, int depth, bool accumulate)
    {
        var left = Kernel == Bf16Kernel.MatrixTiles ? LeftSide.Rows(a, PaddedDepth(depth)) : new LeftSide(a, 2 * sizeof(ushort), PanelRowBytes);
        Run(pool, null, 0, left, LeftForm.Packed, new Right(packed, cols, PaddedDepth(depth)), depth, new Result(accumulate ? c : null, c, cRow, null), rows, default(NoEpilogue));
    }

    /// <summary>c [rows, cols rounded up to whole panels] (+)= a · B on the calling thread, with a in single precision.</summary>
    public static void Block(float* a, long aRow, ushort* packed, float* c, long cRow, int rows, int cols, int depth, bool accumulate)
    {
        var padded = PaddedDepth(depth);
        var panels = Panels(cols);
        for (var first = 0; first < rows; first += RowBlock)
        {
            var count = Math.Min(RowBlock, rows - first);
            var left = NarrowRows(a + (first * aRow), aRow, count, depth, (ushort*)(scratch ??= new ScratchBuffer()).Get((long)RowBlock * padded / 2));
            var target = c + (first * cRow);
            Block(left, new Right(packed, panels * PanelWidth, padded), 0, panels, new Result(accumulate ? target : null, target, cRow, null), 0, count, null, default(NoEpilogue));
        }
    }

    /// <summary>One panel of a product on the calling thread: c [rows, 32] (+)= a · B over <paramref name="depth"/> inner indices, a multiple of <see cref="DepthStep"/>.</summary>
    internal static void Panel(Bf16Kernel kernel, LeftSide a, ushort* b, float* c, long cRow, int rows, int depth, bool accumulate)
    {
        switch (kernel)
        {
            case Bf16Kernel.DotProduct:
                NativeKernels.DotProductPanel(a, b, c, cRow, rows, depth, accumulate);
                break;
            case Bf16Kernel.MatrixTiles:
                NativeKernels.MatrixTilesPanel(a, b, c, cRow, rows, depth, accumulate);
                break;
            default:
                PortablePanel(a, b, c, cRow, rows, depth, accumulate);
                break;
        }
    }

    /// <summary>Rows as bfloat16, padded with zeros.</summary>
    private static LeftSide NarrowRows(float* a, long aRow, int rows, int depth, ushort* target)
    {
        var padded = PaddedDepth(depth);
        for (var i = 0; i < rows; i++)
        {
            Bfloat16.Narrow(a + (i * aRow), target + ((long)i * padded), depth);
            new Span<ushort>(target + ((long)i * padded) + depth, padded - depth).Clear();
        }

        return LeftSide.Rows(target, padded);
    }

    private static int Panels(int cols) => (cols + PanelWidth - 1) / PanelWidth;

    private static void Run<T>(WorkerPool pool, float* single, long singleRow, LeftSide half, LeftForm form, in Right right, int depth, in Result result, int rows, in T epilogue)
        where T : struct, IEpilogue
    {
        if (rows == 0 || right.Cols == 0)
        {
            return;
        }

        // Parts of the panels too where there are few rows.
        var rowBlocks = (rows + RowBlock - 1) / RowBlock;
        var (groups, panels) = Epilogue.Share(epilogue, Panels(right.Cols), rowBlocks >= 2 * pool.Threads ? 1 : 4 * pool.Threads / rowBlocks);
        pool.For(WorkKind.Products, rowBlocks * groups, new ProductLoop<T>(single, singleRow, half, form, right, depth, result, rows, groups, panels, epilogue), 2.0 * rows * right.Cols * depth);
    }

    /// <summary>Some panels of a product for at most <see cref="RowBlock"/> rows, the first of which is number <paramref name="firstRow"/>.</summary>
    private static void Block<T>(LeftSide a, in Right right, int firstPanel, int endPanel, in Result result, int firstRow, int rows, float* aside, in T epilogue)
        where T : struct, IEpilogue
    {
        var together = Epilogue.Panels(epilogue, endPanel - firstPanel);
        for (var block = firstPanel; block < endPanel; block += together)
        {
            var (end, column) = (Math.Min(endPanel, block + together), block * PanelWidth);
            var target = result.Target is null ? aside : result.Target + column;
            var stride = result.Target is null ? together * PanelWidth : result.Stride;
            for (var from = 0; from < right.Depth; from += DepthBlock)
            {
                var length = Math.Min(DepthBlock, right.Depth - from);
                var left = a.From(from);
                for (var panel = block; panel < end; panel++)
                {
                    var matrix = right.Panel(panel, from);
                    var at = target + ((panel - block) * PanelWidth);
                    var start = from > 0 ? at : result.Start is null ? null : result.Start + (panel * PanelWidth);
                    var width = Math.Min(PanelWidth, right.Cols - (panel * PanelWidth));
                    if (width == PanelWidth || result.Target is null)
                    {
                        if (start is not null && start != at)
                        {
                            CopyRows(start, result.Stride, at, stride, rows, width);
                        }

                        Panel(Kernel, left, matrix, at, stride, rows, length, start is not null);
                        continue;
                    }

                    // The last panel is narrower than a tile: compute aside, copy what exists.
                    if (start is not null)
                    {
                        CopyRows(start, result.Stride, aside, PanelWidth, rows, width);
                    }

                    Panel(Kernel, left, matrix, aside, PanelWidth, rows, length, start is not null);
                    CopyRows(aside, PanelWidth, at, stride, rows, width);
                }
            }

            var cols = Math.Min(right.Cols, end * PanelWidth) - column;
            if (result.Bias is not null)
            {
                Epilogue.AddBias(result.Bias + column, target, stride, rows, cols);
            }

            epilogue.Finish(target, stride, firstRow, rows, column, cols);
        }
    }

    private static void CopyRows(float* source, long sourceRow, float* target, long targetRow, int rows, int width)
    {
        for (var i = 0; i < rows; i++)
        {
            Unsafe.CopyBlockUnaligned(target + (i * targetRow), source + (i * sourceRow), (uint)(width * sizeof(float)));
        }
    }

    /// <summary>The packed right side: its columns, and its inner length as stored.</summary>
    private readonly struct Right(ushort* packed, int cols, int depth)
    {
        public int Cols => cols;

        public int Depth => depth;

        public ushort* Panel(int panel, int from) => packed + ((((long)panel * depth) + from) * PanelWidth);
    }

    /// <summary>What a product starts from (null for zero), where it goes (null for nowhere but the epilogue), and its bias (null for none).</summary>
    private readonly struct Result(float* start, float* target, long stride, float* bias)
    {
        public float* Start => start;

        public float* Target => target;

        public long Stride => stride;

        public float* Bias => bias;

        public Result Below(int rows) => new(start is null ? null : start + (rows * stride), target is null ? null : target + (rows * stride), stride, bias);
    }

    private enum LeftForm
    {
        /// <summary>Rows in single precision.</summary>
        Single,

        /// <summary>Rows in bfloat16.</summary>
        Half,

        /// <summary>Panels of 32 rows, packed along the inner index.</summary>
        Packed,
    }

    /// <summary>Where the pair p of row i lies: at <c>Start + i·RowBytes + p·PairBytes</c>.</summary>
    internal readonly struct LeftSide
    {
        public LeftSide(ushort* start, nint rowBytes, nint pairBytes)
        {
            Start = start;
            RowBytes = rowBytes;
            PairBytes = pairBytes;
        }

        /// <summary>A row-major matrix, rows <paramref name="stride"/> numbers apart.</summary>
        public static LeftSide Rows(ushort* start, long stride) => new(start, (nint)stride * sizeof(ushort), 2 * sizeof(ushort));

        public ushort* Start { get; }

        public nint RowBytes { get; }

        public nint PairBytes { get; }

        public LeftSide From(int depth) => new((ushort*)((byte*)Start + (depth / 2 * PairBytes)), RowBytes, PairBytes);

        public LeftSide Below(int rows) => new((ushort*)((byte*)Start + (rows * RowBytes)), RowBytes, PairBytes);
    }

    private readonly struct ProductLoop<T>(float* single, long singleRow, LeftSide half, LeftForm form, Right right, int depth, Result result, int rows, int groups, int panels, T epilogue) : ILoopBody
        where T : struct, IEpilogue
    {
        public void Run(int index)
        {
            var row = index / groups * RowBlock;
            var count = Math.Min(RowBlock, rows - row);
            var first = index % groups * panels;
            var end = Math.Min(Panels(right.Cols), first + panels);
            var room = RowBlock * PanelWidth * (result.Target is null ? Epilogue.Panels(epilogue, panels) : 1);
            var aside = (scratch ??= new ScratchBuffer()).Get(room + (form == LeftForm.Single ? (long)RowBlock * right.Depth / 2 : 0));
            switch (form)
            {
                case LeftForm.Single:
                    var narrow = NarrowRows(single + (row * singleRow), singleRow, count, depth, (ushort*)(aside + room));
                    Block(narrow, right, first, end, result.Below(row), row, count, aside, epilogue);
                    break;
                case LeftForm.Half:
                    Block(half.Below(row), right, first, end, result.Below(row), row, count, aside, epilogue);
                    break;
                default:
                    for (var i = 0; i < count; i += PanelWidth)
                    {
                        var panel = new LeftSide(half.Start + ((long)(row + i) * right.Depth), half.RowBytes, half.PairBytes);
                        Block(panel, right, first, end, result.Below(row + i), row + i, Math.Min(PanelWidth, count - i), aside, epilogue);
                    }

                    break;
            }
        }
    }
}
