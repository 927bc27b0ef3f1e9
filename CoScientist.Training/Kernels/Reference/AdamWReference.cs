using System.Numerics;

namespace CoScientist.Training.Kernels.Reference;

/// <summary>Adam with decoupled weight decay (Loshchilov and Hutter 2017, arXiv 1711.05101, algorithm 2; Adam: Kingma and Ba 2014, arXiv 1412.6980).</summary>
public static class AdamWReference
{
    /// <summary>
    /// One update, all spans of equal length: m = β₁ m + (1 − β₁) g; v = β₂ v + (1 − β₂) g²;
    /// w = w − lr · decay · w − lr · (m / (1 − β₁ᵗ)) / (√(v / (1 − β₂ᵗ)) + ε). Steps t count from 1.
    /// </summary>
    public static void Step<T>(
        Span<T> weights, ReadOnlySpan<T> gradients, Span<T> first, Span<T> second, int step, T learningRate, T beta1, T beta2, T epsilon, T weightDecay)
        where T : IFloatingPointIeee754<T>
    {
        var correction1 = T.One - T.Pow(beta1, T.CreateChecked(step));
        var correction2 = T.One - T.Pow(beta2, T.CreateChecked(step));
        for (var i = 0; i < weights.Length; i++)
        {
            first[i] = (beta1 * first[i]) + ((T.One - beta1) * gradients[i]);
            second[i] = (beta2 * second[i]) + ((T.One - beta2) * gradients[i] * gradients[i]);
            var direction = first[i] / correction1 / (T.Sqrt(second[i] / correction2) + epsilon);
            weights[i] -= learningRate * ((weightDecay * weights[i]) + direction);
        }
    }
}
