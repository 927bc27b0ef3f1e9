using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using CoScientist.Core;
using CoScientist.Training.Tensors;

namespace CoScientist.Training.Kernels.Mixed;

/// <summary>How this process multiplies bfloat16 matrices.</summary>
public enum Bf16Kernel
{
    /// <summary>Managed code: pairs widened and multiplied in single precision. Right everywhere.</summary>
    Portable,

    /// <summary>Emitted code with the dot-product instruction VDPBF16PS of AVX-512, on AMD processors.</summary>
    DotProduct,

    /// <summary>Emitted code for the matrix unit AMX of Intel processors.</summary>
    MatrixTiles,
}

/// <summary>
/// Chooses and calls the only machine code that this program writes for itself: tiles of a bfloat16 product for two
/// instruction families that .NET does not expose, on 64-bit Linux on x86 only. It is off when
/// <c>COSCIENTIST_NATIVE_KERNELS=0</c> says so, and by itself when the processor lacks the instructions, the operating system
/// refuses their state, or the self-test disagrees with the portable kernel. The choice follows from processor and setting
/// alone, never from a timing, so that results repeat.
/// </summary>
internal static unsafe partial class NativeKernels
{
    /// <summary>Environment variable that turns emitted code off with the value 0.</summary>
    public const string Switch = "COSCIENTIST_NATIVE_KERNELS";

    /// <summary>Rows of a dot-product tile: 24 accumulators of the 32 registers.</summary>
    private const int MostRows = 12;

    /// <summary>Rows of two stacked matrix tiles.</summary>
    private const int TileRows = 32;

    private const long ArchPrctl = 158;
    private const long RequestPermission = 0x1023;
    private const long TileData = 18;

    // Entries by number of rows; those that add to the result follow after MostRows + 1.
    private static readonly nint[] DotProducts = new nint[2 * (MostRows + 1)];

    // 64 bytes for each number of rows.
    private static readonly byte* Configurations = (byte*)NativeMemory.AlignedAlloc(64 * (TileRows + 1), 64);
    private static nint tiles32;
    private static nint tiles16;
    private static nint configure;
    private static nint release;

    static NativeKernels()
    {
        try
        {
            (Selected, Reason) = Choose();
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException or InvalidOperationException)
        {
            (Selected, Reason) = (Bf16Kernel.Portable, "machine code could not be emitted: " + e.Message);
        }
    }

    /// <summary>The kernel of this process.</summary>
    public static Bf16Kernel Selected { get; }

    /// <summary>Why, for people to read.</summary>
    public static string Reason { get; }

    /// <summary>c [rows, 32] (+)= a · b by VDPBF16PS.</summary>
    public static void DotProductPanel(Bf16MatMul.LeftSide a, ushort* b, float* c, long cRow, int rows, int depth, bool accumulate)
    {
        var call = new TileCall { LeftRow = a.RowBytes, LeftPair = a.PairBytes, Right = b, Pairs = depth / 2, ResultRow = (nint)cRow * sizeof(float) };
        // Tiles as even as possible: in one of few rows the multipliers wait for one another.
        for (var tiles = (rows + MostRows - 1) / MostRows; tiles > 0; tiles--)
        {
            var height = (rows + tiles - 1) / tiles;
            call.Left = a.Start;
            call.Result = c;
            MatMul.Prefetch(c + (height * cRow), cRow, Math.Min(height, rows - height));
            ((delegate* unmanaged[SuppressGCTransition]<TileCall*, void>)DotProducts[height + (accumulate ? MostRows + 1 : 0)])(&call);
            a = a.Below(height);
            c += height * cRow;
            rows -= height;
        }
    }

