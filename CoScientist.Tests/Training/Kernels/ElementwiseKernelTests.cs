using CoScientist.Tests.Shared;
using CoScientist.Training.Kernels;
using CoScientist.Training.Kernels.Reference;
using CoScientist.Training.Tensors;
using CoScientist.Training.Model;

namespace CoScientist.Tests.Training.Kernels;

/// <summary>The row and element kernels against their plain twins, at every length 1–70 and a few large ones, for several thread counts.</summary>
public sealed unsafe class ElementwiseKernelTests(KernelPools pools) : IClassFixture<KernelPools>
{
    private const double Epsilon = 1e-6;

    private static IEnumerable<int> Lengths => [.. Enumerable.Range(1, 70), 255, 1000];

    [Fact]
    public void RmsNorm_anyWidth_equalsTheReference()
    {
        foreach (var width in Lengths)
        {
            var rows = width % 3 == 0 ? 300 : 1 + (width % 7);
            var (x, gain, dy, held) = (Floats(rows * width, 1), Floats(width, 2), Floats(rows * width, 3), Floats(rows * width, 4));
            var heldGain = Floats(width, 5);
            var y = new double[x.Length];
            RmsNormReference.Forward(x, gain, y, rows, width, Epsilon);
            var (dx, dxAdded, dgain) = (new double[x.Length], (double[])held.Clone(), (double[])heldGain.Clone());
            RmsNormReference.Backward(x, gain, dy, dx, new double[width], rows, width, Epsilon);
            RmsNormReference.Backward(x, gain, dy, dxAdded, dgain, rows, width, Epsilon);
            // dx is a difference of two terms of this size, which cancel in a row of one element.
            double[] bounds = [.. Enumerable.Range(0, rows).SelectMany(row => Enumerable.Repeat(3e-6 * InverseRms(row) * Enumerable.Range(0, width).Max(j => Math.Abs(gain[j] * dy[(row * width) + j])), width))];
            double InverseRms(int row) => 1 / Math.Sqrt((x.Skip(row * width).Take(width).Sum(value => value * value) / width) + Epsilon);
            float[]? bits = null;
            foreach (var pool in pools.All)
            {
                using var memory = new KernelMemory();
                var px = memory.Of(x);
                var pgain = memory.Of(gain);
                var pdy = memory.Of(dy);
                var py = memory.Filled(x.Length);
                var roots = memory.Filled(rows);
                RmsNorm.Forward(pool, px, pgain, py, roots, rows, width, (float)Epsilon);
                Close.ToScale($"y, width {width}", y, KernelMemory.ReadChecked(py, x.Length), 1e-6);

                var partials = memory.Filled((int)RmsNorm.PartialLength(rows, width));
                var pdxAdded = memory.Of(held);
                var pdgain = memory.Of(heldGain);
                RmsNorm.Backward(pool, px, pgain, roots, pdy, pdxAdded, pdgain, partials, rows, width, accumulate: true);
                Close.Elements($"dx added, width {width}", dxAdded, KernelMemory.ReadChecked(pdxAdded, x.Length), [.. bounds.Zip(held, (bound, start) => bound + (1e-6 * Math.Abs(start)))]);
                var gains = KernelMemory.ReadChecked(pdgain, width);
                Close.ToScale($"dgain, width {width}", dgain, gains, 4e-6);
                Close.Bits($"dgain, {pool.Threads} threads", bits ??= gains, gains);

                // In place over the upstream gradient, as the model does it.
                RmsNorm.Backward(pool, px, pgain, roots, pdy, pdy, memory.Filled(width, 0), partials, rows, width, accumulate: false);
                Close.Elements($"dx in place, width {width}", dx, KernelMemory.ReadChecked(pdy, x.Length), bounds);
            }
        }
    }

    [Theory]
    [InlineData(1, 2)]
    [InlineData(3, 6)]
    [InlineData(2, 34)]
    [InlineData(4, 64)]
    [InlineData(1, 128)]
    public void Rope_anyHead_equalsTheReferenceAndTurnsBack(int heads, int headDim)
    {
        int[] positions = [.. Enumerable.Range(0, 300).Select(i => i * 37 % 2048), 2047];
        var x = Floats(positions.Length * heads * headDim, 6);
        var turned = (double[])x.Clone();
        RopeReference.Forward(turned, positions, heads, headDim, 1_000_000.0);
        var back = (double[])x.Clone();
        RopeReference.Backward(back, positions, heads, headDim, 1_000_000.0);
        using var rope = new Rope(RopeScaling.Frequencies(null, headDim, 1_000_000), 2048);
        foreach (var pool in pools.All)
        {
            using var memory = new KernelMemory();
            var forward = memory.Of(x);
            var inverse = memory.Of(x);
            fixed (int* at = positions)
            {
                rope.Apply(pool, forward, at, positions.Length, heads, inverse: false);
                rope.Apply(pool, inverse, at, positions.Length, heads, inverse: true);
            }

            Close.ToScale("turned", turned, KernelMemory.ReadChecked(forward, x.Length), 1e-6);
            Close.ToScale("turned back", back, KernelMemory.ReadChecked(inverse, x.Length), 1e-6);
        }
    }

