using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using CoScientist.Training.Kernels;
using CoScientist.Training.Tensors;

namespace CoScientist.Training.Engines;

/// <summary>What this machine can do at most, as measured now; other work on it lowers the numbers.</summary>
/// <param name="Threads">Threads measured together.</param>
/// <param name="ClockGHz">Clock of one core while it runs scalar code, in GHz.</param>
/// <param name="Fp32Gflops">Fused multiply-adds in single precision by all threads, two operations each, in 10⁹ operations per second.</param>
/// <param name="MemoryGBps">Reading memory beyond the caches by all threads, in 10⁹ bytes per second.</param>
public sealed record MachinePeak(int Threads, double ClockGHz, double Fp32Gflops, double MemoryGBps);

/// <summary>Short measurements of the processor, to judge by what the kernels reach. Each is the best of a few.</summary>
public static unsafe class MachineProbe
{
    private const int Repeats = 5;
    private const int MultiplyAddRounds = 400_000;
    private const long MemoryFloats = 64 << 20;
    private const int MemoryPieces = 64;

    /// <summary>All three measurements; about a second, and 256 MiB while it lasts.</summary>
    public static MachinePeak Measure(WorkerPool pool) => new(pool.Threads, Clock(), Fp32Gflops(pool), MemoryGBps(pool));

