namespace CoScientist.Tests.Shared;

/// <summary>Compares float results with the reference in double precision.</summary>
internal static class Close
{
    /// <summary>Half a unit in the last place of a float near 1: the relative error of one rounding.</summary>
    public const double Rounding = 1.0 / (1 << 24);

    /// <summary>Every element within <paramref name="tolerance"/> times the largest expected magnitude, or times <paramref name="floor"/> where all are smaller: sums that cancel have errors of their terms' size.</summary>
    public static void ToScale(string what, double[] expected, float[] actual, double tolerance, double floor = 0)
    {
        var scale = expected.Length == 0 ? 0 : Math.Max(floor, expected.Max(Math.Abs));
        Elements(what, expected, actual, Enumerable.Repeat(tolerance * scale, expected.Length).ToArray());
    }

    /// <summary>Every element within its own bound.</summary>
    public static void Elements(string what, double[] expected, float[] actual, double[] bounds)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++)
        {
            // Written so that NaN fails.
            if (!(Math.Abs(expected[i] - actual[i]) <= bounds[i]))
            {
                Assert.Fail($"{what}[{i}]: expected {expected[i]:R}, got {actual[i]:R}, allowed ±{bounds[i]:E1}.");
            }
        }
    }

    /// <summary>The same bits, NaN included.</summary>
    public static void Bits(string what, ReadOnlySpan<float> expected, ReadOnlySpan<float> actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++)
        {
            if (BitConverter.SingleToInt32Bits(expected[i]) != BitConverter.SingleToInt32Bits(actual[i]))
            {
                Assert.Fail($"{what}[{i}]: {expected[i]:R} and {actual[i]:R} are not the same bits.");
            }
        }
    }
}
