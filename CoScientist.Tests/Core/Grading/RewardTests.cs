using CoScientist.Core.Grading;
using CoScientist.Core.Runs;

namespace CoScientist.Tests.Core.Grading;

public sealed class RewardTests
{
    private static readonly PlanForm Good = new(Finished: true);

    [Fact]
    public void Of_AllGraded_IsTheShareMet()
    {
        var reward = Reward.Of(Outcomes(true, false, true, true), Good, new RewardSpec());

        Assert.NotNull(reward);
        Assert.Equal((3, 4, 0.75, 0.75), (reward.Satisfied, reward.Graded, reward.Score, reward.Total));
    }

    [Fact]
    public void Of_SomeUngraded_CountsOnlyTheGraded() =>
        Assert.Equal(0.5, Reward.Of(Outcomes(true, null, false, null), Good, new RewardSpec())!.Total);

    [Fact]
    public void Of_NothingGraded_IsMaskedNotZero()
    {
        Assert.Null(Reward.Of(Outcomes(null, null), Good, new RewardSpec()));
        Assert.Null(Reward.Of([], Good, new RewardSpec()));
        Assert.Equal(0, Reward.Of(Outcomes(false, false), Good, new RewardSpec())!.Total);
    }

    [Fact]
    public void Of_EveryFault_TakesOffEachPenalty()
    {
        var reward = Reward.Of(Outcomes(true, true), new PlanForm(Finished: false, MalformedShare: 0.5, Overlong: true), new RewardSpec())!;

        Assert.Equal((1, 0.25, 0.25), (reward.UnfinishedPenalty, reward.MalformedPenalty, reward.OverlongPenalty));
        Assert.Equal(-0.5, reward.Total, 12);
    }

    [Theory]
    [InlineData(-0.1)]
    [InlineData(1.1)]
    [InlineData(double.NaN)]
    public void Of_ShareOutsideZeroToOne_Throws(double share) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => Reward.Of(Outcomes(true), new PlanForm(true, share), new RewardSpec()));

    [Fact]
    public void Of_WeightedItems_CountByTheirWeight()
    {
        ItemOutcome?[] items = [new(true, 0, 3), new(false, 1, 1), null];

        Assert.Equal(0.75, Reward.Of(items, Good, new RewardSpec())!.Score);
    }

    [Fact]
    public void Of_SpecificAndGeneral_AreMixedSevenToThree()
    {
        // Two items: one kept whole, one that violates two of seven guidelines.
        ItemOutcome?[] items = [new(true, 0), new(false, 2)];

        var reward = Reward.Of(items, Good, new RewardSpec { SpecificWeight = 0.7 })!;

        Assert.Equal(0.5, reward.Specific, 12);
        Assert.Equal(12.0 / 14, reward.General, 12);
        Assert.Equal((0.7 * 0.5) + (0.3 * 12 / 14), reward.Total, 12);
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 0.6)]
    [InlineData(2, 0.2)]
    [InlineData(3, 0)]
    [InlineData(7, 0)]
    public void Of_Levels_FollowTheMap(int violations, double worth)
    {
        var spec = new RewardSpec { Scoring = ItemScoring.Levels, LevelValues = [0, 0.2, 0.6, 1] };

        Assert.Equal(worth, Reward.Of([new ItemOutcome(violations == 0, violations)], Good, spec)!.Score);
    }

    [Theory]
    [InlineData(100, 0)]
    [InlineData(20, 0)]
    [InlineData(5, 0.75)]
    [InlineData(0, 1)]
    public void Of_SoftLength_RisesToTheWholePenalty(int tokensLeft, double penalty)
    {
        var reward = Reward.Of(Outcomes(true), new PlanForm(Finished: true, TokensLeft: tokensLeft), new RewardSpec { SoftLengthTokens = 20 })!;

        Assert.Equal(penalty, reward.UnfinishedPenalty, 12);
    }

    [Theory]
    [InlineData(8, 1)]
    [InlineData(-1, 1)]
    [InlineData(0, 0)]
    [InlineData(0, double.NaN)]
    public void Of_ItemOutOfRange_Throws(int violations, double weight) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => Reward.Of([new ItemOutcome(false, violations, weight)], Good, new RewardSpec()));

    private static ItemOutcome?[] Outcomes(params bool?[] met) => [.. met.Select(verdict => verdict is { } known ? ItemOutcome.Of(known) : (ItemOutcome?)null)];

    [Fact]
    public void Share_WeightsAndUnreadItems_CountAsInTheReward()
    {
        ItemOutcome?[] items = [new(true, 0, 3), new(false, 7), null, new(true, 0, 0.5)];

        Assert.Equal(3.5 / 4.5, Reward.Share(items));
        Assert.Equal(Reward.Of(items, new PlanForm(Finished: true), new RewardSpec())!.Specific, Reward.Share(items));
        Assert.Null(Reward.Share([null]));
    }
}
