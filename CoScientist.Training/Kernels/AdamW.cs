using System.Runtime.Intrinsics;
using CoScientist.Training.Tensors;

namespace CoScientist.Training.Kernels;

/// <summary>
/// AdamW (Loshchilov and Hutter 2019): m ← β₁m + (1−β₁)g, v ← β₂v + (1−β₂)g², then
/// w ← w − η·(m̂/(√v̂ + ε) + λw) with m̂ = m/(1−β₁ᵗ) and v̂ = v/(1−β₂ᵗ). One pass over memory.
/// </summary>
public static unsafe class AdamW
{
    private const int Chunk = 16384;

    [ThreadStatic]
    private static ScratchBuffer? partials;

    /// <summary>Updates <paramref name="count"/> weights w with gradients g and moments m, v; g is multiplied by <paramref name="gradientScale"/> first (global-norm clipping).</summary>
    public static void Update(WorkerPool pool, float* w, float* g, float* m, float* v, long count, in AdamWOptions options, int step, float gradientScale) =>
        pool.For(WorkKind.Other, Chunks(count), new UpdateLoop(w, g, m, v, count, options, step, gradientScale));

    /// <summary>Σ g², in double over chunks of fixed size, so that it does not depend on the thread count.</summary>
    public static double SquaredNorm(WorkerPool pool, float* g, long count)
    {
        var chunks = Chunks(count);
        var parts = (double*)(partials ??= new ScratchBuffer()).Get(2L * chunks);
        pool.For(WorkKind.Other, chunks, new NormLoop(g, count, parts));
        var sum = 0.0;
        for (var i = 0; i < chunks; i++)
        {
            sum += parts[i];
        }

        return sum;
    }

    private static int Chunks(long count) => checked((int)((count + Chunk - 1) / Chunk));

    private readonly struct UpdateLoop(float* w, float* g, float* m, float* v, long count, AdamWOptions options, int step, float gradientScale) : ILoopBody
    {
        private readonly float correct1 = (float)(1 / (1 - Math.Pow(options.Beta1, step)));
        private readonly float correct2 = (float)(1 / (1 - Math.Pow(options.Beta2, step)));

        public void Run(int index)
        {
            var (rate, beta1, beta2, epsilon, decay) = ((float)options.LearningRate, (float)options.Beta1, (float)options.Beta2, (float)options.Epsilon, (float)options.WeightDecay);
            var end = Math.Min(count, (index + 1L) * Chunk);
            for (var i = (long)index * Chunk; i < end; i += 16)
            {
                var left = (int)Math.Min(16, end - i);
                var grad = VectorMath.Load(g + i, left) * Vector512.Create(gradientScale);
                var weight = VectorMath.Load(w + i, left);
                var first = Vector512.FusedMultiplyAdd(VectorMath.Load(m + i, left), Vector512.Create(beta1), grad * Vector512.Create(1 - beta1));
                var second = Vector512.FusedMultiplyAdd(VectorMath.Load(v + i, left), Vector512.Create(beta2), grad * grad * Vector512.Create(1 - beta2));
                var move = first * Vector512.Create(correct1) / (Vector512.Sqrt(second * Vector512.Create(correct2)) + Vector512.Create(epsilon));
                weight -= Vector512.Create(rate) * Vector512.FusedMultiplyAdd(weight, Vector512.Create(decay), move);
                VectorMath.Store(first, m + i, left);
                VectorMath.Store(second, v + i, left);
                VectorMath.Store(weight, w + i, left);
            }
        }
    }

    private readonly struct NormLoop(float* g, long count, double* parts) : ILoopBody
    {
        public void Run(int index)
        {
            var start = (long)index * Chunk;
            var length = (int)Math.Min(Chunk, count - start);
            var sum = 0.0;
            for (var i = 0; i < length; i += 1024)
            {
                var at = g + start + i;
                sum += VectorMath.Dot(at, at, Math.Min(1024, length - i));
            }

            parts[index] = sum;
        }
    }
}

/// <summary>Settings of one AdamW step.</summary>
/// <param name="LearningRate">η.</param>
/// <param name="Beta1">β₁. Default 0.9.</param>
/// <param name="Beta2">β₂. Default 0.95.</param>
/// <param name="Epsilon">ε. Default 1e-8.</param>
/// <param name="WeightDecay">λ, applied to matrices only. Default 0.</param>
public readonly record struct AdamWOptions(double LearningRate, double Beta1 = 0.9, double Beta2 = 0.95, double Epsilon = 1e-8, double WeightDecay = 0);
