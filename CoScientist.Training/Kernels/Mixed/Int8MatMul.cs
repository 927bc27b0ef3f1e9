using System.Runtime.CompilerServices;
using CoScientist.Training.Tensors;

namespace CoScientist.Training.Kernels.Mixed;

/// <summary>
/// Matrix products with weights of 8 bits, for models that are only read. Within each group of 128 inner indices a column of
/// the weight is q·s with q whole numbers in −127 … 127 and s = max|w| / 127 (symmetric, no offset), and a row of the left
/// side is p·t with p in −32767 … 32767 and t = max|x| / 32767, made when the product is. Σ q·p of a group is exact in 32
/// bits; groups are added in ascending order in single precision. So results are the same bits for every batch, thread count
/// and processor, and differ from those of the rounded weights by at most 2⁻¹⁵ of the group's largest |x| times Σ|w|.
/// Weights are packed in panels of 32 columns, [cols/32][depth/2][32][2], their scales as [cols/32][groups][32].
/// </summary>
public static unsafe partial class Int8MatMul
{
    /// <summary>Columns of a panel.</summary>
    public const int PanelWidth = 32;

    /// <summary>Inner indices that share a scale.</summary>
    public const int Group = 128;

    private const int WeightLimit = sbyte.MaxValue;
    private const int LeftLimit = short.MaxValue;

    /// <summary>Rows per parallel iteration.</summary>
    private const int RowBlock = 32;

    [ThreadStatic]
    private static ScratchBuffer? scratch;

    /// <summary>Bytes of the packed form of a [depth, cols] right side; its scales follow the numbers.</summary>
    public static long PackedLength(int depth, int cols) => Panels(cols) * PanelBytes(depth);

    /// <summary>Packs Wᵀ for y = x·Wᵀ, from W [m, k] in single precision.</summary>
    public static void PackTransposed(WorkerPool pool, float* w, int m, int k, byte* packed) =>
        pool.For(WorkKind.Other, (int)Panels(m), new PackLoop(w, null, m, k, packed));

    /// <summary>Packs Wᵀ for y = x·Wᵀ, from W [m, k] in bfloat16.</summary>
    public static void PackTransposed(WorkerPool pool, ushort* w, int m, int k, byte* packed) =>
        pool.For(WorkKind.Other, (int)Panels(m), new PackLoop(null, w, m, k, packed));

    /// <summary>c [rows, cols] (+)= a · B with a [rows, depth] in single precision.</summary>
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
    public static void Multiply(WorkerPool pool, float* a, long aRow, byte* packed, float* c, long cRow, int rows, int cols, int depth, bool accumulate) =>
        Multiply(pool, a, aRow, packed, accumulate ? c : null, c, cRow, rows, cols, depth, null, default(NoEpilogue));

    /// <summary>c [rows, cols] = start + a · B + bias, then the epilogue block by block; <paramref name="start"/> is laid out like the result, and null for zero.</summary>
    internal static void Multiply<T>(WorkerPool pool, float* a, long aRow, byte* packed, float* start, float* c, long cRow, int rows, int cols, int depth, float* bias, in T epilogue)
        where T : struct, IEpilogue
    {
        if (rows == 0 || cols == 0)
        {
            return;
        }

        var rowBlocks = (rows + RowBlock - 1) / RowBlock;
        var (groups, panels) = Epilogue.Share(epilogue, (int)Panels(cols), rowBlocks >= 2 * pool.Threads ? 1 : 4 * pool.Threads / rowBlocks);
        pool.For(WorkKind.Products, rowBlocks * groups, new ProductLoop<T>(a, aRow, packed, start, c, cRow, rows, cols, depth, groups, panels, bias, epilogue), 2.0 * rows * cols * depth);
    }