    /// <summary>c [rows, 32] (+)= a · b by AMX; the pairs of a row of a must be adjacent. The thread's tiles are configured and released inside.</summary>
    public static void MatrixTilesPanel(Bf16MatMul.LeftSide a, ushort* b, float* c, long cRow, int rows, int depth, bool accumulate)
    {
        var call = new TileCall { LeftRow = a.RowBytes, LeftPair = a.PairBytes, Right = b, Pairs = depth / 2, ResultRow = (nint)cRow * sizeof(float), Accumulate = accumulate ? 1 : 0 };
        var configured = 0;
        for (var done = 0; done < rows; done += TileRows)
        {
            var height = Math.Min(TileRows, rows - done);
            if (height != configured)
            {
                ((delegate* unmanaged[SuppressGCTransition]<byte*, void>)configure)(Configurations + (64 * height));
                configured = height;
            }

            call.Left = a.Below(done).Start;
            call.Result = c + (done * cRow);
            ((delegate* unmanaged[SuppressGCTransition]<TileCall*, void>)(height > TileRows / 2 ? tiles32 : tiles16))(&call);
        }

        ((delegate* unmanaged[SuppressGCTransition]<void>)release)();
    }

    private static (Bf16Kernel Kernel, string Reason) Choose()
    {
        if (Environment.GetEnvironmentVariable(Switch) == "0")
        {
            return (Bf16Kernel.Portable, $"{Switch}=0 turns emitted code off");
        }

        if (!OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture != Architecture.X64)
        {
            return (Bf16Kernel.Portable, "emitted code is for 64-bit Linux on x86 only");
        }

        if (!Vector512.IsHardwareAccelerated || X86Base.CpuId(0, 0).Eax < 7)
        {
            return (Bf16Kernel.Portable, "the processor has no 512-bit vectors");
        }

        var (leaves, _, _, features) = X86Base.CpuId(7, 0);
        var matrixUnit = (features & (1 << 22)) != 0 && (features & (1 << 24)) != 0;
        var dotProduct = leaves >= 1 && (X86Base.CpuId(7, 1).Eax & (1 << 5)) != 0;
        if (matrixUnit && SystemCall(ArchPrctl, RequestPermission, TileData) == 0)
        {
            EmitMatrixTiles();
            return Tested(Bf16Kernel.MatrixTiles, "AMX, emitted code");
        }

        if (!dotProduct)
        {
            return (Bf16Kernel.Portable, matrixUnit ? "the operating system refuses AMX" : "the processor multiplies no bfloat16");
        }

        // "AuthenticAMD": on Intel's processors VDPBF16PS is slower than multiplying in single precision.
        if (X86Base.CpuId(0, 0).Ebx != 0x68747541)
        {
            return (Bf16Kernel.Portable, "this processor's VDPBF16PS is slower than single precision" + (matrixUnit ? ", and the operating system refuses AMX" : ""));
        }

        EmitDotProducts();
        return Tested(Bf16Kernel.DotProduct, "AVX-512 VDPBF16PS, emitted code");
    }

    private static void EmitDotProducts()
    {
        var code = new MachineCode();
        var offsets = new int[DotProducts.Length];
        for (var rows = 1; rows <= MostRows; rows++)
        {
            offsets[rows] = code.DotProductTile(rows, accumulate: false);
            offsets[rows + MostRows + 1] = code.DotProductTile(rows, accumulate: true);
        }

        code.Seal();
        for (var i = 0; i < offsets.Length; i++)
        {
            DotProducts[i] = code.Entry(offsets[i]);
        }
    }

    private static void EmitMatrixTiles()
    {
        var code = new MachineCode();
        var entries = code.MatrixTiles();
        code.Seal();
        (tiles32, tiles16, configure, release) = (code.Entry(entries.Tiles32), code.Entry(entries.Tiles16), code.Entry(entries.Configure), code.Entry(entries.Release));
        new Span<byte>(Configurations, 64 * (TileRows + 1)).Clear();
        for (var rows = 1; rows <= TileRows; rows++)
        {
            // Palette 1; bytes of a row at 16 + 2·tile, rows at 48 + tile. A tile without rows must have no bytes either.
            var configuration = Configurations + (64 * rows);
            configuration[0] = 1;
            var (upper, lower) = (Math.Min(rows, TileRows / 2), Math.Max(rows - (TileRows / 2), 0));
            ReadOnlySpan<int> heights = [upper, upper, lower, lower, upper, lower, TileRows / 2, TileRows / 2];
            for (var tile = 0; tile < 8; tile++)
            {
                configuration[48 + tile] = (byte)heights[tile];
                configuration[16 + (2 * tile)] = (byte)(heights[tile] > 0 ? 64 : 0);
            }
        }
    }

