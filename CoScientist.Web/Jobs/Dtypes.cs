using CoScientist.Training.Kernels.Mixed;

namespace CoScientist.Web.Jobs;

/// <summary>Names of the numbers in which a checkpoint is read for inference.</summary>
internal static class Dtypes
{
    /// <summary>The name that changes no bit of a result.</summary>
    public const string Full = "fp32";

    /// <summary>All names.</summary>
    public static string[] Names { get; } = [Full, "bf16", "int8"];

    /// <summary>What a name stands for; none stands for <see cref="Full"/>.</summary>
    public static Precision Of(string? name) => name switch { "bf16" => Precision.Bfloat16, "int8" => Precision.Int8, _ => Precision.Single };
}
