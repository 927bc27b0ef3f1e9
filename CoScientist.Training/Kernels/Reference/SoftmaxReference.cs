using System.Numerics;

namespace CoScientist.Training.Kernels.Reference;

/// <summary>Softmax over each row of logits, and what training reads from it: log-probabilities of targets and entropy.</summary>
public static class SoftmaxReference
{
    /// <summary>p[n,v] = exp(z[n,v] − maxₙ) / Σ exp(z[n,·] − maxₙ). Shapes: logits and probabilities [rows, width]; they may be the same buffer.</summary>
    public static void Forward<T>(ReadOnlySpan<T> logits, Span<T> probabilities, int rows, int width)
        where T : IFloatingPointIeee754<T>
    {
        for (var n = 0; n < rows; n++)
        {
            var logNormaliser = LogSumExp(logits.Slice(n * width, width));
            for (var v = 0; v < width; v++)
            {
                probabilities[(n * width) + v] = T.Exp(logits[(n * width) + v] - logNormaliser);
            }
        }
    }

    /// <summary>logProbabilities[n] = z[n, targets[n]] − log Σᵥ exp z[n,v]. Shapes: logits [rows, width], targets and result [rows].</summary>
    public static void LogProbabilities<T>(ReadOnlySpan<T> logits, ReadOnlySpan<int> targets, Span<T> logProbabilities, int width)
        where T : IFloatingPointIeee754<T>
    {
        for (var n = 0; n < targets.Length; n++)
        {
            var row = logits.Slice(n * width, width);
            logProbabilities[n] = row[targets[n]] - LogSumExp(row);
        }
    }

    /// <summary>
    /// dlogits[n,v] += dlogProbabilities[n] (1[v = targets[n]] − p[n,v]). Shapes as <see cref="LogProbabilities"/>; dlogits [rows, width].
    /// Weighted cross-entropy L = −Σₙ w[n] log p[n, targets[n]] is the case dlogProbabilities = −w; a row of weight zero adds nothing.
    /// </summary>
    public static void LogProbabilitiesBackward<T>(ReadOnlySpan<T> logits, ReadOnlySpan<int> targets, ReadOnlySpan<T> dlogProbabilities, Span<T> dlogits, int width)
        where T : IFloatingPointIeee754<T>
    {
        for (var n = 0; n < targets.Length; n++)
        {
            var row = logits.Slice(n * width, width);
            var logNormaliser = LogSumExp(row);
            for (var v = 0; v < width; v++)
            {
                var hit = v == targets[n] ? T.One : T.Zero;
                dlogits[(n * width) + v] += dlogProbabilities[n] * (hit - T.Exp(row[v] - logNormaliser));
            }
        }
    }

    /// <summary>entropies[n] = −Σᵥ p[n,v] log p[n,v] in nats. Shapes: logits [rows, width], entropies [rows].</summary>
    public static void Entropies<T>(ReadOnlySpan<T> logits, Span<T> entropies, int width)
        where T : IFloatingPointIeee754<T>
    {
        for (var n = 0; n < entropies.Length; n++)
        {
            var row = logits.Slice(n * width, width);
            var logNormaliser = LogSumExp(row);
            entropies[n] = T.Zero;
            foreach (var logit in row)
            {
                var logProbability = logit - logNormaliser;
                if (!T.IsNegativeInfinity(logProbability))
                {
                    // A masked token has probability zero, and x log x tends to zero there.
                    entropies[n] -= T.Exp(logProbability) * logProbability;
                }
            }
        }
    }

    private static T LogSumExp<T>(ReadOnlySpan<T> row)
        where T : IFloatingPointIeee754<T>
    {
        var largest = T.NegativeInfinity;
        foreach (var value in row)
        {
            largest = T.Max(largest, value);
        }

        var sum = T.Zero;
        foreach (var value in row)
        {
            sum += T.Exp(value - largest);
        }

        return largest + T.Log(sum);
    }
}
