using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace CoScientist.Training.Kernels.Mixed;

/// <content>Tiles of a product: whole numbers multiplied and summed exactly, scaled once for each group.</content>
public static unsafe partial class Int8MatMul
{
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
}
