using CoScientist.Training.Tensors;

namespace CoScientist.Training.Kernels;

/// <summary>What is done to a block of a product's result when it is finished, while the cache holds it.</summary>
internal unsafe interface IEpilogue
{
    /// <summary>Columns that belong together: blocks begin at a multiple of it. 0 where nothing is to be done.</summary>
    int Together { get; }

    /// <summary>Works on rows <paramref name="firstRow"/> … and columns <paramref name="firstCol"/> … of the result.</summary>
    /// <param name="block">The first of these elements.</param>
    /// <param name="stride">Floats between its rows.</param>
    /// <param name="firstRow">Row of the result.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="firstCol">Column of the result, a multiple of <see cref="Together"/>.</param>
    /// <param name="cols">Columns.</param>
    void Finish(float* block, long stride, int firstRow, int rows, int firstCol, int cols);
}

/// <summary>Leaves a result as it is.</summary>
internal readonly unsafe struct NoEpilogue : IEpilogue
{
    /// <inheritdoc/>
    public int Together => 0;

    /// <inheritdoc/>
    public void Finish(float* block, long stride, int firstRow, int rows, int firstCol, int cols)
    {
    }
}

/// <summary>Puts a result into a matrix: rounded, where that is in bfloat16; in single precision it stands there already.</summary>
/// <param name="target">The matrix.</param>
internal readonly unsafe struct StoreEpilogue(Matrix target) : IEpilogue
{
    /// <inheritdoc/>
    public int Together => target.IsHalf ? MatMul.PanelWidth : 0;

    /// <inheritdoc/>
    public void Finish(float* block, long stride, int firstRow, int rows, int firstCol, int cols)
    {
        for (var i = 0; i < rows; i++)
        {
            target.Write(firstRow + i, firstCol, cols, block + (i * stride));
        }
    }
}

/// <summary>Copies a result, in single precision, to rows without gaps.</summary>
/// <param name="target">The rows.</param>
/// <param name="width">Columns of the result.</param>
internal readonly unsafe struct CopyEpilogue(float* target, int width) : IEpilogue
{
    /// <inheritdoc/>
    public int Together => MatMul.PanelWidth;

    /// <inheritdoc/>
    public void Finish(float* block, long stride, int firstRow, int rows, int firstCol, int cols)
    {
        for (var i = 0; i < rows; i++)
        {
            new ReadOnlySpan<float>(block + (i * stride), cols).CopyTo(new Span<float>(target + ((long)(firstRow + i) * width) + firstCol, cols));
        }
    }
}

/// <summary>What products have in common at the end of a block.</summary>
internal static unsafe class Epilogue
{
    private const int RowsPerTask = 64;

    /// <summary>
    /// Panels of a block: 96 rows of them, 192 KiB, stay in the second-level cache, and what an epilogue reads and writes
    /// elsewhere comes in pieces of rows that are long enough for the processor to fetch them ahead.
    /// </summary>
    private const int BlockPanels = 16;

    [ThreadStatic]
    private static ScratchBuffer? scratch;

    /// <summary>Panels that are finished together, of <paramref name="all"/>: all of them where nothing is done to them, else as many as fit the block.</summary>
    public static int Panels<T>(in T epilogue, int all)
        where T : struct, IEpilogue
    {
        if (epilogue.Together == 0)
        {
            return all;
        }

        var least = Least(epilogue);
        return Math.Max(least, Math.Min(BlockPanels, all) / least * least);
    }

    /// <summary>Into how many groups panels are shared out, so that none is cut where columns belong together, and how many panels each has.</summary>
    public static (int Groups, int Panels) Share<T>(in T epilogue, int panels, int wanted)
        where T : struct, IEpilogue
    {
        var least = Least(epilogue);
        var groups = Math.Clamp(wanted, 1, (panels + least - 1) / least);
        var each = (((panels + groups - 1) / groups) + least - 1) / least * least;
        return ((panels + each - 1) / each, each);
    }

    private static int Least<T>(in T epilogue)
        where T : struct, IEpilogue
    {
        var panels = 1;
        while (epilogue.Together > 0 && panels * MatMul.PanelWidth % epilogue.Together != 0)
        {
            panels++;
        }

        return panels;
    }

    /// <summary>Adds a bias to some columns of rows.</summary>
    public static void AddBias(float* bias, float* block, long stride, int rows, int cols)
    {
        for (var i = 0; i < rows; i++)
        {
            VectorMath.AddScaled(bias, 1, block + (i * stride), cols);
        }
    }

    /// <summary>An epilogue on rows that are finished already: after an adapter has added its part, or when they are read again.</summary>
    public static void Apply<T>(WorkerPool pool, Matrix rows, int count, in T epilogue)
        where T : struct, IEpilogue
    {
        if (epilogue.Together > 0)
        {
            pool.For(WorkKind.Other, (count + RowsPerTask - 1) / RowsPerTask, new ApplyLoop<T>(rows, count, epilogue));
        }
    }

    private readonly struct ApplyLoop<T>(Matrix rows, int count, T epilogue) : ILoopBody
        where T : struct, IEpilogue
    {
        public void Run(int index)
        {
            var room = rows.IsHalf ? (scratch ??= new ScratchBuffer()).Get(rows.Width) : null;
            var end = Math.Min(count, (index + 1) * RowsPerTask);
            for (var row = index * RowsPerTask; row < end; row++)
            {
                epilogue.Finish(rows.Read(row, 0, rows.Width, room), rows.Stride, row, 1, 0, rows.Width);
            }
        }
    }
}
