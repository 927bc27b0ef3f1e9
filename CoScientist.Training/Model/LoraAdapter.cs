using CoScientist.Training.Kernels;
using CoScientist.Training.Tensors;

namespace CoScientist.Training.Model;

/// <summary>Which adapters of a model work, and what decides their dropped inputs.</summary>
internal sealed class LoraState
{
    /// <summary>Whether adapters add anything. Off, the model is the one that it was before.</summary>
    public bool Enabled { get; set; } = true;

    /// <summary>Whether inputs are dropped: in passes that a backward pass follows, and only there.</summary>
    public bool Training { get; set; }

    /// <summary>Optimizer steps done: every step drops others.</summary>
    public int Step { get; set; }

    /// <summary>Rows that this step has seen before the pass: every row drops others, however a step is cut into passes.</summary>
    public long FirstRow { get; set; }
}

/// <summary>
/// The adapter of a linear layer; see <see cref="LoraOptions"/>. Nothing is stored between the passes: x·Aᵀ costs r/M of the
/// layer's own product to compute again, and dropped inputs follow from a counter.
/// </summary>
internal sealed unsafe partial class LoraAdapter : IDisposable
{
    /// <summary>What PEFT puts before a module's name.</summary>
    public const string Prefix = "base_model.model.";

    private readonly LinearWorkspace workspace;
    private readonly LoraState state;
    private readonly LoraOptions options;
    private readonly Linear down;
    private readonly Linear up;
    private readonly string upWeight;
    private readonly float* a;
    private readonly float* b;
    private readonly float scale;
    private readonly int module;

    /// <summary>The adapter of a layer.</summary>
    /// <param name="workspace">What linear layers share.</param>
    /// <param name="parameters">Holds A and B.</param>
    /// <param name="layer">The adapted layer.</param>
    /// <param name="options">Rank, strength, dropout.</param>
    /// <param name="state">Shared by all adapters of a model.</param>
    /// <param name="module">Number of the adapter in its model.</param>
    public LoraAdapter(LinearWorkspace workspace, Parameters parameters, Linear layer, LoraOptions options, LoraState state, int module)
    {
        (this.workspace, this.options, this.state, this.module) = (workspace, options, state, module);
        down = new Linear(workspace, parameters, Prefix + layer.Name + ".lora_A", options.Rank, layer.Inputs);
        up = new Linear(workspace, parameters, Prefix + layer.Name + ".lora_B", layer.Outputs, options.Rank);
        a = parameters.Get(down.Name + ".weight");
        upWeight = up.Name + ".weight";
        b = parameters.Get(upWeight);
        scale = (float)options.Scale;
    }

    /// <summary>Whether it adds anything.</summary>
    public bool Enabled => state.Enabled;

    /// <summary>Names and shapes of the adapter of a layer, as in PEFT.</summary>
    public static IEnumerable<TensorSpec> Tensors(string layer, int outputs, int inputs, int rank) =>
    [
        new($"{Prefix}{layer}.lora_A.weight", [rank, inputs]),
        new($"{Prefix}{layer}.lora_B.weight", [outputs, rank]),
    ];

    /// <summary>Says that A or B has changed.</summary>
    public void Changed()
    {
        down.Changed();
        up.Changed();
    }

    /// <summary>y [N, M] += s·dropout(x)·Aᵀ·Bᵀ.</summary>
    public void AddForward(in Matrix x, float* y, int rows)
    {
        var scratch = Scratch(rows);
        Inner(Dropped(x, rows, ref scratch), rows, ref scratch, out var inner);
        up.Forward(new Matrix(inner, options.Rank), y, y, rows, default(NoEpilogue));
    }

    /// <summary>dx [N, K] += dropout(s·dy·B·A).</summary>
    public void AddInputGradient(in Matrix dy, float* dx, int rows)
    {
        var scratch = Scratch(rows);
        var inner = new Matrix(InnerGradient(dy, rows, ref scratch), options.Rank);
        if (!Drops)
        {
            down.InputGradient(inner, dx, rows, accumulate: true);
            return;
        }

        var masked = scratch.Take((long)rows * down.Inputs);
        down.InputGradient(inner, masked, rows);
        Dropout.Apply(workspace.Pool, masked, masked, rows, down.Inputs, options.Dropout, Key, state.FirstRow);
        for (var row = 0L; row < rows; row++)
        {
            VectorMath.AddScaled(masked + (row * down.Inputs), 1, dx + (row * down.Inputs), down.Inputs);
        }
    }

