using System.Runtime.Intrinsics;

namespace CoScientist.Training.Kernels;

/// <summary>Gated activation (Shazeer 2020): y = silu(g) ⊙ u with silu(g) = g·σ(g), σ the logistic function. All arrays hold <c>count</c> floats.</summary>
public static unsafe class SwiGlu
{
    private const int Chunk = 8192;

    /// <summary>y from gate g and up-projection u; y may be one of them.</summary>
    public static void Forward(WorkerPool pool, float* g, float* u, float* y, long count) =>
        pool.For(WorkKind.Other, Chunks(count), new ForwardLoop(g, u, y, count));

    /// <summary>dg = dy ⊙ u ⊙ σ(g)(1 + g(1 − σ(g))) and du = dy ⊙ silu(g), and y as in <see cref="Forward"/>; they may be written over g, u and dy.</summary>
    public static void Backward(WorkerPool pool, float* g, float* u, float* dy, float* dg, float* du, float* y, long count) =>
        pool.For(WorkKind.Other, Chunks(count), new BackwardLoop(g, u, dy, dg, du, y, count));

    private static int Chunks(long count) => checked((int)((count + Chunk - 1) / Chunk));

    private static Vector512<float> Sigmoid(Vector512<float> x) => Vector512<float>.One / (Vector512<float>.One + VectorMath.Exp(-x));

    private readonly struct ForwardLoop(float* g, float* u, float* y, long count) : ILoopBody
    {
        public void Run(int index)
        {
            var end = Math.Min(count, (index + 1L) * Chunk);
            for (var i = (long)index * Chunk; i < end; i += 16)
            {
                var left = (int)Math.Min(16, end - i);
                var gate = VectorMath.Load(g + i, left);
                VectorMath.Store(gate * Sigmoid(gate) * VectorMath.Load(u + i, left), y + i, left);
            }
        }
    }

    private readonly struct BackwardLoop(float* g, float* u, float* dy, float* dg, float* du, float* y, long count) : ILoopBody
    {
        public void Run(int index)
        {
            var end = Math.Min(count, (index + 1L) * Chunk);
            for (var i = (long)index * Chunk; i < end; i += 16)
            {
                var left = (int)Math.Min(16, end - i);
                var gate = VectorMath.Load(g + i, left);
                var up = VectorMath.Load(u + i, left);
                var grad = VectorMath.Load(dy + i, left);
                var sigmoid = Sigmoid(gate);
                VectorMath.Store(grad * up * sigmoid * Vector512.FusedMultiplyAdd(gate, Vector512<float>.One - sigmoid, Vector512<float>.One), dg + i, left);
                VectorMath.Store(grad * gate * sigmoid, du + i, left);
                VectorMath.Store(gate * sigmoid * up, y + i, left);
            }
        }
    }
}
