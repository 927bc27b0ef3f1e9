using CoScientist.Tests.Shared;
using CoScientist.Training.Kernels.Reference;

namespace CoScientist.Tests.Training.Kernels;

/// <summary>Values of the reference operations that can be worked out by hand.</summary>
public sealed class ReferenceValueTests
{
    private const double Close = 1e-12;

    [Fact]
    public void MatMul_smallMatrices_multipliesByTheTranspose()
    {
        var y = new double[4];
        MatMulReference.Forward<double>([1, 2, 3, 4], [5, 6, 7, 8], y, 2, 2, 2);
        Assert.Equal([17, 23, 39, 53], y);
    }

    [Fact]
    public void MatMul_gradientBufferInUse_addsToIt()
    {
        double[] dx = [10];
        double[] dw = [20];
        MatMulReference.InputGradient<double>([2], [3], dx, 1, 1, 1);
        MatMulReference.WeightGradient<double>([2], [5], dw, 1, 1, 1);
        Assert.Equal(16, dx[0]);
        Assert.Equal(30, dw[0]);
    }

    [Fact]
    public void RmsNorm_threeFour_dividesByTheRootMeanSquare()
    {
        var y = new double[2];
        RmsNormReference.Forward<double>([3, 4], [1, 10], y, 1, 2, 0);
        Assert.Equal(3 / Math.Sqrt(12.5), y[0], Close);
        Assert.Equal(40 / Math.Sqrt(12.5), y[1], Close);
    }

    [Fact]
    public void Rope_headOfFour_pairsElementsAHalfApart()
    {
        double[] x = [1, 0, 0, 1];
        RopeReference.Forward<double>(x, [3], 1, 4, 100);
        Assert.Equal(Math.Cos(3), x[0], Close);
        Assert.Equal(-Math.Sin(0.3), x[1], Close);
        Assert.Equal(Math.Sin(3), x[2], Close);
        Assert.Equal(Math.Cos(0.3), x[3], Close);
    }

    [Fact]
    public void Rope_shiftedPositions_keepsTheProductOfQueryAndKey()
    {
        var query = GradientCheck.Normals(8, 1);
        var key = GradientCheck.Normals(8, 2);
        double Product(int queryPosition, int keyPosition)
        {
            var (q, k) = ((double[])query.Clone(), (double[])key.Clone());
            RopeReference.Forward(q, [queryPosition], 1, 8, 10_000.0);
            RopeReference.Forward(k, [keyPosition], 1, 8, 10_000.0);
            return GradientCheck.Dot(q, k);
        }

        Assert.Equal(Product(5, 2), Product(905, 902), 1e-11);
    }

