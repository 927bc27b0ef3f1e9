using CoScientist.Training.Kernels;
using CoScientist.Training.Kernels.Mixed;
using CoScientist.Training.Tensors;

namespace CoScientist.Training.Model;

/// <summary>What the linear layers of a model share: threads, and memory that one layer uses at a time.</summary>
/// <param name="pool">Threads.</param>
/// <param name="precision">Numbers in which they multiply.</param>
internal sealed unsafe class LinearWorkspace(WorkerPool pool, Precision precision) : IDisposable
{
    private readonly ScratchBuffer forward = new();
    private readonly ScratchBuffer backward = new();
    private readonly ScratchBuffer adapter = new();
    private readonly ScratchBuffer left = new();

    /// <summary>Threads.</summary>
    public WorkerPool Pool => pool;

    /// <summary>Numbers in which the layers multiply; everything else is in single precision.</summary>
    public Precision Precision => precision;

    /// <summary>
    /// Whether layers keep the packed form of their weights for the next product. Sampling, whose products have few rows,
    /// needs that; a pass over thousands of rows packs beside itself at a thousandth of its cost and saves a copy of the model.
    /// </summary>
    public bool KeepPacked { get; set; }

    /// <summary>Room for one packed weight of the forward pass.</summary>
    public float* Forward(long length) => forward.GetExactly(length);

    /// <summary>The layer whose weight stands packed in <see cref="Backward"/>; null for none.</summary>
    public Linear? BackwardOwner { get; set; }

    /// <summary>Room for one packed weight of the backward pass.</summary>
    public float* Backward(long length) => backward.GetExactly(length);

    /// <summary>Room for the packed left side of one weight gradient.</summary>
    public ushort* Left(long length) => (ushort*)left.GetExactly((length + 1) / 2);

    /// <summary>Room for what one adapter computes.</summary>
    public float* Adapter(long length) => adapter.GetExactly(length);

    /// <inheritdoc/>
    public void Dispose()
    {
        forward.Dispose();
        backward.Dispose();
        adapter.Dispose();
        left.Dispose();
    }
}
