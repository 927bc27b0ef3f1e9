using CoScientist.Core;
using CoScientist.Core.Statistics;

namespace CoScientist.Tests.Core.Statistics;

public sealed class BestOfNTests
{
    /// <summary>Expected maxima of n standard normals: Harter 1961, Biometrika 48, 151–165, table 1.</summary>
    private static readonly (int N, double Maximum)[] Harter = [(1, 0), (2, 0.56419), (3, 0.84628), (4, 1.02938)];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(5)]
    public void Expected_AwkwardScores_IsTheMeanOverAllSubsets(int n)
    {
        double[] selector = [0.3, 0.7, 0.3, 0.7, 0.1];
        double[] value = [0.9, 0.2, 0.4, 0.6, 1.0];

        Assert.Equal(BySubsets(selector, value, n), BestOfN.Expected(selector, value, n), 12);
    }

    /// <summary>1 − C(n − c, k)/C(n, k) for c correct of n (Chen et al. 2021): 3 of 10 at k = 5 give 1 − 21/252.</summary>
    [Fact]
    public void Expected_RightOrWrong_IsPassAtK()
    {
        double[] right = [1, 1, 1, 0, 0, 0, 0, 0, 0, 0];

        Assert.Equal(1 - (21 / 252.0), BestOfN.Expected(right, right, 5), 12);
        Assert.Equal(0.3, BestOfN.Expected(right, right, 1), 12);
        Assert.Equal(1, BestOfN.Expected(right, right, 8), 12);
    }

    [Fact]
    public void Expected_MoreThanThereAre_IsRefused()
    {
        Assert.Contains("best of 3 cannot be picked from 2", Assert.Throws<ArgumentOutOfRangeException>(() => BestOfN.Expected([1, 2], [1, 2], 3)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => BestOfN.Expected([1, 2], [1], 1));
        Assert.Throws<ArgumentException>(() => BestOfN.Curve([]));
        Assert.Throws<ArgumentException>(() => BestOfN.Curve([[]]));
    }

    [Fact]
    public void Curve_SelectorThatIsTheJudge_LeavesNoGapAndOneThatKnowsNothingGainsNothing()
    {
        var same = BestOfN.Curve([[(0, 0), (1, 1)], [(0.5, 0.5), (0.25, 0.25)]]);
        var blind = BestOfN.Curve([[(0.5, 0), (0.5, 1)]]);

        Assert.Equal([0.4375, 0.75], same.Select(point => point.Picked.Value));
        Assert.All(same, point => Assert.Equal(0, point.Gap.Value, 12));
        Assert.Null(same[0].Recovered);
        Assert.Equal(1, same[1].Recovered);
        Assert.Equal((0, 0.5), (blind[1].Gain.Value, blind[1].Gap.Value));
        Assert.Equal(0, blind[1].Recovered);
    }

    [Fact]
    public void Curve_GoalsWithDifferentNumbersOfPlans_CountsThoseWithEnough()
    {
        var curve = BestOfN.Curve([[(0, 0.2)], [(0, 0), (1, 1), (2, 0.5)]]);

        Assert.Equal([2, 1, 1], curve.Select(point => point.Goals));
        Assert.Equal(0.35, curve[0].Picked.Value, 12);
        Assert.Equal((0.5, 2), (curve[2].Picked.Value, curve[2].Claimed.Value));
    }

    [Fact]
    public void Bias_PlansThatAreAllTheSame_IsTheExpectedMaximumOfTheNoise()
    {
        var random = new SeededRandom(1);
        var goals = Enumerable.Range(0, 4000).Select(IReadOnlyList<(double, double)> (_) => [.. Enumerable.Range(0, 4).Select(_ => (random.NextNormal(), random.NextNormal()))]).ToList();

        var bias = MaximumBias.Of(goals);

        Assert.All(Harter.Zip(bias), pair => Assert.Equal(pair.First.Maximum, pair.Second.Bias.Value, 0.04));
        Assert.All(bias, point => Assert.Equal(0, point.Fresh.Value, 0.04));
        Assert.All(Harter.Skip(1).Zip(bias.Skip(1)), pair => Assert.InRange(pair.First.Maximum, pair.Second.Bias.Low - 0.02, pair.Second.Bias.High + 0.02));
    }

    [Fact]
    public void Bias_ScoringsThatAgreeOrDifferByAConstant_IsNone()
    {
        Assert.All(MaximumBias.Of([[(0.1, 0.1), (0.9, 0.9)]]), point => Assert.Equal(0, point.Bias.Value, 12));
        Assert.All(MaximumBias.Of([[(0.1, 0.5), (0.3, 0.7)]]), point => Assert.Equal(0, point.Bias.Value, 12));
    }

    [Fact]
    public void BiasOfHalves_TwoItemsThatPickDifferentPlans_IsTheirDifference()
    {
        // Each half is one item; the plan it picks has 1 there and 0 on the other.
        var bias = MaximumBias.OfHalves([[[true, false], [false, true]], [[true]]]);

        Assert.Equal([(1, 1, 0.0), (2, 1, 1.0)], bias.Select(point => (point.N, point.Goals, point.Bias.Value)));
    }

    [Fact]
    public void BiasOfHalves_PlansThatDifferOnEveryItem_IsNoneAndNeedsItems()
    {
        Assert.All(MaximumBias.OfHalves([[[true, true, true], [false, false, false]]]), point => Assert.Equal(0, point.Bias.Value, 12));
        Assert.Empty(MaximumBias.OfHalves([[[true], [false]]]));
        Assert.Throws<ArgumentException>(() => MaximumBias.OfHalves([[[true, true], [false]]]));
        Assert.Throws<ArgumentException>(() => MaximumBias.OfHalves([[]]));
    }

    // The definition, by enumeration: the best of each subset by the selector, ties shared.
    private static double BySubsets(double[] selector, double[] value, int n)
    {
        var picks = new List<double>();
        for (var mask = 0; mask < 1 << selector.Length; mask++)
        {
            var subset = Enumerable.Range(0, selector.Length).Where(i => (mask >> i & 1) == 1).ToList();
            if (subset.Count == n)
            {
                picks.Add(subset.Where(i => selector[i] == subset.Max(j => selector[j])).Average(i => value[i]));
            }
        }

        return picks.Average();
    }
}