    /// <summary>
    /// Random products against the portable kernel: every number of rows that a panel is asked for, up to a whole block, and
    /// inner lengths from one step to a whole block, of a left side in the middle of longer rows and into a panel between others.
    /// </summary>
    private static (Bf16Kernel Kernel, string Reason) Tested(Bf16Kernel kernel, string reason)
    {
        const int Rows = Bf16MatMul.RowBlock;
        const int Depth = Bf16MatMul.DepthBlock;
        const int LeftStride = Depth + Bf16MatMul.DepthStep;
        const int Panel = Bf16MatMul.PanelWidth;
        const int Stride = 3 * Panel;
        var random = new SeededRandom(1);
        using var memory = new FloatBuffer((Rows * LeftStride / 2) + (Depth * Panel / 2) + (2 * Rows * Stride));
        var left = (ushort*)memory.Pointer;
        var right = left + (Rows * LeftStride);
        var expected = (float*)(right + (Depth * Panel));
        var actual = expected + (Rows * Stride);
        Fill(left, Rows * LeftStride);
        Fill(right, Depth * Panel);
        for (var rows = 1; rows <= Rows; rows++)
        {
            if (!Agrees(rows, Bf16MatMul.DepthStep) || !Agrees(rows, 3 * Bf16MatMul.DepthStep) || (rows % 19 == 1 && !Agrees(rows, Depth)))
            {
                return (Bf16Kernel.Portable, reason + " failed its self-test");
            }
        }

        return Agrees(Rows, Depth) ? (kernel, reason) : (Bf16Kernel.Portable, reason + " failed its self-test");

        bool Agrees(int rows, int depth) =>
            AgreesOn(Bf16MatMul.LeftSide.Rows(left, LeftStride).From(Bf16MatMul.DepthStep), rows, depth)
            && (kernel == Bf16Kernel.MatrixTiles || rows > Panel || AgreesOn(new Bf16MatMul.LeftSide(left, 2 * sizeof(ushort), 2 * sizeof(ushort) * Panel), rows, depth));

        // The dot-product kernel also reads left sides that are packed pair by pair.
        bool AgreesOn(Bf16MatMul.LeftSide side, int rows, int depth)
        {
            for (var i = 0; i < Rows * Stride; i++)
            {
                expected[i] = actual[i] = i % 7;
            }

            // Overwritten, then added to; what was not asked for must stay as it is.
            foreach (var accumulate in (ReadOnlySpan<bool>)[false, true])
            {
                Bf16MatMul.Panel(Bf16Kernel.Portable, side, right, expected + Panel, Stride, rows, depth, accumulate);
                Bf16MatMul.Panel(kernel, side, right, actual + Panel, Stride, rows, depth, accumulate);
            }

            for (var i = 0; i < Rows * Stride; i++)
            {
                var asked = i / Stride < rows && i % Stride / Panel == 1;
                if (!(Math.Abs(expected[i] - actual[i]) <= (asked ? 1e-3f : 0)))
                {
                    return false;
                }
            }

            return true;
        }

        void Fill(ushort* values, int count)
        {
            for (var i = 0; i < count; i++)
            {
                values[i] = Bfloat16.Narrow((float)random.NextNormal());
            }
        }
    }

    [LibraryImport("libc", EntryPoint = "syscall")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial long SystemCall(long number, long first, long second);
}
