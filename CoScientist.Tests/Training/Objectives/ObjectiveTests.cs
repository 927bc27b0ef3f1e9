using CoScientist.Core.Runs;
using CoScientist.Training.Objectives;

namespace CoScientist.Tests.Training.Objectives;

public sealed class ObjectiveTests
{
    [Fact]
    public void Advantages_GradedGroup_SumToZeroAroundTheMean() =>
        Assert.Equal([-0.25, 0.25, 0.0], GroupAdvantages.Of([[0.25, 0.75, 0.5]])[0].Select(advantage => advantage!.Value));

    [Fact]
    public void Advantages_UngradedMember_IsMaskedAndLeftOutOfTheMean()
    {
        var advantages = GroupAdvantages.Of([[1.0, null, 0.0]])[0];
        Assert.Equal([0.5, null, -0.5], advantages);
    }

    [Fact]
    public void Advantages_Scaled_AreDividedByTheDeviationOfGroupOrBatch()
    {
        double?[][] groups = [[0, 1], [0.4, 0.6], [null, 0.5]];

        var byGroup = GroupAdvantages.Of(groups, AdvantageScaling.Group);
        var byBatch = GroupAdvantages.Of(groups, AdvantageScaling.Batch);

        Assert.Equal(0.5 / 0.5001, byGroup[0][1]!.Value, 12);
        Assert.Equal(0.1 / 0.1001, byGroup[1][1]!.Value, 12);
        var deviation = Math.Sqrt(((0.25 * 2) + (0.01 * 2)) / 5);
        Assert.Equal(0.5 / (deviation + 1e-4), byBatch[0][1]!.Value, 12);
        Assert.Equal(0.1 / (deviation + 1e-4), byBatch[1][1]!.Value, 12);
        Assert.Equal([null, 0], byBatch[2]);
    }

    [Theory]
    [InlineData(0.5, 0.5, 0.5, false)]
    [InlineData(0.5, 0.6, 0.5, true)]
    public void Carries_Group_IsWhetherRewardsDiffer(double a, double b, double c, bool expected) =>
        Assert.Equal(expected, GroupAdvantages.Carries([a, b, c]));

    [Fact]
    public void Carries_OneGradedMember_TeachesNothing() => Assert.False(GroupAdvantages.Carries([null, 0.7, null]));

    [Fact]
    public void Deviation_KnownGroup_IsOfThePopulation() => Assert.Equal(2, GroupAdvantages.Deviation([2.0, 4, 4, 4, 5, 5, 7, 9]), 12);

    [Theory]
    [InlineData(-1.0, -1.0, 0.5)]
    [InlineData(-1.0, -1.0, -0.5)]
    [InlineData(-0.9, -1.0, 0.5)]
    [InlineData(-1.1, -1.0, -0.5)]
    [InlineData(-0.5, -1.0, 0.5)]
    [InlineData(-1.5, -1.0, -0.5)]
    [InlineData(-0.5, -1.0, -0.5)]
    [InlineData(-1.5, -1.0, 0.5)]
    public void Gradient_AnyToken_IsTheDerivativeOfTheLoss(double logProbability, double old, double advantage)
    {
        const double Step = 1e-6;
        var numeric = (ClippedObjective.Loss(logProbability + Step, old, advantage, 0.2, 0.28) - ClippedObjective.Loss(logProbability - Step, old, advantage, 0.2, 0.28)) / (2 * Step);
        Assert.Equal(numeric, ClippedObjective.Gradient(logProbability, old, advantage, 0.2, 0.28), 6);
    }
}
