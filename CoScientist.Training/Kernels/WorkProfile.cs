using System.Diagnostics;

namespace CoScientist.Training.Kernels;

/// <summary>What the threads of a pool spend their time on.</summary>
public enum WorkKind
{
    /// <summary>Element-wise passes, normalisation, packing, the optimizer, and whatever one thread does alone.</summary>
    Other,

    /// <summary>Matrix products.</summary>
    Products,

    /// <summary>Attention, its small products and softmax included.</summary>
    Attention,
}

/// <summary>Counters of a <see cref="WorkerPool"/> at one moment; the difference of two is a <see cref="WorkProfile"/>.</summary>
public readonly record struct WorkMark(long At, long Inside, long Products, long Attention, long Other, double ProductOperations, double AttentionOperations);

/// <summary>
/// Where the time of a pool's threads went. The four parts are thread-seconds and add up to <see cref="Seconds"/> × <see cref="Threads"/>.
/// </summary>
/// <param name="Seconds">Time passed, in seconds.</param>
/// <param name="Threads">Threads of the pool.</param>
/// <param name="Products">Thread-seconds in matrix products.</param>
/// <param name="Attention">Thread-seconds in attention.</param>
/// <param name="Other">Thread-seconds in other loops, and of the caller outside loops.</param>
/// <param name="Waiting">Thread-seconds without work: at the ends of loops, while one thread worked alone, or kept off the processor.</param>
/// <param name="ProductOperations">Floating-point operations of the matrix products, 2·M·N·K each.</param>
/// <param name="AttentionOperations">Floating-point operations of attention's products.</param>
public readonly record struct WorkProfile(double Seconds, int Threads, double Products, double Attention, double Other, double Waiting, double ProductOperations, double AttentionOperations)
{
    /// <summary>All counted operations per second, in units of 10⁹.</summary>
    public double Gflops => Seconds > 0 ? (ProductOperations + AttentionOperations) / Seconds / 1e9 : 0;

    /// <summary>Rate of the matrix products while they run, per thread, in units of 10⁹ operations per second.</summary>
    public double ProductGflopsPerThread => Products > 0 ? ProductOperations / Products / 1e9 : 0;

    internal static WorkProfile Between(in WorkMark from, in WorkMark to, int threads)
    {
        var wall = Seconds(to.At - from.At);
        // The caller's time outside loops is work of one thread; the workers wait meanwhile.
        var alone = Math.Max(0, wall - Seconds(to.Inside - from.Inside));
        var (products, attention, other) = (Seconds(to.Products - from.Products), Seconds(to.Attention - from.Attention), Seconds(to.Other - from.Other) + alone);
        return new WorkProfile(wall, threads, products, attention, other, Math.Max(0, (wall * threads) - products - attention - other),
            to.ProductOperations - from.ProductOperations, to.AttentionOperations - from.AttentionOperations);

        static double Seconds(long ticks) => ticks / (double)Stopwatch.Frequency;
    }
}

/// <summary>The counters themselves. A few additions per loop and thread: they cost nothing beside the loop.</summary>
internal sealed class WorkClock
{
    private long inside;
    private long products;
    private long attention;
    private long other;
    private double productOperations;
    private double attentionOperations;

    public void AddBusy(WorkKind kind, long ticks) => Interlocked.Add(ref Ticks(kind), ticks);

    /// <summary>Adds a whole loop as its caller sees it. Callers take turns, so nothing is lost.</summary>
    public void AddLoop(WorkKind kind, long ticks, double operations)
    {
        inside += ticks;
        if (kind == WorkKind.Attention)
        {
            attentionOperations += operations;
        }
        else
        {
            productOperations += operations;
        }
    }

    public WorkMark Mark() => new(Stopwatch.GetTimestamp(), inside, products, attention, other, productOperations, attentionOperations);

    private ref long Ticks(WorkKind kind)
    {
        switch (kind)
        {
            case WorkKind.Products: return ref products;
            case WorkKind.Attention: return ref attention;
            default: return ref other;
        }
    }
}
