using System.Runtime.Intrinsics;

namespace CoScientist.Training.Kernels;

/// <summary>Gated activation (Shazeer 2020): y = silu(g) ⊙ u with silu(g) = g·σ(g), σ the logistic function. All arrays hold <c>count</c> floats.</summary>
public static unsafe class SwiGlu
{
    private const int Chunk = 8192;

    /// <summary>y from gate g and up-projection u; y may be one of them.</summary>
    public static void Forward(WorkerPool pool, float* g, float* u, float* y, long count) =>
        pool.For(Chunks(count), chunk =>
        {
            var end = Math.Min(count, (chunk + 1L) * Chunk);
            for (var i = (long)chunk * Chunk; i < end; i += 16)
            {
                var left = (int)Math.Min(16, end - i);
                var gate = Load(g + i, left);
                Store(gate * Sigmoid(gate) * Load(u + i, left), y + i, left);
            }
        });

    /// <summary>dg = dy ⊙ u ⊙ σ(g)(1 + g(1 − σ(g))) and du = dy ⊙ silu(g), and y as in <see cref="Forward"/>; they may be written over g, u and dy.</summary>
    public static void Backward(WorkerPool pool, float* g, float* u, float* dy, float* dg, float* du, float* y, long count) =>
        pool.For(Chunks(count), chunk =>
        {
            var end = Math.Min(count, (chunk + 1L) * Chunk);
            for (var i = (long)chunk * Chunk; i < end; i += 16)
            {
                var left = (int)Math.Min(16, end - i);
                var gate = Load(g + i, left);
                var up = Load(u + i, left);
                var grad = Load(dy + i, left);
                var sigmoid = Sigmoid(gate);
                Store(grad * up * sigmoid * Vector512.FusedMultiplyAdd(gate, Vector512<float>.One - sigmoid, Vector512<float>.One), dg + i, left);
                Store(grad * gate * sigmoid, du + i, left);
                Store(gate * sigmoid * up, y + i, left);
            }
        });

    private static int Chunks(long count) => checked((int)((count + Chunk - 1) / Chunk));

    private static Vector512<float> Sigmoid(Vector512<float> x) => Vector512<float>.One / (Vector512<float>.One + VectorMath.Exp(-x));

    private static Vector512<float> Load(float* x, int count) => count == 16 ? Vector512.Load(x) : VectorMath.LoadPart(x, count, 0);

    private static void Store(Vector512<float> value, float* x, int count)
    {
        if (count == 16)
        {
            value.Store(x);
            return;
        }

        VectorMath.StorePart(value, x, count);
    }
}
