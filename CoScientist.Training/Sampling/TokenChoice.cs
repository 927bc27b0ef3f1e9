namespace CoScientist.Training.Sampling;

/// <summary>Choosing a token from a row of logits (already divided by the temperature).</summary>
internal static unsafe class TokenChoice
{
    /// <summary>The likeliest token; the lowest id among equals.</summary>
    public static int Best(float* row, int vocabulary)
    {
        var best = 0;
        for (var i = 1; i < vocabulary; i++)
        {
            if (row[i] > row[best])
            {
                best = i;
            }
        }

        return best;
    }

    /// <summary>Inverse transform sampling: the first token at which the cumulative probability exceeds <paramref name="u"/>.</summary>
    public static int Draw(float* row, int vocabulary, float normaliser, double topP, double u)
    {
        if (topP < 1)
        {
            return DrawNucleus(row, vocabulary, normaliser, topP, u);
        }

        var sum = 0.0;
        var last = 0;
        for (var i = 0; i < vocabulary; i++)
        {
            // Below e^−40 the probability is not representable beside 1 in single precision.
            var x = row[i] - normaliser;
            if (x < -40)
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

    /// <summary>Nucleus sampling (Holtzman et al. 2020): among the likeliest tokens whose probabilities first reach <paramref name="topP"/>.</summary>
    private static int DrawNucleus(float* row, int vocabulary, float normaliser, double topP, double u)
    {
        var order = new List<(double P, int Token)>();
        for (var i = 0; i < vocabulary; i++)
        {
            var x = row[i] - normaliser;
            if (x > -40)
            {
                order.Add((Math.Exp(x), i));
            }
        }

        order.Sort((a, b) => a.P != b.P ? b.P.CompareTo(a.P) : a.Token.CompareTo(b.Token));
        var (mass, count) = (0.0, 0);
        while (count < order.Count && mass < topP)
        {
            mass += order[count++].P;
        }

        var sum = 0.0;
        for (var i = 0; i < count; i++)
        {
            sum += order[i].P / mass;
            if (sum > u)
            {
                return order[i].Token;
            }
        }

        return order[count - 1].Token;
    }
}
