using CoScientist.Tests.Shared;
using CoScientist.Training.Kernels;
using CoScientist.Training.Kernels.Reference;

namespace CoScientist.Tests.Training.Kernels;

/// <summary>The fast matrix products against the plain ones: y = x Wᵀ, dx = dy W and dW = dyᵀ x.</summary>
public sealed unsafe class MatMulTests(KernelPools pools) : IClassFixture<KernelPools>
{
    /// <summary>Each length 1–70 in each role, the others awkward, and a few large ones across block and panel edges.</summary>
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

            data.Add(130, 513, 97);
            data.Add(49, 1100, 64);
            data.Add(1, 512, 300);
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Products_anyShape_equalTheReference(int rows, int inputs, int outputs)
    {
        var x = GradientCheck.Normals(rows * inputs, 1);
        var w = GradientCheck.Normals(outputs * inputs, 2);
        var dy = GradientCheck.Normals(rows * outputs, 3);
        var first = GradientCheck.Normals(Math.Max(rows, outputs) * inputs, 4);
        foreach (var pool in pools.All)
        {
            using var memory = new KernelMemory();
            var packed = memory.Filled((int)MatMul.PackedLength(inputs, outputs));
            var y = memory.Filled(rows * outputs);
            MatMul.PackTransposed(pool, memory.Of(w), outputs, inputs, packed);
            MatMul.Multiply(pool, memory.Of(x), inputs, 1, packed, y, outputs, rows, outputs, inputs, accumulate: false);
            Check("y", y, x, w, MatMulReference.Forward, rows * outputs, inputs);

            packed = memory.Filled((int)MatMul.PackedLength(outputs, inputs));
            var dx = memory.Filled(rows * inputs);
            MatMul.PackRows(pool, memory.Of(w), outputs, inputs, inputs, packed);
            MatMul.Multiply(pool, memory.Of(dy), outputs, 1, packed, dx, inputs, rows, inputs, outputs, accumulate: false);
            Check("dx", dx, dy, w, MatMulReference.InputGradient, rows * inputs, outputs);

            packed = memory.Filled((int)MatMul.PackedLength(rows, inputs));
            var dw = memory.Of(first[..(outputs * inputs)]);
            MatMul.PackRows(pool, memory.Of(x), rows, inputs, inputs, packed);
            MatMul.Multiply(pool, memory.Of(dy), 1, outputs, packed, dw, inputs, outputs, inputs, rows, accumulate: true);
            Check("dw", dw, dy, x, MatMulReference.WeightGradient, outputs * inputs, rows, first);
        }

        void Check(string what, float* actual, double[] a, double[] b, Product product, int length, int depth, double[]? start = null)
        {
            // Inputs as the kernel saw them, and the rounding bound of a chain of multiply-adds: depth · u · Σ|a||b|.
            var expected = start is null ? new double[length] : Floats(start[..length]);
            var bounds = expected.Select(Math.Abs).ToArray();
            product(Floats(a), Floats(b), expected, rows, inputs, outputs);
            product(Magnitudes(a), Magnitudes(b), bounds, rows, inputs, outputs);
            Close.Elements(what, expected, KernelMemory.ReadChecked(actual, length), [.. bounds.Select(bound => bound * (depth + 2) * Close.Rounding)]);
        }
    }

    [Fact]
    public void Multiply_anyThreadCountAndBatch_givesTheSameBits()
    {
        const int Rows = 150;
        const int Inputs = 600;
        const int Outputs = 131;
        using var memory = new KernelMemory();
        var x = memory.Of(GradientCheck.Normals(Rows * Inputs, 5));
        var packed = memory.Filled((int)MatMul.PackedLength(Inputs, Outputs));
        MatMul.PackTransposed(pools.Single, memory.Of(GradientCheck.Normals(Outputs * Inputs, 6)), Outputs, Inputs, packed);
        var whole = memory.Filled(Rows * Outputs);
        MatMul.Multiply(pools.Single, x, Inputs, 1, packed, whole, Outputs, Rows, Outputs, Inputs, accumulate: false);
        var expected = KernelMemory.ReadChecked(whole, Rows * Outputs);

        foreach (var pool in pools.All)
        {
            foreach (var (from, count) in new[] { (0, Rows), (0, 1), (149, 1), (3, 4), (17, 50), (41, 7) })
            {
                var part = memory.Filled(count * Outputs);
                MatMul.Multiply(pool, x + (from * Inputs), Inputs, 1, packed, part, Outputs, count, Outputs, Inputs, accumulate: false);
                Close.Bits($"rows {from}+{count}, {pool.Threads} threads", expected.AsSpan(from * Outputs, count * Outputs), KernelMemory.ReadChecked(part, count * Outputs));
            }
        }
    }

    [Fact]
    public void Multiply_noRows_leavesTheResultAlone()
    {
        using var memory = new KernelMemory();
        var c = memory.Filled(4, 7);
        MatMul.Multiply(pools.Single, memory.Filled(1), 1, 1, memory.Filled(32), c, 4, 0, 4, 1, accumulate: false);
        Assert.Equal([7, 7, 7, 7], KernelMemory.ReadChecked(c, 4));
    }

    private delegate void Product(ReadOnlySpan<double> a, ReadOnlySpan<double> b, Span<double> c, int rows, int inputs, int outputs);

    private static double[] Floats(double[] values) => [.. values.Select(value => (double)(float)value)];

    private static double[] Magnitudes(double[] values) => [.. values.Select(value => Math.Abs((double)(float)value))];
}
