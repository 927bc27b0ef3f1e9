using CoScientist.Core;
using CoScientist.Core.Goals;
using CoScientist.Training.Sandbox;

namespace CoScientist.Tests.Training.Sandbox;

public sealed class SandboxWorldTests
{
    private static readonly SandboxWorld World = SandboxWorld.Default;

    [Fact]
    public void AllGoals_OfTheDefaultRulebook_AreAboutTenThousandAndFifthOfThemHeldOut()
    {
        List<SandboxGoal> goals = [.. World.AllGoals()];
        var held = goals.Count(goal => goal.Split != GoalSplit.Train);
        var test = goals.Count(goal => goal.Split == GoalSplit.Test);

        // The prototype's rulebook, drawn by another generator, gave 10,280 of the 11,520 goals.
        Assert.InRange(goals.Count, 9_000, 11_520);
        Assert.InRange(held / (double)goals.Count, 0.17, 0.21);
        Assert.InRange(test / (double)held, 0.46, 0.54);
        Assert.InRange(goals.Average(goal => World.Requirements(goal).Count), 6.7, 7.3);
    }

    [Fact]
    public void Split_OfSameMeaningInAnotherWording_IsTheSame()
    {
        foreach (var goal in World.AllGoals().Take(500))
        {
            Assert.Equal(goal.Split, (goal with { WordingSeed = 99 }).Split);
        }
    }

    [Theory]
    [InlineData(GoalSplit.Train)]
    [InlineData(GoalSplit.Validation)]
    [InlineData(GoalSplit.Test)]
    public void SampleGoal_OfASplitAndDomain_StaysInside(GoalSplit split)
    {
        var random = new SeededRandom(3);
        for (var i = 0; i < 100; i++)
        {
            var goal = World.SampleGoal(random, split, ["physics"]);
            Assert.Equal(split, goal.Split);
            Assert.Equal("physics", goal.DomainName);
            Assert.InRange(World.Requirements(goal).Count, 6, 8);
        }
    }

