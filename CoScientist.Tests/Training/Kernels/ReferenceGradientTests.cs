using CoScientist.Tests.Shared;
using CoScientist.Training.Kernels.Reference;

namespace CoScientist.Tests.Training.Kernels;

/// <summary>Every backward pass of the reference operations against finite differences, at awkward sizes.</summary>
public sealed class ReferenceGradientTests
{
    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(1, 3, 7)]
    [InlineData(3, 7, 1)]
    [InlineData(7, 1, 3)]
    [InlineData(5, 4, 6)]
    public void MatMul_anyShape_gradientsAreTheSlopes(int rows, int inputs, int outputs)
    {
        var x = GradientCheck.Normals(rows * inputs, 1);
        var w = GradientCheck.Normals(outputs * inputs, 2);
        var dy = GradientCheck.Normals(rows * outputs, 3);
        var y = new double[dy.Length];
        double Scalar()
        {
            MatMulReference.Forward<double>(x, w, y, rows, inputs, outputs);
            return GradientCheck.Dot(y, dy);
        }

        var dx = new double[x.Length];
        var dw = new double[w.Length];
        MatMulReference.InputGradient<double>(dy, w, dx, rows, inputs, outputs);
        MatMulReference.WeightGradient<double>(dy, x, dw, rows, inputs, outputs);

        GradientCheck.Matches("x", Scalar, x, dx);
        GradientCheck.Matches("w", Scalar, w, dw);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(1, 7)]
    [InlineData(3, 2)]
    [InlineData(7, 5)]
    public void RmsNorm_anyShape_gradientsAreTheSlopes(int rows, int width)
    {
        // A large ε keeps the single-element case, whose slope is otherwise almost zero, honest.
        const double Epsilon = 0.1;
        var x = GradientCheck.Normals(rows * width, 4);
        var gain = GradientCheck.Normals(width, 5);
        var dy = GradientCheck.Normals(rows * width, 6);
        var y = new double[x.Length];
        double Scalar()
        {
            RmsNormReference.Forward(x, gain, y, rows, width, Epsilon);
            return GradientCheck.Dot(y, dy);
        }

        var dx = new double[x.Length];
        var dgain = new double[width];
        RmsNormReference.Backward(x, gain, dy, dx, dgain, rows, width, Epsilon);

        GradientCheck.Matches("x", Scalar, x, dx);
        GradientCheck.Matches("gain", Scalar, gain, dgain);
    }

    [Theory]
    [InlineData(1, 2)]
    [InlineData(3, 4)]
    [InlineData(5, 6)]
    public void Rope_anyShape_gradientIsTheSlope(int heads, int headDim)
    {
        int[] positions = [0, 1, 2, 17, 3, 1000];
        var x = GradientCheck.Normals(positions.Length * heads * headDim, 7);
        var dy = GradientCheck.Normals(x.Length, 8);
        double Scalar()
        {
            var y = (double[])x.Clone();
            RopeReference.Forward(y, positions, heads, headDim, 10_000.0);
            return GradientCheck.Dot(y, dy);
        }

        var dx = (double[])dy.Clone();
        RopeReference.Backward(dx, positions, heads, headDim, 10_000.0);

        GradientCheck.Matches("x", Scalar, x, dx);
    }

    [Theory]
    [InlineData("alone", 1, 1, 2)]
    [InlineData("sequence", 3, 1, 4)]
    [InlineData("twoSequences", 4, 2, 2)]
    [InlineData("branches", 3, 3, 2)]
    [InlineData("grandchildren", 6, 2, 3)]
    public void Attention_anyTree_gradientsAreTheSlopes(string shape, int heads, int kvHeads, int headDim)
    {
        var visibility = Trees[shape];
        var q = GradientCheck.Normals(visibility.Rows * heads * headDim, 9);
        var k = GradientCheck.Normals(visibility.Rows * kvHeads * headDim, 10);
        var v = GradientCheck.Normals(visibility.Rows * kvHeads * headDim, 11);
        var dout = GradientCheck.Normals(q.Length, 12);
        var output = new double[q.Length];
        double Scalar()
        {
            AttentionReference.Forward<double>(q, k, v, output, visibility, heads, kvHeads, headDim);
            return GradientCheck.Dot(output, dout);
        }

        var (dq, dk, dv) = (new double[q.Length], new double[k.Length], new double[v.Length]);
        AttentionReference.Backward<double>(q, k, v, dout, dq, dk, dv, visibility, heads, kvHeads, headDim);

        GradientCheck.Matches("q", Scalar, q, dq);
        GradientCheck.Matches("k", Scalar, k, dk);
        GradientCheck.Matches("v", Scalar, v, dv);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    public void SwiGlu_anyLength_gradientsAreTheSlopes(int length)
    {
        var gate = GradientCheck.Normals(length, 13, 3);
        var up = GradientCheck.Normals(length, 14);
        var dy = GradientCheck.Normals(length, 15);
        var y = new double[length];
        double Scalar()
        {
            SwiGluReference.Forward<double>(gate, up, y);
            return GradientCheck.Dot(y, dy);
        }

        var (dgate, dup) = (new double[length], new double[length]);
        SwiGluReference.Backward<double>(gate, up, dy, dgate, dup);

        GradientCheck.Matches("gate", Scalar, gate, dgate);
        GradientCheck.Matches("up", Scalar, up, dup);
    }

    [Fact]
    public void Embedding_repeatedToken_gathersEveryRow()
    {
        int[] tokens = [4, 0, 4, 4, 2];
        const int Width = 3;
        var table = GradientCheck.Normals(5 * Width, 16);
        var dy = GradientCheck.Normals(tokens.Length * Width, 17);
        var y = new double[dy.Length];
        double Scalar()
        {
            EmbeddingReference.Forward<double>(tokens, table, y, Width);
            return GradientCheck.Dot(y, dy);
        }

        var dtable = new double[table.Length];
        EmbeddingReference.Backward<double>(tokens, dy, dtable, Width);

        GradientCheck.Matches("table", Scalar, table, dtable);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(1, 7)]
    [InlineData(7, 3)]
    public void CrossEntropy_weightedTokens_gradientIsTheSlope(int rows, int vocabulary)
    {
        var logits = GradientCheck.Normals(rows * vocabulary, 18, 2);
        var weights = GradientCheck.Normals(rows, 19);
        weights[^1] = 0;
        int[] targets = [.. Enumerable.Range(0, rows).Select(n => n * 5 % vocabulary)];
        var logProbabilities = new double[rows];
        double Loss()
        {
            SoftmaxReference.LogProbabilities<double>(logits, targets, logProbabilities, vocabulary);
            return -GradientCheck.Dot(weights, logProbabilities);
        }

        var dlogits = new double[logits.Length];
        double[] upstream = [.. weights.Select(w => -w)];
        SoftmaxReference.LogProbabilitiesBackward<double>(logits, targets, upstream, dlogits, vocabulary);

        GradientCheck.Matches("logits", Loss, logits, dlogits);
        Assert.All(dlogits[((rows - 1) * vocabulary)..], d => Assert.Equal(0, d));
    }

    [Theory]
    [InlineData(-0.5, 1.3)]
    [InlineData(-0.5, -1.3)]
    [InlineData(-0.1, 1.3)]
    [InlineData(0.1, -1.3)]
    [InlineData(0.24, 1.3)]
    [InlineData(0.26, 1.3)]
    [InlineData(0.5, 1.3)]
    [InlineData(0.5, -1.3)]
    [InlineData(0.5, 0)]
    public void Grpo_anySideOfTheClip_gradientIsTheSlope(double logRatio, double advantage)
    {
        double[] logProbability = [-2 + logRatio];
        double Loss() => GrpoReference.Loss(logProbability[0], -2, advantage, 0.2, 0.28);

        double[] gradient = [GrpoReference.Gradient(logProbability[0], -2, advantage, 0.2, 0.28)];

        GradientCheck.Matches("logProbability", Loss, logProbability, gradient);
    }

    /// <summary>The shapes of batches: one token, one sequence, two that do not know each other, a prefix with branches, and a tree three deep.</summary>
    internal static Dictionary<string, SegmentVisibility> Trees { get; } = new()
    {
        ["alone"] = new([(1, -1)]),
        ["sequence"] = new([(7, -1)]),
        ["twoSequences"] = new([(3, -1), (4, -1)]),
        ["branches"] = new([(3, -1), (1, 0), (4, 0), (2, 0)]),
        ["grandchildren"] = new([(2, -1), (3, 0), (1, 1), (2, 1), (1, -1), (2, 0), (1, 2)]),
    };
}
