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
        Run(pool, new ProductLoop(a, aRow, default, LeftForm.Single, packed, c, cRow, rows, cols, depth, accumulate, Groups(pool, rows, cols)), rows, cols, depth);

    /// <summary>
    /// c [rows, cols] (+)= a · B with a [rows, depth] in bfloat16. Where the inner length is no multiple of
    /// <see cref="DepthStep"/>, rows of a must be zero up to it.
    /// </summary>
    /// <inheritdoc cref="Multiply(WorkerPool, float*, long, ushort*, float*, long, int, int, int, bool)"/>
    public static void Multiply(WorkerPool pool, ushort* a, long aRow, ushort* packed, float* c, long cRow, int rows, int cols, int depth, bool accumulate) =>
        Run(pool, new ProductLoop(null, 0, LeftSide.Rows(a, aRow), LeftForm.Half, packed, c, cRow, rows, cols, depth, accumulate, Groups(pool, rows, cols)), rows, cols, depth);

    /// <summary>
    /// c [rows, cols] (+)= aᵀ · b with both sides packed along the inner index: a by <see cref="PackLeft"/>, b by
    /// <see cref="PackRows(WorkerPool, float*, int, int, long, ushort*)"/>. The gradient of a weight, dW = dyᵀ·x.
    /// </summary>
    /// <inheritdoc cref="Multiply(WorkerPool, float*, long, ushort*, float*, long, int, int, int, bool)"/>
    public static void MultiplyPacked(WorkerPool pool, ushort* a, ushort* packed, float* c, long cRow, int rows, int cols, int depth, bool accumulate)
    {
        var left = Kernel == Bf16Kernel.MatrixTiles ? LeftSide.Rows(a, PaddedDepth(depth)) : new LeftSide(a, 2 * sizeof(ushort), PanelRowBytes);
        Run(pool, new ProductLoop(null, 0, left, LeftForm.Packed, packed, c, cRow, rows, cols, depth, accumulate, Groups(pool, rows, cols)), rows, cols, depth);
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
            Block(left, packed, 0, panels, padded, c + (first * cRow), cRow, panels * PanelWidth, count, accumulate, edge: null);
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

    /// <summary>Into how many groups the panels are shared out: more than one where there are few rows.</summary>
    private static int Groups(WorkerPool pool, int rows, int cols)
    {
        var rowBlocks = Math.Max(1, (rows + RowBlock - 1) / RowBlock);
        return rowBlocks >= 2 * pool.Threads ? 1 : Math.Max(1, Math.Min(Panels(cols), 4 * pool.Threads / rowBlocks));
    }

    private static void Run(WorkerPool pool, in ProductLoop loop, int rows, int cols, int depth)
    {
        if (rows > 0 && cols > 0)
        {
            pool.For(WorkKind.Products, (rows + RowBlock - 1) / RowBlock * loop.Groups, loop, 2.0 * rows * cols * depth);
        }
    }

    private static void Block(LeftSide a, ushort* packed, int firstPanel, int endPanel, int depth, float* c, long cRow, int cols, int rows, bool accumulate, float* edge)
    {
        for (var from = 0; from < depth; from += DepthBlock)
        {
            var length = Math.Min(DepthBlock, depth - from);
            var left = a.From(from);
            var add = accumulate || from > 0;
            for (var panel = firstPanel; panel < endPanel; panel++)
            {
                var right = packed + ((((long)panel * depth) + from) * PanelWidth);
                var target = c + (panel * PanelWidth);
                var width = Math.Min(PanelWidth, cols - (panel * PanelWidth));
                if (width == PanelWidth)
                {
                    Panel(Kernel, left, right, target, cRow, rows, length, add);
                    continue;
                }

                // The last panel is narrower than a tile: compute aside, copy what exists.
                CopyRows(target, cRow, edge, PanelWidth, rows, width);
                Panel(Kernel, left, right, edge, PanelWidth, rows, length, add);
                CopyRows(edge, PanelWidth, target, cRow, rows, width);
            }
        }
    }

    private static void CopyRows(float* source, long sourceRow, float* target, long targetRow, int rows, int width)
    {
        for (var i = 0; i < rows; i++)
        {
            Unsafe.CopyBlockUnaligned(target + (i * targetRow), source + (i * sourceRow), (uint)(width * sizeof(float)));
        }
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

    private readonly struct ProductLoop(float* single, long singleRow, LeftSide half, LeftForm form, ushort* packed, float* c, long cRow, int rows, int cols, int depth, bool accumulate, int groups) : ILoopBody
    {
        public int Groups => groups;

        public void Run(int index)
        {
            var row = index / groups * RowBlock;
            var count = Math.Min(RowBlock, rows - row);
            var panels = Panels(cols);
            var first = (int)((long)panels * (index % groups) / groups);
            var end = (int)((long)panels * ((index % groups) + 1) / groups);
            var padded = PaddedDepth(depth);
            var edge = (scratch ??= new ScratchBuffer()).Get((RowBlock * PanelWidth) + (form == LeftForm.Single ? (long)RowBlock * padded / 2 : 0));
            var target = c + (row * cRow);
            switch (form)
            {
                case LeftForm.Single:
                    var narrow = NarrowRows(single + (row * singleRow), singleRow, count, depth, (ushort*)(edge + (RowBlock * PanelWidth)));
                    Block(narrow, packed, first, end, padded, target, cRow, cols, count, accumulate, edge);
                    break;
                case LeftForm.Half:
                    Block(half.Below(row), packed, first, end, padded, target, cRow, cols, count, accumulate, edge);
                    break;
                default:
                    for (var i = 0; i < count; i += PanelWidth)
                    {
                        var panel = new LeftSide(half.Start + ((long)(row + i) * padded), half.RowBytes, half.PairBytes);
                        Block(panel, packed, first, end, padded, target + (i * cRow), cRow, cols, Math.Min(PanelWidth, count - i), accumulate, edge);
                    }

                    break;
            }
        }
    }
}
