using CoScientist.Tests.Shared;
using CoScientist.Training.Kernels;
using CoScientist.Training.Kernels.Mixed;
using CoScientist.Training.Kernels.Reference;
using CoScientist.Training.Tensors;

namespace CoScientist.Tests.Training.Kernels.Mixed;

/// <summary>Attention with products in bfloat16 against the plain one in double precision, from the same rounded queries, keys, values and gradients.</summary>
public sealed unsafe class Bf16AttentionTests(KernelPools pools) : IClassFixture<KernelPools>
{
    // Probabilities, and gradients of scores, err by at most 2⁻⁹ of their size; of sums of them some cancels.
    private const double Tolerance = 0.01;

    private static readonly AttentionShape Odd = new(6, 3, 10);

    private static readonly (int Length, int Parent)[] Forest = [(5, -1), (33, 0), (1, 1), (70, 1), (2, 0), (40, -1), (129, -1), (3, 6), (64, 6), (65, 7), (1, -1)];

    [Fact]
    public void Attention_sequenceOfAnyLength_isCloseToTheReference()
    {
        for (var length = 1; length <= 70; length++)
        {
            Check([(length, -1)], new AttentionShape(2, 1, 2 * (1 + (length % 20))));
        }
    }

    [Fact]
    public void Attention_branchOfAnyLength_isCloseToTheReference()
    {
        for (var length = 1; length <= 70; length += 3)
        {
            Check([(71 - length, -1), (length, 0), (1 + (length % 9), 0)], Odd);
        }
    }

