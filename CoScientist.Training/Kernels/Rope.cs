using CoScientist.Training.Tensors;

namespace CoScientist.Training.Kernels;

/// <summary>
/// Rotary position embedding (Su et al. 2021) in the "rotate half" layout of Llama and Qwen: with halves (a, b) of a head and
/// angle θᵢ = position · frequencyᵢ, a' = a cos θ − b sin θ and b' = b cos θ + a sin θ.
/// </summary>
public sealed unsafe class Rope : IDisposable
{
    private const int RowsPerTask = 128;
    private const int FirstPositions = 2048;
    private readonly double[] frequencies;
    private readonly double magnitude;
    private readonly int half;
    private FloatBuffer table;
    private int tabled;

    /// <summary>A rotation for positions 0 … <paramref name="maxPositions"/> − 1.</summary>
    /// <param name="frequencies">Angle per position of each plane, [D/2].</param>
    /// <param name="maxPositions">Positions that may occur.</param>
    /// <param name="magnitude">What rotated values are multiplied by. Default 1.</param>
    public Rope(double[] frequencies, int maxPositions, double magnitude = 1)
    {
        this.frequencies = frequencies;
        this.magnitude = magnitude;
        half = frequencies.Length;
        MaxPositions = maxPositions;
        table = Table(Math.Min(maxPositions, FirstPositions));
    }

    /// <summary>Positions that may occur.</summary>
    public int MaxPositions { get; }

    /// <summary>The angles of rows at these positions, [N]; valid until the next call.</summary>
    internal RopeAngles Angles(int* positions, int rows)
    {
        Reserve(positions, rows);
        return new RopeAngles(table.Pointer, 2 * half, positions);
    }

    /// <summary>Rotates x [N, H, D] in place by its positions [N]; <paramref name="inverse"/> rotates the other way, which is the gradient.</summary>
    public void Apply(WorkerPool pool, float* x, int* positions, int rows, int heads, bool inverse)
    {
        Reserve(positions, rows);
        pool.For(WorkKind.Other, (rows + RowsPerTask - 1) / RowsPerTask, new ApplyLoop(table.Pointer, half, x, positions, rows, heads, inverse ? -1 : 1));
    }

    /// <inheritdoc/>
    public void Dispose() => table.Dispose();

    /// <summary>Grows the table to the positions at hand: most sequences are far shorter than the longest that a model takes.</summary>
    private void Reserve(int* positions, int rows)
    {
        var last = 0;
        for (var row = 0; row < rows; row++)
        {
            last = Math.Max(last, positions[row]);
        }

        if (last >= tabled)
        {
            table.Dispose();
            table = Table(Math.Min(MaxPositions, Math.Max(last + 1, 2 * tabled)));
        }
    }

    private FloatBuffer Table(int positions)
    {
        var made = new FloatBuffer((long)positions * half * 2);
        for (var p = 0; p < positions; p++)
        {
            var row = made.Pointer + ((long)p * half * 2);
            for (var i = 0; i < half; i++)
            {
                // In double: at position 30,000 a float angle would be off by a thousandth of a radian.
                var angle = p * frequencies[i];
                row[i] = (float)(Math.Cos(angle) * magnitude);
                row[half + i] = (float)(Math.Sin(angle) * magnitude);
            }
        }

        tabled = positions;
        return made;
    }

    internal static void Rotate(float* x, float* cos, float* sin, int half, float sign)
    {
        var width = System.Numerics.Vector<float>.Count;
        var i = 0;
        for (; i + width <= half; i += width)
        {
            var a = System.Numerics.Vector.Load(x + i);
            var b = System.Numerics.Vector.Load(x + half + i);
            var c = System.Numerics.Vector.Load(cos + i);
            var s = System.Numerics.Vector.Load(sin + i) * sign;
            System.Numerics.Vector.Store((a * c) - (b * s), x + i);
            System.Numerics.Vector.Store((b * c) + (a * s), x + half + i);
        }

        for (; i < half; i++)
        {
            var (a, b, s) = (x[i], x[half + i], sin[i] * sign);
            x[i] = (a * cos[i]) - (b * s);
            x[half + i] = (b * cos[i]) + (a * s);
        }
    }

    private readonly struct ApplyLoop(float* table, int half, float* x, int* positions, int rows, int heads, float sign) : ILoopBody
    {
        public void Run(int index)
        {
            var headDim = half * 2;
            var end = Math.Min(rows, (index + 1) * RowsPerTask);
            for (var row = index * RowsPerTask; row < end; row++)
            {
                var cos = table + ((long)positions[row] * headDim);
                for (var head = 0; head < heads; head++)
                {
                    Rotate(x + ((((long)row * heads) + head) * headDim), cos, cos + half, half, sign);
                }
            }
        }
    }
}

/// <summary>Cosines and sines of the positions of some rows.</summary>
/// <param name="table">Cosines, then sines, of each position, [P, D].</param>
/// <param name="headDim">D.</param>
/// <param name="positions">Positions of the rows.</param>
internal readonly unsafe struct RopeAngles(float* table, int headDim, int* positions)
{
    /// <summary>Width of what is rotated, D.</summary>
    public int HeadDim => headDim;

    /// <summary>Rotates a head of a row in place.</summary>
    public void Rotate(float* x, long row)
    {
        var cos = table + ((long)positions[row] * headDim);
        Rope.Rotate(x, cos, cos + (headDim / 2), headDim / 2, 1);
    }
}
