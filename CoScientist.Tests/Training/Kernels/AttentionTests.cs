using CoScientist.Tests.Shared;
using CoScientist.Training.Kernels;
using CoScientist.Training.Kernels.Reference;
using CoScientist.Training.Tensors;

namespace CoScientist.Tests.Training.Kernels;

/// <summary>The fast tree attention against the plain one.</summary>
public sealed unsafe class AttentionTests(KernelPools pools) : IClassFixture<KernelPools>
{
    private static readonly AttentionShape Odd = new(6, 3, 10);

    [Fact]
    public void Attention_sequenceOfAnyLength_equalsTheReference()
    {
        for (var length = 1; length <= 70; length++)
        {
            Check([(length, -1)], new AttentionShape(2, 1, 2 * (1 + (length % 20))));
        }
    }

    [Fact]
    public void Attention_branchOfAnyLength_equalsTheReference()
    {
        for (var length = 1; length <= 70; length++)
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
    public void Attention_treesOfAnyShape_equalTheReference(int heads, int kvHeads, int headDim) =>
        Check([(5, -1), (33, 0), (1, 1), (70, 1), (2, 0), (40, -1), (129, -1), (3, 6), (64, 6), (65, 7), (1, -1)], new AttentionShape(heads, kvHeads, headDim));

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(17)]
    [InlineData(64)]
    [InlineData(100)]
    [InlineData(1000)]
    public void Attention_slidingWindow_equalsTheReference(int window) =>
        Check([(5, -1), (33, 0), (1, 1), (70, 1), (2, 0), (40, -1), (129, -1), (3, 6), (64, 6), (65, 7), (1, -1)], Odd with { Window = window });

    [Fact]
    public void Forward_anyBatchAroundASequence_givesTheSameBits()
    {
        // A sequence of 90 tokens, alone in one segment, then cut into prefix, branch and twig beside other branches and trees.
        var (whole, wholeRows) = Run([(90, -1)], pools.Single);
        var (cut, _) = Run([(31, -1), (40, 0), (10, 0), (19, 1)], pools.All[^1], row => row < 71 ? row : row < 81 ? 1000 + row : row - 10);
        var (crowded, _) = Run([(90, -1), (90, -1)], pools.All[1], row => row < 90 ? row + 500 : row - 90);
        Close.Bits("crowded", whole, crowded[wholeRows..]);
        Close.Bits("prefix and branch", whole.AsSpan(0, 71 * Odd.QueryWidth), cut.AsSpan(0, 71 * Odd.QueryWidth));
        Close.Bits("twig", whole.AsSpan(71 * Odd.QueryWidth), cut.AsSpan(81 * Odd.QueryWidth));
    }

    /// <summary>Runs forward with queries, keys and values that depend on a row's name only.</summary>
    private static (float[] Output, int Length) Run((int Length, int Parent)[] segments, WorkerPool pool, Func<int, int>? name = null)
    {
        var batch = Batch(segments);
        double[] Rows(int width, int seed) => [.. Enumerable.Range(0, batch.Count).SelectMany(row => GradientCheck.Normals(width, ((name?.Invoke(row) ?? row) * 3) + seed))];
        using var memory = new KernelMemory();
        var output = memory.Filled(batch.Count * Odd.QueryWidth);
        Attention.Forward(pool, batch, Odd, memory.Of(Rows(Odd.QueryWidth, 0)), memory.Of(Rows(Odd.KeyWidth, 1)), memory.Of(Rows(Odd.KeyWidth, 2)), output);
        return (KernelMemory.ReadChecked(output, batch.Count * Odd.QueryWidth), batch.Count * Odd.QueryWidth);
    }

    private void Check((int Length, int Parent)[] segments, AttentionShape shape)
    {
        var visibility = new SegmentVisibility(segments, shape.Window);
        var batch = Batch(segments);
        Assert.Equal(visibility.Positions.ToArray(), batch.Positions);
        var (q, dout) = (Floats(visibility.Rows * shape.QueryWidth, 1), Floats(visibility.Rows * shape.QueryWidth, 2));
        var (k, v) = (Floats(visibility.Rows * shape.KeyWidth, 3), Floats(visibility.Rows * shape.KeyWidth, 4));
        var output = new double[q.Length];
        AttentionReference.Forward<double>(q, k, v, output, visibility, shape.Heads, shape.KeyValueHeads, shape.HeadDim);
        var (dq, dk, dv) = (new double[q.Length], new double[k.Length], new double[v.Length]);
        AttentionReference.Backward<double>(q, k, v, dout, dq, dk, dv, visibility, shape.Heads, shape.KeyValueHeads, shape.HeadDim);
        var name = $"{shape}, segments {string.Join(' ', segments)}";
        (float[] Output, float[] Query, float[] Key, float[] Value)? bits = null;
        foreach (var pool in pools.All)
        {
            using var memory = new KernelMemory();
            var pq = memory.Of(q);
            var pk = memory.Of(k);
            var pv = memory.Of(v);
            var pout = memory.Filled(q.Length);
            var pdq = memory.Filled(q.Length);
            var pdk = memory.Filled(k.Length);
            var pdv = memory.Filled(v.Length);
            Attention.Forward(pool, batch, shape, pq, pk, pv, pout);
            Attention.Backward(pool, batch, shape, pq, pk, pv, memory.Of(dout), pdq, pdk, pdv);
            var results = (KernelMemory.ReadChecked(pout, q.Length), KernelMemory.ReadChecked(pdq, q.Length), KernelMemory.ReadChecked(pdk, k.Length), KernelMemory.ReadChecked(pdv, v.Length));
            Close.ToScale($"out, {name}", output, results.Item1, 2e-6);
            Close.ToScale($"dq, {name}", dq, results.Item2, 5e-6);
            Close.ToScale($"dk, {name}", dk, results.Item3, 5e-6);
            Close.ToScale($"dv, {name}", dv, results.Item4, 5e-6);
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

    private static double[] Floats(int count, long seed) => [.. GradientCheck.Normals(count, seed).Select(value => (double)(float)value)];
}
