using CoScientist.Tests.Shared;
using CoScientist.Training.Kernels;
using CoScientist.Training.Kernels.Mixed;

namespace CoScientist.Tests.Training.Kernels.Mixed;

/// <summary>Attention with products in bfloat16 against the plain one in double precision, from the same rounded queries, keys, values and gradients.</summary>
public sealed unsafe class Bf16AttentionTests(KernelPools pools) : IClassFixture<KernelPools>
{
    // Probabilities, and gradients of scores, err by at most 2⁻⁹ of their size; of sums of them some cancels.
    private const double Tolerance = 0.01;

    private readonly AttentionCheck check = new(pools, Bf16Attention.Forward, Bf16Attention.Backward)
    {
        Rounding = value => Bfloat16.Widen(Bfloat16.Narrow((float)value)),
        OutputTolerance = Tolerance,
        GradientTolerance = Tolerance,
        Floor = 0.1,
    };

    [Fact]
    public void Attention_sequenceOfAnyLength_isCloseToTheReference()
    {
        for (var length = 1; length <= 70; length++)
        {
            check.Reference([(length, -1)], new AttentionShape(2, 1, 2 * (1 + (length % 20))));
        }
    }

    [Fact]
    public void Attention_branchOfAnyLength_isCloseToTheReference()
    {
        for (var length = 1; length <= 70; length += 3)
        {
            check.Reference([(71 - length, -1), (length, 0), (1 + (length % 9), 0)], AttentionCheck.Odd);
        }
    }

    [Theory]
    [InlineData(1, 1, 2)]
    [InlineData(3, 1, 6)]
    [InlineData(5, 5, 4)]
    [InlineData(4, 2, 32)]
    [InlineData(8, 2, 64)]
    [InlineData(2, 1, 128)]
    public void Attention_treesOfAnyShape_areCloseToTheReference(int heads, int kvHeads, int headDim) => check.Reference(AttentionCheck.Forest, new AttentionShape(heads, kvHeads, headDim));

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(17)]
    [InlineData(64)]
    [InlineData(100)]
    [InlineData(1000)]
    public void Attention_slidingWindow_isCloseToTheReference(int window) => check.Reference(AttentionCheck.Forest, AttentionCheck.Odd with { Window = window });

    [Theory]
    [InlineData(0)]
    [InlineData(40)]
    public void Forward_anyBatchAroundASequence_givesTheSameBits(int window) => check.AnyBatch(AttentionCheck.Odd with { Window = window });

    [Fact]
    public void Transposed_anySize_readsRowsAsColumns()
    {
        using var memory = new KernelMemory();
        foreach (var (rows, cols) in new[] { (32, 32), (64, 32), (32, 96), (64, 160) })
        {
            var stride = cols + 32;
            var p = (ushort*)memory.Filled(rows * stride / 2);
            for (var i = 0; i < rows * stride; i++)
            {
                p[i] = Bfloat16.Narrow(i % stride < cols ? (i % 251) - 100 : float.NaN);
            }

            var left = Bf16MatMul.Transposed(p, rows, cols, stride, (uint*)memory.Filled(64 * stride));
            for (var i = 0; i < rows * cols; i++)
            {
                var (row, column) = (i / cols, i % cols);
                var at = left.Below(column).From(row / 2 * 2).Start;
                Assert.Equal(p[(row * stride) + column], at[row % 2]);
            }
        }
    }
}
