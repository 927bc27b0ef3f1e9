using CoScientist.Core;
using CoScientist.Core.Goals;
using CoScientist.Core.Goals.Checks;
using CoScientist.Core.Storage;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Tests.Core.Storage;

[Trait("Database", "any")]
public sealed class ItemCheckStoreTests
{
    private const string GoalText = "Find out whether roots of barley recover after salt stress.";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static async Task<Goal> AddAsync(TestDatabase database, string domain, string pipeline, params string[] items)
    {
        var id = database.NewId<GoalId>();
        var goal = new Goal
        {
            Id = id,
            Domain = domain,
            Text = GoalText,
            Split = GoalSplit.Train,
            Origin = "model",
            Pipeline = pipeline,
            CreatedAt = database.Time.GetUtcNow(),
            Items = [.. items.Select((text, order) => new RubricItem { Id = database.NewId<RubricItemId>(), GoalId = id, Order = order, Text = text, ProposedText = text })],
        };
        await using var db = database.NewContext();
        db.Goals.Add(goal);
        await db.SaveChangesAsync(Token);
        return goal;
    }

    [Fact]
    public async Task CheckMissingAsync_checks_each_item_once_and_stores_the_reasons()
    {
        await using var database = await TestDatabase.CreateAsync();
        var store = database.Store<ItemCheckStore>();
        var goal = await AddAsync(database, "biology", "paper", "The plan should find out whether barley roots recover.", "The plan should mention ethics.", "The plan should scan roots daily.");

        Assert.Equal(3, await store.MissingAsync(sandbox: false, Token));
        Assert.Equal(3, await store.CheckMissingAsync(Token));
        Assert.Equal(0, await store.CheckMissingAsync(Token));

        var findings = await store.FindingsAsync(goal.Id, Token);
        Assert.Equal(
            [(0, ItemFault.LeaksFromGoal), (1, ItemFault.PresenceOnly)],
            goal.Items.SelectMany(item => findings[item.Id].Select(finding => (item.Order, finding.Fault))));
        Assert.All(findings.SelectMany(found => found), finding => Assert.NotEmpty(finding.Reason));
        await using var db = database.NewContext();
        Assert.Equal(3, await db.ItemChecks.CountAsync(Token));
        Assert.Equal(3, await store.CheckAllAsync(Token));
        Assert.Equal((3, 2), (await db.ItemChecks.CountAsync(Token), await db.ItemFindings.CountAsync(Token)));
    }

    [Fact]
    public async Task DecideAsync_edit_and_its_undoing_check_the_rubric_again()
    {
        await using var database = await TestDatabase.CreateAsync();
        var checks = database.Store<ItemCheckStore>();
        var review = database.Store<ReviewStore>();
        var goal = await AddAsync(database, "biology", "paper", "The plan should scan roots daily.", "The plan should weigh shoots at harvest.");
        await checks.CheckMissingAsync(Token);
        await checks.SaveJudgmentAsync(goal, "judge", [[], []], Token);

        await review.DecideAsync(goal.Items[1].Id, "ada", ReviewAction.Edit, newText: "Roots are scanned daily.", cancellationToken: Token);

        Assert.Equal(ItemFault.Duplicate, Assert.Single((await checks.FindingsAsync(goal.Id, Token))[goal.Items[1].Id]).Fault);
        await using var db = database.NewContext();
        Assert.Equal([goal.Items[0].Id], await db.ItemChecks.Where(check => check.IsJudge).Select(check => check.ItemId).ToListAsync(Token));

        await review.UndoAsync("ada", Token);

        Assert.Empty((await checks.FindingsAsync(goal.Id, Token)).SelectMany(found => found));
        Assert.Equal(2, await db.ItemChecks.CountAsync(check => !check.IsJudge, Token));
    }

    [Fact]
    public async Task SaveJudgmentAsync_judges_word_goes_before_the_wording()
    {
        await using var database = await TestDatabase.CreateAsync();
        var checks = database.Store<ItemCheckStore>();
        var goal = await AddAsync(database, "biology", "paper", "The plan should find out whether barley roots recover.", "The plan should scan roots daily.");
        await AddAsync(database, "medicine", "leak-resistant", "The plan should scan roots daily.");
        await checks.CheckMissingAsync(Token);
        Assert.Equal(2, (await checks.UnjudgedAsync("judge", everything: false, Token)).Count);
        await checks.SaveJudgmentAsync(goal, "judge", [[new(ItemFault.LeaksFromGoal, "Said.")], [new(ItemFault.LeaksFromGoal, "Implied.")]], Token);
        await checks.SaveJudgmentAsync(goal, "judge", [[], [new(ItemFault.LeaksFromGoal, "Implied.")]], Token);
        Assert.Single(await checks.UnjudgedAsync("judge", everything: false, Token));
        await database.Store<ReviewStore>().DecideAsync(goal.Items[1].Id, "ada", ReviewAction.Reject, RejectionReason.LeaksFromGoal, cancellationToken: Token);

        var rows = await database.Store<LeakageStore>().RowsAsync(sandbox: false, Token);

        Assert.Equal(
            [(null, "leak-resistant", 1, 0, 0), ("medicine", "leak-resistant", 1, 0, 0), (null, "paper", 2, 2, 1), ("biology", "paper", 2, 2, 1)],
            rows.Select(row => (row.Domain, row.Pipeline, row.Items, row.Judged, row.Leaks)));
        Assert.Equal((0.5, 0.0), (rows[2].Rate.Value, rows[2].RateLeft));
        Assert.Contains(new FaultRow("paper", ItemFault.LeaksFromGoal, 2), await database.Store<LeakageStore>().FaultsAsync(sandbox: false, Token));
        Assert.Empty(await database.Store<LeakageStore>().RowsAsync(sandbox: true, Token));
    }