    [Fact]
    public void Rope_oddHead_isRefused()
    {
        var thrown = Assert.Throws<ArgumentException>(() => RopeReference.Forward<double>(new double[3], [0], 1, 3, 10_000));
        Assert.Contains("even", thrown.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void SegmentVisibility_branchesAndGrandchildren_seePrefixAndThemselves()
    {
        var visibility = new SegmentVisibility([(2, -1), (2, 0), (1, 0), (1, 1), (1, -1)]);

        Assert.Equal(7, visibility.Rows);
        Assert.Equal([0, 1, 2, 3, 2, 4, 0], visibility.Positions.ToArray());
        Assert.Equal([0, 1, 2, 3], visibility.VisibleFrom(3).ToArray());
        Assert.Equal([0, 1, 4], visibility.VisibleFrom(4).ToArray());
        Assert.Equal([0, 1, 2, 3, 5], visibility.VisibleFrom(5).ToArray());
        Assert.Equal([6], visibility.VisibleFrom(6).ToArray());
    }

    [Theory]
    [InlineData(0, -1, "empty")]
    [InlineData(-3, -1, "empty")]
    [InlineData(2, 1, "parent 1")]
    [InlineData(2, 7, "parent 7")]
    [InlineData(2, -2, "parent -2")]
    public void SegmentVisibility_emptyBranchOrLaterParent_isRefused(int length, int parent, string complaint)
    {
        var thrown = Assert.Throws<ArgumentException>(() => new SegmentVisibility([(2, -1), (length, parent)]));
        Assert.Contains(complaint, thrown.Message, StringComparison.Ordinal);
        Assert.Contains("Segment 1", thrown.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Attention_branch_equalsTheSequenceItStandsFor()
    {
        const int Heads = 4;
        const int KvHeads = 2;
        const int HeadDim = 3;
        var visibility = new SegmentVisibility([(3, -1), (2, 0), (4, 0)]);
        var q = GradientCheck.Normals(9 * Heads * HeadDim, 1);
        var k = GradientCheck.Normals(9 * KvHeads * HeadDim, 2);
        var v = GradientCheck.Normals(9 * KvHeads * HeadDim, 3);
        var branched = new double[q.Length];
        AttentionReference.Forward<double>(q, k, v, branched, visibility, Heads, KvHeads, HeadDim);

        // The second branch written out in full: rows 0–2, then 5–8.
        double[] Pick(double[] rows, int width) => [.. rows[..(3 * width)], .. rows[(5 * width)..]];
        var alone = new double[7 * Heads * HeadDim];
        AttentionReference.Forward<double>(
            Pick(q, Heads * HeadDim), Pick(k, KvHeads * HeadDim), Pick(v, KvHeads * HeadDim), alone, new SegmentVisibility([(7, -1)]), Heads, KvHeads, HeadDim);

        Assert.Equal(Pick(branched, Heads * HeadDim), alone);
    }

    [Fact]
    public void Softmax_hugeLogits_staysFinite()
    {
        var p = new double[2];
        SoftmaxReference.Forward<double>([1e4, 1e4 - 1], p, 1, 2);
        Assert.Equal(1 / (1 + Math.Exp(-1)), p[0], Close);
        Assert.Equal(1, p[0] + p[1], Close);
    }

    [Fact]
    public void Entropies_uniformCertainAndMasked_areLogCountZeroAndLogOfTheRest()
    {
        var entropies = new double[3];
        SoftmaxReference.Entropies<double>([1, 1, 1, 1, 0, 1e3, 0, 0, 2, 2, double.NegativeInfinity, 2], entropies, 4);
        Assert.Equal(Math.Log(4), entropies[0], Close);
        Assert.Equal(0, entropies[1], Close);
        Assert.Equal(Math.Log(3), entropies[2], Close);
    }

    [Theory]
    [InlineData(0.5, 1, -1.28)]
    [InlineData(-0.5, -1, 0.8)]
    [InlineData(0, 2, -2)]
    public void Grpo_insideAndOutsideTheClip_takesTheSmallerSurrogate(double logRatio, double advantage, double loss) =>
        Assert.Equal(loss, GrpoReference.Loss(logRatio, 0, advantage, 0.2, 0.28), Close);

    [Fact]
    public void AdamW_firstStep_movesByTheLearningRateAndDecays()
    {
        double[] weights = [1, -2];
        var (first, second) = (new double[2], new double[2]);
        AdamWReference.Step(weights, [0.3, -40], first, second, 1, 0.1, 0.9, 0.999, 0, 0.5);

        // Bias correction makes the first step the sign of the gradient, whatever its size.
        Assert.Equal(1 - 0.1 - (0.1 * 0.5 * 1), weights[0], Close);
        Assert.Equal(-2 + 0.1 + (0.1 * 0.5 * 2), weights[1], Close);
        Assert.Equal(0.03, first[0], Close);
        Assert.Equal(1.6, second[1], Close);
    }

    [Fact]
    public void AdamW_secondStep_weighsBothGradients()
    {
        double[] weights = [0];
        var (first, second) = (new double[1], new double[1]);
        AdamWReference.Step(weights, [1], first, second, 1, 0.1, 0.9, 0.99, 1e-8, 0);
        AdamWReference.Step(weights, [3], first, second, 2, 0.1, 0.9, 0.99, 1e-8, 0);

        var mean = ((0.9 * 0.1) + 0.3) / (1 - 0.81);
        var square = ((0.99 * 0.01) + 0.09) / (1 - 0.9801);
        Assert.Equal((-0.1 / (1 + 1e-8)) - (0.1 * mean / (Math.Sqrt(square) + 1e-8)), weights[0], Close);
    }
}
