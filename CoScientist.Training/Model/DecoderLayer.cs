using CoScientist.Training.Kernels;
using CoScientist.Training.Tensors;

namespace CoScientist.Training.Model;

/// <summary>One layer of the decoder: x += attention(norm(x)), then x += feed-forward(norm(x)), with x the residual stream [N, C].</summary>
internal sealed unsafe class DecoderLayer
{
    private readonly Norm inputNorm;
    private readonly Norm postNorm;

    /// <summary>Layer <paramref name="index"/> of a model.</summary>
    public DecoderLayer(LinearWorkspace workspace, ModelConfig config, Parameters weights, Rope rope, int index)
    {
        var prefix = $"model.layers.{index}.";
        inputNorm = new Norm(workspace.Pool, weights, prefix + "input_layernorm.weight", config.HiddenSize, config.RmsNormEpsilon);
        Attention = new SelfAttention(workspace, config, weights, prefix + "self_attn.", rope, config.Window(index));
        postNorm = new Norm(workspace.Pool, weights, prefix + "post_attention_layernorm.weight", config.HiddenSize, config.RmsNormEpsilon);
        FeedForward = config.HasExperts(index)
            ? new MixtureOfExperts(workspace, config, weights, prefix + "mlp.")
            : new DenseFeedForward(workspace, config, weights, prefix + "mlp.");
    }

    /// <summary>Its attention.</summary>
    public SelfAttention Attention { get; }

    /// <summary>Its feed-forward.</summary>
    public FeedForward FeedForward { get; }

    /// <summary>Its linear layers.</summary>
    public IEnumerable<Linear> Linears => Attention.Linears.Concat(FeedForward.Linears);

    /// <summary>From the residual stream to queries, keys and values.</summary>
    public void Project(LayerActivations at, float* x, int* positions, int rows)
    {
        inputNorm.Forward(x, at.Normed.Singles, at.Roots, rows);
        Attention.Project(at, positions, rows);
    }

    /// <summary>From what attention gave to the residual stream of the next layer.</summary>
    public void Finish(LayerActivations at, float* x, float* next, int rows)
    {
        Open(at, x, rows);
        FeedForward.AddResult(at, at.Middle, next, rows);
    }

    /// <summary>The whole layer.</summary>
    public void Forward(LayerActivations at, TokenBatch batch, int* positions, float* x, float* next)
    {
        Project(at, x, positions, batch.Count);
        Attention.Attend(at, batch);
        Finish(at, x, next, batch.Count);
    }

    /// <summary>What the backward pass needs, computed again from the layer's input.</summary>
    public void Recompute(LayerActivations at, TokenBatch batch, int* positions, float* x)
    {
        Project(at, x, positions, batch.Count);
        Attention.Attend(at, batch);
        Open(at, x, batch.Count);
    }

    /// <summary>dx goes from the gradient of the layer's result to that of its input; gradients of weights are added.</summary>
    public void Backward(LayerActivations at, BackwardMemory t, TokenBatch batch, int* positions, float* x, float* dx, Parameters gradients)
    {
        var rows = batch.Count;
        postNorm.Forward(at.Middle, at.Normed.Singles, at.PostRoots, rows);
        FeedForward.Backward(at, t, dx, rows, gradients);
        // dx is also, through the residual path, the gradient of the middle.
        postNorm.Backward(at.Middle, at.PostRoots, t.Hidden, dx, rows, gradients, t.Norms, accumulate: true);
        inputNorm.Forward(x, at.Normed.Singles, at.Roots, rows);
        Attention.Backward(at, t, batch, positions, dx, gradients);
        inputNorm.Backward(x, at.Roots, t.Hidden, dx, rows, gradients, t.Norms, accumulate: true);
    }

    /// <summary>The output projection of attention, and the feed-forward without its last product.</summary>
    private void Open(LayerActivations at, float* x, int rows)
    {
        Attention.AddOutput(at, x, at.Middle, rows);
        postNorm.Forward(at.Middle, at.Normed.Singles, at.PostRoots, rows);
        FeedForward.Open(at, rows);
    }
}
