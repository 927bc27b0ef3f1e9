using System.Runtime.Intrinsics;
using CoScientist.Training.Kernels;

namespace CoScientist.Training.Sampling;

/// <summary>
/// Choosing a token from a row of logits, already divided by the temperature. Rows are padded to whole panels, and what cannot
/// be drawn holds −1e30.
/// </summary>
internal static unsafe class TokenChoice
{
    /// <summary>Log-probabilities below this are left out of draws: e^−40 is not representable beside 1 in single precision.</summary>
    private const float Negligible = -40;

    /// <summary>More than the error of <see cref="VectorMath.Exp"/> and of sums of it, in units of the whole mass.</summary>
    private const double FastError = 1e-5;

    [ThreadStatic]
    private static ulong[]? keysOfThread;

    [ThreadStatic]
    private static double[]? probabilitiesOfThread;

    /// <summary>Divides positive logits of the given tokens by the penalty and multiplies negative ones; each bit of <paramref name="tokens"/> is a token.</summary>
    public static void Penalise(float* row, ReadOnlySpan<ulong> tokens, float penalty)
    {
        for (var word = 0; word < tokens.Length; word++)
        {
            for (var bits = tokens[word]; bits != 0; bits &= bits - 1)
            {
                ref var logit = ref row[(word * 64) + System.Numerics.BitOperations.TrailingZeroCount(bits)];
                logit = logit > 0 ? logit / penalty : logit * penalty;
            }
        }
    }

    /// <summary>The likeliest token; the lowest id among equals.</summary>
    public static int Best(float* row, int vocabulary)
    {
        var max = VectorMath.Max(row, vocabulary);
        return new ReadOnlySpan<float>(row, vocabulary).IndexOf(max);
    }

    /// <summary>
    /// Inverse transform sampling: the first token at which the cumulative probability, summed in double precision in order of
    /// the ids, exceeds <paramref name="u"/>. Fast sums find it; where they cannot tell, the exact ones decide.
    /// </summary>
    public static int Draw(float* row, int vocabulary, float normaliser, double u)
    {
        const int Block = 128;
        var padded = MatMul.Padded(vocabulary);
        var shift = Vector512.Create(normaliser);
        var before = 0.0;
        for (var i = 0; i < padded; i += Block)
        {
            var end = Math.Min(padded, i + Block);
            var sum = Vector512<float>.Zero;
            for (var j = i; j < end; j += 16)
            {
                sum += VectorMath.Exp(Vector512.Load(row + j) - shift);
            }

            var mass = Vector512.Sum(sum);
            if (before + mass <= u)
            {
                before += mass;
                continue;
            }

            for (var j = i; j < Math.Min(end, vocabulary); j++)
            {
                var after = before + Math.Exp(row[j] - normaliser);
                if (after > u)
                {
                    return u - before > FastError && after - u > FastError ? j : DrawExactly(row, vocabulary, normaliser, u);
                }

                before = after;
            }

            break;
        }

        return DrawExactly(row, vocabulary, normaliser, u);
    }

    /// <summary>As <see cref="Draw"/>, by its definition.</summary>
    public static int DrawExactly(float* row, int vocabulary, float normaliser, double u)
    {
        var sum = 0.0;
        var last = 0;
        for (var i = 0; i < vocabulary; i++)
        {
            var x = row[i] - normaliser;
            if (x < Negligible)
            {
                continue;
            }

            sum += Math.Exp(x);
            last = i;
            if (sum > u)
            {
                return i;
            }
        }

        return last;
    }

