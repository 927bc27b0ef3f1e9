using System.CommandLine;
using CoScientist.Training.Kernels.Mixed;

namespace CoScientist.Web.Commands;

/// <summary>The option that says in what numbers a checkpoint is read for inference.</summary>
internal static class Dtype
{
    private const string Full = "fp32";

    /// <summary>The option; its default changes no bit of a result.</summary>
    public static Option<string> Create()
    {
        var option = new Option<string>("--dtype") { Description = "Numbers of a local checkpoint's weights: fp32, or bf16 or int8, which take a half or a quarter of the memory and change results a little", DefaultValueFactory = _ => Full };
        option.AcceptOnlyFromAmong(Full, "bf16", "int8");
        return option;
    }

    /// <summary>What a value of the option stands for.</summary>
    public static Precision Of(string dtype) => dtype switch { "bf16" => Precision.Bfloat16, "int8" => Precision.Int8, _ => Precision.Single };
}
