using CoScientist.Tests.Shared;
using CoScientist.Training.Kernels;
using CoScientist.Training.Kernels.Mixed;
using CoScientist.Training.Kernels.Reference;
using CoScientist.Training.Model;

namespace CoScientist.Tests.Training.Kernels;

/// <summary>
/// What products do at the end of a block against the same done after them, to the bit, and in single precision against the
/// plain twins: for few and many rows, inner lengths of one and of several passes, and widths that fill no panel.
/// </summary>
public sealed unsafe class EpilogueTests(KernelPools pools) : IClassFixture<KernelPools>
{
    private const float Epsilon = 1e-6f;

    public static TheoryData<Precision, int, int, int, int> Shapes
    {
        get
        {
            var data = new TheoryData<Precision, int, int, int, int>();
            foreach (var precision in (Precision[])[Precision.Single, Precision.Bfloat16])
            {
                data.Add(precision, 1, 33, 3, 6);
                data.Add(precision, 5, 600, 4, 24);
                data.Add(precision, 97, 64, 2, 34);
                data.Add(precision, 200, 31, 2, 64);
                data.Add(precision, 130, 1030, 1, 128);
                data.Add(precision, 61, 8, 37, 2);
            }

            return data;
        }
    }

    [Theory]
    [InlineData(Precision.Single)]
    [InlineData(Precision.Bfloat16)]
    [InlineData(Precision.Int8)]
    public void BiasAndResidual_anyShape_equalThoseAddedByThemselves(Precision precision)
    {
        foreach (var (rows, inputs, outputs) in ((int, int, int)[])[(1, 20, 1), (3, 33, 31), (100, 515, 65), (97, 40, 96), (13, 1100, 130)])
        {
            var (x, w, bias, residual) = (Floats(rows * inputs, 1), Floats(outputs * inputs, 2), Floats(outputs, 3), Floats(rows * outputs, 4));
            foreach (var pool in pools.All)
            {
                using var memory = new KernelMemory();
                var packed = Packed(memory, pool, precision, w, inputs, outputs);
                var separate = memory.Of(residual);
                packed.Multiply(pool, memory.Of(x), inputs, separate, outputs, rows, accumulate: true);
                var expected = KernelMemory.ReadChecked(separate, rows * outputs);
                for (var i = 0; i < expected.Length; i++)
                {
                    expected[i] += (float)bias[i % outputs];
                }

                var fused = memory.Filled(rows * outputs);
                packed.Multiply(pool, new Matrix(memory.Of(x), inputs), memory.Of(residual), fused, outputs, rows, memory.Of(bias), default(NoEpilogue));
                Close.Bits($"{rows}×{inputs}×{outputs}, {pool.Threads} threads", expected, KernelMemory.ReadChecked(fused, rows * outputs));
                if (precision == Precision.Single)
                {
                    var plain = new double[rows * outputs];
                    MatMulReference.Forward<double>(x, w, plain, rows, inputs, outputs);
                    MatMulReference.AddBias<double>(plain, bias, rows);
                    Close.ToScale("plain", [.. plain.Zip(residual, (a, b) => a + b)], expected, 1e-5);
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Heads_anyShape_equalNormAndRotationByThemselves(Precision precision, int rows, int inputs, int heads, int size)
    {
        var (half, width) = (precision == Precision.Bfloat16, heads * size);
        var (x, w, bias, gain) = (Floats(rows * inputs, 5), Floats(width * inputs, 6), Floats(width, 7), Floats(size, 8));
        int[] positions = [.. Enumerable.Range(0, rows).Select(i => i * 37 % 300)];
        using var rope = new Rope(RopeScaling.Frequencies(null, size, 10_000), 300);
        foreach (var pool in pools.All)
        {
            foreach (var normalised in (bool[])[true, false])
            {
                using var memory = new KernelMemory();
                var packed = Packed(memory, pool, precision, w, inputs, width);
                var projected = memory.Filled(rows * width);
                var (turned, roots, gains) = ((nint)memory.Filled(rows * width), (nint)memory.Filled(rows * heads), (nint)memory.Of(gain));
                packed.Multiply(pool, new Matrix(memory.Of(x), inputs), null, projected, width, rows, memory.Of(bias), default(NoEpilogue));
                var plain = KernelMemory.ReadChecked(projected, rows * width).Select(value => (double)value).ToArray();
                if (half && normalised)
                {
                    Round(projected, rows * width);
                }

                var kept = Copy(projected, rows * width);
                if (normalised)
                {
                    RmsNorm.Forward(pool, projected, (float*)gains, (float*)turned, (float*)roots, rows * heads, size, Epsilon);
                }
                else
                {
                    turned = (nint)projected;
                }

                fixed (int* at = positions)
                {
                    rope.Apply(pool, (float*)turned, at, rows, heads, inverse: false);
                    if (half)
                    {
                        Round((float*)turned, rows * width);
                    }

                    var (raw, result) = (Room(memory, rows, width, half), Room(memory, rows, width, half));
                    var fusedRoots = memory.Filled(rows * heads);
                    result = normalised ? result : raw;
                    var epilogue = new HeadEpilogue(raw, result, normalised ? (float*)gains : null, fusedRoots, Epsilon, rope.Angles(at, rows));
                    packed.Multiply(pool, new Matrix(memory.Of(x), inputs), null, raw.Target, width, rows, memory.Of(bias), epilogue);
                    Close.Bits("turned", Copy((float*)turned, rows * width), Read(result, rows));
                    if (normalised)
                    {
                        Close.Bits("projected", kept, Read(raw, rows));
                        Close.Bits("roots", Copy((float*)roots, rows * heads), KernelMemory.ReadChecked(fusedRoots, rows * heads));

                        // Once more from what is kept, as the backward pass does.
                        var again = Room(memory, rows, width, half);
                        Epilogue.Apply(pool, raw, rows, new HeadEpilogue(raw, again, (float*)gains, fusedRoots, Epsilon, rope.Angles(at, rows)));
                        Close.Bits("again", Read(result, rows), Read(again, rows));
                    }

                    if (!half)
                    {
                        var normal = (double[])plain.Clone();
                        if (normalised)
                        {
                            RmsNormReference.Forward(plain, gain, normal, rows * heads, size, Epsilon);
                        }

                        RopeReference.Forward(normal, positions, heads, size, 10_000.0);
                        Close.ToScale("plain", normal, Read(result, rows), 2e-6);
                    }
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void SwiGlu_anyShape_equalsItByItself(Precision precision, int rows, int inputs, int heads, int size)
    {
        var (half, width) = (precision == Precision.Bfloat16, heads * size);
        var (x, w, gate, dy, down) = (Floats(rows * inputs, 9), Floats(width * inputs, 10), Floats(rows * width, 11), Floats(rows * inputs, 12), Floats(inputs * width, 13));
        foreach (var pool in pools.All)
        {
            using var memory = new KernelMemory();
            var packed = Packed(memory, pool, precision, w, inputs, width);
            var (g, u, y) = ((nint)memory.Of(gate), (nint)memory.Filled(rows * width), (nint)memory.Filled(rows * width));
            packed.Multiply(pool, memory.Of(x), inputs, (float*)u, width, rows, accumulate: false);
            if (half)
            {
                Round((float*)g, rows * width);
                Round((float*)u, rows * width);
            }

            SwiGlu.Forward(pool, (float*)g, (float*)u, (float*)y, (long)rows * width);
            var (gates, ups, active) = (Room(memory, rows, width, half), Room(memory, rows, width, half), Room(memory, rows, width, half));
            Epilogue.Apply(pool, new Matrix((float*)g, width), rows, new StoreEpilogue(gates));
            for (var row = 0; row < rows && !half; row++)
            {
                gates.Write(row, 0, width, (float*)g + (row * width));
            }

            packed.Multiply(pool, new Matrix(memory.Of(x), inputs), null, ups.Target, width, rows, null, new SwiGluEpilogue(gates, ups, active));
            Close.Bits("up", Copy((float*)u, rows * width), Read(ups, rows));
            Close.Bits("active", Halved((float*)y, rows * width, half), Read(active, rows));

            // The gradient: dActive = dy · W_down with W_down [inputs, width], then those of gate and up in their places.
            var rowsOfDown = new PackedMatrix(precision, inputs, width, memory.Filled((int)PackedMatrix.Length(precision, inputs, width)));
            rowsOfDown.PackRows(pool, new Matrix(memory.Of(down), width));
            var dActive = memory.Filled(rows * width);
            rowsOfDown.Multiply(pool, memory.Of(dy), inputs, dActive, width, rows, accumulate: false);
            double[] plainGate = [.. Read(gates, rows)], plainUp = [.. Read(ups, rows)], upstream = [.. KernelMemory.ReadChecked(dActive, rows * width)];
            SwiGlu.Backward(pool, (float*)g, (float*)u, dActive, (float*)g, (float*)u, (float*)y, (long)rows * width);
            rowsOfDown.Multiply(pool, new Matrix(memory.Of(dy), inputs), null, half ? null : memory.Filled(rows * width), width, rows, null, new SwiGluGradientEpilogue(gates, ups, active));
            Close.Bits("dgate", Halved((float*)g, rows * width, half), Read(gates, rows));
            Close.Bits("dup", Halved((float*)u, rows * width, half), Read(ups, rows));
            Close.Bits("active again", Halved((float*)y, rows * width, half), Read(active, rows));
            if (!half)
            {
                var (dGate, dUp) = (new double[rows * width], new double[rows * width]);
                SwiGluReference.Backward<double>(plainGate, plainUp, upstream, dGate, dUp);
                Close.ToScale("plain dgate", dGate, Read(gates, rows), 2e-6);
                Close.ToScale("plain dup", dUp, Read(ups, rows), 2e-6);
            }
        }
    }

    private static double[] Floats(int count, int seed) => [.. GradientCheck.Normals(count, seed).Select(value => (double)(float)value)];

    private static PackedMatrix Packed(KernelMemory memory, WorkerPool pool, Precision precision, double[] w, int inputs, int outputs)
    {
        var packed = new PackedMatrix(precision, inputs, outputs, memory.Filled((int)PackedMatrix.Length(precision, inputs, outputs)));
        packed.PackTransposed(pool, memory.Of(w));
        return packed;
    }

    private static Matrix Room(KernelMemory memory, int rows, int width, bool half) => Matrix.Of(memory.Filled((int)Matrix.Length(rows, width, half)), width, half);

    private static float[] Read(Matrix matrix, int rows)
    {
        var values = new float[rows * matrix.Width];
        for (var row = 0; row < rows; row++)
        {
            for (var i = 0; i < matrix.Width; i++)
            {
                values[(row * matrix.Width) + i] = matrix.IsHalf ? Bfloat16.Widen(matrix.Halves[(row * matrix.Stride) + i]) : matrix.Singles[(row * matrix.Stride) + i];
            }

            for (var i = matrix.Width; matrix.IsHalf && i < matrix.Stride; i++)
            {
                Assert.Equal(0, matrix.Halves[(row * matrix.Stride) + i]);
            }
        }

        return values;
    }

    private static float[] Copy(float* values, int count) => new ReadOnlySpan<float>(values, count).ToArray();

    private static float[] Halved(float* values, int count, bool half) => [.. Copy(values, count).Select(value => half ? Bfloat16.Widen(Bfloat16.Narrow(value)) : value)];

    private static void Round(float* values, int count)
    {
        for (var i = 0; i < count; i++)
        {
            values[i] = Bfloat16.Widen(Bfloat16.Narrow(values[i]));
        }
    }
}
