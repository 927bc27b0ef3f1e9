using System.Runtime.Intrinsics;
using CoScientist.Training.Tensors;

namespace CoScientist.Training.Kernels;

/// <summary>
/// Matrix products. Weights are [M, K] row-major (output × input, as in Hugging Face checkpoints), activations [N, K].
/// Every element of a product is one chain of fused multiply-adds over the inner index in ascending order, whatever the tile
/// or thread that computes it: results are the same bits for every batch, tile and thread count.
/// </summary>
public static unsafe partial class MatMul
{
    /// <summary>Columns of a tile: two AVX-512 registers.</summary>
    public const int PanelWidth = 32;

    /// <summary>Inner length of one pass over the tiles, so that a panel stays in the second-level cache.</summary>
    private const int DepthBlock = 512;

    /// <summary>Rows per parallel iteration: enough work to outweigh handing it out, little enough to balance.</summary>
    private const int RowBlock = 48;

    [ThreadStatic]
    private static ScratchBuffer? bounce;

    /// <summary><paramref name="length"/> rounded up to whole panels.</summary>
    public static int Padded(int length) => (length + PanelWidth - 1) / PanelWidth * PanelWidth;

    /// <summary>Floats that the packed form of a [rows, cols] right-hand side needs: panels of 32 columns, each [rows, 32].</summary>
    public static long PackedLength(int depth, int cols) => (long)depth * Padded(cols);

    /// <summary>Packs Wᵀ for y = x·Wᵀ: from W [M, K] to panels [M/32][K][32], missing columns zero.</summary>
    public static void PackTransposed(WorkerPool pool, float* w, int m, int k, float* packed) =>
        pool.For(WorkKind.Other, Padded(m) / PanelWidth, new PackTransposedLoop(w, m, k, packed));

    /// <summary>Packs B for c = a·B: from B [depth, cols] (row stride <paramref name="stride"/>) to panels [cols/32][depth][32], missing columns zero.</summary>
    public static void PackRows(WorkerPool pool, float* b, int depth, int cols, long stride, float* packed) =>
        pool.For(WorkKind.Other, Padded(cols) / PanelWidth, new PackRowsLoop(b, depth, cols, stride, packed));

    /// <summary>
    /// c [rows, cols] (+)= a · B, with B packed in panels. a's element (i, k) is at <c>a[i·aRow + k·aDepth]</c>, so a
    /// transposed left side needs no copy.
    /// </summary>
    /// <param name="pool">Threads.</param>
    /// <param name="a">Left side.</param>
    /// <param name="aRow">Stride between its rows.</param>
    /// <param name="aDepth">Stride along the inner index.</param>
    /// <param name="packed">Right side, packed by <see cref="PackRows"/> or <see cref="PackTransposed"/>.</param>
    /// <param name="c">Result, row-major with stride <paramref name="cRow"/>.</param>
    /// <param name="cRow">Stride between rows of the result.</param>
    /// <param name="rows">Rows of the result.</param>
    /// <param name="cols">Columns of the result.</param>
    /// <param name="depth">Inner length.</param>
    /// <param name="accumulate">Adds to the result instead of replacing it.</param>
    public static void Multiply(WorkerPool pool, float* a, long aRow, long aDepth, float* packed, float* c, long cRow, int rows, int cols, int depth, bool accumulate)
    {
        if (rows == 0 || cols == 0)
        {
            return;
        }

        var panels = Padded(cols) / PanelWidth;
        var rowBlocks = (rows + RowBlock - 1) / RowBlock;
        // Few rows: share out the panels as well, or one thread would do everything.
        var panelGroups = rowBlocks >= 2 * pool.Threads ? 1 : Math.Min(panels, Math.Max(1, 4 * pool.Threads / rowBlocks));
        pool.For(WorkKind.Products, rowBlocks * panelGroups, new MultiplyLoop(a, aRow, aDepth, packed, c, cRow, rows, cols, depth, accumulate, panelGroups), 2.0 * rows * cols * depth);
    }