    /// <summary>
    /// Clock of the calling thread's core in GHz: a chain of dependent integer additions and exclusive-ors of register
    /// operands, each of which takes one cycle on every processor that this runs on.
    /// </summary>
    public static double Clock()
    {
        const int Rounds = 1_000_000;
        const int OperationsPerRound = 16;
        var best = double.PositiveInfinity;
        var sink = 0L;
        for (var repeat = 0; repeat < Repeats; repeat++)
        {
            var start = Stopwatch.GetTimestamp();
            sink += Chain(Rounds, start | 1, start ^ 0x5555);
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        return sink == 1 ? 0 : (double)Rounds * OperationsPerRound / best / 1e9;
    }

    /// <summary>Single-precision operations of all threads together, in 10⁹ per second, by the widest registers.</summary>
    public static double Fp32Gflops(WorkerPool pool)
    {
        var best = 0.0;
        for (var repeat = 0; repeat < Repeats; repeat++)
        {
            var pieces = pool.Threads * 4;
            var start = Stopwatch.GetTimestamp();
            pool.For(WorkKind.Other, pieces, default(MultiplyAddLoop));
            best = Math.Max(best, pieces * OperationsPerPiece / Stopwatch.GetElapsedTime(start).TotalSeconds / 1e9);
        }

        return best;
    }

    /// <summary>Bytes that all threads together read from memory, in 10⁹ per second.</summary>
    public static double MemoryGBps(WorkerPool pool)
    {
        using var memory = new FloatBuffer(MemoryFloats);

        // Untouched pages are all one page of zeros, which every cache holds.
        memory.Span.Fill(1);
        var best = 0.0;
        for (var repeat = 0; repeat < Repeats; repeat++)
        {
            var start = Stopwatch.GetTimestamp();
            pool.For(WorkKind.Other, MemoryPieces, new ReadLoop(memory.Pointer));
            best = Math.Max(best, MemoryFloats * sizeof(float) / Stopwatch.GetElapsedTime(start).TotalSeconds / 1e9);
        }

        return best;
    }

    private static double OperationsPerPiece => 2.0 * 12 * MultiplyAddRounds * (Vector512.IsHardwareAccelerated ? 16 : Vector256.IsHardwareAccelerated ? 8 : 4);

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static long Chain(int rounds, long a, long b)
    {
        var x = a;
        for (var i = 0; i < rounds; i++)
        {
            x = (((((((x + a) ^ b) + a) ^ b) + a) ^ b) + a) ^ b;
            x = (((((((x + a) ^ b) + a) ^ b) + a) ^ b) + a) ^ b;
        }

        return x;
    }

    private readonly struct MultiplyAddLoop : ILoopBody
    {
        public void Run(int index)
        {
            // The sums cannot be predicted, so the work cannot be left out; they are never NaN.
            var sum = Vector512.IsHardwareAccelerated ? Wide(index) : Vector256.IsHardwareAccelerated ? Middle(index) : Narrow(index);
            if (float.IsNaN(sum))
            {
                throw new InvalidOperationException("The processor computed no number.");
            }
        }

        // Twelve independent chains: more than the units times their latency on any processor.
        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private static float Wide(int seed)
        {
            var (x, y) = (Vector512.Create(0.999f), Vector512.Create(1e-3f * seed));
            var (a, b, c, d, e, f) = (y, y, y, y, y, y);
            var (g, h, i, j, k, l) = (y, y, y, y, y, y);
            for (var round = 0; round < MultiplyAddRounds; round++)
            {
                a = Vector512.FusedMultiplyAdd(a, x, y);
                b = Vector512.FusedMultiplyAdd(b, x, y);
                c = Vector512.FusedMultiplyAdd(c, x, y);
                d = Vector512.FusedMultiplyAdd(d, x, y);
                e = Vector512.FusedMultiplyAdd(e, x, y);
                f = Vector512.FusedMultiplyAdd(f, x, y);
                g = Vector512.FusedMultiplyAdd(g, x, y);
                h = Vector512.FusedMultiplyAdd(h, x, y);
                i = Vector512.FusedMultiplyAdd(i, x, y);
                j = Vector512.FusedMultiplyAdd(j, x, y);
                k = Vector512.FusedMultiplyAdd(k, x, y);
                l = Vector512.FusedMultiplyAdd(l, x, y);
            }

            return Vector512.Sum(a + b + c + d + e + f + g + h + i + j + k + l);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private static float Middle(int seed)
        {
            var (x, y) = (Vector256.Create(0.999f), Vector256.Create(1e-3f * seed));
            var (a, b, c, d, e, f) = (y, y, y, y, y, y);
            var (g, h, i, j, k, l) = (y, y, y, y, y, y);
            for (var round = 0; round < MultiplyAddRounds; round++)
            {
                a = Vector256.FusedMultiplyAdd(a, x, y);
                b = Vector256.FusedMultiplyAdd(b, x, y);
                c = Vector256.FusedMultiplyAdd(c, x, y);
                d = Vector256.FusedMultiplyAdd(d, x, y);
                e = Vector256.FusedMultiplyAdd(e, x, y);
                f = Vector256.FusedMultiplyAdd(f, x, y);
                g = Vector256.FusedMultiplyAdd(g, x, y);
                h = Vector256.FusedMultiplyAdd(h, x, y);
                i = Vector256.FusedMultiplyAdd(i, x, y);
                j = Vector256.FusedMultiplyAdd(j, x, y);
                k = Vector256.FusedMultiplyAdd(k, x, y);
                l = Vector256.FusedMultiplyAdd(l, x, y);
            }

            return Vector256.Sum(a + b + c + d + e + f + g + h + i + j + k + l);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private static float Narrow(int seed)
        {
            var (x, y) = (Vector128.Create(0.999f), Vector128.Create(1e-3f * seed));
            var (a, b, c, d, e, f) = (y, y, y, y, y, y);
            var (g, h, i, j, k, l) = (y, y, y, y, y, y);
            for (var round = 0; round < MultiplyAddRounds; round++)
            {
                a = Vector128.MultiplyAddEstimate(a, x, y);
                b = Vector128.MultiplyAddEstimate(b, x, y);
                c = Vector128.MultiplyAddEstimate(c, x, y);
                d = Vector128.MultiplyAddEstimate(d, x, y);
                e = Vector128.MultiplyAddEstimate(e, x, y);
                f = Vector128.MultiplyAddEstimate(f, x, y);
                g = Vector128.MultiplyAddEstimate(g, x, y);
                h = Vector128.MultiplyAddEstimate(h, x, y);
                i = Vector128.MultiplyAddEstimate(i, x, y);
                j = Vector128.MultiplyAddEstimate(j, x, y);
                k = Vector128.MultiplyAddEstimate(k, x, y);
                l = Vector128.MultiplyAddEstimate(l, x, y);
            }

            return Vector128.Sum(a + b + c + d + e + f + g + h + i + j + k + l);
        }
    }

    private readonly struct ReadLoop(float* memory) : ILoopBody
    {
        public void Run(int index)
        {
            var length = MemoryFloats / MemoryPieces;
            if (float.IsNaN(Sum(memory + (index * length), length)))
            {
                throw new InvalidOperationException("Memory did not hold what was written.");
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private static float Sum(float* x, long length)
        {
            var (a, b, c, d) = (Vector256<float>.Zero, Vector256<float>.Zero, Vector256<float>.Zero, Vector256<float>.Zero);
            for (var i = 0L; i < length; i += 32)
            {
                a += Vector256.Load(x + i);
                b += Vector256.Load(x + i + 8);
                c += Vector256.Load(x + i + 16);
                d += Vector256.Load(x + i + 24);
            }

            return Vector256.Sum(a + b + c + d);
        }
    }
}