    [Fact]
    public async Task OverviewAsync_tells_what_changed_since()
    {
        await using var database = await TestDatabase.CreateAsync();
        var store = database.Store<LeakageStore>();
        var goal = await AddAsync(database, "biology", "paper", "The plan should find out whether barley roots recover.");
        Assert.Equal((0, 1), (await store.OverviewAsync(sandbox: false, Token)) is var before ? (before.Rows.Count, before.Missing) : default);

        await database.Store<ItemCheckStore>().CheckMissingAsync(Token);

        var after = await store.OverviewAsync(sandbox: false, Token);
        Assert.Equal((2, 0, 1.0), (after.Rows.Count, after.Missing, after.Rows[0].RateLeft));
        Assert.Same(after, await store.OverviewAsync(sandbox: false, Token));
        await database.Store<ReviewStore>().DecideAsync(goal.Items[0].Id, "ada", ReviewAction.Reject, RejectionReason.LeaksFromGoal, cancellationToken: Token);
        Assert.Null((await store.OverviewAsync(sandbox: false, Token)).Rows[0].RateLeft);
    }

    [Fact]
    public async Task SaveJudgmentAsync_item_edited_meanwhile_keeps_no_word_on_its_old_text()
    {
        await using var database = await TestDatabase.CreateAsync();
        var goal = await AddAsync(database, "biology", "paper", "The plan should scan roots daily.");
        await database.Store<ReviewStore>().DecideAsync(goal.Items[0].Id, "ada", ReviewAction.Edit, newText: "The plan should scan leaves.", cancellationToken: Token);

        await database.Store<ItemCheckStore>().SaveJudgmentAsync(goal, "judge", [[new(ItemFault.Trivial, "x")]], Token);

        await using var db = database.NewContext();
        Assert.False(await db.ItemChecks.AnyAsync(check => check.IsJudge, Token));
    }

    [Fact]
    public async Task RefreshAsync_near_duplicates_of_other_articles_stand_in_one_part()
    {
        await using var database = await TestDatabase.CreateAsync();
        var imports = database.Store<DatasetImportStore>();
        var articles = Enumerable.Range(0, 40).Select(i => $"art{i}").ToList();
        var train = articles.First(article => GoalSplits.Of(article) == GoalSplit.Train);
        var test = articles.First(article => GoalSplits.Of(article) == GoalSplit.Test);
        var other = articles.Last(article => GoalSplits.Of(article) == GoalSplit.Test);
        string Row(string article, int question, string text) => $$"""{"Goal":"{{text}}","Rubric":["x"],"article_id":"{{article}}","q_id":"{{question}}"}""" + "\n";
        var file = Row(test, 0, "roots of barley recover slowly after salt stress in wet soils of the north") + Row(train, 0, "roots of barley recover slowly after salt stress in dry soils of the north") + Row(test, 1, "quite another matter is asked here of beetles") + Row(other, 0, "moths fly towards lamps at night");
        await imports.ImportGoalsAsync("d.jsonl", new MemoryStream(System.Text.Encoding.UTF8.GetBytes(file)), new DatasetImportOptions(), Token);
        var groups = database.Store<GoalGroupStore>();

        var first = await groups.RefreshAsync(Token);
        var second = await groups.RefreshAsync(Token);

        Assert.Equal(new GroupingResult(1, 2), first);
        Assert.Equal(new GroupingResult(1, 0), second);
        await using var db = database.NewContext();
        var goals = await db.Goals.Where(goal => !goal.IsSandbox).OrderBy(goal => goal.Id).ToListAsync(Token);
        Assert.Equal([GoalSplit.Train, GoalSplit.Train, GoalSplit.Train, GoalSplit.Test], goals.Select(goal => goal.Split));
        Assert.Equal(goals[0].Id, goals[1].DuplicateOf);
        Assert.InRange(goals[1].Resemblance!.Value, GoalSimilarity.NearDuplicate, 1);
    }
}
