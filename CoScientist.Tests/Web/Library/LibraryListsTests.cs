using CoScientist.Core.Goals;
using CoScientist.Core.Papers;
using CoScientist.Core.Storage;
using CoScientist.Tests.Core.Papers;
using CoScientist.Tests.Core.Storage;
using CoScientist.Web.ViewModels;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Tests.Web.Library;

[Trait("Database", "any")]
public sealed class LibraryListsTests
{
    private static readonly LibraryFilter All = new(null, null, false);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static async Task<(TestDatabase Database, LibraryLists Lists)> FillAsync()
    {
        var database = await TestDatabase.CreateAsync();
        var papers = database.Store<PaperImportStore>();
        await papers.ImportAsync("bees.nxml", PaperFixtures.Bytes(PaperFixtures.Jats()), "biology", Token);
        await papers.ImportAsync("sleep.md", PaperFixtures.Bytes(PaperFixtures.Markdown), "medicine", Token);
        var bees = (await database.Store<ExtractionStore>().FindPaperAsync((await PaperAsync(database, "bees.nxml")).Id, Token))!;
        await database.Store<ExtractionStore>().DraftAsync(bees, Token);
        using var dataset = new MemoryStream(PaperFixtures.Bytes("""
            {"Goal":"Find out whether naïve mice sleep","Rubric":["Randomise the cages","Blind the raters"],"article_id":"m1","Category":"medicine","split":"test"}
            {"Goal":"Train a classifier of galaxies","Rubric":["Hold out a telescope"],"article_id":"g1","Category":"physics","split":"train"}
            """));
        await database.Store<DatasetImportStore>().ImportGoalsAsync("d.jsonl", dataset, new(), Token);
        return (database, new LibraryLists(database.Factory));
    }

    private static async Task<Paper> PaperAsync(TestDatabase database, string name)
    {
        await using var db = database.NewContext();
        return await db.Papers.SingleAsync(paper => paper.SourceName == name, Token);
    }

    [Theory]
    [InlineData(null, null, null, 2)]
    [InlineData("bee", null, null, 1)]
    [InlineData("orchard.7", null, null, 1)]
    [InlineData("sleep.md", null, null, 1)]
    [InlineData("gauze bags", null, null, 1)]
    [InlineData("\"gauze bags\" independent", null, null, 1)]
    [InlineData("\"bags gauze\"", null, null, 0)]
    [InlineData(null, "medicine", null, 1)]
    [InlineData(null, null, "jats", 1)]
    [InlineData("bee", "medicine", null, 0)]
    public async Task Papers_are_found_by_words_field_and_format(string? text, string? domain, string? format, int expected)
    {
        var (database, lists) = await FillAsync();
        await using var _ = database;

        var papers = await lists.PapersAsync(new LibraryFilter(text, domain, false) { Source = format }, 0, 10, Token);

        Assert.Equal((expected, expected), (papers.Total, papers.Rows.Count));
    }

    [Theory]
    [InlineData("naive", null, null, null, "Find out whether naïve mice sleep")]
    [InlineData("telesc", null, null, null, "Train a classifier of galaxies")]
    [InlineData("\"mice sleep\"", null, null, null, "Find out whether naïve mice sleep")]
    [InlineData("\"sleep mice\"", null, null, null, null)]
    [InlineData(null, "physics", null, null, "Train a classifier of galaxies")]
    [InlineData(null, null, "test", "dataset", "Find out whether naïve mice sleep")]
    public async Task Goals_are_found_by_words_of_their_items_too(string? text, string? domain, string? split, string? source, string? expected)
    {
        var (database, lists) = await FillAsync();
        await using var _ = database;

        var goals = await lists.GoalsAsync(LibraryFilter.Of(text, domain, null, split, null, source), 0, 10, Token);

        Assert.Equal(expected is null ? [] : [expected], goals.Rows.Select(goal => goal.Text));
    }

