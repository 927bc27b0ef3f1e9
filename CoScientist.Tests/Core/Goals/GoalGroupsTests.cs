using System.Globalization;
using CoScientist.Core;
using CoScientist.Core.Goals;

namespace CoScientist.Tests.Core.Goals;

public sealed class GoalGroupsTests
{
    private static readonly string[] Words = [.. Enumerable.Range(0, 600).Select(i => string.Create(CultureInfo.InvariantCulture, $"w{(char)('a' + (i % 26))}{(char)('a' + (i / 26))}x"))];

    private static string Text(long seed, int words = 60)
    {
        var random = new SeededRandom(seed);
        return string.Join(' ', Enumerable.Range(0, words).Select(_ => random.Pick(Words)));
    }

    private static string Reworded(string text, double share)
    {
        var random = new SeededRandom(5);
        return string.Join(' ', text.Split(' ').Select(word => random.NextDouble() < share ? "zz" + word : word));
    }

    [Fact]
    public void Resemblance_counts_common_stems_and_neighbours()
    {
        // {roots, recover, salt, roots+recover, recover+salt} and {roots, recover, roots+recover}: 3 of 5.
        Assert.Equal(0.6, GoalSimilarity.Resemblance("roots recover salt", "the root recovers"), 12);
        Assert.Equal(1, GoalSimilarity.Resemblance("Roots recover.", "roots RECOVERED"), 12);
        Assert.Equal(0, GoalSimilarity.Resemblance("", ""), 12);
    }

    [Fact]
    public void NearDuplicates_finds_what_comparing_all_pairs_finds()
    {
        List<string> texts = [.. Enumerable.Range(0, 150).Select(i => Text(i))];
        texts.AddRange(Enumerable.Range(0, 40).Select(i => Reworded(texts[i * 3], 0.02 + (0.006 * i))));
        var all =
            from i in Enumerable.Range(0, texts.Count)
            from j in Enumerable.Range(i + 1, texts.Count - i - 1)
            let resemblance = GoalSimilarity.Resemblance(texts[i], texts[j])
            where resemblance >= GoalSimilarity.NearDuplicate
            select (i, j, resemblance);

        Assert.Equal(all, GoalSimilarity.NearDuplicates(texts, TestContext.Current.CancellationToken));
        Assert.InRange(all.Count(), 20, 40);
    }

    [Fact]
    public void Of_near_duplicates_and_articles_stand_in_one_part_whatever_their_order()
    {
        var random = new SeededRandom(1);
        var goals = new List<GroupedGoal>();
        for (var i = 0; i < 60; i++)
        {
            var article = string.Create(CultureInfo.InvariantCulture, $"article {i}");
            goals.Add(new(article, Text(i), GoalSplits.Of(article)));
            goals.Add(new(article, Text(1000 + i), GoalSplits.Of(article)));
            if (i % 3 == 0)
            {
                var copy = string.Create(CultureInfo.InvariantCulture, $"preprint {i}");
                goals.Add(new(copy, Reworded(Text(i), 0.05), GoalSplits.Of(copy)));
            }
        }

        var places = GoalGroups.Of(goals, TestContext.Current.CancellationToken);
        Assert.Equal(20, places.Count(place => place.DuplicateOf is not null));
        for (var i = 0; i < goals.Count; i++)
        {
            var same = Enumerable.Range(0, goals.Count).Where(j => goals[j].Article == goals[i].Article || places[j].DuplicateOf == i);
            Assert.All(same, j => Assert.Equal(places[i].Split, places[j].Split));
            Assert.True(places[i].Split <= goals[i].Split);
        }

        var shuffled = goals.ToList();
        random.Shuffle(shuffled);
        var again = GoalGroups.Of(shuffled, TestContext.Current.CancellationToken);
        Assert.Equal(goals.Zip(places, (goal, place) => (goal.Text, place.Split)).Order(), shuffled.Zip(again, (goal, place) => (goal.Text, place.Split)).Order());

        var twice = GoalGroups.Of([.. goals.Zip(places, (goal, place) => goal with { Split = place.Split })], TestContext.Current.CancellationToken);
        Assert.Equal(places, twice);
    }

    [Fact]
    public void Of_goals_of_one_article_are_not_called_duplicates()
    {
        var places = GoalGroups.Of([new("a", Text(1), GoalSplit.Test), new("a", Text(1), GoalSplit.Test)], TestContext.Current.CancellationToken);

        Assert.All(places, place => Assert.Null(place.DuplicateOf));
    }

    [Fact]
    public void Of_identical_goals_of_many_articles_are_one_group()
    {
        var places = GoalGroups.Of([.. Enumerable.Range(0, 300).Select(i => new GroupedGoal($"a{i}", "the very same goal text of all", i == 299 ? GoalSplit.Train : GoalSplit.Test))], TestContext.Current.CancellationToken);

        Assert.All(places, place => Assert.Equal(GoalSplit.Train, place.Split));
    }

    [Fact]
    public void Of_shares_hold_in_every_domain()
    {
        foreach (var domain in (string[])["ml", "medicine", "physics"])
        {
            var splits = Enumerable.Range(0, 4000).Select(i => GoalSplits.Of($"{domain}-{i}")).ToList();
            Assert.InRange(splits.Count(split => split == GoalSplit.Train) / 4000.0, 0.78, 0.82);
            Assert.InRange(splits.Count(split => split == GoalSplit.Test) / 4000.0, 0.085, 0.115);
        }
    }
}
