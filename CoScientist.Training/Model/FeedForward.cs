using CoScientist.Training.Kernels;

namespace CoScientist.Training.Model;

/// <summary>The dense feed-forward part of a layer: W_down·(silu(W_gate n) ⊙ W_up n) (Shazeer 2020).</summary>
internal sealed unsafe class FeedForward(WorkerPool pool, ModelConfig config, Parameters weights, string prefix) : IDisposable
{
    private readonly Linear gate = new(pool, weights, prefix + "gate_proj", config.FeedForwardSize, config.HiddenSize);
    private readonly Linear up = new(pool, weights, prefix + "up_proj", config.FeedForwardSize, config.HiddenSize);
    private readonly Linear down = new(pool, weights, prefix + "down_proj", config.HiddenSize, config.FeedForwardSize);

    /// <summary>Says that weights have changed.</summary>
    public void Changed()
    {
        gate.Changed();
        up.Changed();
        down.Changed();
    }

    /// <summary>Adds its result for the normed rows to <paramref name="stream"/>, [N, C].</summary>
    public void Forward(LayerActivations at, float* stream, int rows)
    {
        gate.Forward(at.Normed, at.Gate, rows);
        up.Forward(at.Normed, at.Up, rows);
        SwiGlu.Forward(pool, at.Gate, at.Up, at.Active, (long)rows * config.FeedForwardSize);
        down.Forward(at.Active, stream, rows, accumulate: true);
    }

    /// <summary>From the gradient of its result, dy [N, C], to that of the normed rows in <paramref name="t"/>.Hidden. Overwrites gate and up.</summary>
    public void Backward(LayerActivations at, BackwardMemory t, float* dy, int rows, Parameters gradients)
    {
        down.InputGradient(dy, t.Active, rows);
        SwiGlu.Backward(pool, at.Gate, at.Up, t.Active, at.Gate, at.Up, at.Active, (long)rows * config.FeedForwardSize);
        var active = new LinearInput(at.Active, t.Packed);
        down.AddWeightGradient(dy, ref active, rows, gradients);
        var normed = new LinearInput(at.Normed, t.Packed);
        gate.AddWeightGradient(at.Gate, ref normed, rows, gradients);
        up.AddWeightGradient(at.Up, ref normed, rows, gradients);
        gate.InputGradient(at.Gate, t.Hidden, rows);
        up.InputGradient(at.Up, t.Hidden, rows, accumulate: true);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        gate.Dispose();
        up.Dispose();
        down.Dispose();
    }
}
