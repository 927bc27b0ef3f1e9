using System.Runtime.Intrinsics;

namespace CoScientist.Training.Kernels;

/// <summary>
/// Dropout (Srivastava et al. 2014) whose mask is a function of key, row and column: element (n, i) is zero when
/// mix(mix(key + row) + i) &lt; p·2³², else divided by 1 − p, with mix the 32-bit finaliser of MurmurHash3. The same call gives
/// the same mask, so that no mask is stored.
/// </summary>
public static unsafe class Dropout
{
    private const int RowsPerTask = 64;

    /// <summary>y [N, D] from x [N, D], which may be the same memory.</summary>
    /// <param name="pool">Threads.</param>
    /// <param name="x">Input.</param>
    /// <param name="y">Result.</param>
    /// <param name="rows">N.</param>
    /// <param name="width">D.</param>
    /// <param name="probability">p, at least 0 and below 1.</param>
    /// <param name="key">What distinguishes masks.</param>
    /// <param name="firstRow">Number of the first row.</param>
    public static void Apply(WorkerPool pool, float* x, float* y, int rows, int width, double probability, long key, long firstRow) =>
        pool.For(WorkKind.Other, (rows + RowsPerTask - 1) / RowsPerTask, new Loop(x, y, rows, width, (uint)(probability * uint.MaxValue), (float)(1 / (1 - probability)), key, firstRow));

    /// <summary>Start of a row's counter.</summary>
    internal static uint RowSeed(long key, long row)
    {
        var mixed = (ulong)key + ((ulong)row * 0x9E3779B97F4A7C15);
        mixed ^= mixed >> 32;
        return Mix((uint)mixed ^ Mix((uint)(mixed >> 32) + 0x9E3779B9));
    }

    /// <summary>The finaliser of MurmurHash3 (Appleby), 32 bits.</summary>
    internal static uint Mix(uint h)
    {
        h = (h ^ (h >> 16)) * 0x85EBCA6B;
        h = (h ^ (h >> 13)) * 0xC2B2AE35;
        return h ^ (h >> 16);
    }

    private readonly struct Loop(float* x, float* y, int rows, int width, uint threshold, float scale, long key, long firstRow) : ILoopBody
    {
        public void Run(int index)
        {
            var end = Math.Min(rows, (index + 1) * RowsPerTask);
            for (var row = index * RowsPerTask; row < end; row++)
            {
                ApplyRow(x + ((long)row * width), y + ((long)row * width), RowSeed(key, firstRow + row));
            }
        }

        private void ApplyRow(float* from, float* to, uint seed)
        {
            var i = 0;
            for (; i + 16 <= width; i += 16)
            {
                var h = Vector512.Create(seed + (uint)i) + Vector512<uint>.Indices;
                h = (h ^ (h >>> 16)) * Vector512.Create(0x85EBCA6Bu);
                h = (h ^ (h >>> 13)) * Vector512.Create(0xC2B2AE35u);
                h ^= h >>> 16;
                var keep = Vector512.GreaterThanOrEqual(h, Vector512.Create(threshold)).AsSingle();
                (keep & (Vector512.Load(from + i) * Vector512.Create(scale))).Store(to + i);
            }

            for (; i < width; i++)
            {
                to[i] = Mix(seed + (uint)i) >= threshold ? from[i] * scale : 0;
            }
        }
    }
}
