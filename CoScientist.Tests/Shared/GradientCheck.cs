using CoScientist.Core;

namespace CoScientist.Tests.Shared;

/// <summary>Holds a hand-written gradient to central finite differences in double precision.</summary>
internal static class GradientCheck
{
    /// <summary>Step of the differences: truncation (h²) and rounding (2⁻⁵²/h) are then both near 1e-11 of the function's scale.</summary>
    private const double Step = 1e-5;

    /// <summary>Largest accepted error, relative to the larger of 1 and the gradient's own element.</summary>
    private const double Tolerance = 2e-8;

    /// <summary>Seeded normal numbers: test inputs without a pattern.</summary>
    public static double[] Normals(int count, long seed, double scale = 1)
    {
        var random = new SeededRandom(seed, count);
        return [.. Enumerable.Range(0, count).Select(_ => scale * random.NextNormal())];
    }

    /// <summary>Σ a·b: a scalar of an operation's output, whose gradient with respect to the output is the other factor.</summary>
    public static double Dot(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
    {
        var sum = 0.0;
        for (var i = 0; i < a.Length; i++)
        {
            sum += a[i] * b[i];
        }

        return sum;
    }

    /// <summary>Moves each element of <paramref name="variable"/> (or only those of <paramref name="indices"/>) both ways and compares the slope of <paramref name="function"/> with <paramref name="gradient"/>.</summary>
    public static void Matches(string name, Func<double> function, double[] variable, double[] gradient, IEnumerable<int>? indices = null)
    {
        Assert.Equal(variable.Length, gradient.Length);
        foreach (var i in indices ?? Enumerable.Range(0, variable.Length))
        {
            var kept = variable[i];
            variable[i] = kept + Step;
            var above = function();
            variable[i] = kept - Step;
            var below = function();
            variable[i] = kept;
            var slope = (above - below) / (2 * Step);
            var error = Math.Abs(slope - gradient[i]);
            Assert.True(error <= Tolerance * Math.Max(1, Math.Abs(slope)), $"d/d{name}[{i}]: by hand {gradient[i]:R}, by differences {slope:R}.");
        }
    }
}
