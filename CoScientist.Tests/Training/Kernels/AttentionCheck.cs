using CoScientist.Tests.Shared;
using CoScientist.Training.Kernels;
using CoScientist.Training.Kernels.Reference;
using CoScientist.Training.Tensors;

namespace CoScientist.Tests.Training.Kernels;

internal unsafe delegate void AttentionForward(WorkerPool pool, TokenBatch batch, AttentionShape shape, float* q, float* k, float* v, float* output);

internal unsafe delegate void AttentionBackward(WorkerPool pool, TokenBatch batch, AttentionShape shape, float* q, float* k, float* v, float* dout, float* dq, float* dk, float* dv);

/// <summary>Holds kernels of tree attention to the plain one in double precision, and to the same bits on any number of threads and in any batch.</summary>
internal sealed unsafe class AttentionCheck(KernelPools pools, AttentionForward forward, AttentionBackward backward)
{
    /// <summary>Trees of every form, with segments shorter and longer than a tile.</summary>
    public static (int Length, int Parent)[] Forest { get; } = [(5, -1), (33, 0), (1, 1), (70, 1), (2, 0), (40, -1), (129, -1), (3, 6), (64, 6), (65, 7), (1, -1)];

    /// <summary>A shape that fills no tile.</summary>
    public static AttentionShape Odd { get; } = new(6, 3, 10);

    /// <summary>What the kernels make of an input before they compute with it.</summary>
    public required Func<double, double> Rounding { get; init; }

    /// <summary>Error of the output, as a share of its largest element.</summary>
    public required double OutputTolerance { get; init; }

    /// <summary>Error of the gradients, as a share of their largest element.</summary>
    public required double GradientTolerance { get; init; }

    /// <summary>Least size that the largest gradient of queries and of keys is taken to have.</summary>
    public double Floor { get; init; }

    /// <summary>Output and gradients against the plain attention's.</summary>
    public void Reference((int Length, int Parent)[] segments, AttentionShape shape)
    {
        var visibility = new SegmentVisibility(segments, shape.Window);
        var batch = Batch(segments);
        Assert.Equal(visibility.Positions.ToArray(), batch.Positions);
        var (q, dout) = (Inputs(visibility.Rows * shape.QueryWidth, 1), Inputs(visibility.Rows * shape.QueryWidth, 2));
        var (k, v) = (Inputs(visibility.Rows * shape.KeyWidth, 3), Inputs(visibility.Rows * shape.KeyWidth, 4));
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
            forward(pool, batch, shape, pq, pk, pv, pout);
            backward(pool, batch, shape, pq, pk, pv, memory.Of(dout), pdq, pdk, pdv);
            var results = (KernelMemory.ReadChecked(pout, q.Length), KernelMemory.ReadChecked(pdq, q.Length), KernelMemory.ReadChecked(pdk, k.Length), KernelMemory.ReadChecked(pdv, v.Length));
            Close.ToScale($"out, {name}", output, results.Item1, OutputTolerance);
            Close.ToScale($"dq, {name}", dq, results.Item2, GradientTolerance, Floor);
            Close.ToScale($"dk, {name}", dk, results.Item3, GradientTolerance, Floor);
            Close.ToScale($"dv, {name}", dv, results.Item4, GradientTolerance);
            bits ??= results;
            Close.Bits("out", bits.Value.Output, results.Item1);
            Close.Bits("dq", bits.Value.Query, results.Item2);
            Close.Bits("dk", bits.Value.Key, results.Item3);
            Close.Bits("dv", bits.Value.Value, results.Item4);
        }
    }

    /// <summary>A sequence of 90 tokens, alone in one segment, then cut into prefix, branch and twig beside other branches and trees.</summary>
    public void AnyBatch(AttentionShape shape)
    {
        var width = shape.QueryWidth;
        var whole = Forward(shape, [(90, -1)], pools.Single);
        var cut = Forward(shape, [(31, -1), (40, 0), (10, 0), (19, 1)], pools.All[^1], row => row < 71 ? row : row < 81 ? 1000 + row : row - 10);
        var crowded = Forward(shape, [(90, -1), (90, -1)], pools.All[1], row => row < 90 ? row + 500 : row - 90);
        Close.Bits("crowded", whole, crowded[whole.Length..]);
        Close.Bits("prefix and branch", whole.AsSpan(0, 71 * width), cut.AsSpan(0, 71 * width));
        Close.Bits("twig", whole.AsSpan(71 * width), cut.AsSpan(81 * width));
    }

    /// <summary>Runs forward with queries, keys and values that depend on a row's name only.</summary>
    private float[] Forward(AttentionShape shape, (int Length, int Parent)[] segments, WorkerPool pool, Func<int, int>? name = null)
    {
        var batch = Batch(segments);
        double[] Rows(int width, int seed) => [.. Enumerable.Range(0, batch.Count).SelectMany(row => GradientCheck.Normals(width, ((name?.Invoke(row) ?? row) * 3) + seed))];
        using var memory = new KernelMemory();
        var output = memory.Filled(batch.Count * shape.QueryWidth);
        forward(pool, batch, shape, memory.Of(Rows(shape.QueryWidth, 0)), memory.Of(Rows(shape.KeyWidth, 1)), memory.Of(Rows(shape.KeyWidth, 2)), output);
        return KernelMemory.ReadChecked(output, batch.Count * shape.QueryWidth);
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

    private double[] Inputs(int count, long seed) => [.. GradientCheck.Normals(count, seed).Select(Rounding)];
}
