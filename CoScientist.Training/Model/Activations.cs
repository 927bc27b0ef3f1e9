using System.Runtime.InteropServices;
using CoScientist.Training.Kernels;
using CoScientist.Training.Tensors;

namespace CoScientist.Training.Model;

/// <summary>What one layer computes for N rows. Named as in <see cref="Transformer"/>.</summary>
internal unsafe struct LayerActivations
{
    public float* Normed;
    public float* Roots;
    public float* RawQuery;
    public float* RawKey;
    public float* Query;
    public float* Key;
    public float* Value;
    public float* QueryRoots;
    public float* KeyRoots;
    public float* Attended;
    public float* Middle;
    public float* PostNormed;
    public float* PostRoots;
    public float* Gate;
    public float* Up;
    public float* Active;
}

/// <summary>Working memory of the backward pass, reused by every layer.</summary>
internal unsafe struct BackwardMemory
{
    public float* Hidden;
    public float* Active;
    public float* Attended;
    public float* Query;
    public float* Key;
    public float* Value;
    public float* Packed;
    public float* Partials;
}

/// <summary>Memory of one pass over a batch: planned for its number of rows, grown when a larger batch comes, reused otherwise.</summary>
internal sealed unsafe class Activations(ModelConfig config) : IDisposable
{
    private readonly ScratchBuffer memory = new();
    private int* positions;
    private int positionCapacity;
    private int rows;
    private bool keep;
    private float* start;
    private long layerLength;

    /// <summary>Positions of the rows, [N].</summary>
    public int* Positions => positions;

    /// <summary>Hidden states after the final norm, [N, C].</summary>
    public float* Final => start + LayersEnd;

    /// <summary>Inverse roots of the final norm, [N].</summary>
    public float* FinalRoots => Final + Aligned((long)rows * config.HiddenSize);

    /// <summary>Working memory of the backward pass.</summary>
    public BackwardMemory Temporary
    {
        get
        {
            var at = FinalRoots + Aligned(rows);
            var t = default(BackwardMemory);
            t.Hidden = Take(ref at, (long)rows * config.HiddenSize);
            t.Active = Take(ref at, (long)rows * config.FeedForwardSize);
            t.Attended = Take(ref at, (long)rows * config.QueryWidth);
            t.Query = Take(ref at, (long)rows * config.QueryWidth);
            t.Key = Take(ref at, (long)rows * config.KeyValueWidth);
            t.Value = Take(ref at, (long)rows * config.KeyValueWidth);
            t.Packed = Take(ref at, PackedWidth * rows);
            t.Partials = at;
            return t;
        }
    }

    private long PackedWidth => MatMul.Padded(Math.Max(config.HiddenSize, Math.Max(config.FeedForwardSize, config.QueryWidth)));

    /// <summary>Plans for a batch.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="keepLayers">Whether each layer has memory of its own (for a backward pass) or all share one.</param>
    public void Begin(TokenBatch batch, bool keepLayers)
    {
        BeginRows(batch.Count, keepLayers);
        for (var i = 0; i < rows; i++)
        {
            if (batch.Positions[i] >= config.MaxPositions)
            {
                throw new ArgumentException($"A sequence is longer than the model's {config.MaxPositions} positions: shorten it.", nameof(batch));
            }

            positions[i] = batch.Positions[i];
        }
    }

    /// <summary>Plans for a number of rows whose positions the caller fills in.</summary>
    public void BeginRows(int count, bool keepLayers)
    {
        (rows, keep) = (count, keepLayers);
        if (positionCapacity < rows)
        {
            positions = (int*)NativeMemory.Realloc(positions, (nuint)rows * sizeof(int));
            positionCapacity = rows;
        }

        layerLength = MeasureLayer();
        var total = LayersEnd + Aligned((long)rows * config.HiddenSize) + Aligned(rows);
        if (keep)
        {
            total += Aligned((long)rows * config.HiddenSize) + Aligned((long)rows * config.FeedForwardSize) + (2 * Aligned((long)rows * config.QueryWidth))
                + (2 * Aligned((long)rows * config.KeyValueWidth)) + Aligned(PackedWidth * rows)
                + Aligned(Math.Max(RmsNorm.PartialLength(rows, config.HiddenSize), RmsNorm.PartialLength(rows * config.Heads, config.HeadDim)));
        }

        start = memory.Get(total);
    }

    /// <summary>The residual stream entering a layer, [N, C]; index <c>Layers</c> is the stream after the last. Without kept layers two alternate.</summary>
    public float* Input(int layer) => start + (Aligned((long)rows * config.HiddenSize) * (keep ? layer : layer % 2));

    /// <summary>The memory of a layer.</summary>
    public LayerActivations Layer(int layer)
    {
        var at = start + (Aligned((long)rows * config.HiddenSize) * (keep ? config.Layers + 1 : 2)) + (keep ? layerLength * layer : 0);
        var a = default(LayerActivations);
        a.Normed = Take(ref at, (long)rows * config.HiddenSize);
        a.Roots = Take(ref at, rows);
        a.RawQuery = Take(ref at, (long)rows * config.QueryWidth);
        a.RawKey = Take(ref at, (long)rows * config.KeyValueWidth);
        a.Query = Take(ref at, (long)rows * config.QueryWidth);
        a.Key = Take(ref at, (long)rows * config.KeyValueWidth);
        a.Value = Take(ref at, (long)rows * config.KeyValueWidth);
        a.QueryRoots = Take(ref at, (long)rows * config.Heads);
        a.KeyRoots = Take(ref at, (long)rows * config.KeyValueHeads);
        a.Attended = Take(ref at, (long)rows * config.QueryWidth);
        a.Middle = Take(ref at, (long)rows * config.HiddenSize);
        a.PostNormed = Take(ref at, (long)rows * config.HiddenSize);
        a.PostRoots = Take(ref at, rows);
        a.Gate = Take(ref at, (long)rows * config.FeedForwardSize);
        a.Up = Take(ref at, (long)rows * config.FeedForwardSize);
        a.Active = Take(ref at, (long)rows * config.FeedForwardSize);
        return a;
    }

    public void Dispose()
    {
        memory.Dispose();
        NativeMemory.Free(positions);
        positions = null;
        positionCapacity = 0;
    }

    /// <summary>Floats of one layer: three hidden states, two queries, attention, three keys and values, three feed-forward states, and the roots.</summary>
    private long MeasureLayer() =>
        (3 * Aligned((long)rows * config.HiddenSize)) + (3 * Aligned((long)rows * config.QueryWidth)) + (3 * Aligned((long)rows * config.KeyValueWidth))
        + (3 * Aligned((long)rows * config.FeedForwardSize)) + (2 * Aligned(rows)) + Aligned((long)rows * config.Heads) + Aligned((long)rows * config.KeyValueHeads);

    private static long Aligned(long count) => (count + 15) / 16 * 16;

    private static float* Take(ref float* at, long count)
    {
        var taken = at;
        at += Aligned(count);
        return taken;
    }

    /// <summary>Offset after the residual streams and the layers.</summary>
    private long LayersEnd => (Aligned((long)rows * config.HiddenSize) * (keep ? config.Layers + 1 : 2)) + (layerLength * (keep ? config.Layers : 1));
}
