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
    public static void Multiply(WorkerPool pool, float* a, long aRow, byte* packed, float* c, long cRow, int rows, int cols, int depth, bool accumulate)
    {
        if (rows == 0 || cols == 0)
        {
            return;
        }

        var rowBlocks = (rows + RowBlock - 1) / RowBlock;
        var groups = rowBlocks >= 2 * pool.Threads ? 1 : (int)Math.Min(Panels(cols), Math.Max(1, 4 * pool.Threads / rowBlocks));
        pool.For(WorkKind.Products, rowBlocks * groups, new ProductLoop(a, aRow, packed, c, cRow, rows, cols, depth, accumulate, groups), 2.0 * rows * cols * depth);
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

    private readonly struct ProductLoop(float* a, long aRow, byte* packed, float* c, long cRow, int rows, int cols, int depth, bool accumulate, int groups) : ILoopBody
    {
        public void Run(int index)
        {
            var row = index / groups * RowBlock;
            var count = Math.Min(RowBlock, rows - row);
            var first = (int)(Panels(cols) * (index % groups) / groups);
            var end = (int)(Panels(cols) * ((index % groups) + 1) / groups);
            var left = Left.Make(a + (row * aRow), aRow, count, depth);
            for (var panel = first; panel < end; panel++)
            {
                var target = c + (row * cRow) + (panel * PanelWidth);
                var weights = packed + (panel * PanelBytes(depth));
                var width = Math.Min(PanelWidth, cols - (panel * PanelWidth));
                if (width == PanelWidth)
                {
                    Panel(left, weights, target, cRow, count, depth, accumulate);
                    continue;
                }

                // The last panel is narrower than a tile: compute aside, copy what exists.
                var edge = left.Edge;
                for (var i = 0; i < count; i++)
                {
                    Unsafe.CopyBlockUnaligned(edge + (i * PanelWidth), target + (i * cRow), (uint)(width * sizeof(float)));
                }

                Panel(left, weights, edge, PanelWidth, count, depth, accumulate);
                for (var i = 0; i < count; i++)
                {
                    Unsafe.CopyBlockUnaligned(target + (i * cRow), edge + (i * PanelWidth), (uint)(width * sizeof(float)));
                }
            }
        }
    }
}
