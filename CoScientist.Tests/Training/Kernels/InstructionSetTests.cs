using System.Runtime.Intrinsics;
using CoScientist.Tests.Shared;

namespace CoScientist.Tests.Training.Kernels;

/// <summary>The kernel tests again, in processes that may not use the widest instructions: what other machines will run.</summary>
public sealed class InstructionSetTests
{
    private const string Expectation = "COSCIENTIST_WIDEST_VECTOR";

    [Fact]
    public void Vectors_inAReducedProcess_areReduced()
    {
        var widest = Environment.GetEnvironmentVariable(Expectation);
        Assert.False(widest is "256" && Vector512.IsHardwareAccelerated, "512-bit vectors are still in use.");
        Assert.False(widest is "128" && Vector256.IsHardwareAccelerated, "256-bit vectors are still in use.");
    }

    [Theory]
    [InlineData("DOTNET_EnableAVX512", "256", "AttentionTests.*", "ElementwiseKernelTests.*", "MatMulTests.*", "Mixed.*")]
    [InlineData("COSCIENTIST_NATIVE_KERNELS", "512", "Mixed.*")]
    // Fused multiply-adds are emulated there, hundreds of times slower: the shortest tests only.
    [InlineData("DOTNET_EnableAVX2", "128", "AttentionTests.Forward_*", "ElementwiseKernelTests.RmsNorm_*", "MatMulTests.Multiply_*")]
    public async Task Kernels_withoutTheWidestInstructions_passTheSameTests(string switchName, string widest, params string[] tests)
    {
        if (ChildTests.Inside)
        {
            return;
        }

        await ChildTests.PassAsync(
            tests.Append("InstructionSetTests.Vectors_*").Select(test => $"{typeof(InstructionSetTests).Namespace}.{test}"),
            (switchName, "0"),
            (Expectation, widest));
    }
}
