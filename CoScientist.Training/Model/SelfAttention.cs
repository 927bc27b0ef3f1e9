using CoScientist.Training.Kernels;
using CoScientist.Training.Kernels.Mixed;
using CoScientist.Training.Tensors;

namespace CoScientist.Training.Model;

/// <summary>The attention part of a layer: Wₒ·attention(rope(norm(Wq n)), rope(norm(Wk n)), Wv n), with the norms where the model has them.</summary>
internal sealed unsafe class SelfAttention(LinearWorkspace workspace, ModelConfig config, Parameters weights, string prefix, Rope rope, int window)
{
    private readonly Linear query = new(workspace, weights, prefix + "q_proj", config.QueryWidth, config.HiddenSize);
    private readonly Linear key = new(workspace, weights, prefix + "k_proj", config.KeyValueWidth, config.HiddenSize);
    private readonly Linear value = new(workspace, weights, prefix + "v_proj", config.KeyValueWidth, config.HiddenSize);
    private readonly Linear output = new(workspace, weights, prefix + "o_proj", config.HiddenSize, config.QueryWidth);
    private readonly Norm? queryNorm = config.QkNorm ? new Norm(workspace.Pool, weights, prefix + "q_norm.weight", config.HeadDim, config.RmsNormEpsilon) : null;
    private readonly Norm? keyNorm = config.QkNorm ? new Norm(workspace.Pool, weights, prefix + "k_norm.weight", config.HeadDim, config.RmsNormEpsilon) : null;

    /// <summary>Sizes of its attention.</summary>
    public AttentionShape Shape { get; } = new(config.Heads, config.KeyValueHeads, config.HeadDim, window);

    /// <summary>Its linear layers.</summary>
    public IEnumerable<Linear> Linears => [query, key, value, output];

    /// <summary>Queries and keys, normalised and rotated, and values of the normed rows.</summary>
    public void Project(LayerActivations at, int* positions, int rows)
    {
        query.Forward(at.Normed, at.RawQuery, rows);
        key.Forward(at.Normed, at.RawKey, rows);
        value.Forward(at.Normed, at.Value, rows);
        Turn(at, positions, rows);
    }

    /// <summary>What the queries see of the values.</summary>
    public void Attend(LayerActivations at, TokenBatch batch)
    {
        if (workspace.Precision == Precision.Bfloat16)
        {
            Bf16Attention.Forward(workspace.Pool, batch, Shape, at.Query, at.Key, at.Value, at.Attended);
        }
        else
        {
            Attention.Forward(workspace.Pool, batch, Shape, at.Query, at.Key, at.Value, at.Attended);
        }
    }

    /// <summary>Adds the output projection of what attention gave to <paramref name="stream"/>, [N, C].</summary>
    public void AddOutput(LayerActivations at, float* stream, int rows) => output.Forward(at.Attended, stream, rows, accumulate: true);

    /// <summary>From the gradient of its result, dy [N, C], to that of the normed rows in <paramref name="t"/>.Hidden.</summary>
    public void Backward(LayerActivations at, BackwardMemory t, TokenBatch batch, int* positions, float* dy, Parameters gradients)
    {
        var rows = batch.Count;
        var attended = new LinearInput(at.Attended, t.Packed);
        output.AddWeightGradient(dy, ref attended, rows, gradients);
        output.InputGradient(dy, t.Attended, rows);
        if (queryNorm is not null)
        {
            Turn(at, positions, rows);
        }

        if (workspace.Precision == Precision.Bfloat16)
        {
            Bf16Attention.Backward(workspace.Pool, batch, Shape, at.Query, at.Key, at.Value, t.Attended, t.Query, t.Key, t.Value);
        }
        else
        {
            Attention.Backward(workspace.Pool, batch, Shape, at.Query, at.Key, at.Value, t.Attended, t.Query, t.Key, t.Value);
        }

        rope.Apply(workspace.Pool, t.Query, positions, rows, config.Heads, inverse: true);
        rope.Apply(workspace.Pool, t.Key, positions, rows, config.KeyValueHeads, inverse: true);
        queryNorm?.Backward(at.RawQuery, at.QueryRoots, t.Query, t.Query, rows * config.Heads, gradients, t.Norms, accumulate: false);
        keyNorm?.Backward(at.RawKey, at.KeyRoots, t.Key, t.Key, rows * config.KeyValueHeads, gradients, t.Norms, accumulate: false);
        var normed = new LinearInput(at.Normed, t.Packed);
        query.AddWeightGradient(t.Query, ref normed, rows, gradients);
        key.AddWeightGradient(t.Key, ref normed, rows, gradients);
        value.AddWeightGradient(t.Value, ref normed, rows, gradients);
        query.InputGradient(t.Query, t.Hidden, rows);
        key.InputGradient(t.Key, t.Hidden, rows, accumulate: true);
        value.InputGradient(t.Value, t.Hidden, rows, accumulate: true);
    }

    /// <summary>From projected queries and keys to those that attention takes.</summary>
    private void Turn(LayerActivations at, int* positions, int rows)
    {
        queryNorm?.Forward(at.RawQuery, at.Query, at.QueryRoots, rows * config.Heads);
        keyNorm?.Forward(at.RawKey, at.Key, at.KeyRoots, rows * config.KeyValueHeads);
        rope.Apply(workspace.Pool, at.Query, positions, rows, config.Heads, inverse: false);
        rope.Apply(workspace.Pool, at.Key, positions, rows, config.KeyValueHeads, inverse: false);
    }
}
