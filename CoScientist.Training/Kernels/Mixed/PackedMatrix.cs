namespace CoScientist.Training.Kernels.Mixed;

/// <summary>In what numbers the matrices of a model are multiplied; sums are in single precision always.</summary>
public enum Precision
{
    /// <summary>32 bits.</summary>
    Single,

    /// <summary>bfloat16: 8 significant bits. See <see cref="Bf16MatMul"/>.</summary>
    Bfloat16,

    /// <summary>Weights of 8 bits with a scale for each 128, for models that are only read. See <see cref="Int8MatMul"/>.</summary>
    Int8,
}

/// <summary>The right side B [depth, cols] of products, packed for the kernels of its precision in memory that others own.</summary>
/// <param name="precision">Its numbers.</param>
/// <param name="depth">Inner length.</param>
/// <param name="cols">Columns.</param>
/// <param name="memory">Room for <see cref="Length"/> floats, aligned to a cache line.</param>
internal readonly unsafe struct PackedMatrix(Precision precision, int depth, int cols, float* memory)
{
    /// <summary>Floats of memory that it occupies, whatever its numbers.</summary>
    public static long Length(Precision precision, int depth, int cols) => precision switch
    {
        Precision.Single => MatMul.PackedLength(depth, cols),
        Precision.Bfloat16 => Bf16MatMul.PackedLength(depth, cols) / 2,
        _ => Int8MatMul.PackedLength(depth, cols) / sizeof(float),
    };

    private float* Singles => memory;

    private ushort* Halves => (ushort*)memory;

    private byte* Eighths => (byte*)memory;

    /// <summary>B = Wᵀ, from W [cols, depth].</summary>
    public void PackTransposed(WorkerPool pool, float* w)
    {
        switch (precision)
        {
            case Precision.Single:
                MatMul.PackTransposed(pool, w, cols, depth, Singles);
                break;
            case Precision.Bfloat16:
                Bf16MatMul.PackTransposed(pool, w, cols, depth, Halves);
                break;
            default:
                Int8MatMul.PackTransposed(pool, w, cols, depth, Eighths);
                break;
        }
    }

    /// <summary>B = Wᵀ, from W [cols, depth] in bfloat16.</summary>
    /// <exception cref="NotSupportedException">This matrix is of single precision.</exception>
    public void PackTransposed(WorkerPool pool, ushort* w)
    {
        switch (precision)
        {
            case Precision.Bfloat16:
                Bf16MatMul.PackTransposed(pool, w, cols, depth, Halves);
                break;
            case Precision.Int8:
                Int8MatMul.PackTransposed(pool, w, cols, depth, Eighths);
                break;
            default:
                throw new NotSupportedException("Matrices of single precision are packed from single precision.");
        }
    }

    /// <summary>B from its rows.</summary>
    /// <exception cref="NotSupportedException">This matrix is of 8 bits, whose scales are for transposed weights.</exception>
    public void PackRows(WorkerPool pool, in Matrix b)
    {
        switch (precision)
        {
            case Precision.Single:
                MatMul.PackRows(pool, b.Singles, depth, cols, b.Stride, Singles);
                break;
            case Precision.Bfloat16 when b.IsHalf:
                Bf16MatMul.PackRows(pool, b.Halves, depth, cols, b.Stride, Halves);
                break;
            case Precision.Bfloat16:
                Bf16MatMul.PackRows(pool, b.Singles, depth, cols, b.Stride, Halves);
                break;
            default:
                throw new NotSupportedException("Models of 8 bits are only read: train in single precision or bfloat16.");
        }
    }

    /// <summary>c [rows, cols] (+)= a [rows, depth] · B.</summary>
    public void Multiply(WorkerPool pool, float* a, long aRow, float* c, long cRow, int rows, bool accumulate) =>
        Multiply(pool, new Matrix(a, depth, aRow, half: false), accumulate ? c : null, c, cRow, rows, null, default(NoEpilogue));

    /// <summary>
    /// c [rows, cols] = start + a [rows, depth] · B + bias, then the epilogue, block by block. Where c is null only the epilogue
    /// sees the result, which takes a matrix of bfloat16.
    /// </summary>
    /// <param name="pool">Threads.</param>
    /// <param name="a">Left side; in bfloat16 only where this matrix is too.</param>
    /// <param name="start">What is added to, laid out like the result; null for zero.</param>
    /// <param name="c">The result.</param>
    /// <param name="cRow">Between its rows.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="bias">Added to every row, [cols]; null for none.</param>
    /// <param name="epilogue">What follows.</param>
    public void Multiply<T>(WorkerPool pool, in Matrix a, float* start, float* c, long cRow, int rows, float* bias, in T epilogue)
        where T : struct, IEpilogue
    {
        switch (precision)
        {
            case Precision.Single:
                MatMul.Multiply(pool, a.Singles, a.Stride, 1, Singles, start, c, cRow, rows, cols, depth, bias, epilogue);
                break;
            case Precision.Bfloat16:
                Bf16MatMul.Multiply(pool, a, Halves, start, c, cRow, rows, cols, bias, epilogue);
                break;
            default:
                Int8MatMul.Multiply(pool, a.Singles, a.Stride, Eighths, start, c, cRow, rows, cols, depth, bias, epilogue);
                break;
        }
    }

    /// <summary>c [rows, cols rounded up to 32] (+)= a [rows, depth] · B on the calling thread, for at most <see cref="MatMul.MostRows"/> rows; to columns beyond the last 0.</summary>
    public void Block(float* a, long aRow, float* c, long cRow, int rows, bool accumulate = false)
    {
        switch (precision)
        {
            case Precision.Single:
                MatMul.Rows(a, aRow, 1, Singles, accumulate ? c : null, c, cRow, rows, 0, MatMul.Padded(cols), depth);
                break;
            case Precision.Bfloat16:
                Bf16MatMul.Block(a, aRow, Halves, c, cRow, rows, cols, depth, accumulate);
                break;
            default:
                Int8MatMul.Block(a, aRow, Eighths, c, cRow, rows, cols, depth, accumulate);
                break;
        }
    }
}
