using CoScientist.Training.Kernels;
using CoScientist.Training.Tensors;

namespace CoScientist.Training.Model;

/// <summary>A weight [M, K] with its packed forms, which are made again only after the weight has changed.</summary>
internal sealed unsafe class Linear(WorkerPool pool, float* weight, int outputs, int inputs) : IDisposable
{
    private FloatBuffer? forward;
    private FloatBuffer? backward;
    private bool forwardFresh;
    private bool backwardFresh;

    public int Outputs => outputs;

    public int Inputs => inputs;

    /// <summary>Panels of Wᵀ, for y = x·Wᵀ.</summary>
    public float* Transposed
    {
        get
        {
            forward ??= new FloatBuffer(MatMul.PackedLength(inputs, outputs));
            if (!forwardFresh)
            {
                MatMul.PackTransposed(pool, weight, outputs, inputs, forward.Pointer);
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
            backward ??= new FloatBuffer(MatMul.PackedLength(outputs, inputs));
            if (!backwardFresh)
            {
                MatMul.PackRows(pool, weight, outputs, inputs, inputs, backward.Pointer);
                backwardFresh = true;
            }

            return backward.Pointer;
        }
    }

    /// <summary>Says that the weight has changed.</summary>
    public void Changed() => forwardFresh = backwardFresh = false;

    /// <summary>y [rows, M] (+)= x [rows, K] · Wᵀ.</summary>
    public void Forward(float* x, float* y, int rows, bool accumulate = false) =>
        MatMul.Multiply(pool, x, inputs, 1, Transposed, y, outputs, rows, outputs, inputs, accumulate);

    /// <summary>dx [rows, K] (+)= dy [rows, M] · W.</summary>
    public void Backward(float* dy, float* dx, int rows, bool accumulate = false) =>
        MatMul.Multiply(pool, dy, outputs, 1, Rows, dx, inputs, rows, inputs, outputs, accumulate);

    /// <summary>dW [M, K] += dyᵀ · x, with x packed in panels by <see cref="MatMul.PackRows"/>.</summary>
    public void WeightGradient(float* dy, float* packedX, float* dw, int rows) =>
        MatMul.Multiply(pool, dy, 1, outputs, packedX, dw, inputs, outputs, inputs, rows, accumulate: true);

    public void Dispose()
    {
        forward?.Dispose();
        backward?.Dispose();
    }
}
