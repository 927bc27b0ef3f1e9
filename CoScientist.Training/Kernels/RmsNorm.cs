using System.Runtime.Intrinsics;

namespace CoScientist.Training.Kernels;

/// <summary>
/// Root-mean-square normalisation (Zhang and Sennrich 2019): y = g ⊙ x · r with r = (mean(x²) + ε)^(−½), per row of x [R, D].
/// Used over the hidden size and, with R = tokens × heads, over each head of queries and keys.
/// </summary>
public static unsafe class RmsNorm
{
    private const int RowsPerTask = 64;
    // Rows whose gain gradients are summed together; fixed, so that the sum does not depend on the thread count.
    private const int RowsPerPartial = 256;

    /// <summary>y [R, D] and the inverse root r [R] from x [R, D] and the gain g [D]. y may be x.</summary>
    public static void Forward(WorkerPool pool, float* x, float* g, float* y, float* r, int rows, int d, float epsilon) =>
        pool.For(WorkKind.Other, (rows + RowsPerTask - 1) / RowsPerTask, new ForwardLoop(x, g, y, r, rows, d, epsilon));

    /// <summary>
    /// dx [R, D] (+)= r·(g ⊙ dy) − x·r³/D·Σ(g ⊙ dy ⊙ x), and dg [D] += Σ over rows of dy ⊙ x·r.
    /// </summary>
    /// <param name="pool">Threads.</param>
    /// <param name="x">Input of the forward pass, [R, D].</param>
    /// <param name="g">Gain, [D].</param>
    /// <param name="r">Inverse roots of the forward pass, [R].</param>
    /// <param name="dy">Gradient of the output, [R, D].</param>
    /// <param name="dx">Gradient of the input, [R, D]; may be <paramref name="dy"/> when not accumulating.</param>
    /// <param name="dg">Gradient of the gain, [D], added to.</param>
    /// <param name="partials">Scratch of <see cref="PartialLength"/> floats.</param>
    /// <param name="rows">R.</param>
    /// <param name="d">D.</param>
    /// <param name="accumulate">Adds to <paramref name="dx"/> instead of replacing it.</param>
    public static void Backward(WorkerPool pool, float* x, float* g, float* r, float* dy, float* dx, float* dg, float* partials, int rows, int d, bool accumulate) =>
        Backward(pool, new Matrix(x, d), g, r, dy, dx, dg, partials, rows, d, accumulate);

    /// <summary>The same where a row of <paramref name="x"/>, in whatever precision, holds several rows [D], as heads are.</summary>
    internal static void Backward(WorkerPool pool, Matrix x, float* g, float* r, float* dy, float* dx, float* dg, float* partials, int rows, int d, bool accumulate)
    {
        var parts = (rows + RowsPerPartial - 1) / RowsPerPartial;
        pool.For(WorkKind.Other, parts, new BackwardLoop(x, g, r, dy, dx, partials, rows, d, accumulate));
        for (var part = 0; part < parts; part++)
        {
            VectorMath.AddScaled(partials + ((long)part * d), 1, dg, d);
        }
    }

    /// <summary>Scratch floats that the backward pass needs.</summary>
    public static long PartialLength(int rows, int d) => (long)((rows + RowsPerPartial - 1) / RowsPerPartial) * d;

    /// <summary>One row; returns its inverse root.</summary>
    internal static float ForwardRow(float* x, float* g, float* y, int d, float epsilon)
    {
        var r = 1 / MathF.Sqrt((VectorMath.Dot(x, x, d) / d) + epsilon);
        var scale = Vector512.Create(r);
        var i = 0;
        for (; i + 16 <= d; i += 16)
        {
            (Vector512.Load(x + i) * scale * Vector512.Load(g + i)).Store(y + i);
        }

        for (; i < d; i++)
        {
            y[i] = x[i] * r * g[i];
        }

        return r;
    }

    private static void BackwardRow(float* x, float* g, float r, float* dy, float* dx, float* dg, int d, bool accumulate)
    {
        var dot = Vector512<float>.Zero;
        var i = 0;
        for (; i + 16 <= d; i += 16)
        {
            var grad = Vector512.Load(dy + i);
            var value = Vector512.Load(x + i);
            dot = Vector512.FusedMultiplyAdd(grad * Vector512.Load(g + i), value, dot);
            Vector512.FusedMultiplyAdd(grad, value * Vector512.Create(r), Vector512.Load(dg + i)).Store(dg + i);
        }

        var sum = Vector512.Sum(dot);
        for (; i < d; i++)
        {
            sum += dy[i] * g[i] * x[i];
            dg[i] += dy[i] * x[i] * r;
        }

        var shrink = sum * r * r * r / d;
        for (i = 0; i + 16 <= d; i += 16)
        {
            var value = (Vector512.Load(dy + i) * Vector512.Load(g + i) * Vector512.Create(r)) - (Vector512.Load(x + i) * Vector512.Create(shrink));
            (accumulate ? value + Vector512.Load(dx + i) : value).Store(dx + i);
        }

        for (; i < d; i++)
        {
            var value = (dy[i] * g[i] * r) - (x[i] * shrink);
            dx[i] = accumulate ? dx[i] + value : value;
        }
    }

    private readonly struct ForwardLoop(float* x, float* g, float* y, float* r, int rows, int d, float epsilon) : ILoopBody
    {
        public void Run(int index)
        {
            var end = Math.Min(rows, (index + 1) * RowsPerTask);
            for (var row = index * RowsPerTask; row < end; row++)
            {
                r[row] = ForwardRow(x + ((long)row * d), g, y + ((long)row * d), d, epsilon);
            }
        }
    }

    private readonly struct BackwardLoop(Matrix x, float* g, float* r, float* dy, float* dx, float* partials, int rows, int d, bool accumulate) : ILoopBody
    {
        public void Run(int index)
        {
            var sums = partials + ((long)index * d);
            var heads = x.Width / d;
            var room = stackalloc float[x.IsHalf ? d : 0];
            new Span<float>(sums, d).Clear();
            var end = Math.Min(rows, (index + 1) * RowsPerPartial);
            for (var row = index * RowsPerPartial; row < end; row++)
            {
                var at = (long)row * d;
                BackwardRow(x.Read(row / heads, row % heads * d, d, room), g, r[row], dy + at, dx + at, sums, d, accumulate);
            }
        }
    }
}
