using System.Runtime.InteropServices;
using CoScientist.Training.Kernels;
using CoScientist.Training.Tensors;

namespace CoScientist.Training.Model;

/// <summary>What one layer computes for N rows.</summary>
internal unsafe struct LayerActivations
{
    // What the backward pass reads: every layer has its own, unless nothing is kept.

    /// <summary>Inverse roots of the norm before attention, [N].</summary>
    public float* Roots;

    /// <summary>Queries as projected, [N, H·D]; the same memory as <see cref="Query"/> where they are not normalised.</summary>
    public float* RawQuery;

    /// <summary>Keys as projected, [N, G·D]; the same memory as <see cref="Key"/> where they are not normalised.</summary>
    public float* RawKey;

    /// <summary>Values, [N, G·D].</summary>
    public float* Value;

    /// <summary>Inverse roots of the norms of queries, [N, H].</summary>
    public float* QueryRoots;

    /// <summary>Inverse roots of the norms of keys, [N, G].</summary>
    public float* KeyRoots;

    /// <summary>What attention gives, [N, H·D].</summary>
    public float* Attended;

    /// <summary>The residual stream between attention and feed-forward, [N, C].</summary>
    public float* Middle;

    /// <summary>Inverse roots of the norm before the feed-forward, [N].</summary>
    public float* PostRoots;

    /// <summary>Gate of the feed-forward, [N, F]; with experts, [N·K, F] sorted by expert.</summary>
    public float* Gate;

    /// <summary>The feed-forward's other projection, of the same shape.</summary>
    public float* Up;

    /// <summary>Where rows go in a layer of experts.</summary>
    public ExpertPlan Routing;

    // What is cheap to compute again: all layers use the same memory.

    /// <summary>Input of attention, later of the feed-forward: the normed residual stream, [N, C].</summary>
    public float* Normed;

    /// <summary>Queries as attention takes them, normalised and rotated, [N, H·D].</summary>
    public float* Query;

    /// <summary>Keys as attention takes them, normalised and rotated, [N, G·D].</summary>
    public float* Key;

    /// <summary>silu(gate) ⊙ up, of the same shape as the gate.</summary>
    public float* Active;

    /// <summary>Rows sorted by expert, [N·K, C]: what experts read, then what they give.</summary>
    public float* Gathered;

    /// <summary>Takes the memory of a layer for a number of rows.</summary>
    /// <param name="config">The model's shape.</param>
    /// <param name="layer">The layer.</param>
    /// <param name="rows">N.</param>
    /// <param name="kept">Where what the backward pass reads comes from.</param>
    /// <param name="shared">Where what is computed again comes from.</param>
    public static LayerActivations Plan(ModelConfig config, int layer, int rows, ref Arena kept, ref Arena shared)
    {
        var (hidden, query, key) = ((long)rows * config.HiddenSize, (long)rows * config.QueryWidth, (long)rows * config.KeyValueWidth);
        var inner = rows * config.InnerWidth(layer);
        var a = default(LayerActivations);
        a.Roots = kept.Take(rows);
        a.RawQuery = a.Query = kept.Take(query);
        a.RawKey = a.Key = kept.Take(key);
        a.Value = kept.Take(key);
        if (config.QkNorm)
        {
            a.QueryRoots = kept.Take((long)rows * config.Heads);
            a.KeyRoots = kept.Take((long)rows * config.KeyValueHeads);
            a.Query = shared.Take(query);
            a.Key = shared.Take(key);
        }

        a.Attended = kept.Take(query);
        a.Middle = kept.Take(hidden);
        a.PostRoots = kept.Take(rows);
        a.Gate = kept.Take(inner);
        a.Up = kept.Take(inner);
        a.Normed = shared.Take(hidden);
        a.Active = shared.Take(inner);
        if (config.HasExperts(layer))
        {
            var choices = (long)rows * config.ExpertsPerToken;
            a.Routing.Probabilities = kept.Take((long)rows * config.Experts);
            a.Routing.Weights = kept.Take(choices);
            a.Routing.Choices = (int*)kept.Take(choices);
            a.Routing.Slots = (int*)kept.Take(choices);
            a.Routing.Rows = (int*)kept.Take(choices);
            a.Routing.Starts = (int*)kept.Take(config.Experts + 1);
            a.Gathered = shared.Take(choices * config.HiddenSize);
        }

        return a;
    }
}

/// <summary>Working memory of the backward pass, reused by every layer.</summary>
internal unsafe struct BackwardMemory
{
    /// <summary>Gradient of a normed residual stream, [N, C].</summary>
    public float* Hidden;

    /// <summary>Gradient of the feed-forward's activation, [N, F]; with experts, [N·K, F] sorted by expert.</summary>
    public float* Active;

    /// <summary>Gradient of what attention gives, [N, H·D].</summary>
    public float* Attended;

    /// <summary>Gradient of the queries, [N, H·D].</summary>
    public float* Query;

    /// <summary>Gradient of the keys, [N, G·D].</summary>
    public float* Key;

    /// <summary>Gradient of the values, [N, G·D].</summary>
    public float* Value;

    /// <summary>Packed form of a linear layer's input, see <see cref="LinearInput"/>.</summary>
    public float* Packed;

    /// <summary>Rows sorted by expert, [N·K, C]: gradients of what experts give, then of what they read.</summary>
    public float* Gathered;

    /// <summary>Gradient of the experts' weights, [N, K].</summary>
    public float* ExpertWeights;

    /// <summary>Gradient of the router's scores, [N, E].</summary>
    public float* Scores;

    /// <summary>What norms need.</summary>
    public Arena Norms;

