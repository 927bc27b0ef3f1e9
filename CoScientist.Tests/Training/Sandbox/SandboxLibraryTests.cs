using CoScientist.Core.Goals;
using CoScientist.Core.Papers;
using CoScientist.Tests.Core.Storage;
using CoScientist.Training.Sandbox;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Tests.Training.Sandbox;

[Trait("Database", "any")]
public sealed class SandboxLibraryTests
{
    private static readonly DateTimeOffset Now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Goals_OfTheLibrary_AreDistinctBalancedAndOfTheirSplit()
    {
        var goals = SandboxLibrary.Goals;
        Assert.Equal(880, goals.Select(goal => goal with { WordingSeed = 0 }).Distinct().Count());
        Assert.Equal([400, 160, 320], new[] { GoalSplit.Train, GoalSplit.Validation, GoalSplit.Test }.Select(split => goals.Count(goal => goal.Split == split)));
        Assert.All(goals.GroupBy(goal => (goal.Split, goal.Domain)).GroupBy(group => group.Key.Split), split => Assert.InRange(split.Max(x => x.Count()) - split.Min(x => x.Count()), 0, 1));
    }

    [Fact]
    public void Build_AnyGoal_HoldsTogether()
    {
        foreach (var specification in SandboxLibrary.Goals.Where((_, index) => index % 5 == 0))
        {
            var (paper, goal) = SandboxLibrary.Build(specification, Now);
            Assert.True(SandboxGoal.TryParseKey(goal.ExternalKey, out var read));
            Assert.Equal(specification, read);
            Assert.Equal(paper.Id, goal.PaperId);
            Assert.Equal(1.0, SandboxWorld.Default.Oracle.Score(specification, goal.ReferenceSolution!));
            Assert.Equal(SandboxWorld.Default.Requirements(specification).Count, goal.Items.Count);
            Assert.Equal(SandboxWorld.Default.ItemTexts(specification), goal.Items.Select(item => item.Text));

            var method = paper.Sections.Where(section => section.Role is SectionRole.Method or SectionRole.Experiments);
            Assert.Equal(1.0, SandboxWorld.Default.Oracle.Score(specification, string.Join(' ', method.Select(section => section.Text))));
            Assert.All(goal.Items, item => Assert.Contains(paper.Sections[item.SourceSection!.Value].Text.Substring(item.SourceStart!.Value, item.SourceLength!.Value), goal.ReferenceSolution!, StringComparison.Ordinal));
            Assert.All(goal.Items, item => Assert.EndsWith(".", paper.Sections[item.SourceSection!.Value].Text[..(item.SourceStart!.Value + item.SourceLength!.Value)], StringComparison.Ordinal));

            var situation = string.Join(' ', [paper.Title, paper.Abstract, paper.Sections[0].Text, paper.Sections[1].Text]);
            Assert.DoesNotContain(SandboxWords.Facets.SelectMany(facet => facet.Ways), way => situation.Contains(way, StringComparison.Ordinal));
        }
    }

    [Fact]
    public void Build_Twice_IsTheSame()
    {
        var (paper, goal) = SandboxLibrary.Build(SandboxLibrary.Goals[3], Now);
        var (paperAgain, goalAgain) = SandboxLibrary.Build(SandboxLibrary.Goals[3], Now);
        Assert.Equal((paper.Id, paper.ContentHash, goal.Id, goal.Text), (paperAgain.Id, paperAgain.ContentHash, goalAgain.Id, goalAgain.Text));
        Assert.Equal(goal.Items.Select(item => (item.Id, item.Text)), goalAgain.Items.Select(item => (item.Id, item.Text)));
        Assert.Equal(8, goal.Id.Value.Version);
    }

    [Fact]
    public async Task EnsureAsync_Repeated_AddsOnlyWhatIsMissingAndKeepsDecisions()
    {
        var cancellation = TestContext.Current.CancellationToken;
        await using var database = await TestDatabase.CreateAsync();
        Assert.Equal(880, await SandboxLibrary.EnsureAsync(database.Factory, database.Time, cancellation));

        await using (var db = database.NewContext())
        {
            Assert.Equal((880, 880, 4_400), (await db.Goals.CountAsync(cancellation), await db.Papers.CountAsync(cancellation), await db.PaperSections.CountAsync(cancellation)));
            Assert.InRange(await db.RubricItems.CountAsync(cancellation), 880 * 6, 880 * 8);
            var goals = await db.Goals.Include(goal => goal.Items).OrderBy(goal => goal.ExternalKey).Take(2).ToListAsync(cancellation);
            goals[0].Items[0].State = RubricItemState.Rejected;
            goals[0].RubricVersion = 2;
            db.Goals.Remove(goals[1]);
            await db.SaveChangesAsync(cancellation);
        }

        Assert.Equal(1, await SandboxLibrary.EnsureAsync(database.Factory, database.Time, cancellation));
        Assert.Equal(0, await SandboxLibrary.EnsureAsync(database.Factory, database.Time, cancellation));
        await using var after = database.NewContext();
        Assert.Equal((880, 880), (await after.Goals.CountAsync(cancellation), await after.Papers.CountAsync(cancellation)));
        Assert.Equal(1, await after.RubricItems.CountAsync(item => item.State == RubricItemState.Rejected, cancellation));
        Assert.Equal(1, await after.Goals.CountAsync(goal => goal.RubricVersion == 2, cancellation));
    }
}
