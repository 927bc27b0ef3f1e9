using CoScientist.Training.Kernels;
using CoScientist.Training.Tensors;

namespace CoScientist.Training.Model;

/// <summary>Rows that linear layers read, [N, K], with their packed form, which is made when the first weight gradient asks for it.</summary>
/// <param name="rows">The rows.</param>
/// <param name="packed">Room for the packed form: <see cref="MatMul.PackedLength"/>(N, K) floats.</param>
internal unsafe struct LinearInput(float* rows, float* packed)
{
    private bool fresh;

    /// <summary>The rows.</summary>
    public readonly float* Rows => rows;

    /// <summary>The rows packed as the right side of a product.</summary>
    public float* Packed(WorkerPool pool, int count, int width)
    {
        if (!fresh)
        {
            MatMul.PackRows(pool, rows, count, width, width, packed);
            fresh = true;
        }

        return packed;
    }
}

/// <summary>
/// A linear layer, y = x·Wᵀ + b: its weight [M, K], its bias [M] where the model has one, an adapter where one was added, and
/// the packed form of the weight.
/// </summary>
internal sealed unsafe class Linear : IDisposable
{
    private readonly LinearWorkspace workspace;
    private readonly string weightName;
    private readonly string biasName;
    private readonly float* weight;
    private readonly float* bias;
    private FloatBuffer? kept;
    private bool keptFresh;
    private FloatBuffer? unmerged;

    /// <summary>The layer of a model whose tensors are called <paramref name="name"/>.weight and, where it exists, <paramref name="name"/>.bias.</summary>
    public Linear(LinearWorkspace workspace, Parameters weights, string name, int outputs, int inputs)
    {
        this.workspace = workspace;
        Name = name;
        (weightName, biasName) = (name + ".weight", name + ".bias");
        weight = weights.Get(weightName);
        bias = weights.Find(biasName);
        (Outputs, Inputs) = (outputs, inputs);
    }

    /// <summary>Its name in the model: "model.layers.0.self_attn.q_proj".</summary>
    public string Name { get; }

    /// <summary>Width of a result, M.</summary>
    public int Outputs { get; }

    /// <summary>Width of an input, K.</summary>
    public int Inputs { get; }

    /// <summary>What is trained in place of the weight; null for none.</summary>
    public LoraAdapter? Adapter { get; set; }

    /// <summary>Panels of Wᵀ, for y = x·Wᵀ, kept until the weight changes.</summary>
    public float* Transposed
    {
        get
        {
            kept ??= new FloatBuffer(MatMul.PackedLength(Inputs, Outputs));
            if (!keptFresh)
            {
                MatMul.PackTransposed(workspace.Pool, weight, Outputs, Inputs, kept.Pointer);
                keptFresh = true;
            }

            return kept.Pointer;
        }
    }

    /// <summary>Panels of W, for dx = dy·W, in the memory that all layers share: valid until another asks.</summary>
    public float* Rows
    {
        get
        {
            var packed = workspace.Backward(MatMul.PackedLength(Outputs, Inputs));
            if (workspace.BackwardOwner != this)
            {
                MatMul.PackRows(workspace.Pool, weight, Outputs, Inputs, Inputs, packed);
                workspace.BackwardOwner = this;
            }

            return packed;
        }
    }

    /// <summary>Says that the weight has changed.</summary>
    public void Changed()
    {
        WeightChanged();
        Adapter?.Changed();
    }

    /// <summary>y [N, M] (+)= x [N, K] · Wᵀ + b, and what the adapter adds.</summary>
    public void Forward(float* x, float* y, int rows, bool accumulate = false)
    {
        if (rows == 0)
        {
            return;
        }

        MatMul.Multiply(workspace.Pool, x, Inputs, 1, ForwardPanels(), y, Outputs, rows, Outputs, Inputs, accumulate);
        if (bias is not null)
        {
            for (var row = 0; row < rows; row++)
            {
                VectorMath.AddScaled(bias, 1, y + ((long)row * Outputs), Outputs);
            }
        }

        if (unmerged is null)
        {
            Adapter?.AddForward(x, y, rows);
        }
    }

    /// <summary>dx [N, K] (+)= dy [N, M] · W, and what goes through the adapter.</summary>
    public void InputGradient(float* dy, float* dx, int rows, bool accumulate = false)
    {
        if (rows > 0)
        {
            MatMul.Multiply(workspace.Pool, dy, Outputs, 1, Rows, dx, Inputs, rows, Inputs, Outputs, accumulate);
            Adapter?.AddInputGradient(dy, dx, rows);
        }
    }

    /// <summary>dW [M, K] += dyᵀ · x and db [M] += Σ over rows of dy, and those of the adapter, where <paramref name="gradients"/> hold them; a tensor without a gradient is frozen.</summary>
    public void AddWeightGradient(float* dy, ref LinearInput x, int rows, Parameters gradients)
    {
        if (gradients.Find(weightName) is var dw && dw is not null)
        {
            MatMul.Multiply(workspace.Pool, dy, 1, Outputs, x.Packed(workspace.Pool, rows, Inputs), dw, Inputs, Outputs, Inputs, rows, accumulate: true);
        }

        if (gradients.Find(biasName) is var db && db is not null)
        {
            for (var row = 0; row < rows; row++)
            {
                VectorMath.AddScaled(dy + ((long)row * Outputs), 1, db, Outputs);
            }
        }

        Adapter?.AddWeightGradient(dy, ref x, rows, gradients);
    }

    /// <summary>Writes weight + adapter into the weight, keeping the original aside; the adapter then rests.</summary>
    public void Merge()
    {
        if (Adapter is not null && unmerged is null)
        {
            unmerged = new FloatBuffer((long)Outputs * Inputs);
            new ReadOnlySpan<float>(weight, Outputs * Inputs).CopyTo(unmerged.Span);
            Adapter.AddTo(weight);
            WeightChanged();
        }
    }

    /// <summary>Puts the original weight back, to the bit.</summary>
    public void Unmerge()
    {
        if (unmerged is not null)
        {
            unmerged.Span[..(Outputs * Inputs)].CopyTo(new Span<float>(weight, Outputs * Inputs));
            unmerged.Dispose();
            unmerged = null;
            WeightChanged();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        kept?.Dispose();
        unmerged?.Dispose();
        Adapter?.Dispose();
    }

    private void WeightChanged()
    {
        keptFresh = false;
        workspace.BackwardOwner = null;
    }

    private float* ForwardPanels()
    {
        if (kept is not null || workspace.KeepPacked)
        {
            return Transposed;
        }

        var packed = workspace.Forward(MatMul.PackedLength(Inputs, Outputs));
        MatMul.PackTransposed(workspace.Pool, weight, Outputs, Inputs, packed);
        return packed;
    }
}
