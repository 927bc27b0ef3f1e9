using CoScientist.Training.Kernels.Mixed;
using CoScientist.Training.Tensors;

namespace CoScientist.Training.Model;

/// <summary>
/// A weight in the order in which the products of one direction read it. Where a step makes several passes (sampling, or a
/// batch in parts) it is packed once and kept until the weight changes. A step of a single pass packs each weight once as it
/// is, so that then one room serves all layers and a copy of the model is saved.
/// </summary>
/// <param name="workspace">What linear layers share.</param>
/// <param name="shared">The room for this direction.</param>
/// <param name="depth">Inner length of the products.</param>
/// <param name="cols">Their columns.</param>
internal sealed unsafe class PackedWeight(LinearWorkspace workspace, SharedRoom shared, int depth, int cols) : IDisposable
{
    private readonly long length = PackedMatrix.Length(workspace.Precision, depth, cols);
    private FloatBuffer? kept;
    private bool fresh;

    /// <summary>The packed weight; in the shared room valid until another layer asks for its own.</summary>
    /// <param name="weight">The weight as it lies.</param>
    /// <param name="transpose">Whether the weight is [cols, depth], not [depth, cols].</param>
    public PackedMatrix Get(float* weight, bool transpose)
    {
        if (kept is not null || workspace.KeepPacked)
        {
            return Kept(weight, transpose);
        }

        var room = new PackedMatrix(workspace.Precision, depth, cols, shared.Get(length));
        if (shared.Owner != this)
        {
            Pack(room, weight, transpose);
            shared.Owner = this;
        }

        return room;
    }

    /// <summary>The packed weight in memory of its own.</summary>
    public PackedMatrix Kept(float* weight, bool transpose)
    {
        var packed = fresh;
        var matrix = Keep();
        if (!packed)
        {
            Pack(matrix, weight, transpose);
        }

        return matrix;
    }

    /// <summary>Memory of its own that the caller fills if it was not.</summary>
    public PackedMatrix Keep()
    {
        kept ??= new FloatBuffer(length);
        fresh = true;
        return new PackedMatrix(workspace.Precision, depth, cols, kept.Pointer);
    }

    /// <summary>Says that the weight has changed.</summary>
    public void Changed()
    {
        fresh = false;
        shared.Owner = null;
    }

    /// <inheritdoc/>
    public void Dispose() => kept?.Dispose();

    private void Pack(PackedMatrix matrix, float* weight, bool transpose)
    {
        if (transpose)
        {
            matrix.PackTransposed(workspace.Pool, weight);
        }
        else
        {
            matrix.PackRows(workspace.Pool, new Kernels.Matrix(weight, cols));
        }
    }
}

/// <summary>Memory that one packed weight at a time stands in.</summary>
internal sealed unsafe class SharedRoom : IDisposable
{
    private readonly ScratchBuffer memory = new();

    /// <summary>The weight that stands in it; null for none.</summary>
    public PackedWeight? Owner { get; set; }

    /// <summary>Room for this many floats.</summary>
    public float* Get(long length) => memory.GetExactly(length);

    /// <inheritdoc/>
    public void Dispose() => memory.Dispose();
}
