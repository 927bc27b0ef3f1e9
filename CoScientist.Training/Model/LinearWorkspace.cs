using CoScientist.Training.Kernels;
using CoScientist.Training.Kernels.Mixed;
using CoScientist.Training.Tensors;

namespace CoScientist.Training.Model;

/// <summary>What the linear layers of a model share: threads, and memory that one layer uses at a time.</summary>
/// <param name="pool">Threads.</param>
/// <param name="precision">Numbers in which they multiply.</param>
internal sealed unsafe class LinearWorkspace(WorkerPool pool, Precision precision) : IDisposable
{
    private readonly ScratchBuffer adapter = new();
    private readonly ScratchBuffer left = new();
    private readonly ScratchBuffer unfinished = new();
    private readonly ScratchBuffer row = new();

    /// <summary>Threads.</summary>
    public WorkerPool Pool => pool;

    /// <summary>Numbers in which the layers multiply; everything else is in single precision.</summary>
    public Precision Precision => precision;

    /// <summary>Whether activations are in bfloat16, as the products round them anyway; the residual stream never is.</summary>
    public bool HalfActivations => precision == Precision.Bfloat16;

    /// <summary>Whether weights are kept packed until they change; see <see cref="PackedWeight"/>.</summary>
    public bool KeepPacked { get; set; }

    /// <summary>Room for weights packed for y = x·Wᵀ.</summary>
    public SharedRoom Forward { get; } = new();

    /// <summary>Room for weights packed for dx = dy·W.</summary>
    public SharedRoom Backward { get; } = new();

    /// <summary>Room for the packed left side of one weight gradient.</summary>
    public ushort* Left(long length) => (ushort*)left.GetExactly((length + 1) / 2);

    /// <summary>Room for what one adapter computes.</summary>
    public float* Adapter(long length) => adapter.GetExactly(length);

    /// <summary>Room for a result to which an adapter adds before it is rounded.</summary>
    public float* Unfinished(long length) => unfinished.GetExactly(length);

    /// <summary>Room for one row in single precision.</summary>
    public float* Row(int width) => row.Get(width);

    /// <inheritdoc/>
    public void Dispose()
    {
        Forward.Dispose();
        Backward.Dispose();
        unfinished.Dispose();
        row.Dispose();
        adapter.Dispose();
        left.Dispose();
    }
}
