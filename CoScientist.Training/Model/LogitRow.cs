using System.Runtime.Intrinsics;
using CoScientist.Training.Kernels;

namespace CoScientist.Training.Model;

/// <summary>Rows of logits [V] as they are drawn from: over the temperature, padded to whole panels, with −1e30 where nothing is drawn.</summary>
internal static unsafe class LogitRow
{
    /// <summary>What stands in banned and padding columns.</summary>
    public const float Banned = -1e30f;

    /// <summary>Makes such a row of plain logits.</summary>
    /// <param name="logits">The logits, [V].</param>
    /// <param name="vocabulary">V.</param>
    /// <param name="banned">Tokens that are never drawn.</param>
    /// <param name="inverseTemperature">1 / temperature.</param>
    /// <param name="row">Receives the row, padded.</param>
    public static void Distribution(float* logits, int vocabulary, int[] banned, float inverseTemperature, float* row)
    {
        var scale = Vector512.Create(inverseTemperature);
        var (i, padded) = (0, MatMul.Padded(vocabulary));
        for (; i + 16 <= vocabulary; i += 16)
        {
            (Vector512.Load(logits + i) * scale).Store(row + i);
        }

        for (; i < padded; i++)
        {
            row[i] = i < vocabulary ? logits[i] * inverseTemperature : Banned;
        }

        foreach (var token in banned)
        {
            row[token] = Banned;
        }
    }

    /// <summary>log Σ e^x of a padded row, and the entropy of its softmax: log Z − Σ p·x.</summary>
    public static float Normaliser(float* row, int vocabulary, out float entropy)
    {
        var padded = MatMul.Padded(vocabulary);
        var max = VectorMath.Max(row, padded);
        var shift = Vector512.Create(max);
        var (sum, weighted) = (Vector512<float>.Zero, Vector512<float>.Zero);
        for (var i = 0; i < padded; i += 16)
        {
            var x = Vector512.Load(row + i) - shift;
            var e = VectorMath.Exp(x);
            sum += e;
            weighted = Vector512.FusedMultiplyAdd(e, Vector512.Max(x, Vector512.Create(-1e4f)), weighted);
        }

        var total = Vector512.Sum(sum);
        entropy = MathF.Log(total) - (Vector512.Sum(weighted) / total);
        return max + MathF.Log(total);
    }
}
