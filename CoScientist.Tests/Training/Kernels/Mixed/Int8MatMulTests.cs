using CoScientist.Tests.Shared;
using CoScientist.Training.Kernels;
using CoScientist.Training.Kernels.Mixed;
using CoScientist.Training.Kernels.Reference;

namespace CoScientist.Tests.Training.Kernels.Mixed;

/// <summary>Products with weights of 8 bits against the plain ones of the weights that the packed form stands for.</summary>
public sealed unsafe class Int8MatMulTests(KernelPools pools) : IClassFixture<KernelPools>
{
    public static TheoryData<int, int, int> Shapes
    {
        get
        {
            var data = new TheoryData<int, int, int>();
            for (var n = 1; n <= 30; n++)
            {
                data.Add(n, 1 + (n * 7 % 19), 1 + (n * 5 % 41));
                data.Add(1 + (n * 3 % 13), n * 7, 33);
            }

            data.Add(1, 128, 32);
            data.Add(70, 300, 97);
            data.Add(9, 1100, 64);
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Multiply_anyShape_isTheProductOfTheRoundedWeights(int rows, int inputs, int outputs)
    {
        using var memory = new KernelMemory();
        var x = GradientCheck.Normals(rows * inputs, 1);
        var w = GradientCheck.Normals(outputs * inputs, 2);
        var first = GradientCheck.Normals(rows * outputs, 3);
        var packed = (byte*)memory.Filled((int)Int8MatMul.PackedLength(inputs, outputs) / 4);
        Int8MatMul.PackTransposed(pools.Single, memory.Of(w), outputs, inputs, packed);
        var rounded = memory.Filled(outputs * inputs);
        for (var column = 0; column < outputs; column++)
        {
            Int8MatMul.Column(packed, inputs, column, rounded + (column * inputs));
        }

        // Each weight is within half a step of its group, whose largest takes 127 steps.
        var actual = KernelMemory.ReadChecked(rounded, outputs * inputs);
        for (var row = 0; row < outputs; row++)
        {
            for (var from = 0; from < inputs; from += Int8MatMul.Group)
            {
                var group = w.AsSpan((row * inputs) + from, Math.Min(Int8MatMul.Group, inputs - from)).ToArray();
                for (var i = 0; i < group.Length; i++)
                {
                    Assert.True(Math.Abs(actual[(row * inputs) + from + i] - group[i]) <= (group.Max(Math.Abs) / 254) + 1e-6, $"weight {row}, {from + i}");
                }
            }
        }

        // Half a step of 2⁻¹⁵ of the largest |x| for each input, and the rounding of sums.
        double[] weights = [.. actual.Select(value => (double)value)];
        var expected = new double[rows * outputs];
        MatMulReference.Forward<double>([.. x.Select(value => (double)(float)value)], weights, expected, rows, inputs, outputs);
        var steps = x.Max(Math.Abs) / 65534 * 1.01;
        double[] sums = [.. Enumerable.Range(0, outputs).Select(column => weights.Skip(column * inputs).Take(inputs).Sum(Math.Abs))];
        var bounds = new double[rows * outputs];
        for (var i = 0; i < bounds.Length; i++)
        {
            expected[i] += (float)first[i];
            bounds[i] = (sums[i % outputs] * steps) + 1e-5;
        }

        foreach (var pool in pools.All)
        {
            var y = memory.Of(first);
            Int8MatMul.Multiply(pool, memory.Of(x), inputs, packed, y, outputs, rows, outputs, inputs, accumulate: true);
            Close.Elements("y", expected, KernelMemory.ReadChecked(y, rows * outputs), bounds);
        }
    }

    [Fact]
    public void Multiply_anyThreadCountAndBatch_givesTheSameBits()
    {
        const int Rows = 70;
        const int Inputs = 600;
        const int Outputs = 131;
        using var memory = new KernelMemory();
        var x = memory.Of(GradientCheck.Normals(Rows * Inputs, 5));
        var packed = (byte*)memory.Filled((int)Int8MatMul.PackedLength(Inputs, Outputs) / 4);
        Int8MatMul.PackTransposed(pools.Single, memory.Of(GradientCheck.Normals(Outputs * Inputs, 6)), Outputs, Inputs, packed);
        var whole = memory.Filled(Rows * MatMul.Padded(Outputs));
        Int8MatMul.Block(x, Inputs, packed, whole, MatMul.Padded(Outputs), Rows, Outputs, Inputs, accumulate: false);
        foreach (var pool in pools.All)
        {
            foreach (var (from, count) in new[] { (0, Rows), (0, 1), (69, 1), (3, 4), (17, 50) })
            {
                var part = memory.Filled(count * Outputs);
                Int8MatMul.Multiply(pool, x + (from * Inputs), Inputs, packed, part, Outputs, count, Outputs, Inputs, accumulate: false);
                for (var row = 0; row < count; row++)
                {
                    Close.Bits($"row {from + row}, {pool.Threads} threads", new ReadOnlySpan<float>(whole + ((from + row) * MatMul.Padded(Outputs)), Outputs), new ReadOnlySpan<float>(part + (row * Outputs), Outputs));
                }
            }
        }
    }

    [Theory]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void Multiply_notFiniteInput_isNotHidden(double broken)
    {
        const int Inputs = 200;
        using var memory = new KernelMemory();
        var values = GradientCheck.Normals(Inputs, 7);
        values[150] = broken;
        var packed = (byte*)memory.Filled((int)Int8MatMul.PackedLength(Inputs, 32) / 4);
        Int8MatMul.PackTransposed(pools.Single, memory.Of(GradientCheck.Normals(32 * Inputs, 8)), 32, Inputs, packed);
        var y = memory.Filled(32, 0);
        Int8MatMul.Multiply(pools.Single, memory.Of(values), Inputs, packed, y, 32, 1, 32, Inputs, accumulate: false);
        Assert.All(KernelMemory.ReadChecked(y, 32), value => Assert.False(float.IsFinite(value)));
    }
}
