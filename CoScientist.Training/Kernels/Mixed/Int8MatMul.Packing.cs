using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using CoScientist.Training.Tensors;

namespace CoScientist.Training.Kernels.Mixed;

/// <content>From floats to whole numbers with scales, for both sides.</content>
public static unsafe partial class Int8MatMul
{
    /// <summary>Rows of the left side as pairs of 16-bit numbers, with a scale for each group.</summary>
    private readonly struct Left
    {
        private readonly int* pairs;
        private readonly float* scales;

        private Left(float* memory, int stride, int groups)
        {
            Edge = memory;
            pairs = (int*)(memory + (RowBlock * PanelWidth));
            scales = (float*)pairs + ((long)RowBlock * (stride + 16));
            (Stride, Groups) = (stride, groups);
        }

        /// <summary>Room for a panel's results, [RowBlock, 32].</summary>
        public float* Edge { get; }

        public int Stride { get; }

        public int Groups { get; }

        /// <summary>Quantises rows into the thread's scratch.</summary>
        public static Left Make(float* a, long aRow, int rows, int depth)
        {
            var (stride, groups) = (Pairs(depth), Groups(depth));
            var memory = (scratch ??= new ScratchBuffer()).Get((RowBlock * PanelWidth) + ((long)RowBlock * (stride + groups + 32)));
            var left = new Left(memory, stride, groups);
            for (var i = 0; i < rows; i++)
            {
                for (var group = 0; group < groups; group++)
                {
                    var from = group * Group;
                    left.Scale(i)[group] = Quantise(a + (i * aRow) + from, Math.Min(Group, depth - from), LeftLimit, (short*)left.Row(i) + from);
                }

                if (depth % 2 != 0)
                {
                    ((short*)left.Row(i))[depth] = 0;
                }
            }

            return left;
        }

        public int* Row(int row) => pairs + ((long)row * Stride);

        public float* Scale(int row) => scales + ((long)row * Groups);
    }

    /// <summary>Rounds x / scale to whole numbers, ties to even, with scale = max|x| / limit, which it returns. Not finite where x is not.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Quantise(float* x, int count, int limit, short* target)
    {
        var most = Vector512<float>.Zero;
        var i = 0;
        for (; i + 16 <= count; i += 16)
        {
            most = Vector512.Max(most, Vector512.Abs(Vector512.Load(x + i)));
        }

        var max = 0f;
        for (var lane = 0; lane < 16; lane++)
        {
            max = MathF.Max(max, most[lane]);
        }

        for (; i < count; i++)
        {
            max = MathF.Max(max, MathF.Abs(x[i]));
        }

        // Denormal groups count as zero: their inverse would overflow.
        if (max < 1e-30f)
        {
            new Span<short>(target, count).Clear();
            return 0;
        }

        var inverse = Vector512.Create(limit / max);
        for (i = 0; i + 32 <= count; i += 32)
        {
            var low = Vector512.ConvertToInt32(Vector512.Round(Vector512.Load(x + i) * inverse));
            var high = Vector512.ConvertToInt32(Vector512.Round(Vector512.Load(x + i + 16) * inverse));
            Vector512.Narrow(low, high).Store(target + i);
        }

        for (; i < count; i++)
        {
            var rounded = MathF.Round(x[i] * (limit / max));
            target[i] = float.IsFinite(rounded) ? (short)rounded : (short)0;
        }

        return max / limit;
    }

    private readonly struct PackLoop(float* single, ushort* half, int m, int k, byte* packed) : ILoopBody
    {
        public void Run(int index)
        {
            var panel = packed + (index * PanelBytes(k));
            var scales = Scales(panel, k);
            var pairs = Pairs(k);
            var row = (scratch ??= new ScratchBuffer()).Get(k + pairs + 1);
            var quantised = (short*)(row + k);
            for (var j = 0; j < PanelWidth; j++)
            {
                var column = ((long)index * PanelWidth) + j;
                if (column >= m)
                {
                    new Span<float>(row, k).Clear();
                }
                else if (single is not null)
                {
                    Unsafe.CopyBlockUnaligned(row, single + (column * k), (uint)(k * sizeof(float)));
                }
                else
                {
                    Bfloat16.Widen(half + (column * k), row, k);
                }

                for (var group = 0; group < Groups(k); group++)
                {
                    scales[(group * PanelWidth) + j] = Quantise(row + (group * Group), Math.Min(Group, k - (group * Group)), WeightLimit, quantised + (group * Group));
                }

                quantised[k] = 0;
                for (var p = 0; p < pairs; p++)
                {
                    var to = panel + (((long)p * PanelWidth) + j) * 2;
                    (to[0], to[1]) = ((byte)quantised[2 * p], (byte)quantised[(2 * p) + 1]);
                }
            }
        }
    }
}
