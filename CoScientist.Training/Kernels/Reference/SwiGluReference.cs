using System.Numerics;

namespace CoScientist.Training.Kernels.Reference;

/// <summary>The gate of the feed-forward block (SwiGLU: Shazeer 2020, arXiv 2002.05202): y = silu(gate) · up with silu(g) = g σ(g). All shapes are equal.</summary>
public static class SwiGluReference
{
    /// <summary>y[i] = gate[i] σ(gate[i]) up[i].</summary>
    public static void Forward<T>(ReadOnlySpan<T> gate, ReadOnlySpan<T> up, Span<T> y)
        where T : IFloatingPointIeee754<T>
    {
        for (var i = 0; i < gate.Length; i++)
        {
            y[i] = gate[i] * Sigmoid(gate[i]) * up[i];
        }
    }

    /// <summary>dgate[i] += dy[i] up[i] σ (1 + gate[i] (1 − σ)) and dup[i] += dy[i] gate[i] σ, with σ = σ(gate[i]).</summary>
    public static void Backward<T>(ReadOnlySpan<T> gate, ReadOnlySpan<T> up, ReadOnlySpan<T> dy, Span<T> dgate, Span<T> dup)
        where T : IFloatingPointIeee754<T>
    {
        for (var i = 0; i < gate.Length; i++)
        {
            var sigmoid = Sigmoid(gate[i]);
            dgate[i] += dy[i] * up[i] * sigmoid * (T.One + (gate[i] * (T.One - sigmoid)));
            dup[i] += dy[i] * gate[i] * sigmoid;
        }
    }

    private static T Sigmoid<T>(T x)
        where T : IFloatingPointIeee754<T> => T.One / (T.One + T.Exp(-x));
}