    [Theory]
    [InlineData(1, 1, 2)]
    [InlineData(3, 1, 6)]
    [InlineData(5, 5, 4)]
    [InlineData(4, 2, 32)]
    [InlineData(8, 2, 64)]
    [InlineData(2, 1, 128)]
    public void Attention_treesOfAnyShape_areCloseToTheReference(int heads, int kvHeads, int headDim) => Check(Forest, new AttentionShape(heads, kvHeads, headDim));

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(17)]
    [InlineData(64)]
    [InlineData(100)]
    [InlineData(1000)]
    public void Attention_slidingWindow_isCloseToTheReference(int window) => Check(Forest, Odd with { Window = window });

    [Theory]
    [InlineData(0)]
    [InlineData(40)]
    public void Forward_anyBatchAroundASequence_givesTheSameBits(int window)
    {
        // A sequence of 90 tokens, alone in one segment, then cut into prefix, branch and twig beside other branches and trees.
        var shape = Odd with { Window = window };
        var (whole, wholeRows) = Run(shape, [(90, -1)], pools.Single);
        var (cut, _) = Run(shape, [(31, -1), (40, 0), (10, 0), (19, 1)], pools.All[^1], row => row < 71 ? row : row < 81 ? 1000 + row : row - 10);
        var (crowded, _) = Run(shape, [(90, -1), (90, -1)], pools.All[1], row => row < 90 ? row + 500 : row - 90);
        Close.Bits("crowded", whole, crowded[wholeRows..]);
        Close.Bits("prefix and branch", whole.AsSpan(0, 71 * Odd.QueryWidth), cut.AsSpan(0, 71 * Odd.QueryWidth));
        Close.Bits("twig", whole.AsSpan(71 * Odd.QueryWidth), cut.AsSpan(81 * Odd.QueryWidth));
    }

    [Fact]
    public void Transposed_anySize_readsRowsAsColumns()
    {
        using var memory = new KernelMemory();
        foreach (var (rows, cols) in new[] { (32, 32), (64, 32), (32, 96), (64, 160) })
        {
            var stride = cols + 32;
            var p = (ushort*)memory.Filled(rows * stride / 2);
            for (var i = 0; i < rows * stride; i++)
            {
                p[i] = Bfloat16.Narrow(i % stride < cols ? (i % 251) - 100 : float.NaN);
            }

            var left = Bf16MatMul.Transposed(p, rows, cols, stride, (uint*)memory.Filled(64 * stride));
            for (var i = 0; i < rows * cols; i++)
            {
                var (row, column) = (i / cols, i % cols);
                var at = left.Below(column).From(row / 2 * 2).Start;
                Assert.Equal(p[(row * stride) + column], at[row % 2]);
            }
        }
    }

    /// <summary>Runs forward with queries, keys and values that depend on a row's name only.</summary>
    private static (float[] Output, int Length) Run(AttentionShape shape, (int Length, int Parent)[] segments, WorkerPool pool, Func<int, int>? name = null)
    {
        var batch = Batch(segments);
        double[] Rows(int width, int seed) => [.. Enumerable.Range(0, batch.Count).SelectMany(row => GradientCheck.Normals(width, ((name?.Invoke(row) ?? row) * 3) + seed))];
        using var memory = new KernelMemory();
        var output = memory.Filled(batch.Count * shape.QueryWidth);
        Bf16Attention.Forward(pool, batch, shape, memory.Of(Rows(shape.QueryWidth, 0)), memory.Of(Rows(shape.KeyWidth, 1)), memory.Of(Rows(shape.KeyWidth, 2)), output);
        return (KernelMemory.ReadChecked(output, batch.Count * shape.QueryWidth), batch.Count * shape.QueryWidth);
    }

    private void Check((int Length, int Parent)[] segments, AttentionShape shape)
    {
        var visibility = new SegmentVisibility(segments, shape.Window);
        var batch = Batch(segments);
        var (q, dout) = (Rounded(visibility.Rows * shape.QueryWidth, 1), Rounded(visibility.Rows * shape.QueryWidth, 2));
        var (k, v) = (Rounded(visibility.Rows * shape.KeyWidth, 3), Rounded(visibility.Rows * shape.KeyWidth, 4));
        var output = new double[q.Length];
        AttentionReference.Forward<double>(q, k, v, output, visibility, shape.Heads, shape.KeyValueHeads, shape.HeadDim);
        var (dq, dk, dv) = (new double[q.Length], new double[k.Length], new double[v.Length]);
        AttentionReference.Backward<double>(q, k, v, dout, dq, dk, dv, visibility, shape.Heads, shape.KeyValueHeads, shape.HeadDim);
        var name = $"{shape}, segments {string.Join(' ', segments)}";
        (float[] Output, float[] Query, float[] Key, float[] Value)? bits = null;
        foreach (var pool in pools.All)
        {
            using var memory = new KernelMemory();
            var (pq, pk, pv) = ((nint)memory.Of(q), (nint)memory.Of(k), (nint)memory.Of(v));
            var pout = memory.Filled(q.Length);
            var pdq = memory.Filled(q.Length);
            var pdk = memory.Filled(k.Length);
            var pdv = memory.Filled(v.Length);
            Bf16Attention.Forward(pool, batch, shape, (float*)pq, (float*)pk, (float*)pv, pout);
            Bf16Attention.Backward(pool, batch, shape, (float*)pq, (float*)pk, (float*)pv, memory.Of(dout), pdq, pdk, pdv);
            var results = (KernelMemory.ReadChecked(pout, q.Length), KernelMemory.ReadChecked(pdq, q.Length), KernelMemory.ReadChecked(pdk, k.Length), KernelMemory.ReadChecked(pdv, v.Length));
            Close.ToScale($"out, {name}", output, results.Item1, Tolerance);
            Close.ToScale($"dq, {name}", dq, results.Item2, Tolerance, floor: 0.1);
            Close.ToScale($"dk, {name}", dk, results.Item3, Tolerance, floor: 0.1);
            Close.ToScale($"dv, {name}", dv, results.Item4, Tolerance);
            bits ??= results;
            Close.Bits("out", bits.Value.Output, results.Item1);
            Close.Bits("dq", bits.Value.Query, results.Item2);
            Close.Bits("dk", bits.Value.Key, results.Item3);
            Close.Bits("dv", bits.Value.Value, results.Item4);
        }
    }

    private static TokenBatch Batch((int Length, int Parent)[] segments)
    {
        var batch = new TokenBatch();
        foreach (var (length, parent) in segments)
        {
            batch.Add(new int[length], parent);
        }

        return batch;
    }

    private static double[] Rounded(int count, long seed) => [.. GradientCheck.Normals(count, seed).Select(value => (double)Bfloat16.Widen(Bfloat16.Narrow((float)value)))];
}