    [Fact]
    public async Task Items_are_listed_goal_by_goal_and_paged()
    {
        var (database, lists) = await FillAsync();
        await using var _ = database;

        var all = await lists.ItemsAsync(All, 0, 100, Token);
        var second = await lists.ItemsAsync(All, 2, 2, Token);

        Assert.Equal(all.Total, all.Rows.Count);
        Assert.Equal(["Randomise the cages", "Blind the raters", "Hold out a telescope"], all.Rows.Where(item => item.Origin == "dataset").Select(item => item.Text));
        Assert.Equal(all.Rows.Skip(2).Take(2), second.Rows);
        Assert.All(all.Rows.Where(item => item.Origin == "drafter"), item => Assert.NotNull(item.PaperId));
        Assert.Equal(["Blind the raters"], (await lists.ItemsAsync(All with { Text = "rater" }, 0, 10, Token)).Rows.Select(item => item.Text));
    }

    [Fact]
    public async Task Search_follows_what_reviewers_and_imports_change()
    {
        var (database, lists) = await FillAsync();
        await using var _ = database;
        var item = Assert.Single((await lists.ItemsAsync(All with { Text = "telescope" }, 0, 10, Token)).Rows);

        await database.Store<ReviewStore>().DecideAsync(item.Id, "ada", ReviewAction.Edit, newText: "Hold out an observatory", cancellationToken: Token);

        Assert.Equal(0, (await lists.GoalsAsync(All with { Text = "telescope" }, 0, 10, Token)).Total);
        Assert.Equal(RubricItemState.Edited, Assert.Single((await lists.ItemsAsync(All with { Text = "observatory", State = RubricItemState.Edited }, 0, 10, Token)).Rows).State);
        Assert.Equal(1, (await lists.GoalsAsync(All with { State = RubricItemState.Edited }, 0, 10, Token)).Total);

        // A drafted goal that makes way takes its words along.
        var bees = (await database.Store<ExtractionStore>().FindPaperAsync((await PaperAsync(database, "bees.nxml")).Id, Token))!;
        var before = (await lists.ItemsAsync(All with { Text = "plan" }, 0, 100, Token)).Total;
        await database.Store<ExtractionStore>().DraftAsync(bees, Token);
        Assert.Equal(before, (await lists.ItemsAsync(All with { Text = "plan" }, 0, 100, Token)).Total);
        await using var db = database.NewContext();
        Assert.Equal(await db.Papers.CountAsync(Token) + await db.Goals.CountAsync(Token) + await db.RubricItems.CountAsync(Token), await db.SearchEntries.CountAsync(Token));
    }

    [Fact]
    public async Task Paper_and_goal_know_passages_file_and_hash()
    {
        var (database, _) = await FillAsync();
        await using var __ = database;
        var store = new LibraryStore(database.Factory);
        var paper = (await store.PaperAsync((await PaperAsync(database, "bees.nxml")).Id, Token))!;

        var goal = (await store.GoalAsync(paper.Goals[0].Id, Token))!;

        Assert.Equal(paper.Items.Count, goal.Goal.Items.Count);
        Assert.Equal(("bees.nxml", paper.Paper.ContentHash), (goal.Origin.Paper!.SourceName, goal.Origin.Paper.ContentHash));
        Assert.All(goal.Goal.Items, item => Assert.NotEmpty(goal.Origin.Passages[item.Id].Marked));
    }

    [Fact]
    public void Cut_passages_may_touch_and_overlap_and_the_text_stays_whole()
    {
        static Citation By(string label) => new(label, "", "", "");

        var stretches = CitedStretch.Cut("abcdefghij", [(2, 4, By("1")), (4, 4, By("2")), (8, 9, By("outside")), (-1, 2, By("before"))]);

        Assert.Equal(["ab", "cd", "ef", "gh", "ij"], stretches.Select(stretch => stretch.Text));
        Assert.Equal(["", "1", "12", "2", ""], stretches.Select(stretch => string.Concat(stretch.By.Select(by => by.Label))));
        Assert.Equal(["", "1", "2", "", ""], stretches.Select(stretch => string.Concat(stretch.Beginning.Select(by => by.Label))));
        Assert.Equal(["", "", "1", "2", ""], stretches.Select(stretch => string.Concat(stretch.Ending.Select(by => by.Label))));
    }
}
