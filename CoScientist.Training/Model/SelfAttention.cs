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
        var angles = rope.Angles(positions, rows);
        query.Forward(at.Normed, null, at.RawQuery.Target, rows, TurnQuery(at, angles));
        key.Forward(at.Normed, null, at.RawKey.Target, rows, TurnKey(at, angles));
        value.Forward(at.Normed, null, at.Value.Target, rows, new StoreEpilogue(at.Value));
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
            Attention.Forward(workspace.Pool, batch, Shape, at.Query.Singles, at.Key.Singles, at.Value.Singles, at.Attended.Singles);
        }
    }

    /// <summary>next [N, C] = stream + the output projection of what attention gave.</summary>
    public void AddOutput(LayerActivations at, float* stream, float* next, int rows) => output.Forward(at.Attended, stream, next, rows, default(NoEpilogue));

    /// <summary>From the gradient of its result, dy [N, C], to that of the normed rows in <paramref name="t"/>.Hidden.</summary>
    public void Backward(LayerActivations at, BackwardMemory t, TokenBatch batch, int* positions, float* dy, Parameters gradients)
    {
        var rows = batch.Count;
        var (upstream, attended) = (new Matrix(dy, config.HiddenSize), new LinearInput(at.Attended, t.Packed));
        output.AddWeightGradient(upstream, ref attended, rows, gradients);
        output.InputGradient(upstream, t.Attended, rows);
        if (queryNorm is not null)
        {
            // Turned queries and keys are not kept: they follow from what is.
            var angles = rope.Angles(positions, rows);
            Epilogue.Apply(workspace.Pool, at.RawQuery, rows, TurnQuery(at, angles));
            Epilogue.Apply(workspace.Pool, at.RawKey, rows, TurnKey(at, angles));
        }

        if (workspace.Precision == Precision.Bfloat16)
        {
            Bf16Attention.Backward(workspace.Pool, batch, Shape, at.Query, at.Key, at.Value, t.Attended, t.Query, t.Key, t.Value);
        }
        else
        {
            Attention.Backward(workspace.Pool, batch, Shape, at.Query.Singles, at.Key.Singles, at.Value.Singles, t.Attended, t.Query, t.Key, t.Value);
        }

        rope.Apply(workspace.Pool, t.Query, positions, rows, config.Heads, inverse: true);
        rope.Apply(workspace.Pool, t.Key, positions, rows, config.KeyValueHeads, inverse: true);
        queryNorm?.Backward(at.RawQuery, at.QueryRoots, t.Query, t.Query, rows * config.Heads, gradients, t.Norms, accumulate: false);
        keyNorm?.Backward(at.RawKey, at.KeyRoots, t.Key, t.Key, rows * config.KeyValueHeads, gradients, t.Norms, accumulate: false);
        var normed = new LinearInput(at.Normed, t.Packed);
        var (dQuery, dKey, dValue) = (new Matrix(t.Query, config.QueryWidth), new Matrix(t.Key, config.KeyValueWidth), new Matrix(t.Value, config.KeyValueWidth));
        query.AddWeightGradient(dQuery, ref normed, rows, gradients);
        key.AddWeightGradient(dKey, ref normed, rows, gradients);
        value.AddWeightGradient(dValue, ref normed, rows, gradients);
        query.InputGradient(dQuery, t.Hidden, rows);
        key.InputGradient(dKey, t.Hidden, rows, accumulate: true);
        value.InputGradient(dValue, t.Hidden, rows, accumulate: true);
    }

    private HeadEpilogue TurnQuery(LayerActivations at, in RopeAngles angles) =>
        queryNorm?.Turn(at.RawQuery, at.Query, at.QueryRoots, angles) ?? new HeadEpilogue(at.RawQuery, at.Query, null, null, 0, angles);

    private HeadEpilogue TurnKey(LayerActivations at, in RopeAngles angles) =>
        keyNorm?.Turn(at.RawKey, at.Key, at.KeyRoots, angles) ?? new HeadEpilogue(at.RawKey, at.Key, null, null, 0, angles);
}
