using System.CommandLine;
using CoScientist.Training.Kernels.Mixed;
using CoScientist.Web.Jobs;

namespace CoScientist.Web.Commands;

/// <summary>The option that says in what numbers a checkpoint is read for inference.</summary>
internal static class Dtype
{
    /// <summary>The option; its default changes no bit of a result.</summary>
    public static Option<string> Create()
    {
        var option = new Option<string>("--dtype") { Description = "Numbers of a local checkpoint's weights: fp32, or bf16 or int8, which take a half or a quarter of the memory and change results a little", DefaultValueFactory = _ => Dtypes.Full };
        option.AcceptOnlyFromAmong(Dtypes.Names);
        return option;
    }

    /// <summary>What a value of the option stands for.</summary>
    public static Precision Of(string dtype) => Dtypes.Of(dtype);
}
