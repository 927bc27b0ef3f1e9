using System.Numerics;

namespace CoScientist.Training.Kernels.Reference;

/// <summary>
/// The plain linear layer: y = x Wᵀ, with W stored [out, in] row by row as in Hugging Face checkpoints.
/// Every gradient of the reference operations is added to what its buffer holds; every value overwrites.
/// </summary>
public static class MatMulReference
{
    /// <summary>y[n,o] = Σᵢ x[n,i] w[o,i]. Shapes: x [rows, inputs], w [outputs, inputs], y [rows, outputs].</summary>
    public static void Forward<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> w, Span<T> y, int rows, int inputs, int outputs)
        where T : IFloatingPointIeee754<T>
    {
        for (var n = 0; n < rows; n++)
        {
            for (var o = 0; o < outputs; o++)
            {
                var sum = T.Zero;
                for (var i = 0; i < inputs; i++)
                {
                    sum += x[(n * inputs) + i] * w[(o * inputs) + i];
                }

                y[(n * outputs) + o] = sum;
            }
        }
    }

    /// <summary>dx[n,i] += Σₒ dy[n,o] w[o,i]. Shapes: dy [rows, outputs], w [outputs, inputs], dx [rows, inputs].</summary>
    public static void InputGradient<T>(ReadOnlySpan<T> dy, ReadOnlySpan<T> w, Span<T> dx, int rows, int inputs, int outputs)
        where T : IFloatingPointIeee754<T>
    {
        for (var n = 0; n < rows; n++)
        {
            for (var i = 0; i < inputs; i++)
            {
                var sum = T.Zero;
                for (var o = 0; o < outputs; o++)
                {
                    sum += dy[(n * outputs) + o] * w[(o * inputs) + i];
                }

                dx[(n * inputs) + i] += sum;
            }
        }
    }

    /// <summary>dw[o,i] += Σₙ dy[n,o] x[n,i]. Shapes: dy [rows, outputs], x [rows, inputs], dw [outputs, inputs].</summary>
    public static void WeightGradient<T>(ReadOnlySpan<T> dy, ReadOnlySpan<T> x, Span<T> dw, int rows, int inputs, int outputs)
        where T : IFloatingPointIeee754<T>
    {
        for (var o = 0; o < outputs; o++)
        {
            for (var i = 0; i < inputs; i++)
            {
                var sum = T.Zero;
                for (var n = 0; n < rows; n++)
                {
                    sum += dy[(n * outputs) + o] * x[(n * inputs) + i];
                }

                dw[(o * inputs) + i] += sum;
            }
        }
    }

    /// <summary>y[n,o] += bias[o], for projections that have one. Shapes: y [rows, outputs], bias [outputs].</summary>
    public static void AddBias<T>(Span<T> y, ReadOnlySpan<T> bias, int rows)
        where T : IFloatingPointIeee754<T>
    {
        for (var n = 0; n < rows; n++)
        {
            for (var o = 0; o < bias.Length; o++)
            {
                y[(n * bias.Length) + o] += bias[o];
            }
        }
    }

    /// <summary>dbias[o] += Σₙ dy[n,o]. Shapes: dy [rows, outputs], dbias [outputs].</summary>
    public static void BiasGradient<T>(ReadOnlySpan<T> dy, Span<T> dbias, int rows)
        where T : IFloatingPointIeee754<T>
    {
        for (var n = 0; n < rows; n++)
        {
            for (var o = 0; o < dbias.Length; o++)
            {
                dbias[o] += dy[(n * dbias.Length) + o];
            }
        }
    }
}