    /// <summary>c [rows, cols rounded up to whole panels] (+)= a · B on the calling thread.</summary>
    public static void Block(float* a, long aRow, byte* packed, float* c, long cRow, int rows, int cols, int depth, bool accumulate)
    {
        for (var first = 0; first < rows; first += RowBlock)
        {
            var count = Math.Min(RowBlock, rows - first);
            var left = Left.Make(a + (first * aRow), aRow, count, depth);
            for (var panel = 0; panel < Panels(cols); panel++)
            {
                Panel(left, packed + (panel * PanelBytes(depth)), c + (first * cRow) + (panel * PanelWidth), cRow, count, depth, accumulate);
            }
        }
    }

    /// <summary>One column of the right side as single precision, [depth].</summary>
    public static void Column(byte* packed, int depth, int column, float* target)
    {
        var panel = packed + (column / PanelWidth * PanelBytes(depth));
        var scales = Scales(panel, depth) + (column % PanelWidth);
        for (var i = 0; i < depth; i++)
        {
            target[i] = ((sbyte*)panel)[((((i / 2) * PanelWidth) + (column % PanelWidth)) * 2) + (i % 2)] * scales[i / Group * PanelWidth];
        }
    }

    private static long Panels(int cols) => (cols + PanelWidth - 1) / PanelWidth;

    private static int Pairs(int depth) => (depth + 1) / 2;

    private static int Groups(int depth) => (depth + Group - 1) / Group;

    private static long PanelBytes(int depth) => ((long)Pairs(depth) * PanelWidth * 2) + ((long)Groups(depth) * PanelWidth * sizeof(float));

    private static float* Scales(byte* panel, int depth) => (float*)(panel + ((long)Pairs(depth) * PanelWidth * 2));

    private static void CopyRows(float* source, long sourceRow, float* target, long targetRow, int rows, int width)
    {
        for (var i = 0; i < rows; i++)
        {
            Unsafe.CopyBlockUnaligned(target + (i * targetRow), source + (i * sourceRow), (uint)(width * sizeof(float)));
        }
    }

    private readonly struct ProductLoop<T>(float* a, long aRow, byte* packed, float* start, float* c, long cRow, int rows, int cols, int depth, int groups, int panels, float* bias, T epilogue) : ILoopBody
        where T : struct, IEpilogue
    {
        public void Run(int index)
        {
            var row = index / groups * RowBlock;
            var count = Math.Min(RowBlock, rows - row);
            var (first, end) = (index % groups * panels, (int)Math.Min(Panels(cols), ((index % groups) + 1) * panels));
            var left = Left.Make(a + (row * aRow), aRow, count, depth);
            var together = Epilogue.Panels(epilogue, panels);
            for (var block = first; block < end; block += together)
            {
                for (var panel = block; panel < Math.Min(end, block + together); panel++)
                {
                    RunPanel(left, row, count, panel);
                }

                var column = block * PanelWidth;
                var target = c + (row * cRow) + column;
                var width = Math.Min(cols, Math.Min(end, block + together) * PanelWidth) - column;
                if (bias is not null)
                {
                    Epilogue.AddBias(bias + column, target, cRow, count, width);
                }

                epilogue.Finish(target, cRow, row, count, column, width);
            }
        }

        private void RunPanel(Left left, int row, int count, int panel)
        {
            var at = (row * cRow) + (panel * PanelWidth);
            var weights = packed + (panel * PanelBytes(depth));
            var width = Math.Min(PanelWidth, cols - (panel * PanelWidth));
            // The last panel is narrower than a tile: compute aside, copy what exists.
            var whole = width == PanelWidth;
            var target = whole ? c + at : left.Edge;
            var stride = whole ? cRow : PanelWidth;
            if (start is not null && start + at != target)
            {
                CopyRows(start + at, cRow, target, stride, count, width);
            }

            Panel(left, weights, target, stride, count, depth, start is not null);
            if (!whole)
            {
                CopyRows(target, stride, c + at, cRow, count, width);
            }
        }
    }
}
