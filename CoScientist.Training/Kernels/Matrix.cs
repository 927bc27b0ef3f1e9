using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using CoScientist.Training.Kernels.Mixed;

namespace CoScientist.Training.Kernels;

/// <summary>
/// A row-major matrix in memory that others own: in single precision, or in bfloat16, two numbers in the place of a float, whose
/// rows end with zeros up to whole panels so that products can read them where they stand.
/// </summary>
/// <param name="memory">First element.</param>
/// <param name="width">Columns.</param>
/// <param name="stride">Numbers from one row to the next.</param>
/// <param name="half">Whether it is in bfloat16.</param>
internal readonly unsafe struct Matrix(float* memory, int width, long stride, bool half)
{
    /// <summary>A matrix of single precision without gaps.</summary>
    public Matrix(float* memory, int width)
        : this(memory, width, width, half: false)
    {
    }

    /// <summary>Whether it is in bfloat16.</summary>
    public bool IsHalf => half;

    /// <summary>Columns.</summary>
    public int Width => width;

    /// <summary>Numbers from one row to the next.</summary>
    public long Stride => stride;

    /// <summary>First element of a matrix of single precision.</summary>
    public float* Singles => memory;

    /// <summary>First element of a matrix in bfloat16.</summary>
    public ushort* Halves => (ushort*)memory;

    /// <summary>Where results of a product go that this matrix is to hold: null in bfloat16, which only an epilogue can write.</summary>
    public float* Target => half ? null : memory;

    /// <summary>Floats of memory that a matrix occupies.</summary>
    public static long Length(long rows, int width, bool half) => half ? rows * MatMul.Padded(width) / 2 : rows * width;

    /// <summary>A matrix without gaps but those that bfloat16 asks for.</summary>
    public static Matrix Of(float* memory, int width, bool half) => new(memory, width, half ? MatMul.Padded(width) : width, half);

    /// <summary>The rows from one on.</summary>
    public Matrix From(long row) => At(row, 0, width, stride);

    /// <summary>What stands from an element on, read as rows of another width and distance.</summary>
    public Matrix At(long row, int column, int columns, long apart) =>
        new(half ? (float*)(Halves + (row * stride) + column) : memory + (row * stride) + column, columns, apart, half);

    /// <summary>Some columns of a row in single precision: where they stand, or widened into <paramref name="room"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float* Read(long row, int column, int count, float* room)
    {
        if (!half)
        {
            return memory + (row * stride) + column;
        }

        Bfloat16.Widen(Halves + (row * stride) + column, room, count);
        return room;
    }

    /// <summary>Writes some columns of a row, rounded where the matrix is in bfloat16; the last column brings the zeros after it.</summary>
    public void Write(long row, int column, int count, float* values)
    {
        if (!half)
        {
            new ReadOnlySpan<float>(values, count).CopyTo(new Span<float>(memory + (row * stride) + column, count));
            return;
        }

        Bfloat16.Narrow(values, Halves + (row * stride) + column, count);
        EndRow(row, column + count);
    }

    /// <summary>The same columns in bfloat16, rounded where the matrix is not.</summary>
    public void ReadHalves(long row, int column, int count, ushort* target)
    {
        if (half)
        {
            Unsafe.CopyBlockUnaligned(target, Halves + (row * stride) + column, (uint)count * sizeof(ushort));
            return;
        }

        Bfloat16.Narrow(memory + (row * stride) + column, target, count);
    }

    /// <summary>An element of a matrix of single precision.</summary>
    public float* Single(long row, int column) => memory + (row * stride) + column;

    /// <summary>An element of a matrix in bfloat16.</summary>
    public ushort* Half(long row, int column) => Halves + (row * stride) + column;

    /// <summary>Zeros after the last column of a row in bfloat16, where <paramref name="written"/> columns are all.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void EndRow(long row, int written)
    {
        if (half && written == width && stride > width)
        {
            new Span<ushort>(Halves + (row * stride) + width, (int)(stride - width)).Clear();
        }
    }

    /// <summary>Copies a row over another.</summary>
    public void CopyRow(long from, long to)
    {
        var bytes = (uint)width * (half ? (uint)sizeof(ushort) : sizeof(float));
        if (from != to)
        {
            var (source, target) = (At(from, 0, width, stride), At(to, 0, width, stride));
            Unsafe.CopyBlockUnaligned(target.Singles, source.Singles, bytes);
        }
    }
}
