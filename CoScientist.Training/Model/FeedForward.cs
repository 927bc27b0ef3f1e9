namespace CoScientist.Training.Model;

/// <summary>The second part of a layer: what is added to the residual stream for each normed row by itself.</summary>
internal abstract unsafe class FeedForward
{
    /// <summary>Its linear layers.</summary>
    public abstract IEnumerable<Linear> Linears { get; }

    /// <summary>Computes what the backward pass needs, and what the last product reads, from the normed rows.</summary>
    public abstract void Open(LayerActivations at, int rows);

    /// <summary>next [N, C] = stream + the result; after <see cref="Open"/>.</summary>
    public abstract void AddResult(LayerActivations at, float* stream, float* next, int rows);

    /// <summary>From the gradient of the result, dy [N, C], to that of the normed rows in <paramref name="t"/>.Hidden. Overwrites gate and up.</summary>
    public abstract void Backward(LayerActivations at, BackwardMemory t, float* dy, int rows, Parameters gradients);
}
