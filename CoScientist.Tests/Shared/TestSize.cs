using System.Globalization;

namespace CoScientist.Tests.Shared;

/// <summary>Sizes of tests that are small in the suite and large on request.</summary>
internal static class TestSize
{
    /// <summary>The number in an environment variable, else the usual one.</summary>
    public static double Of(string variable, double usual) =>
        double.TryParse(Environment.GetEnvironmentVariable(variable), CultureInfo.InvariantCulture, out var asked) ? asked : usual;
}
