using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace CoScientist.Training.Kernels.Mixed;

/// <summary>What this processor multiplies one kind of numbers with.</summary>
/// <param name="Numbers">fp32, bf16 or int8, as the command line calls them.</param>
/// <param name="Kernel">The instructions.</param>
/// <param name="Reason">Why these.</param>
public sealed record KernelChoice(string Numbers, string Kernel, string Reason);

/// <summary>
/// Which kernels this process uses, for people to read. The choice depends on the processor, the operating system and
/// <c>COSCIENTIST_NATIVE_KERNELS</c> alone. Results in fp32 and int8 are the same bits with all of them, those in bf16 with
/// one kernel only: two processors may differ in the last digits of what they train in bf16.
/// </summary>
public static class KernelSelection
{
    /// <summary>A choice for each kind of numbers.</summary>
    public static IReadOnlyList<KernelChoice> All =>
    [
        new("fp32", Vectors(), "the widest that the processor has and .NET uses"),
        new("bf16", NativeKernels.Selected switch
        {
            Bf16Kernel.MatrixTiles => "AMX tiles",
            Bf16Kernel.DotProduct => "AVX-512 dot products",
            _ => "fp32 multiply-adds, " + Vectors(),
        }, NativeKernels.Reason),
        new("int8", Avx512BW.IsSupported ? "AVX-512 16-bit multiply-adds" : Avx2.IsSupported ? "AVX2 16-bit multiply-adds" : "32-bit multiplications", "exact in every width"),
    ];

    private static string Vectors() =>
        Vector512.IsHardwareAccelerated ? "512-bit vectors" : Vector256.IsHardwareAccelerated ? "256-bit vectors" : "128-bit vectors";
}
