using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using CoScientist.Training.Tensors;

namespace CoScientist.Training.Kernels;

/// <summary>
/// Matrix products. Weights are [M, K] row-major (output × input, as in Hugging Face checkpoints), activations [N, K].
/// Every element of a product is one chain of fused multiply-adds over the inner index in ascending order, whatever the tile
/// or thread that computes it: results are the same bits for every batch, tile, register width and thread count.
/// </summary>
public static unsafe partial class MatMul
{
    /// <summary>Columns of a tile: two AVX-512 registers.</summary>
    public const int PanelWidth = 32;

    /// <summary>Most rows that <see cref="Rows"/> takes: their packed left side, 192 KiB, leaves the second-level cache room for panels.</summary>
    public const int MostRows = 96;

    /// <summary>Rows of a packed strip of the left side.</summary>
    private const int StripRows = 12;

    /// <summary>Inner length of one pass over the tiles.</summary>
    private const int DepthBlock = 512;

    /// <summary>Fewest rows that are worth reading the whole right side for.</summary>
    private const int FewestRows = 48;

    [ThreadStatic]
    private static ScratchBuffer? scratch;

    /// <summary><paramref name="length"/> rounded up to whole panels.</summary>
    public static int Padded(int length) => (length + PanelWidth - 1) / PanelWidth * PanelWidth;

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
    public static void Multiply(WorkerPool pool, float* a, long aRow, long aDepth, float* packed, float* c, long cRow, int rows, int cols, int depth, bool accumulate) =>
        Multiply(pool, a, aRow, aDepth, packed, accumulate ? c : null, c, cRow, rows, cols, depth, null, default(NoEpilogue));

    /// <summary>c [rows, cols] = start + a · B + bias, then the epilogue block by block; <paramref name="start"/> is laid out like the result, and null for zero.</summary>
    internal static void Multiply<T>(WorkerPool pool, float* a, long aRow, long aDepth, float* packed, float* start, float* c, long cRow, int rows, int cols, int depth, float* bias, in T epilogue)
        where T : struct, IEpilogue
    {
        if (rows == 0 || cols == 0)
        {
            return;
        }

        // Several pieces for each thread: first smaller blocks of rows, then, when there are few rows, parts of the panels.
        var wanted = pool.Threads == 1 ? 1 : 4 * pool.Threads;
        var blockRows = Math.Clamp((rows + wanted - 1) / wanted, FewestRows, MostRows) / StripRows * StripRows;
        var rowBlocks = (rows + blockRows - 1) / blockRows;
        var (groups, panels) = Epilogue.Share(epilogue, Padded(cols) / PanelWidth, wanted / rowBlocks);
        pool.For(WorkKind.Products, rowBlocks * groups, new MultiplyLoop<T>(a, aRow, aDepth, packed, start, c, cRow, rows, cols, depth, blockRows, groups, panels, bias, epilogue), 2.0 * rows * cols * depth);
    }

    /// <summary>
    /// c [rows, cols] = start + a · B on the calling thread, for at most <see cref="MostRows"/> rows and columns from
    /// <paramref name="firstCol"/> (the first of a panel) to <paramref name="endCol"/>. Strides as in <see cref="Multiply"/>; <paramref name="start"/> is laid out like the result, may be the result, and is null for zero.
    /// </summary>
    public static void Rows(float* a, long aRow, long aDepth, float* packed, float* start, float* c, long cRow, int rows, int firstCol, int endCol, int depth) =>
        Rows(a, aRow, aDepth, packed, start, c, cRow, 0, rows, firstCol, endCol, depth, null, default(NoEpilogue));

    /// <summary>The same with what follows a block: the bias, then the epilogue, for which the first row is number <paramref name="firstRow"/>.</summary>
    private static void Rows<T>(float* a, long aRow, long aDepth, float* packed, float* start, float* c, long cRow, int firstRow, int rows, int firstCol, int endCol, int depth, float* bias, in T epilogue)
        where T : struct, IEpilogue
    {
        var left = (scratch ??= new ScratchBuffer()).Get((MostRows * DepthBlock) + (MostRows * PanelWidth) + PanelWidth);
        var edge = left + (MostRows * DepthBlock) + PanelWidth;
        var strips = rows / StripRows;
        var together = Epilogue.Panels(epilogue, Padded(endCol)) * PanelWidth;
        for (var k0 = 0; k0 < depth; k0 += DepthBlock)
        {
            var length = Math.Min(DepthBlock, depth - k0);
            var from = a + (k0 * aDepth);
            PackStrips(from, aRow, aDepth, strips, length, left);
            for (var block = firstCol; block < endCol; block += together)
            {
                var end = Math.Min(endCol, block + together);
                for (var col = block; col < end; col += PanelWidth)
                {
                    var right = packed + ((long)col * depth) + ((long)k0 * PanelWidth);
                    var width = Math.Min(PanelWidth, end - col);
                    var before = k0 > 0 ? c : start;
                    if (width == PanelWidth)
                    {
                        Panel(left, from, aRow, aDepth, right, before is null ? null : before + col, cRow, c + col, cRow, rows, length);
                        continue;
                    }

                    // The last panel is narrower than a tile: compute aside, copy what exists.
                    if (before is not null)
                    {
                        CopyRows(before + col, cRow, edge, PanelWidth, rows, width);
                    }

                    Panel(left, from, aRow, aDepth, right, before is null ? null : edge, PanelWidth, edge, PanelWidth, rows, length);
                    CopyRows(edge, PanelWidth, c + col, cRow, rows, width);
                }

                if (k0 + length == depth)
                {
                    if (bias is not null)
                    {
                        Epilogue.AddBias(bias + block, c + block, cRow, rows, end - block);
                    }

                    epilogue.Finish(c + block, cRow, firstRow, rows, block, end - block);
                }
            }
        }
    }

