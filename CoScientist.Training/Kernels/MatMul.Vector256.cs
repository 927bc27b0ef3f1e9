using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace CoScientist.Training.Kernels;

/// <content>The tile for processors without 512-bit registers; right everywhere, fast where 256-bit ones exist.</content>
public static unsafe partial class MatMul
{
    /// <summary>One row × 32 columns in four 256-bit registers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile1x32Vector256(float* a, nint aDepth, float* b, nint bRow, float* c, int depth, bool accumulate)
    {
        var c0 = accumulate ? Vector256.Load(c) : Vector256<float>.Zero;
        var c1 = accumulate ? Vector256.Load(c + 8) : Vector256<float>.Zero;
        var c2 = accumulate ? Vector256.Load(c + 16) : Vector256<float>.Zero;
        var c3 = accumulate ? Vector256.Load(c + 24) : Vector256<float>.Zero;
        nint at = 0;
        for (var k = 0; k < depth; k++)
        {
            var x = Vector256.Create(a[at]);
            c0 = Vector256.FusedMultiplyAdd(x, Vector256.Load(b), c0);
            c1 = Vector256.FusedMultiplyAdd(x, Vector256.Load(b + 8), c1);
            c2 = Vector256.FusedMultiplyAdd(x, Vector256.Load(b + 16), c2);
            c3 = Vector256.FusedMultiplyAdd(x, Vector256.Load(b + 24), c3);
            at += aDepth;
            b += bRow;
        }

        c0.Store(c);
        c1.Store(c + 8);
        c2.Store(c + 16);
        c3.Store(c + 24);
    }
}
