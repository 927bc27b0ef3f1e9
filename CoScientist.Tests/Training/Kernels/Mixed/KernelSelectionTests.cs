using System.Runtime.Intrinsics;
using CoScientist.Training.Kernels.Mixed;

namespace CoScientist.Tests.Training.Kernels.Mixed;

/// <summary>What is said of the kernels is what is used.</summary>
public sealed class KernelSelectionTests
{
    [Fact]
    public void All_everyKindOfNumbers_isNamedWithAReason()
    {
        Assert.Equal(["fp32", "bf16", "int8"], KernelSelection.All.Select(choice => choice.Numbers));
        Assert.All(KernelSelection.All, choice => Assert.NotEmpty(choice.Reason));
        Assert.Equal(Vector512.IsHardwareAccelerated, KernelSelection.All[0].Kernel == "512-bit vectors");
        Assert.Equal(Bf16MatMul.Kernel == Bf16Kernel.Portable, KernelSelection.All[1].Kernel.StartsWith("fp32", StringComparison.Ordinal));
    }
}
