using System.Diagnostics;
using System.Runtime.Intrinsics;

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
        if (Environment.GetEnvironmentVariable(Expectation) is not null)
        {
            return; // This is the reduced process.
        }

        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "CoScientist.Tests" + (OperatingSystem.IsWindows() ? ".exe" : "")))
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var test in tests.Append("InstructionSetTests.Vectors_*"))
        {
            start.ArgumentList.Add("-method");
            start.ArgumentList.Add($"{typeof(InstructionSetTests).Namespace}.{test}");
        }

        start.Environment[switchName] = "0";
        start.Environment[Expectation] = widest;
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        var output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.True(process.ExitCode == 0, output + await errors);
        Assert.Contains("Failed: 0", output, StringComparison.Ordinal);
        Assert.DoesNotContain("Total: 0", output, StringComparison.Ordinal);
    }
}
