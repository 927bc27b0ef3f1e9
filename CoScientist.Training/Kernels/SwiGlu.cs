using System.Runtime.CompilerServices;
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

    /// <summary>silu(g) ⊙ u.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector512<float> Active(Vector512<float> gate, Vector512<float> up) => gate * Sigmoid(gate) * up;

    /// <summary>dg, du and y of <see cref="Backward"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static (Vector512<float> Gate, Vector512<float> Up, Vector512<float> Active) Gradients(Vector512<float> gate, Vector512<float> up, Vector512<float> grad)
    {
        var sigmoid = Sigmoid(gate);
        return (grad * up * sigmoid * Vector512.FusedMultiplyAdd(gate, Vector512<float>.One - sigmoid, Vector512<float>.One), grad * gate * sigmoid, gate * sigmoid * up);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
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
                VectorMath.Store(Active(gate, VectorMath.Load(u + i, left)), y + i, left);
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
                var gradients = Gradients(gate, up, grad);
                VectorMath.Store(gradients.Gate, dg + i, left);
                VectorMath.Store(gradients.Up, du + i, left);
                VectorMath.Store(gradients.Active, y + i, left);
            }
        }
    }
}
