using CoScientist.Training.Kernels;

namespace CoScientist.Training.Model;

/// <summary>The dense feed-forward part of a layer: W_down·(silu(W_gate n) ⊙ W_up n) (Shazeer 2020).</summary>
internal sealed unsafe class DenseFeedForward(LinearWorkspace workspace, ModelConfig config, Parameters weights, string prefix) : FeedForward
{
    private readonly Linear gate = new(workspace, weights, prefix + "gate_proj", config.FeedForwardSize, config.HiddenSize);
    private readonly Linear up = new(workspace, weights, prefix + "up_proj", config.FeedForwardSize, config.HiddenSize);
    private readonly Linear down = new(workspace, weights, prefix + "down_proj", config.HiddenSize, config.FeedForwardSize);

    /// <inheritdoc/>
    public override IEnumerable<Linear> Linears => [gate, up, down];

    /// <inheritdoc/>
    public override void Open(LayerActivations at, int rows)
    {
        gate.Forward(at.Normed, null, at.Gate.Target, rows, new StoreEpilogue(at.Gate));
        up.Forward(at.Normed, null, at.Up.Target, rows, new SwiGluEpilogue(at.Gate, at.Up, at.Active));
    }

    /// <inheritdoc/>
    public override void AddResult(LayerActivations at, float* stream, float* next, int rows) =>
        down.Forward(at.Active, stream, next, rows, default(NoEpilogue));

    /// <inheritdoc/>
    public override void Backward(LayerActivations at, BackwardMemory t, float* dy, int rows, Parameters gradients)
    {
        var upstream = new Matrix(dy, config.HiddenSize);
        down.InputGradient(upstream, null, t.Active, rows, new SwiGluGradientEpilogue(at.Gate, at.Up, at.Active));
        var active = new LinearInput(at.Active, t.Packed);
        down.AddWeightGradient(upstream, ref active, rows, gradients);
        var normed = new LinearInput(at.Normed, t.Packed);
        gate.AddWeightGradient(at.Gate, ref normed, rows, gradients);
        up.AddWeightGradient(at.Up, ref normed, rows, gradients);
        gate.InputGradient(at.Gate, t.Hidden, rows);
        up.InputGradient(at.Up, t.Hidden, rows, accumulate: true);
    }
}