    /// <summary>
    /// One panel of a product on the calling thread: c [rows, 32] (+)= a [rows, depth] · b [depth, 32], all with free strides.
    /// Reads and writes whole tiles of 32 columns.
    /// </summary>
    public static void Block(float* a, long aRow, long aDepth, float* b, long bRow, float* c, long cRow, int rows, int depth, bool accumulate)
    {
        var i = 0;
        if (Vector512.IsHardwareAccelerated)
        {
            for (; i + 8 <= rows; i += 8)
            {
                Tile8x32(a + (i * aRow), (nint)aRow, (nint)aDepth, b, (nint)bRow, c + (i * cRow), (nint)cRow, depth, accumulate);
            }

            for (; i + 4 <= rows; i += 4)
            {
                Tile4x32(a + (i * aRow), (nint)aRow, (nint)aDepth, b, (nint)bRow, c + (i * cRow), (nint)cRow, depth, accumulate);
            }

            for (; i < rows; i++)
            {
                Tile1x32(a + (i * aRow), (nint)aDepth, b, (nint)bRow, c + (i * cRow), depth, accumulate);
            }

            return;
        }

        for (; i < rows; i++)
        {
            Tile1x32Vector256(a + (i * aRow), (nint)aDepth, b, (nint)bRow, c + (i * cRow), depth, accumulate);
        }
    }

    private static void CopyRows(float* source, long sourceRow, float* target, long targetRow, int rows, int width)
    {
        for (var i = 0; i < rows; i++)
        {
            new ReadOnlySpan<float>(source + (i * sourceRow), width).CopyTo(new Span<float>(target + (i * targetRow), width));
        }
    }

    private readonly struct PackTransposedLoop(float* w, int m, int k, float* packed) : ILoopBody
    {
        public void Run(int index)
        {
            var target = packed + ((long)index * k * PanelWidth);
            var cols = Math.Min(PanelWidth, m - (index * PanelWidth));
            for (var j = 0; j < PanelWidth; j++)
            {
                var source = w + ((long)((index * PanelWidth) + j) * k);
                for (var i = 0; i < k; i++)
                {
                    target[(i * PanelWidth) + j] = j < cols ? source[i] : 0;
                }
            }
        }
    }

    private readonly struct PackRowsLoop(float* b, int depth, int cols, long stride, float* packed) : ILoopBody
    {
        public void Run(int index)
        {
            var target = packed + ((long)index * depth * PanelWidth);
            var from = index * PanelWidth;
            var width = Math.Min(PanelWidth, cols - from);
            for (var i = 0; i < depth; i++)
            {
                var row = new Span<float>(target + ((long)i * PanelWidth), PanelWidth);
                new ReadOnlySpan<float>(b + (i * stride) + from, width).CopyTo(row);
                row[width..].Clear();
            }
        }
    }

    private readonly struct MultiplyLoop(float* a, long aRow, long aDepth, float* packed, float* c, long cRow, int rows, int cols, int depth, bool accumulate, int panelGroups) : ILoopBody
    {
        public void Run(int index)
        {
            var panels = Padded(cols) / PanelWidth;
            var firstRow = index / panelGroups * RowBlock;
            var group = index % panelGroups;
            var blockRows = Math.Min(RowBlock, rows - firstRow);
            var firstPanel = (int)((long)panels * group / panelGroups);
            var endPanel = (int)((long)panels * (group + 1) / panelGroups);
            var edge = (bounce ??= new ScratchBuffer()).Get(RowBlock * PanelWidth);
            for (var k0 = 0; k0 < depth; k0 += DepthBlock)
            {
                var length = Math.Min(DepthBlock, depth - k0);
                var left = a + (firstRow * aRow) + (k0 * aDepth);
                for (var panel = firstPanel; panel < endPanel; panel++)
                {
                    var right = packed + ((((long)panel * depth) + k0) * PanelWidth);
                    var target = c + (firstRow * cRow) + (panel * PanelWidth);
                    var width = Math.Min(PanelWidth, cols - (panel * PanelWidth));
                    if (width == PanelWidth)
                    {
                        Block(left, aRow, aDepth, right, PanelWidth, target, cRow, blockRows, length, accumulate || k0 > 0);
                        continue;
                    }

                    // The last panel is narrower than a tile: compute aside, copy what exists.
                    CopyRows(target, cRow, edge, PanelWidth, blockRows, width);
                    Block(left, aRow, aDepth, right, PanelWidth, edge, PanelWidth, blockRows, length, accumulate || k0 > 0);
                    CopyRows(edge, PanelWidth, target, cRow, blockRows, width);
                }
            }
        }
    }
}