    /// <summary>Takes the memory for a number of rows.</summary>
    public static BackwardMemory Plan(ModelConfig config, int rows, ref Arena arena)
    {
        var t = default(BackwardMemory);
        t.Hidden = arena.Take((long)rows * config.HiddenSize);
        var inner = 0L;
        for (var layer = 0; layer < config.Layers; layer++)
        {
            inner = Math.Max(inner, config.InnerWidth(layer));
        }

        t.Active = arena.Take(rows * inner);
        t.Attended = arena.Take((long)rows * config.QueryWidth);
        t.Query = arena.Take((long)rows * config.QueryWidth);
        t.Key = arena.Take((long)rows * config.KeyValueWidth);
        t.Value = arena.Take((long)rows * config.KeyValueWidth);
        t.Packed = arena.Take(LinearInput.PackedLength(rows, Math.Max(Math.Max(config.HiddenSize, config.QueryWidth), Math.Max(config.FeedForwardSize, config.ExpertSize))));
        if (config.Experts > 0)
        {
            t.Gathered = arena.Take((long)rows * config.ExpertsPerToken * config.HiddenSize);
            t.ExpertWeights = arena.Take((long)rows * config.ExpertsPerToken);
            t.Scores = arena.Take((long)rows * config.Experts);
        }

        t.Norms = arena;
        // Norms run one after the other: the widest decides.
        Norm.PlanBackward(rows, config.HiddenSize, ref arena);
        Norm.PlanBackward(rows * config.Heads, config.HeadDim, ref arena);
        return t;
    }
}

/// <summary>What a pass keeps for the backward pass.</summary>
internal enum Keep
{
    /// <summary>Nothing: layers share one memory.</summary>
    Nothing,

    /// <summary>The input of every layer, from which the backward pass computes the rest again (Chen et al. 2016, arXiv 1604.06174).</summary>
    LayerInputs,

    /// <summary>All that the backward pass reads.</summary>
    Everything,
}

/// <summary>Memory of one pass over a batch: planned for its number of rows, grown when a larger batch comes, reused otherwise.</summary>
internal sealed unsafe class Activations(ModelConfig config) : IDisposable
{
    private readonly ScratchBuffer memory = new();
    private int* positions;
    private int positionCapacity;
    private int rows;
    private Keep keep;
    private float* inputs;
    private float* layers;
    private float* shared;
    private readonly long[] layerStarts = new long[config.Layers];

    /// <summary>What the pass keeps.</summary>
    public Keep Keeping => keep;

    /// <summary>Positions of the rows, [N].</summary>
    public int* Positions => positions;

    /// <summary>Hidden states after the final norm, [N, C].</summary>
    public float* Final { get; private set; }

    /// <summary>Inverse roots of the final norm, [N].</summary>
    public float* FinalRoots { get; private set; }

    /// <summary>Working memory of the backward pass.</summary>
    public BackwardMemory Temporary { get; private set; }

    /// <summary>Plans for a batch.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="keeping">What is kept for a backward pass.</param>
    public void Begin(TokenBatch batch, Keep keeping)
    {
        BeginRows(batch.Count, keeping);
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
    public void BeginRows(int count, Keep keeping)
    {
        (rows, keep) = (count, keeping);
        if (positionCapacity < rows)
        {
            positions = (int*)NativeMemory.Realloc(positions, (nuint)rows * sizeof(int));
            positionCapacity = rows;
        }

        var measured = default(Arena);
        Plan(ref measured);
        var arena = new Arena(memory.GetExactly(measured.Used));
        Plan(ref arena);
    }

    /// <summary>Floats that a pass over a number of rows takes.</summary>
    public static long Length(ModelConfig config, int rows, Keep keeping)
    {
        using var activations = new Activations(config) { rows = rows, keep = keeping };
        var measured = default(Arena);
        activations.Plan(ref measured);
        return measured.Used;
    }

    /// <summary>The residual stream entering a layer, [N, C]; index <c>Layers</c> is the stream after the last. Where nothing is kept two alternate.</summary>
    public float* Input(int layer) => inputs + (Stream * (keep != Keep.Nothing ? layer : layer % 2));

    /// <summary>The memory of a layer.</summary>
    public LayerActivations Layer(int layer)
    {
        var own = new Arena(layers + layerStarts[layer]);
        var common = new Arena(shared);
        return LayerActivations.Plan(config, layer, rows, ref own, ref common);
    }

    public void Dispose()
    {
        memory.Dispose();
        NativeMemory.Free(positions);
        positions = null;
        positionCapacity = 0;
    }

    /// <summary>Floats of one residual stream, aligned.</summary>
    private long Stream
    {
        get
        {
            var one = default(Arena);
            one.Take((long)rows * config.HiddenSize);
            return one.Used;
        }
    }

    private void Plan(ref Arena arena)
    {
        var (all, widest, widestShared) = (0L, 0L, 0L);
        for (var layer = 0; layer < config.Layers; layer++)
        {
            var (own, common) = (default(Arena), default(Arena));
            LayerActivations.Plan(config, layer, rows, ref own, ref common);
            layerStarts[layer] = keep == Keep.Everything ? all : 0;
            (all, widest, widestShared) = (all + own.Used, Math.Max(widest, own.Used), Math.Max(widestShared, common.Used));
        }

        inputs = arena.Take(Stream * (keep != Keep.Nothing ? config.Layers + 1 : 2));
        layers = arena.Take(keep == Keep.Everything ? all : widest);
        shared = arena.Take(widestShared);
        Final = arena.Take((long)rows * config.HiddenSize);
        FinalRoots = arena.Take(rows);
        Temporary = keep != Keep.Nothing ? BackwardMemory.Plan(config, rows, ref arena) : default;
    }
}
