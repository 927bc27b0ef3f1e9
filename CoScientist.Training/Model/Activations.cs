using System.Runtime.InteropServices;
using CoScientist.Training.Tensors;

namespace CoScientist.Training.Model;

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
/// <param name="config">The model's shape.</param>
/// <param name="half">Whether what products give and read is in bfloat16.</param>
internal sealed unsafe class Activations(ModelConfig config, bool half) : IDisposable
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
    public static long Length(ModelConfig config, int rows, Keep keeping, bool half)
    {
        using var activations = new Activations(config, half) { rows = rows, keep = keeping };
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
        return LayerActivations.Plan(config, layer, rows, half, ref own, ref common);
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
            LayerActivations.Plan(config, layer, rows, half, ref own, ref common);
            layerStarts[layer] = keep == Keep.Everything ? all : 0;
            (all, widest, widestShared) = (all + own.Used, Math.Max(widest, own.Used), Math.Max(widestShared, common.Used));
        }

        inputs = arena.Take(Stream * (keep != Keep.Nothing ? config.Layers + 1 : 2));
        layers = arena.Take(keep == Keep.Everything ? all : widest);
        shared = arena.Take(widestShared);
        Final = arena.Take((long)rows * config.HiddenSize);
        FinalRoots = arena.Take(rows);
        Temporary = keep != Keep.Nothing ? BackwardMemory.Plan(config, rows, half, ref arena) : default;
    }
}