    /// <summary>
    /// Draws from what the filters of <paramref name="options"/> leave: of the tokens in order of falling probability, those
    /// that are among the first k, whose predecessors have not yet reached the mass (of what top-k left), and that are likely enough.
    /// </summary>
    public static int DrawFiltered(float* row, int vocabulary, float normaliser, SamplingOptions options, double u)
    {
        var most = options.TopK > 0 ? Math.Min(options.TopK, vocabulary) : vocabulary;
        var count = Likeliest(row, vocabulary, normaliser, options, most, out var keys, out var p);
        count = Math.Min(count, most);
        var all = 1.0;
        if (options.TopK > 0)
        {
            all = 0;
            for (var i = 0; i < count; i++)
            {
                all += p[i];
            }
        }

        var (mass, kept) = (0.0, 0);
        while (kept < count && mass < options.TopP * all && p[kept] >= options.MinP * p[0])
        {
            mass += p[kept++];
        }

        var sum = 0.0;
        for (var i = 0; i < kept; i++)
        {
            sum += p[i] / mass;
            if (sum > u)
            {
                return (int)(uint)keys[i];
            }
        }

        return (int)(uint)keys[Math.Max(0, kept - 1)];
    }

    /// <summary>Probabilities of the given tokens, normalised among themselves.</summary>
    public static float[] Probe(float* row, int[] tokens)
    {
        var probabilities = new float[tokens.Length];
        if (tokens.Length == 0)
        {
            return probabilities;
        }

        var max = float.NegativeInfinity;
        foreach (var token in tokens)
        {
            max = Math.Max(max, row[token]);
        }

        var sum = 0f;
        for (var i = 0; i < tokens.Length; i++)
        {
            probabilities[i] = MathF.Exp(row[tokens[i]] - max);
            sum += probabilities[i];
        }

        for (var i = 0; i < tokens.Length; i++)
        {
            probabilities[i] /= sum;
        }

        return probabilities;
    }

    /// <summary>
    /// The likeliest tokens in falling order, by id among equals, as far down as the filters may need them (at most
    /// <paramref name="most"/> matter), with their probabilities. Only these are sorted.
    /// </summary>
    private static int Likeliest(float* row, int vocabulary, float normaliser, SamplingOptions options, int most, out ulong[] keys, out double[] p)
    {
        if (keysOfThread is null || keysOfThread.Length < vocabulary)
        {
            keysOfThread = new ulong[vocabulary];
            probabilitiesOfThread = new double[vocabulary];
        }

        (keys, p) = (keysOfThread, probabilitiesOfThread!);
        var top = VectorMath.Max(row, vocabulary) - normaliser;
        // Deeper and deeper below the likeliest, until a filter is certain to cut above.
        var depth = 4f;
        var threshold = Negligible;
        for (; top - depth > Negligible; depth *= 2)
        {
            var (mass, above) = Above(row, vocabulary, normaliser, top - depth);
            // What top-p takes is a part of what top-k leaves, so top-k has to be complete.
            if (options.TopK > 0 ? above >= most : mass >= options.TopP + FastError || 1.001 * Math.Exp(-depth) < options.MinP)
            {
                threshold = top - depth;
                break;
            }
        }

        var count = 0;
        for (var i = 0; i < vocabulary; i++)
        {
            var x = row[i] - normaliser;
            if (x > threshold)
            {
                // Falling in x, then rising in the token: one integer to sort by.
                var bits = BitConverter.SingleToUInt32Bits(x);
                bits = (bits & 0x8000_0000) != 0 ? bits : ~bits & 0x7FFF_FFFF;
                keys[count++] = ((ulong)bits << 32) | (uint)i;
            }
        }

        Array.Sort(keys, 0, count);
        for (var i = 0; i < Math.Min(count, most); i++)
        {
            p[i] = Math.Exp(row[(int)(uint)keys[i]] - normaliser);
        }

        return count;
    }

    /// <summary>Mass and number of the tokens above a log-probability.</summary>
    private static (double Mass, int Count) Above(float* row, int vocabulary, float normaliser, float threshold)
    {
        var (shift, limit) = (Vector512.Create(normaliser), Vector512.Create(threshold));
        var (sum, count) = (Vector512<float>.Zero, Vector512<int>.Zero);
        for (var i = 0; i < vocabulary; i += 16)
        {
            var x = Vector512.Load(row + i) - shift;
            var above = Vector512.GreaterThan(x, limit);
            sum += above & VectorMath.Exp(x);
            count -= above.AsInt32();
        }

        return (Vector512.Sum(sum), Vector512.Sum(count));
    }
}
