using CoScientist.Training.Kernels;

namespace CoScientist.Tests.Training.Kernels;

/// <summary>The fast tree attention against the plain one.</summary>
public sealed unsafe class AttentionTests(KernelPools pools) : IClassFixture<KernelPools>
{
    private readonly AttentionCheck check = new(pools, Attention.Forward, Attention.Backward)
    {
        Rounding = value => (float)value,
        OutputTolerance = 2e-6,
        GradientTolerance = 5e-6,
    };

    [Fact]
    public void Attention_sequenceOfAnyLength_equalsTheReference()
    {
        for (var length = 1; length <= 70; length++)
        {
            check.Reference([(length, -1)], new AttentionShape(2, 1, 2 * (1 + (length % 20))));
        }
    }

    [Fact]
    public void Attention_branchOfAnyLength_equalsTheReference()
    {
        for (var length = 1; length <= 70; length++)
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
    public void Attention_treesOfAnyShape_equalTheReference(int heads, int kvHeads, int headDim) => check.Reference(AttentionCheck.Forest, new AttentionShape(heads, kvHeads, headDim));

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(17)]
    [InlineData(64)]
    [InlineData(100)]
    [InlineData(1000)]
    public void Attention_slidingWindow_equalsTheReference(int window) => check.Reference(AttentionCheck.Forest, AttentionCheck.Odd with { Window = window });

    [Theory]
    [InlineData(0)]
    [InlineData(40)]
    public void Forward_anyBatchAroundASequence_givesTheSameBits(int window) => check.AnyBatch(AttentionCheck.Odd with { Window = window });
}
