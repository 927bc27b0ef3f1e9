using CoScientist.Core.Grading;
using CoScientist.Core.Runs;

namespace CoScientist.Tests.Core.Grading;

public sealed class RewardTests
{
    private static readonly PlanForm Good = new(Finished: true);

    [Fact]
    public void Of_AllGraded_IsTheShareMet()
    {
        var reward = Reward.Of([true, false, true, true], Good, new RewardSpec());

        Assert.NotNull(reward);
        Assert.Equal((3, 4, 0.75, 0.75), (reward.Satisfied, reward.Graded, reward.Score, reward.Total));
    }

    [Fact]
    public void Of_SomeUngraded_CountsOnlyTheGraded() =>
        Assert.Equal(0.5, Reward.Of([true, null, false, null], Good, new RewardSpec())!.Total);

    [Fact]
    public void Of_NothingGraded_IsMaskedNotZero()
    {
        Assert.Null(Reward.Of([null, null], Good, new RewardSpec()));
        Assert.Null(Reward.Of([], Good, new RewardSpec()));
        Assert.Equal(0, Reward.Of([false, false], Good, new RewardSpec())!.Total);
    }

    [Fact]
    public void Of_EveryFault_TakesOffEachPenalty()
    {
        var reward = Reward.Of([true, true], new PlanForm(Finished: false, MalformedShare: 0.5, Overlong: true), new RewardSpec())!;

        Assert.Equal((1, 0.25, 0.25), (reward.UnfinishedPenalty, reward.MalformedPenalty, reward.OverlongPenalty));
        Assert.Equal(-0.5, reward.Total, 12);
    }

    [Theory]
    [InlineData(-0.1)]
    [InlineData(1.1)]
    [InlineData(double.NaN)]
    public void Of_ShareOutsideZeroToOne_Throws(double share) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => Reward.Of([true], new PlanForm(true, share), new RewardSpec()));
}