    /// <summary>
    /// One panel of a product on the calling thread: c [rows, 32] (+)= a [rows, depth] · b [depth, 32], all with free strides.
    /// Reads and writes whole tiles of 32 columns. The left side is read where it stands: for a few rows or a short inner index.
    /// </summary>
    public static void Block(float* a, long aRow, long aDepth, float* b, long bRow, float* c, long cRow, int rows, int depth, bool accumulate) =>
        Tiles(a, (nint)aRow, (nint)aDepth, b, (nint)bRow, accumulate ? c : null, (nint)cRow, c, (nint)cRow, rows, depth);

    /// <summary>One panel from strips of 12 packed rows and the few rows after them.</summary>
    private static void Panel(float* strips, float* a, long aRow, long aDepth, float* right, float* start, long startRow, float* c, long cRow, int rows, int depth)
    {
        var row = 0;
        for (; row + StripRows <= rows; row += StripRows)
        {
            Prefetch(c + ((row + StripRows) * cRow), cRow, Math.Min(StripRows, rows - row - StripRows));
            Strip(strips + ((long)row * depth), right, start is null ? null : start + (row * startRow), (nint)startRow, c + (row * cRow), (nint)cRow, depth);
        }

        Tiles(a + (row * aRow), (nint)aRow, (nint)aDepth, right, PanelWidth, start is null ? null : start + (row * startRow), (nint)startRow, c + (row * cRow), (nint)cRow, rows - row, depth);
    }

    /// <summary>Asks for the rows of the next tile's result, which come from memory while the current one is computed.</summary>
    internal static void Prefetch(float* c, long cRow, int rows)
    {
        if (Sse.IsSupported)
        {
            for (var i = 0; i < rows; i++, c += cRow)
            {
                Sse.Prefetch0(c);
                Sse.Prefetch0(c + 16);
            }
        }
    }

    private static void Strip(float* a, float* b, float* start, nint startRow, float* c, nint cRow, int depth)
    {
        if (Vector512.IsHardwareAccelerated)
        {
            Strip12x32(a, b, start, startRow, c, cRow, depth);
            return;
        }

        Tiles(a, 1, StripRows, b, PanelWidth, start, startRow, c, cRow, StripRows, depth);
    }

    private static void Tiles(float* a, nint aRow, nint aDepth, float* b, nint bRow, float* start, nint startRow, float* c, nint cRow, int rows, int depth)
    {
        while (rows > 0)
        {
            var done = Vector512.IsHardwareAccelerated ? TileVector512(a, aRow, aDepth, b, bRow, start, startRow, c, cRow, rows, depth)
                : Vector256.IsHardwareAccelerated ? TileVector256(a, aRow, aDepth, b, bRow, start, startRow, c, cRow, rows, depth)
                : TileVector128(a, aRow, aDepth, b, bRow, start, startRow, c, cRow, rows, depth);
            a += done * aRow;
            c += done * cRow;
            start = start is null ? null : start + (done * startRow);
            rows -= done;
        }
    }

    private static void CopyRows(float* source, long sourceRow, float* target, long targetRow, int rows, int width)
    {
        for (var i = 0; i < rows; i++)
        {
            new ReadOnlySpan<float>(source + (i * sourceRow), width).CopyTo(new Span<float>(target + (i * targetRow), width));
        }
    }

    private readonly struct MultiplyLoop<T>(float* a, long aRow, long aDepth, float* packed, float* start, float* c, long cRow, int rows, int cols, int depth, int blockRows, int groups, int panels, float* bias, T epilogue) : ILoopBody
        where T : struct, IEpilogue
    {
        public void Run(int index)
        {
            var row = index / groups * blockRows;
            var first = index % groups * panels * PanelWidth;
            Rows(a + (row * aRow), aRow, aDepth, packed, start is null ? null : start + (row * cRow), c + (row * cRow), cRow, row, Math.Min(blockRows, rows - row), first, Math.Min(cols, first + (panels * PanelWidth)), depth, bias, epilogue);
        }
    }
}
