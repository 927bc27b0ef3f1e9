using CoScientist.Training.Kernels;
using CoScientist.Training.Kernels.Mixed;
using CoScientist.Training.Tensors;

namespace CoScientist.Training.Model;

/// <summary>Rows that linear layers read, [N, K], with their packed form, which is made when the first weight gradient asks for it.</summary>
/// <param name="rows">The rows.</param>
/// <param name="packed">Room for the packed form: <see cref="PackedLength"/>(N, K) floats.</param>
internal unsafe struct LinearInput(Matrix rows, float* packed)
{
    private bool fresh;

    /// <summary>The rows.</summary>
    public readonly Matrix Rows => rows;

    /// <summary>Floats that the packed form of rows needs, in whatever precision.</summary>
    public static long PackedLength(int count, int width) =>
        Math.Max(PackedMatrix.Length(Precision.Single, count, width), PackedMatrix.Length(Precision.Bfloat16, count, width));

    /// <summary>The rows packed as the right side of a product.</summary>
    public float* Packed(LinearWorkspace workspace, int count)
    {
        if (!fresh)
        {
            new PackedMatrix(workspace.Precision, count, rows.Width, packed).PackRows(workspace.Pool, rows);
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
    private readonly PackedWeight transposed;
    private readonly PackedWeight rows;
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
        transposed = new PackedWeight(workspace, workspace.Forward, Inputs, Outputs);
        rows = new PackedWeight(workspace, workspace.Backward, Outputs, Inputs);
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

    /// <summary>Packs the weight from where it lies, for a model that is only read and has no other copy of it.</summary>
    public void PackFrom(WeightSource source)
    {
        var packed = transposed.Keep();
        if (source.Bfloat16 != 0 && workspace.Precision != Precision.Single)
        {
            packed.PackTransposed(workspace.Pool, (ushort*)source.Bfloat16);
        }
        else
        {
            using var read = new FloatBuffer((long)Outputs * Inputs);
            source.Read(0, read.Span[..(Outputs * Inputs)]);
            packed.PackTransposed(workspace.Pool, read.Pointer);
        }
    }

    /// <summary>Says that the weight has changed.</summary>
    public void Changed()
    {
        WeightChanged();
        Adapter?.Changed();
    }

    /// <summary>y [N, M] = x [N, K] · Wᵀ + b, and what the adapter adds.</summary>
    public void Forward(in Matrix x, float* y, int count) => Forward(x, null, y, count, default(NoEpilogue));

    /// <summary>
    /// y [N, M] = start + x [N, K] · Wᵀ + b and what the adapter adds, then the epilogue. <paramref name="start"/> is null for
    /// zero; y is null where only the epilogue is to see the result.
    /// </summary>
    public void Forward<T>(in Matrix x, float* start, float* y, int count, in T epilogue)
        where T : struct, IEpilogue
    {
        if (count == 0)
        {
            return;
        }

        if (ActiveAdapter is not { } adapter)
        {
            Transposed.Multiply(workspace.Pool, x, start, y, Outputs, count, bias, epilogue);
            return;
        }

        y = y is null ? workspace.Unfinished((long)count * Outputs) : y;
        Transposed.Multiply(workspace.Pool, x, start, y, Outputs, count, bias, default(NoEpilogue));
        adapter.AddForward(x, y, count);
        Epilogue.Apply(workspace.Pool, new Matrix(y, Outputs), count, epilogue);
    }

    /// <summary>Packs what <see cref="Block"/> reads, if it is not, and keeps it.</summary>
    public void Prepare() => transposed.Kept(weight, transpose: true);

    /// <summary>y [N, M rounded up to 32] (+)= x [N, K] · Wᵀ without bias or adapter, on the calling thread, after <see cref="Prepare"/>.</summary>
    public void Block(float* x, float* y, long yRow, int count, bool accumulate = false) => Transposed.Block(x, Inputs, y, yRow, count, accumulate);

    /// <summary>dx [N, K] (+)= dy [N, M] · W, and what goes through the adapter.</summary>
    public void InputGradient(in Matrix dy, float* dx, int count, bool accumulate = false) => InputGradient(dy, accumulate ? dx : null, dx, count, default(NoEpilogue));

    /// <summary>The same, then the epilogue; dx is null where only that is to see the result.</summary>
    public void InputGradient<T>(in Matrix dy, float* start, float* dx, int count, in T epilogue)
        where T : struct, IEpilogue
    {
        if (count == 0)
        {
            return;
        }

        if (Adapter is not { Enabled: true } adapter)
        {
            Rows.Multiply(workspace.Pool, dy, start, dx, Inputs, count, null, epilogue);
            return;
        }

        dx = dx is null ? workspace.Unfinished((long)count * Inputs) : dx;
        Rows.Multiply(workspace.Pool, dy, start, dx, Inputs, count, null, default(NoEpilogue));
        adapter.AddInputGradient(dy, dx, count);
        Epilogue.Apply(workspace.Pool, new Matrix(dx, Inputs), count, epilogue);
    }

    /// <summary>dx [N, K] = dy · W without the adapter.</summary>
    public void WeightInputGradient(in Matrix dy, float* dx, int count) => Rows.Multiply(workspace.Pool, dy, null, dx, Inputs, count, null, default(NoEpilogue));

    /// <summary>dW [M, K] += dyᵀ · x.</summary>
    public void AddWeightGradient(in Matrix dy, ref LinearInput x, int count, float* dw)
    {
        var right = x.Packed(workspace, count);
        if (workspace.Precision == Precision.Single)
        {
            MatMul.Multiply(workspace.Pool, dy.Singles, 1, dy.Stride, right, dw, Inputs, Outputs, Inputs, count, accumulate: true);
            return;
        }

        var left = workspace.Left(Bf16MatMul.PackedLeftLength(count, Outputs));
        Bf16MatMul.PackLeft(workspace.Pool, dy, count, left);
        Bf16MatMul.MultiplyPacked(workspace.Pool, left, (ushort*)right, dw, Inputs, Outputs, Inputs, count, accumulate: true);
    }

    /// <summary>dW [M, K] += dyᵀ · x and db [M] += Σ over rows of dy, and those of the adapter, where <paramref name="gradients"/> hold them; a tensor without a gradient is frozen.</summary>
    public void AddWeightGradient(in Matrix dy, ref LinearInput x, int count, Parameters gradients)
    {
        if (gradients.Find(weightName) is var dw && dw is not null)
        {
            AddWeightGradient(dy, ref x, count, dw);
        }

        if (gradients.Find(biasName) is var db && db is not null)
        {
            AddBiasGradient(dy, count, db);
        }

        Adapter?.AddWeightGradient(dy, ref x, count, gradients);
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
        transposed.Dispose();
        rows.Dispose();
        unmerged?.Dispose();
        Adapter?.Dispose();
    }

    /// <summary>Wᵀ packed, for y = x·Wᵀ.</summary>
    private PackedMatrix Transposed => transposed.Get(weight, transpose: true);

    /// <summary>W packed, for dx = dy·W.</summary>
    private PackedMatrix Rows => rows.Get(weight, transpose: false);

    private void WeightChanged()
    {
        transposed.Changed();
        rows.Changed();
    }

    private void AddBiasGradient(in Matrix dy, int count, float* db)
    {
        var room = workspace.Row(Outputs);
        for (var row = 0; row < count; row++)
        {
            VectorMath.AddScaled(dy.Read(row, 0, Outputs, room), 1, db, Outputs);
        }
    }
}
