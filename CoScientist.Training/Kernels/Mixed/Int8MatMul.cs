using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using CoScientist.Training.Tensors;

namespace CoScientist.Training.Kernels.Mixed;

/// <summary>
/// Matrix products with weights of 8 bits, for models that are only read. Within each group of 128 inner indices a column of
/// the weight is q·s with q whole numbers in −127 … 127 and s = max|w| / 127 (symmetric, no offset), and a row of the left
/// side is p·t with p in −32767 … 32767 and t = max|x| / 32767, made when the product is. Σ q·p of a group is exact in 32
/// bits; groups are added in ascending order in single precision. So results are the same bits for every batch, thread count
/// and processor, and differ from those of the rounded weights by at most 2⁻¹⁵ of the group's largest |x| times Σ|w|.
/// Weights are packed in panels of 32 columns, [cols/32][depth/2][32][2], their scales as [cols/32][groups][32].
/// </summary>
public static unsafe partial class Int8MatMul
{
    /// <summary>Columns of a panel.</summary>
    public const int PanelWidth = 32;

    /// <summary>Inner indices that share a scale.</summary>
    public const int Group = 128;

    private const int WeightLimit = sbyte.MaxValue;
    private const int LeftLimit = short.MaxValue;

    /// <summary>Rows per parallel iteration.</summary>
    private const int RowBlock = 32;

    [ThreadStatic]
    private static ScratchBuffer? scratch;

    /// <summary>Bytes of the packed form of a [depth, cols] right side; its scales follow the numbers.</summary>
    public static long PackedLength(int depth, int cols) => Panels(cols) * PanelBytes(depth);

    /// <summary>Packs Wᵀ for y = x·Wᵀ, from W [m, k] in single precision.</summary>
    public static void PackTransposed(WorkerPool pool, float* w, int m, int k, byte* packed) =>
        pool.For(WorkKind.Other, (int)Panels(m), new PackLoop(w, null, m, k, packed));

    /// <summary>Packs Wᵀ for y = x·Wᵀ, from W [m, k] in bfloat16.</summary>
    public static void PackTransposed(WorkerPool pool, ushort* w, int m, int k, byte* packed) =>
        pool.For(WorkKind.Other, (int)Panels(m), new PackLoop(null, w, m, k, packed));

    /// <summary>c [rows, cols] (+)= a · B with a [rows, depth] in single precision.</summary>
    /// <param name="pool">Threads.</param>
    /// <param name="a">Left side, row-major.</param>
    /// <param name="aRow">Stride between its rows.</param>
    /// <param name="packed">Right side, packed.</param>
    /// <param name="c">Result, row-major.</param>
    /// <param name="cRow">Stride between its rows.</param>
    /// <param name="rows">Rows of the result.</param>
    /// <param name="cols">Columns of the result.</param>
    /// <param name="depth">Inner length.</param>
    /// <param name="accumulate">Adds to the result instead of replacing it.</param>
    public static void Multiply(WorkerPool pool, float* a, long aRow, byte* packed, float* c, long cRow, int rows, int cols, int depth, bool accumulate)
    {
        if (rows == 0 || cols == 0)
        {
            return;
        }

        var rowBlocks = (rows + RowBlock - 1) / RowBlock;
        var groups = rowBlocks >= 2 * pool.Threads ? 1 : (int)Math.Min(Panels(cols), Math.Max(1, 4 * pool.Threads / rowBlocks));
        pool.For(WorkKind.Products, rowBlocks * groups, new ProductLoop(a, aRow, packed, c, cRow, rows, cols, depth, accumulate, groups), 2.0 * rows * cols * depth);
    }

    /// <summary>c [rows, cols rounded up to whole panels] (+)= a · B on the calling thread.</summary>
    public static void Block(float* a, long aRow, byte* packed, float* c, long cRow, int rows, int cols, int depth, bool accumulate)
    {
        for (var first = 0; first < rows; first += RowBlock)
        {
            var count = Math.Min(RowBlock, rows - first);
            var left = Left.Make(a + (first * aRow), aRow, count, depth);
            for (var panel = 0; panel < Panels(cols); panel++)
            {
                Panel(left, packed + (panel * PanelBytes(depth)), c + (first * cRow) + (panel * PanelWidth), cRow, count, depth, accumulate);
            }
        }
    }