    [Fact]
    public void SampleGoal_UnknownDomain_IsNamedInTheMessage()
    {
        var error = Assert.Throws<ArgumentException>(() => World.SampleGoal(new SeededRandom(1), GoalSplit.Train, ["chemistry"]));
        Assert.Contains("chemistry", error.Message, StringComparison.Ordinal);
        Assert.Contains("medicine", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Requirements_OfAnyGoal_AreOnePerFacetInOrder()
    {
        foreach (var goal in World.AllGoals().Where(goal => goal.Topic == 0))
        {
            List<int> facets = [.. World.Requirements(goal).Select(requirement => requirement.Facet)];
            Assert.Equal(facets.Distinct().Order(), facets);
        }
    }

    [Fact]
    public void Rulebook_NeedsByDomain_DifferForFiveTriggersOnly()
    {
        var changing = Enumerable.Range(0, SandboxRulebook.FirstDomain).Count(trigger => World.Rulebook.Need(trigger, 0) != World.Rulebook.Need(trigger, 1));
        Assert.Equal(5, changing);
        Assert.All(Enumerable.Range(0, 12), facet => Assert.Equal([2, 2, 2], Enumerable.Range(0, 3).Select(virtue => World.Rulebook.Ways(facet, virtue).Count)));
    }

    [Fact]
    public void GoalText_AnyGoal_IsAboutFortyWordsAndLeaksNoWay()
    {
        var random = new SeededRandom(5);
        var words = 0;
        for (var i = 0; i < 1_000; i++)
        {
            var text = World.GoalText(World.SampleGoal(random, GoalSplit.Train), random);
            words += SandboxWords.Tokens(text).Count;
            Assert.DoesNotContain(SandboxWords.Facets.SelectMany(facet => facet.Ways), way => text.Contains(way, StringComparison.Ordinal));
            Assert.DoesNotContain(SandboxWords.Virtues.SelectMany(virtue => virtue), virtue => text.Contains(virtue, StringComparison.Ordinal));
            Assert.Equal(text.ToLowerInvariant(), text);
            Assert.DoesNotContain(" .", text, StringComparison.Ordinal);
            Assert.DoesNotContain("  ", text, StringComparison.Ordinal);
        }

        Assert.InRange(words / 1_000.0, 38, 43);
    }

    [Theory]
    [InlineData(ItemStyle.Plain, false)]
    [InlineData(ItemStyle.NamesVirtue, true)]
    public void ItemText_EitherStyle_IsShortAndNamesNoWay(ItemStyle style, bool namesVirtue)
    {
        var world = new SandboxWorld(style);
        var random = new SeededRandom(6);
        for (var i = 0; i < 300; i++)
        {
            foreach (var requirement in world.Requirements(world.SampleGoal(random, GoalSplit.Test)))
            {
                var text = world.ItemText(requirement, random);
                Assert.InRange(SandboxWords.Tokens(text).Count(token => token != ","), 5, 14);
                Assert.DoesNotContain(SandboxWords.Facets[requirement.Facet].Ways, way => text.Contains(way, StringComparison.Ordinal));
                Assert.Equal(namesVirtue, SandboxWords.Virtues[requirement.Virtue].Any(virtue => text.Contains(virtue, StringComparison.Ordinal)));
            }
        }
    }

    [Fact]
    public void ToKey_ReadBack_IsTheSameGoal()
    {
        var random = new SeededRandom(8);
        for (var i = 0; i < 200; i++)
        {
            var goal = World.SampleGoal(random, GoalSplit.Validation);
            Assert.True(SandboxGoal.TryParseKey(goal.ToKey(), out var read));
            Assert.Equal(goal, read);
        }
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("w1/ml/3/1/0-4-7")]
    [InlineData("w2/ml/3/1/0-4-7/5")]
    [InlineData("w1/chemistry/3/1/0-4-7/5")]
    [InlineData("w1/ml/8/1/0-4-7/5")]
    [InlineData("w1/ml/3/4/0-4-7/5")]
    [InlineData("w1/ml/3/1/0-4-9/5")]
    [InlineData("w1/ml/3/1/0/5")]
    [InlineData("w1/ml/3/1/0-0-4/5")]
    [InlineData("w1/ml/3/1/7-4-0/5")]
    [InlineData("w1/ml/3/1/0-4-7/-5")]
    [InlineData("w1/ml/3/1/0-4-7/99999999999999")]
    [InlineData("w1/ml/+3/1/0-4-7/5")]
    public void TryParseKey_NotAKey_IsRefused(string? key)
    {
        Assert.False(SandboxGoal.TryParseKey(key, out var goal));
        Assert.Null(goal);
    }

    [Fact]
    public void Texts_SameSeed_AreTheSame()
    {
        static string Sample()
        {
            var random = new SeededRandom(11);
            return string.Join('\n', SandboxWorld.Default.Corpus(random).Take(200));
        }

        Assert.Equal(Sample(), Sample());
        var goal = World.AllGoals().First();
        Assert.Equal(World.GoalText(goal), new SandboxWorld().GoalText(goal));
        Assert.Equal(World.ItemTexts(goal), new SandboxWorld().ItemTexts(goal));
    }

    [Fact]
    public void World_WithMisreadCircumstances_ReadsTheSameAndAcceptsOtherWaysForThemOnly()
    {
        var other = new SandboxWorld(misread: [2, 10]);
        foreach (var goal in World.AllGoals().Where(goal => goal.Topic == 1))
        {
            Assert.Equal(World.GoalText(goal), other.GoalText(goal));
            Assert.Equal(World.ItemTexts(goal), other.ItemTexts(goal));
            Assert.All(World.Requirements(goal).Zip(other.Requirements(goal)), pair =>
            {
                Assert.Equal((pair.First.Trigger, pair.First.Facet), (pair.Second.Trigger, pair.Second.Facet));
                Assert.Equal(pair.First.Trigger is 2 or 10, pair.First.Virtue != pair.Second.Virtue);
            });
        }
    }

    [Fact]
    public void AllWords_OfTheWorld_CoverItsTexts()
    {
        HashSet<string> known = [.. SandboxWorld.AllWords];
        Assert.InRange(known.Count, 560, 600);
        Assert.All(World.Corpus(new SeededRandom(12)).Take(3_000).SelectMany(SandboxWords.Tokens).Distinct(StringComparer.Ordinal), word => Assert.Contains(word, known));
    }
}
