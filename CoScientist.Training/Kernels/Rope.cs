using CoScientist.Training.Tensors;

namespace CoScientist.Training.Kernels;

/// <summary>
/// Rotary position embedding (Su et al. 2021) in the "rotate half" layout of Llama and Qwen: with halves (a, b) of a head and
/// angle θᵢ = position · base^(−2i/D), a' = a cos θ − b sin θ and b' = b cos θ + a sin θ.
/// </summary>
public sealed unsafe class Rope : IDisposable
{
    private const int RowsPerTask = 128;
    private readonly FloatBuffer table;
    private readonly int half;

    /// <summary>Tables of cosines and sines for positions 0 … <paramref name="maxPositions"/> − 1.</summary>
    public Rope(int headDim, int maxPositions, double theta)
    {
        half = headDim / 2;
        MaxPositions = maxPositions;
        table = new FloatBuffer((long)maxPositions * headDim);
        for (var p = 0; p < maxPositions; p++)
        {
            for (var i = 0; i < half; i++)
            {
                // In double: at position 30,000 a float angle would be off by a thousandth of a radian.
                var angle = p * Math.Pow(theta, -2.0 * i / headDim);
                table.Pointer[((long)p * headDim) + i] = (float)Math.Cos(angle);
                table.Pointer[((long)p * headDim) + half + i] = (float)Math.Sin(angle);
            }
        }
    }

    /// <summary>Positions in the table.</summary>
    public int MaxPositions { get; }

    /// <summary>Rotates x [N, H, D] in place by its positions [N]; <paramref name="inverse"/> rotates back, which is also the gradient.</summary>
    public void Apply(WorkerPool pool, float* x, int* positions, int rows, int heads, bool inverse) =>
        pool.For(WorkKind.Other, (rows + RowsPerTask - 1) / RowsPerTask, new ApplyLoop(table.Pointer, half, x, positions, rows, heads, inverse ? -1 : 1));

    /// <inheritdoc/>
    public void Dispose() => table.Dispose();

    private static void Rotate(float* x, float* cos, float* sin, int half, float sign)
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