    /// <summary>One column of the right side as single precision, [depth].</summary>
    public static void Column(byte* packed, int depth, int column, float* target)
    {
        var panel = packed + (column / PanelWidth * PanelBytes(depth));
        var scales = Scales(panel, depth) + (column % PanelWidth);
        for (var i = 0; i < depth; i++)
        {
            target[i] = ((sbyte*)panel)[((((i / 2) * PanelWidth) + (column % PanelWidth)) * 2) + (i % 2)] * scales[i / Group * PanelWidth];
        }
    }

    private static long Panels(int cols) => (cols + PanelWidth - 1) / PanelWidth;

    private static int Pairs(int depth) => (depth + 1) / 2;

    private static int Groups(int depth) => (depth + Group - 1) / Group;

    private static long PanelBytes(int depth) => ((long)Pairs(depth) * PanelWidth * 2) + ((long)Groups(depth) * PanelWidth * sizeof(float));

    private static float* Scales(byte* panel, int depth) => (float*)(panel + ((long)Pairs(depth) * PanelWidth * 2));

    private static void Panel(Left left, byte* panel, float* c, long cRow, int rows, int depth, bool accumulate)
    {
        var scales = Scales(panel, depth);
        var pairs = Pairs(depth);
        var i = 0;
        for (; i + 4 <= rows; i += 4)
        {
            Tile4(left.Row(i), left.Scale(i), left.Stride, left.Groups, panel, scales, pairs, c + (i * cRow), (nint)cRow, accumulate);
        }

        for (; i < rows; i++)
        {
            Tile1(left.Row(i), left.Scale(i), panel, scales, pairs, c + (i * cRow), accumulate);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile1(int* a, float* scale, byte* w, float* scales, int pairs, float* c, bool accumulate)
    {
        var low = accumulate ? Vector512.Load(c) : Vector512<float>.Zero;
        var high = accumulate ? Vector512.Load(c + 16) : Vector512<float>.Zero;
        for (var from = 0; from < pairs; from += Group / 2)
        {
            var (sumLow, sumHigh) = (Vector512<int>.Zero, Vector512<int>.Zero);
            var end = Math.Min(pairs, from + (Group / 2));
            for (var p = from; p < end; p++)
            {
                var x = Vector512.Create(a[p]).AsInt16();
                sumLow += Dot(Wide(w), x);
                sumHigh += Dot(Wide(w + 32), x);
                w += 64;
            }

            var s = Vector512.Create(*scale);
            low = Vector512.FusedMultiplyAdd(Vector512.ConvertToSingle(sumLow), s * Vector512.Load(scales), low);
            high = Vector512.FusedMultiplyAdd(Vector512.ConvertToSingle(sumHigh), s * Vector512.Load(scales + 16), high);
            scales += PanelWidth;
            scale++;
        }

        low.Store(c);
        high.Store(c + 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile4(int* a, float* scale, int aRow, int scaleRow, byte* w, float* scales, int pairs, float* c, nint cRow, bool accumulate)
    {
        var c1 = c + cRow;
        var c2 = c1 + cRow;
        var c3 = c2 + cRow;
        if (!accumulate)
        {
            Vector512<float>.Zero.Store(c);
            Vector512<float>.Zero.Store(c + 16);
            Vector512<float>.Zero.Store(c1);
            Vector512<float>.Zero.Store(c1 + 16);
            Vector512<float>.Zero.Store(c2);
            Vector512<float>.Zero.Store(c2 + 16);
            Vector512<float>.Zero.Store(c3);
            Vector512<float>.Zero.Store(c3 + 16);
        }

        var a1 = a + aRow;
        var a2 = a1 + aRow;
        var a3 = a2 + aRow;
        for (var from = 0; from < pairs; from += Group / 2)
        {
            Vector512<int> l0, l1, l2, l3, h0, h1, h2, h3;
            l0 = l1 = l2 = l3 = h0 = h1 = h2 = h3 = Vector512<int>.Zero;
            var end = Math.Min(pairs, from + (Group / 2));
            for (var p = from; p < end; p++)
            {
                var low = Wide(w);
                var high = Wide(w + 32);
                var x0 = Vector512.Create(a[p]).AsInt16();
                l0 += Dot(low, x0);
                h0 += Dot(high, x0);
                var x1 = Vector512.Create(a1[p]).AsInt16();
                l1 += Dot(low, x1);
                h1 += Dot(high, x1);
                var x2 = Vector512.Create(a2[p]).AsInt16();
                l2 += Dot(low, x2);
                h2 += Dot(high, x2);
                var x3 = Vector512.Create(a3[p]).AsInt16();
                l3 += Dot(low, x3);
                h3 += Dot(high, x3);
                w += 64;
            }

            Add(l0, h0, scale[0], scales, c);
            Add(l1, h1, scale[scaleRow], scales, c1);
            Add(l2, h2, scale[2 * scaleRow], scales, c2);
            Add(l3, h3, scale[3 * scaleRow], scales, c3);
            scales += PanelWidth;
            scale++;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(Vector512<int> low, Vector512<int> high, float scale, float* scales, float* c)
    {
        var s = Vector512.Create(scale);
        Vector512.FusedMultiplyAdd(Vector512.ConvertToSingle(low), s * Vector512.Load(scales), Vector512.Load(c)).Store(c);
        Vector512.FusedMultiplyAdd(Vector512.ConvertToSingle(high), s * Vector512.Load(scales + 16), Vector512.Load(c + 16)).Store(c + 16);
    }

    /// <summary>32 numbers of 8 bits as 16 bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<short> Wide(byte* w)
    {
        var narrow = Vector256.Load((sbyte*)w);
        if (Avx512BW.IsSupported)
        {
            return Avx512BW.ConvertToVector512Int16(narrow);
        }

        var (low, high) = Vector256.Widen(narrow);
        return Vector512.Create(low, high);
    }

    /// <summary>Sums of the products of neighbouring numbers, 16 of them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> Dot(Vector512<short> w, Vector512<short> x)
    {
        if (Avx512BW.IsSupported)
        {
            return Avx512BW.MultiplyAddAdjacent(w, x);
        }

        if (Avx2.IsSupported)
        {
            return Vector512.Create(Avx2.MultiplyAddAdjacent(w.GetLower(), x.GetLower()), Avx2.MultiplyAddAdjacent(w.GetUpper(), x.GetUpper()));
        }

        var (a, b) = (w.AsInt32(), x.AsInt32());
        return (((a << 16) >> 16) * ((b << 16) >> 16)) + ((a >> 16) * (b >> 16));
    }

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

    private readonly struct ProductLoop(float* a, long aRow, byte* packed, float* c, long cRow, int rows, int cols, int depth, bool accumulate, int groups) : ILoopBody
    {
        public void Run(int index)
        {
            var row = index / groups * RowBlock;
            var count = Math.Min(RowBlock, rows - row);
            var first = (int)(Panels(cols) * (index % groups) / groups);
            var end = (int)(Panels(cols) * ((index % groups) + 1) / groups);
            var left = Left.Make(a + (row * aRow), aRow, count, depth);
            for (var panel = first; panel < end; panel++)
            {
                var target = c + (row * cRow) + (panel * PanelWidth);
                var weights = packed + (panel * PanelBytes(depth));
                var width = Math.Min(PanelWidth, cols - (panel * PanelWidth));
                if (width == PanelWidth)
                {
                    Panel(left, weights, target, cRow, count, depth, accumulate);
                    continue;
                }

                // The last panel is narrower than a tile: compute aside, copy what exists.
                var edge = left.Edge;
                for (var i = 0; i < count; i++)
                {
                    Unsafe.CopyBlockUnaligned(edge + (i * PanelWidth), target + (i * cRow), (uint)(width * sizeof(float)));
                }

                Panel(left, weights, edge, PanelWidth, count, depth, accumulate);
                for (var i = 0; i < count; i++)
                {
                    Unsafe.CopyBlockUnaligned(target + (i * cRow), edge + (i * PanelWidth), (uint)(width * sizeof(float)));
                }
            }
        }
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
