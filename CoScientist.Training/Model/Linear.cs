using CoScientist.Training.Kernels;
using CoScientist.Training.Kernels.Mixed;
using CoScientist.Training.Tensors;

namespace CoScientist.Training.Model;

/// <summary>Rows that linear layers read, [N, K], with their packed form, which is made when the first weight gradient asks for it.</summary>
/// <param name="rows">The rows.</param>
/// <param name="packed">Room for the packed form: <see cref="PackedLength"/>(N, K) floats.</param>
internal unsafe struct LinearInput(float* rows, float* packed)
{
    private bool fresh;

    /// <summary>The rows.</summary>
    public readonly float* Rows => rows;

    /// <summary>Floats that the packed form of rows needs, in whatever precision.</summary>
    public static long PackedLength(int count, int width) =>
        Math.Max(PackedMatrix.Length(Precision.Single, count, width), PackedMatrix.Length(Precision.Bfloat16, count, width));

    /// <summary>The rows packed as the right side of a product.</summary>
    public float* Packed(LinearWorkspace workspace, int count, int width)
    {
        if (!fresh)
        {
            new PackedMatrix(workspace.Precision, count, width, packed).PackRows(workspace.Pool, rows);
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
        weight = weights.Find(weightName);
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

    /// <summary>The adapter where it adds something: not while it is switched off or written into the weight.</summary>
    public LoraAdapter? ActiveAdapter => unmerged is null && Adapter is { Enabled: true } ? Adapter : null;

    /// <summary>Bytes of the packed weight.</summary>
    public long PackedBytes => PackedMatrix.Length(workspace.Precision, Inputs, Outputs) * sizeof(float);

    /// <summary>Wᵀ packed, for y = x·Wᵀ, kept until the weight changes.</summary>
    private PackedMatrix Transposed
    {
        get
        {
            kept ??= new FloatBuffer(PackedMatrix.Length(workspace.Precision, Inputs, Outputs));
            var packed = new PackedMatrix(workspace.Precision, Inputs, Outputs, kept.Pointer);
            if (!keptFresh)
            {
                packed.PackTransposed(workspace.Pool, weight);
                keptFresh = true;
            }

            return packed;
        }
    }

    /// <summary>W packed, for dx = dy·W, in the memory that all layers share: valid until another asks.</summary>
    private PackedMatrix Rows
    {
        get
        {
            var packed = new PackedMatrix(workspace.Precision, Outputs, Inputs, workspace.Backward(PackedMatrix.Length(workspace.Precision, Outputs, Inputs)));
            if (workspace.BackwardOwner != this)
            {
                packed.PackRows(workspace.Pool, weight);
                workspace.BackwardOwner = this;
            }

            return packed;
        }
    }

    /// <summary>Packs the weight from where it lies, for a model that is only read and has no other copy of it.</summary>
    public void PackFrom(WeightSource source)
    {
        kept ??= new FloatBuffer(PackedMatrix.Length(workspace.Precision, Inputs, Outputs));
        var packed = new PackedMatrix(workspace.Precision, Inputs, Outputs, kept.Pointer);
        if (source.Bfloat16 != 0 && workspace.Precision != Precision.Single)
        {
            packed.PackTransposed(workspace.Pool, (ushort*)source.Bfloat16);
        }
        else
        {
            using var rows = new FloatBuffer((long)Outputs * Inputs);
            source.Read(0, rows.Span[..(Outputs * Inputs)]);
            packed.PackTransposed(workspace.Pool, rows.Pointer);
        }

        keptFresh = true;
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

        ForwardMatrix().Multiply(workspace.Pool, x, Inputs, y, Outputs, rows, accumulate);
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

    /// <summary>Packs what <see cref="Block"/> reads, if it is not.</summary>
    public void Prepare() => _ = Transposed;

    /// <summary>y [N, M rounded up to 32] (+)= x [N, K] · Wᵀ without bias or adapter, on the calling thread, after <see cref="Prepare"/>.</summary>
    public void Block(float* x, float* y, long yRow, int rows, bool accumulate = false) => Transposed.Block(x, Inputs, y, yRow, rows, accumulate);

    /// <summary>dx [N, K] (+)= dy [N, M] · W, and what goes through the adapter.</summary>
    public void InputGradient(float* dy, float* dx, int rows, bool accumulate = false)
    {
        if (rows > 0)
        {
            InputGradient(dy, Outputs, dx, rows, accumulate);
            Adapter?.AddInputGradient(dy, dx, rows);
        }
    }

    /// <summary>dx [N, K] (+)= dy · W with rows of dy <paramref name="dyRow"/> apart, without the adapter.</summary>
    public void InputGradient(float* dy, long dyRow, float* dx, int rows, bool accumulate) =>
        Rows.Multiply(workspace.Pool, dy, dyRow, dx, Inputs, rows, accumulate);

    /// <summary>dW [M, K] += dyᵀ · x with rows of dy <paramref name="dyRow"/> apart.</summary>
    public void AddWeightGradient(float* dy, long dyRow, ref LinearInput x, int rows, float* dw)
    {
        var right = x.Packed(workspace, rows, Inputs);
        if (workspace.Precision == Precision.Single)
        {
            MatMul.Multiply(workspace.Pool, dy, 1, dyRow, right, dw, Inputs, Outputs, Inputs, rows, accumulate: true);
            return;
        }

        var left = workspace.Left(Bf16MatMul.PackedLeftLength(rows, Outputs));
        Bf16MatMul.PackLeft(workspace.Pool, dy, rows, Outputs, dyRow, left);
        Bf16MatMul.MultiplyPacked(workspace.Pool, left, (ushort*)right, dw, Inputs, Outputs, Inputs, rows, accumulate: true);
    }

    /// <summary>dW [M, K] += dyᵀ · x and db [M] += Σ over rows of dy, and those of the adapter, where <paramref name="gradients"/> hold them; a tensor without a gradient is frozen.</summary>
    public void AddWeightGradient(float* dy, ref LinearInput x, int rows, Parameters gradients)
    {
        if (gradients.Find(weightName) is var dw && dw is not null)
        {
            AddWeightGradient(dy, Outputs, ref x, rows, dw);
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

    private PackedMatrix ForwardMatrix()
    {
        if (kept is not null || workspace.KeepPacked)
        {
            return Transposed;
        }

        var packed = new PackedMatrix(workspace.Precision, Inputs, Outputs, workspace.Forward(PackedMatrix.Length(workspace.Precision, Inputs, Outputs)));
        packed.PackTransposed(workspace.Pool, weight);
        return packed;
    }
}
