using CoScientist.Training.Kernels;
using CoScientist.Training.Tensors;

namespace CoScientist.Training.Model;

/// <summary>Rows that linear layers read, [N, K], with their packed form, which is made when the first weight gradient asks for it.</summary>
/// <param name="rows">The rows.</param>
/// <param name="packed">Room for the packed form: <see cref="MatMul.PackedLength"/>(N, K) floats.</param>
internal unsafe struct LinearInput(float* rows, float* packed)
{
    private bool fresh;

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
/// A linear layer, y = x·Wᵀ + b: its weight [M, K], its bias [M] where the model has one, and the packed forms of the weight,
/// which are made again only after the weight has changed.
/// </summary>
internal sealed unsafe class Linear : IDisposable
{
    private readonly WorkerPool pool;
    private readonly string weightName;
    private readonly string biasName;
    private readonly float* weight;
    private readonly float* bias;
    private FloatBuffer? forward;
    private FloatBuffer? backward;
    private bool forwardFresh;
    private bool backwardFresh;

    /// <summary>The layer of a model whose tensors are called <paramref name="name"/>.weight and, where it exists, <paramref name="name"/>.bias.</summary>
    public Linear(WorkerPool pool, Parameters weights, string name, int outputs, int inputs)
    {
        this.pool = pool;
        (weightName, biasName) = (name + ".weight", name + ".bias");
        weight = weights.Get(weightName);
        bias = weights.Find(biasName);
        (Outputs, Inputs) = (outputs, inputs);
    }

    /// <summary>Width of a result, M.</summary>
    public int Outputs { get; }

    /// <summary>Width of an input, K.</summary>
    public int Inputs { get; }

    /// <summary>Panels of Wᵀ, for y = x·Wᵀ.</summary>
    public float* Transposed
    {
        get
        {
            forward ??= new FloatBuffer(MatMul.PackedLength(Inputs, Outputs));
            if (!forwardFresh)
            {
                MatMul.PackTransposed(pool, weight, Outputs, Inputs, forward.Pointer);
                forwardFresh = true;
            }

            return forward.Pointer;
        }
    }

    /// <summary>Panels of W, for dx = dy·W.</summary>
    public float* Rows
    {
        get
        {
            backward ??= new FloatBuffer(MatMul.PackedLength(Outputs, Inputs));
            if (!backwardFresh)
            {
                MatMul.PackRows(pool, weight, Outputs, Inputs, Inputs, backward.Pointer);
                backwardFresh = true;
            }

            return backward.Pointer;
        }
    }

    /// <summary>Says that the weight has changed.</summary>
    public void Changed() => forwardFresh = backwardFresh = false;

    /// <summary>y [N, M] (+)= x [N, K] · Wᵀ + b.</summary>
    public void Forward(float* x, float* y, int rows, bool accumulate = false)
    {
        if (rows == 0)
        {
            return;
        }

        MatMul.Multiply(pool, x, Inputs, 1, Transposed, y, Outputs, rows, Outputs, Inputs, accumulate);
        if (bias is not null)
        {
            for (var row = 0; row < rows; row++)
            {
                VectorMath.AddScaled(bias, 1, y + ((long)row * Outputs), Outputs);
            }
        }
    }

    /// <summary>dx [N, K] (+)= dy [N, M] · W.</summary>
    public void InputGradient(float* dy, float* dx, int rows, bool accumulate = false)
    {
        if (rows > 0)
        {
            MatMul.Multiply(pool, dy, Outputs, 1, Rows, dx, Inputs, rows, Inputs, Outputs, accumulate);
        }
    }

    /// <summary>dW [M, K] += dyᵀ · x and db [M] += Σ over rows of dy, where <paramref name="gradients"/> hold them; a tensor without a gradient is frozen.</summary>
    public void AddWeightGradient(float* dy, ref LinearInput x, int rows, Parameters gradients)
    {
        if (gradients.Find(weightName) is var dw && dw is not null)
        {
            MatMul.Multiply(pool, dy, 1, Outputs, x.Packed(pool, rows, Inputs), dw, Inputs, Outputs, Inputs, rows, accumulate: true);
        }

        if (gradients.Find(biasName) is var db && db is not null)
        {
            for (var row = 0; row < rows; row++)
            {
                VectorMath.AddScaled(dy + ((long)row * Outputs), 1, db, Outputs);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        forward?.Dispose();
        backward?.Dispose();
    }
}
