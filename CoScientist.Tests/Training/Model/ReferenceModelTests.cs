using CoScientist.Core;
using CoScientist.Tests.Shared;
using CoScientist.Training.Kernels.Reference;
using CoScientist.Training.Model;

namespace CoScientist.Tests.Training.Model;

/// <summary>The plain whole model: its gradients against finite differences, and what its structure promises.</summary>
public sealed class ReferenceModelTests
{
    private static readonly ModelConfig Small = new()
    {
        VocabularySize = 11,
        HiddenSize = 10,
        Layers = 2,
        Heads = 3,
        KeyValueHeads = 1,
        HeadDim = 4,
        FeedForwardSize = 7,
    };

    public static TheoryData<string> Shapes => ["qwen3", "qwen3 sliding", "qwen2", "llama", "llama biased", "qwen3 biased", "llama 3", "linear", "yarn", "experts", "experts normalised", "experts balanced"];

    [Theory]
    [MemberData(nameof(Shapes))]
    public void LogProbabilities_prefixTree_everyGradientIsTheSlope(string family)
    {
        var model = new ReferenceModel(ModelFamilies.Shape(family, Small), 1) { BalanceCoefficient = family == "experts balanced" ? 0.5 : 0 };
        var visibility = new SegmentVisibility([(3, -1), (2, 0), (4, 0), (1, 2), (2, -1)]);
        int[] tokens = [1, 5, 3, 3, 9, 2, 10, 2, 0, 7, 5, 4];
        int[] targets = [5, 3, 9, 9, 1, 10, 2, 0, 7, 8, 4, 1];
        double[] upstream = [-0.5, 0, -1, -0.25, -1, 0.75, -1, -1, 0, -2, -1, -0.125];
        const double Temperature = 1.5;
        const int Banned = 6;
        model.LogProbabilities(tokens, visibility, targets, upstream, Temperature, Banned);
        double Loss()
        {
            var logProbabilities = new double[targets.Length];
            SoftmaxReference.LogProbabilities<double>(model.Distribution(tokens, visibility, Temperature, Banned), targets, logProbabilities, Small.VocabularySize);
            return GradientCheck.Dot(upstream, logProbabilities) + (model.BalanceCoefficient * model.Balance);
        }

        var random = new SeededRandom(2);
        foreach (var (name, values) in model.Parameters)
        {
            // An expert may get no token.
            Assert.True(name.Contains(".experts.", StringComparison.Ordinal) || Array.Exists(model.Gradients[name], g => g != 0), name);
            GradientCheck.Matches(name, Loss, values, model.Gradients[name], Enumerable.Range(0, 6).Select(_ => random.Next(values.Length)));
        }
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Logits_sharedPrefix_equalTheBranchesWrittenOut(string family)
    {
        var model = new ReferenceModel(ModelFamilies.Shape(family, Small), 3);
        var shared = model.Logits([1, 2, 3, 4, 5, 6, 7, 8], new SegmentVisibility([(3, -1), (2, 0), (3, 0)]));
        var first = model.Logits([1, 2, 3, 4, 5], new SegmentVisibility([(5, -1)]));
        var second = model.Logits([1, 2, 3, 6, 7, 8], new SegmentVisibility([(6, -1)]));

        var width = Small.VocabularySize;
        Assert.Equal(first, shared[..(5 * width)]);
        Assert.Equal(second[(3 * width)..], shared[(5 * width)..]);
    }
}
