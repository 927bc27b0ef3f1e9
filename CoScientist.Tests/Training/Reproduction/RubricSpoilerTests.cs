using CoScientist.Core;
using CoScientist.Core.Goals;
using CoScientist.Training.Reproduction;
using CoScientist.Training.Sandbox;

namespace CoScientist.Tests.Training.Reproduction;

public sealed class RubricSpoilerTests
{
    private static readonly Goal[] Goals =
    [
        .. SandboxLibrary.Goals.Where(goal => goal.Split == GoalSplit.Train && goal.DomainName == "ml").Select(goal => SandboxLibrary.Build(goal, DateTimeOffset.UnixEpoch).Goal),
    ];

    private static readonly Dictionary<RubricItemId, (SandboxGoal Goal, RubricItem Item, SandboxRequirement Requirement)> Items = Goals
        .SelectMany(goal => goal.Items.Select(item =>
        {
            Assert.True(SandboxGoal.TryParseKey(goal.ExternalKey, out var meaning));
            return (meaning, item, SandboxWorld.Default.Requirements(meaning)[item.Order]);
        }))
        .ToDictionary(place => place.item.Id);

    [Theory]
    [InlineData(0)]
    [InlineData(0.3)]
    [InlineData(0.5)]
    public void Spoil_Share_IsHitToTheItemAndSplitInThirds(double share)
    {
        var spoiled = new RubricSpoiler(1).Spoil(Goals, share);

        var wanted = (int)Math.Round(share * Items.Count);
        Assert.Equal(wanted, spoiled.Count);
        Assert.Equal(wanted, spoiled.Select(item => item.Item).Distinct().Count());
        Assert.All(spoiled.CountBy(item => item.Fault), fault => Assert.InRange(fault.Value, wanted / 3, (wanted / 3) + 1));
    }

    [Fact]
    public void Spoil_SameSeed_IsTheSameWhateverTheOrderOfGoals()
    {
        Assert.Equal(new RubricSpoiler(2).Spoil(Goals, 0.3), new RubricSpoiler(2).Spoil([.. Goals.Reverse()], 0.3));
        Assert.NotEqual(new RubricSpoiler(2).Spoil(Goals, 0.3), new RubricSpoiler(3).Spoil(Goals, 0.3));
    }

    [Fact]
    public void Spoil_MisreadRequirement_IsMisreadInTwoGoalsOfThree()
    {
        var spoiled = new RubricSpoiler(1).Spoil(Goals, 0.3).Select(item => item.Item).ToHashSet();

        // All misread requirements but the last one of each fault are spoiled in two thirds of their goals.
        double[] shares = [.. Items.Values.GroupBy(place => (place.Requirement.Trigger, place.Requirement.Facet)).Select(group => group.Average(place => spoiled.Contains(place.Item.Id) ? 1.0 : 0)).Where(share => share > 0)];
        Assert.InRange(shares.Count(share => share is > 0.65 and < 0.72), shares.Length - 3, shares.Length);
    }

    [Fact]
    public void Spoil_WrongAndLeakingItems_AskForOtherWaysOfTheSameThing()
    {
        foreach (var item in new RubricSpoiler(1).Spoil(Goals, 0.3).Where(item => item.Fault != RejectionReason.Trivial))
        {
            var right = Items[item.Item].Requirement;
            Assert.Contains(SandboxWords.Facets[right.Facet].Nouns, noun => item.Text.Contains(noun, StringComparison.Ordinal));
            Assert.DoesNotContain(SandboxWords.TriggerNouns[right.Trigger], noun => item.Text.Contains(noun, StringComparison.Ordinal));
        }
    }

    [Fact]
    public void Spoil_Wording_IsTheWorldsAndAsksForSomethingElse()
    {
        var words = SandboxWorld.AllWords.ToHashSet(StringComparer.Ordinal);
        var spoiled = new RubricSpoiler(1).Spoil(Goals, 0.3);

        Assert.All(spoiled, item => Assert.All(item.Text.Split(' '), word => Assert.Contains(word.TrimEnd(',', '.', '?'), words)));
        Assert.All(spoiled, item => Assert.NotEqual(Items[item.Item].Item.Text, item.Text));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(0.1)]
    public void Decide_WrongShare_IsHitToTheDecision(double wrongShare)
    {
        var spoiled = new RubricSpoiler(1).Spoil(Goals, 0.3);
        var faults = spoiled.ToDictionary(item => item.Item, item => item.Fault);

        var decisions = SimulatedReviewer.Decide(Items.Keys, spoiled, wrongShare, 1);

        Assert.Equal(Items.Count, decisions.Select(decision => decision.Item).Distinct().Count());
        Assert.Equal((int)Math.Round(wrongShare * Items.Count), decisions.Count(decision => decision.Reason is null == faults.ContainsKey(decision.Item)));
        Assert.All(decisions.Where(decision => decision.Reason is not null && faults.ContainsKey(decision.Item)), decision => Assert.Equal(faults[decision.Item], decision.Reason));
        Assert.Equal(decisions, SimulatedReviewer.Decide([.. Items.Keys.Reverse()], spoiled, wrongShare, 1));
    }
}