    [Fact]
    public void SwiGlu_anyLength_equalsTheReference()
    {
        foreach (var length in Lengths.Append(20_000))
        {
            var (gate, up, dy) = (Floats(length, 7, 4), Floats(length, 8), Floats(length, 9));
            // Where the logistic function is 0 or 1 to the last bit, and beyond what e^x can hold.
            (gate[0], gate[^1], gate[length / 2]) = (-30, 100, -120);
            var (y, dgate, dup) = (new double[length], new double[length], new double[length]);
            SwiGluReference.Forward<double>(gate, up, y);
            SwiGluReference.Backward<double>(gate, up, dy, dgate, dup);
            foreach (var pool in pools.All)
            {
                using var memory = new KernelMemory();
                var pg = memory.Of(gate);
                var pu = memory.Of(up);
                var pdy = memory.Of(dy);
                var py = memory.Filled(length);
                SwiGlu.Forward(pool, pg, pu, py, length);
                // Written over the inputs, as the model does it.
                SwiGlu.Backward(pool, pg, pu, pdy, pg, pu, pdy, length);
                Close.Elements($"y of {length}", y, KernelMemory.ReadChecked(py, length), Relative(y, gate));
                Close.Elements($"dgate of {length}", dgate, KernelMemory.ReadChecked(pg, length), Relative(dgate, gate));
                Close.Bits($"y of {length} again", KernelMemory.ReadChecked(py, length), KernelMemory.ReadChecked(pdy, length));
                Close.Elements($"dup of {length}", dup, KernelMemory.ReadChecked(pu, length), Relative(dup, gate));
            }
        }

        // A few roundings of the result, and of 1 + g(1 − σ), whose terms may cancel.
        static double[] Relative(double[] values, double[] gate) => [.. values.Zip(gate, (value, g) => (1e-6 * Math.Abs(value)) + (1e-6 * (1 + Math.Abs(g))))];
    }

    [Fact]
    public void Dropout_anyWidth_dropsTheDocumentedElementsAndKeepsTheMean()
    {
        foreach (var width in Lengths.Append(1000))
        {
            double[] x = [.. GradientCheck.Normals(3 * width, width).Select(value => (double)(float)value)];
            double[] expected = [.. x.Select((value, at) => Dropout.Mix(Dropout.RowSeed(42, 5 + (at / width)) + (uint)(at % width)) < (uint)(0.25 * uint.MaxValue) ? 0 : value / 0.75)];
            foreach (var pool in pools.All)
            {
                using var memory = new KernelMemory();
                var px = memory.Of(x);
                Dropout.Apply(pool, px, px, 3, width, 0.25, 42, 5);
                Close.Elements($"dropout of {width}", expected, KernelMemory.ReadChecked(px, 3 * width), [.. x.Select(value => 2e-7 * Math.Abs(value))]);
            }

            if (width == 1000)
            {
                Assert.InRange(expected.Count(value => value == 0), 650, 850);
            }
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(63)]
    [InlineData(64)]
    [InlineData(145)]
    public void EmbeddingTable_repeatedTokens_gatherTheirRowsInOrder(int width)
    {
        int[] tokens = [3, 0, 3, 1, 3, 0];
        var batch = new TokenBatch();
        batch.Add(tokens);
        var (dx, table) = (Floats(tokens.Length * width, 61), Floats(5 * width, 62));
        var expected = (double[])table.Clone();
        EmbeddingReference.Backward<double>(tokens, dx, expected, width);
        float[]? bits = null;
        foreach (var pool in pools.All)
        {
            using var memory = new KernelMemory();
            var gradient = memory.Of(table);
            EmbeddingTable.AddGradient(pool, batch, memory.Of(dx), gradient, width);
            var result = KernelMemory.ReadChecked(gradient, table.Length);
            Close.ToScale("embedding", expected, result, 1e-6);
            bits ??= result;
            Close.Bits("embedding", bits, result);
        }
    }

    [Fact]
    public void AdamW_anyLength_equalsTheReferenceOverFiveSteps()
    {
        var options = new AdamWOptions(0.01, 0.9, 0.95, 1e-8, 0.1);
        foreach (var length in Lengths.Append(40_001))
        {
            var (weights, first, second) = (Floats(length, 10), new double[length], new double[length]);
            using var memory = new KernelMemory();
            var moved = pools.All.Select(_ => (W: (nint)memory.Of(weights), M: (nint)memory.Filled(length, 0), V: (nint)memory.Filled(length, 0))).ToArray();
            for (var step = 1; step <= 5; step++)
            {
                var gradient = Floats(length, 10 + step, 3);
                double[] scaled = [.. gradient.Select(g => 0.25 * g)];
                AdamWReference.Step<double>(weights, scaled, first, second, step, 0.01, 0.9, 0.95, 1e-8, 0.1);
                for (var p = 0; p < moved.Length; p++)
                {
                    AdamW.Update(pools.All[p], (float*)moved[p].W, memory.Of(gradient), (float*)moved[p].M, (float*)moved[p].V, length, options, step, 0.25f);
                }
            }

            foreach (var (w, m, v) in moved)
            {
                Close.ToScale($"weights of {length}", weights, KernelMemory.ReadChecked((float*)w, length), 1e-6);
                Close.ToScale($"first moments of {length}", first, KernelMemory.ReadChecked((float*)m, length), 1e-6);
                Close.ToScale($"second moments of {length}", second, KernelMemory.ReadChecked((float*)v, length), 1e-6);
            }
        }
    }

    [Fact]
    public void SquaredNorm_anyThreadCount_isTheSameSum()
    {
        foreach (var length in new[] { 1, 17, 1024, 100_003 })
        {
            var values = Floats(length, 20);
            using var memory = new KernelMemory();
            var pointer = memory.Of(values);
            var norms = pools.All.Select(pool => AdamW.SquaredNorm(pool, pointer, length)).ToList();
            Assert.Single(norms.Distinct());
            Assert.Equal(1, norms[0] / values.Sum(value => value * value), 1e-6);
        }
    }

    /// <summary>Seeded normal numbers that a float holds exactly, so that kernel and reference start alike.</summary>
    private static double[] Floats(int count, long seed, double scale = 1) => [.. GradientCheck.Normals(count, seed, scale).Select(value => (double)(float)value)];
}
