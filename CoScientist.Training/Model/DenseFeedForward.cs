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
        gate.Forward(at.Normed, at.Gate, rows);
        up.Forward(at.Normed, at.Up, rows);
    }

    /// <inheritdoc/>
    public override void AddResult(LayerActivations at, float* stream, int rows)
    {
        SwiGlu.Forward(workspace.Pool, at.Gate, at.Up, at.Active, (long)rows * config.FeedForwardSize);
        down.Forward(at.Active, stream, rows, accumulate: true);
    }

    /// <inheritdoc/>
    public override void Backward(LayerActivations at, BackwardMemory t, float* dy, int rows, Parameters gradients)
    {
        down.InputGradient(dy, t.Active, rows);
        SwiGlu.Backward(workspace.Pool, at.Gate, at.Up, t.Active, at.Gate, at.Up, at.Active, (long)rows * config.FeedForwardSize);
        var active = new LinearInput(at.Active, t.Packed);
        down.AddWeightGradient(dy, ref active, rows, gradients);
        var normed = new LinearInput(at.Normed, t.Packed);
        gate.AddWeightGradient(at.Gate, ref normed, rows, gradients);
        up.AddWeightGradient(at.Up, ref normed, rows, gradients);
        gate.InputGradient(at.Gate, t.Hidden, rows);
        up.InputGradient(at.Up, t.Hidden, rows, accumulate: true);
    }
}
