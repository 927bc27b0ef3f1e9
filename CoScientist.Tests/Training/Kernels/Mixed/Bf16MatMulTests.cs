using CoScientist.Tests.Shared;
using CoScientist.Training.Kernels;
using CoScientist.Training.Kernels.Mixed;
using CoScientist.Training.Kernels.Reference;

namespace CoScientist.Tests.Training.Kernels.Mixed;

/// <summary>
/// Products of bfloat16 numbers against the plain ones in double precision of the same rounded numbers: the kernel that this
/// processor gets, and in reduced processes (<see cref="InstructionSetTests"/>) the portable one.
/// </summary>
public sealed unsafe class Bf16MatMulTests(KernelPools pools) : IClassFixture<KernelPools>
{
    /// <summary>Each length 1–70 in one role, the others awkward, and a few large ones across block and panel edges.</summary>
    public static TheoryData<int, int, int> Shapes
    {
        get
        {
            var data = new TheoryData<int, int, int>();
            for (var n = 1; n <= 70; n++)
            {
                data.Add(n, 1 + (n * 7 % 19), 1 + (n * 5 % 41));
                data.Add(1 + (n * 3 % 13), n, 33);
                data.Add(1 + (n * 11 % 17), 5, n);
            }

            data.Add(130, 545, 97);
            data.Add(49, 1100, 64);
            data.Add(1, 512, 300);
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Products_anyShape_equalTheReference(int rows, int inputs, int outputs)
    {
        var x = Rounded(rows * inputs, 1);
        var w = Rounded(outputs * inputs, 2);
        var dy = Rounded(rows * outputs, 3);
        var first = GradientCheck.Normals(outputs * inputs, 4);
        foreach (var pool in pools.All)
        {
            using var memory = new KernelMemory();
            var packed = Halves(memory, Bf16MatMul.PackedLength(inputs, outputs));
            var y = memory.Filled(rows * outputs);
            Bf16MatMul.PackTransposed(pool, memory.Of(w), outputs, inputs, packed);
            Bf16MatMul.Multiply(pool, memory.Of(x), inputs, packed, y, outputs, rows, outputs, inputs, accumulate: false);
            Check("y", y, x, w, MatMulReference.Forward, rows * outputs, inputs);

            packed = Halves(memory, Bf16MatMul.PackedLength(outputs, inputs));
            var dx = memory.Filled(rows * inputs);
            Bf16MatMul.PackRows(pool, memory.Of(w), outputs, inputs, inputs, packed);
            Bf16MatMul.Multiply(pool, memory.Of(dy), outputs, packed, dx, inputs, rows, inputs, outputs, accumulate: false);
            Check("dx", dx, dy, w, MatMulReference.InputGradient, rows * inputs, outputs);

            packed = Halves(memory, Bf16MatMul.PackedLength(rows, inputs));
            var left = Halves(memory, Bf16MatMul.PackedLeftLength(rows, outputs));
            var dw = memory.Of(first);
            Bf16MatMul.PackRows(pool, memory.Of(x), rows, inputs, inputs, packed);
            Bf16MatMul.PackLeft(pool, memory.Of(dy), rows, outputs, outputs, left);
            Bf16MatMul.MultiplyPacked(pool, left, packed, dw, inputs, outputs, inputs, rows, accumulate: true);
            Check("dw", dw, dy, x, MatMulReference.WeightGradient, outputs * inputs, rows, first);
        }

        void Check(string what, float* actual, double[] a, double[] b, Product product, int length, int depth, double[]? start = null)
        {
            // Products of two bfloat16 are exact in single precision; sums round once or twice for each pair.
            var expected = start is null ? new double[length] : [.. start.Select(value => (double)(float)value)];
            var bounds = expected.Select(Math.Abs).ToArray();
            product(a, b, expected, rows, inputs, outputs);
            product([.. a.Select(Math.Abs)], [.. b.Select(Math.Abs)], bounds, rows, inputs, outputs);
            Close.Elements(what, expected, KernelMemory.ReadChecked(actual, length), [.. bounds.Select(bound => bound * (depth + 4) * Close.Rounding)]);
        }
    }

    [Fact]
    public void Packing_fromEitherType_givesTheSameBits()
    {
        const int Rows = 45;
        const int Cols = 70;
        using var memory = new KernelMemory();
        var single = memory.Of(Rounded(Rows * Cols, 5));
        var half = Halves(memory, Rows * Cols);
        Bfloat16.Narrow(single, half, Rows * Cols);
        foreach (var pool in pools.All)
        {
            var length = (int)Math.Max(Bf16MatMul.PackedLength(Rows, Cols), Bf16MatMul.PackedLength(Cols, Rows));
            var a = memory.Filled(length / 2, 1);
            var b = memory.Filled(length / 2, 1);
            Bf16MatMul.PackRows(pool, single, Rows, Cols, Cols, (ushort*)a);
            Bf16MatMul.PackRows(pool, half, Rows, Cols, Cols, (ushort*)b);
            Close.Bits("rows", KernelMemory.ReadChecked(a, length / 2), KernelMemory.ReadChecked(b, length / 2));
            Bf16MatMul.PackTransposed(pool, single, Rows, Cols, (ushort*)a);
            Bf16MatMul.PackTransposed(pool, half, Rows, Cols, (ushort*)b);
            Close.Bits("transposed", KernelMemory.ReadChecked(a, length / 2), KernelMemory.ReadChecked(b, length / 2));
        }
    }

    [Fact]
    public void Multiply_anyThreadCountBatchAndLeftType_givesTheSameBits()
    {
        const int Rows = 150;
        const int Inputs = 608;
        const int Outputs = 131;
        using var memory = new KernelMemory();
        var x = memory.Of(Rounded(Rows * Inputs, 6));
        var half = Halves(memory, Rows * Inputs);
        Bfloat16.Narrow(x, half, Rows * Inputs);
        var packed = Halves(memory, Bf16MatMul.PackedLength(Inputs, Outputs));
        Bf16MatMul.PackTransposed(pools.Single, memory.Of(Rounded(Outputs * Inputs, 7)), Outputs, Inputs, packed);
        var whole = memory.Filled(Rows * Outputs);
        Bf16MatMul.Multiply(pools.Single, x, Inputs, packed, whole, Outputs, Rows, Outputs, Inputs, accumulate: false);
        var expected = KernelMemory.ReadChecked(whole, Rows * Outputs);

        foreach (var pool in pools.All)
        {
            foreach (var (from, count) in new[] { (0, Rows), (0, 1), (149, 1), (3, 4), (17, 50), (41, 7) })
            {
                var part = memory.Filled(count * Outputs);
                Bf16MatMul.Multiply(pool, x + (from * Inputs), Inputs, packed, part, Outputs, count, Outputs, Inputs, accumulate: false);
                Close.Bits($"rows {from}+{count}, {pool.Threads} threads", expected.AsSpan(from * Outputs, count * Outputs), KernelMemory.ReadChecked(part, count * Outputs));
                part = memory.Filled(count * Outputs);
                Bf16MatMul.Multiply(pool, half + (from * Inputs), Inputs, packed, part, Outputs, count, Outputs, Inputs, accumulate: false);
                Close.Bits($"narrow rows {from}+{count}, {pool.Threads} threads", expected.AsSpan(from * Outputs, count * Outputs), KernelMemory.ReadChecked(part, count * Outputs));
            }
        }
    }

    // In a process of its own: here every collection would stop all tests and go through all that they keep.
    [Fact]
    public Task Multiply_whileTheCollectorRuns_givesTheSameBits()
    {
        if (!ChildTests.Inside)
        {
            return ChildTests.PassAsync([$"{typeof(Bf16MatMulTests).FullName}.{nameof(Multiply_whileTheCollectorRuns_givesTheSameBits)}"]);
        }

        MultiplyWhileTheCollectorRuns();
        return Task.CompletedTask;
    }

    [Fact]
    public void Kernel_switchedOff_isThePortableOne()
    {
        var off = Environment.GetEnvironmentVariable(NativeKernels.Switch) == "0";
        Assert.True(!off || Bf16MatMul.Kernel == Bf16Kernel.Portable, NativeKernels.Reason);
        Assert.DoesNotContain("self-test", NativeKernels.Reason, StringComparison.Ordinal);
    }

    private void MultiplyWhileTheCollectorRuns()
    {
        const int Rows = 100;
        const int Inputs = 256;
        const int Outputs = 96;
        using var memory = new KernelMemory();
        var x = memory.Of(Rounded(Rows * Inputs, 8));
        var packed = Halves(memory, Bf16MatMul.PackedLength(Inputs, Outputs));
        Bf16MatMul.PackTransposed(pools.Single, memory.Of(Rounded(Outputs * Inputs, 9)), Outputs, Inputs, packed);
        var first = memory.Filled(Rows * Outputs);
        Bf16MatMul.Multiply(pools.Single, x, Inputs, packed, first, Outputs, Rows, Outputs, Inputs, accumulate: false);
        var expected = KernelMemory.ReadChecked(first, Rows * Outputs);
        using var stop = new CancellationTokenSource();
        var collector = new Thread(() =>
        {
            for (var i = 0; !stop.IsCancellationRequested; i++)
            {
                GC.Collect(i % 3, GCCollectionMode.Forced, blocking: true, compacting: i % 3 == 2);
            }
        });
        var allocator = new Thread(() =>
        {
            var kept = new object[1000];
            for (var i = 0; !stop.IsCancellationRequested; i++)
            {
                kept[i % kept.Length] = new byte[i % 2000];
            }
        });
        collector.Start();
        allocator.Start();
        try
        {
            var result = memory.Filled(Rows * Outputs);
            for (var round = 0; round < 60; round++)
            {
                Bf16MatMul.Multiply(pools.All[round % pools.All.Count], x, Inputs, packed, result, Outputs, Rows, Outputs, Inputs, accumulate: false);
                Close.Bits($"round {round}", expected, KernelMemory.ReadChecked(result, Rows * Outputs));
            }
        }
        finally
        {
            stop.Cancel();
            collector.Join();
            allocator.Join();
        }
    }

    private delegate void Product(ReadOnlySpan<double> a, ReadOnlySpan<double> b, Span<double> c, int rows, int inputs, int outputs);

    private static double[] Rounded(int count, int seed) =>
        [.. GradientCheck.Normals(count, seed).Select(value => (double)Bfloat16.Widen(Bfloat16.Narrow((float)value)))];

    private static ushort* Halves(KernelMemory memory, long count) => (ushort*)memory.Filled((int)((count + 1) / 2));
}