    /// <summary>dB += s·dyᵀ·(dropout(x)·Aᵀ) and dA += (s·dy·B)ᵀ·dropout(x).</summary>
    public void AddWeightGradient(in Matrix dy, ref LinearInput x, int rows, Parameters gradients)
    {
        if (!state.Enabled || rows == 0)
        {
            return;
        }

        var scratch = Scratch(rows);
        var dropped = Dropped(x.Rows, rows, ref scratch);
        Inner(dropped, rows, ref scratch, out var inner);
        var packed = scratch.Take(LinearInput.PackedLength(rows, Math.Max(down.Inputs, options.Rank)));
        var innerInput = new LinearInput(new Matrix(inner, options.Rank), packed);
        up.AddWeightGradient(dy, ref innerInput, rows, gradients);
        var innerGradient = new Matrix(InnerGradient(dy, rows, ref scratch), options.Rank);
        if (!Drops)
        {
            // The layers that read the same rows share their packed form.
            down.AddWeightGradient(innerGradient, ref x, rows, gradients);
            return;
        }

        var droppedInput = new LinearInput(dropped, packed);
        down.AddWeightGradient(innerGradient, ref droppedInput, rows, gradients);
    }

    /// <summary>W [M, K] += s·B·A.</summary>
    public void AddTo(float* weight)
    {
        var scratch = new Arena(workspace.Adapter(MatMul.PackedLength(options.Rank, down.Inputs) + (long)up.Outputs * options.Rank + 64));
        var packed = scratch.Take(MatMul.PackedLength(options.Rank, down.Inputs));
        var scaled = scratch.Take((long)up.Outputs * options.Rank);
        MatMul.PackRows(workspace.Pool, a, options.Rank, down.Inputs, down.Inputs, packed);
        Scaled(b, scaled, (long)up.Outputs * options.Rank);
        MatMul.Multiply(workspace.Pool, scaled, options.Rank, 1, packed, weight, down.Inputs, up.Outputs, down.Inputs, options.Rank, accumulate: true);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        down.Dispose();
        up.Dispose();
    }

    /// <summary>Most floats that an adapter of a layer uses at a time.</summary>
    public static long ScratchLength(int inputs, int rank, int rows)
    {
        var arena = default(Arena);
        arena.Take((long)rows * inputs);
        arena.Take((long)rows * rank);
        arena.Take((long)rows * rank);
        arena.Take(LinearInput.PackedLength(rows, Math.Max(inputs, rank)));
        return arena.Used;
    }

    private bool Drops => state.Training && options.Dropout > 0;

    private long Key => (options.Seed * 6_364_136_223_846_793_005) + ((long)state.Step << 20) + module;

    private Arena Scratch(int rows) => new(workspace.Adapter(ScratchLength(down.Inputs, options.Rank, rows)));

    private Matrix Dropped(in Matrix x, int rows, ref Arena scratch)
    {
        if (!Drops)
        {
            return x;
        }

        var dropped = scratch.Take((long)rows * down.Inputs);
        if (x.IsHalf)
        {
            Epilogue.Apply(workspace.Pool, x, rows, new CopyEpilogue(dropped, down.Inputs));
        }

        Dropout.Apply(workspace.Pool, x.IsHalf ? dropped : x.Singles, dropped, rows, down.Inputs, options.Dropout, Key, state.FirstRow);
        return new Matrix(dropped, down.Inputs);
    }

    /// <summary>s·x·Aᵀ, [N, r].</summary>
    private void Inner(in Matrix x, int rows, ref Arena scratch, out float* inner)
    {
        inner = scratch.Take((long)rows * options.Rank);
        down.Forward(x, inner, rows);
        Scaled(inner, inner, (long)rows * options.Rank);
    }

    /// <summary>s·dy·B, [N, r].</summary>
    private float* InnerGradient(in Matrix dy, int rows, ref Arena scratch)
    {
        var gradient = scratch.Take((long)rows * options.Rank);
        up.InputGradient(dy, gradient, rows);
        Scaled(gradient, gradient, (long)rows * options.Rank);
        return gradient;
    }

    private void Scaled(float* source, float* target, long count)
    {
        for (var i = 0L; i < count; i++)
        {
            target[i] = source[i] * scale;
        }
    }
}
