using CoScientist.Core.Goals;
using CoScientist.Core.Plans;
using CoScientist.Core.Storage;
using CoScientist.Core.Studies;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Tests.Core.Storage;

/// <summary>Second opinions and their settling.</summary>
[Trait("Database", "any")]
public sealed class ReviewSecondsTests : IAsyncLifetime
{
    private TestDatabase database = null!;
    private Goal goal = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private ReviewStore Store => database.Store<ReviewStore>();

    /// <summary>A goal of three items in a study that asks for a second reviewer, and one that none asks for; ada has decided on all.</summary>
    public async ValueTask InitializeAsync()
    {
        database = await TestDatabase.CreateAsync();
        goal = await database.AddGoalAsync(items: 3, key: "a");
        await using (var db = database.NewContext())
        {
            db.AddRange(new[] { "tuned", "starter" }.Select(writer => new Plan { Id = database.NewId<PlanId>(), GoalId = goal.Id, Writer = writer, Text = "We plan.", CreatedAt = database.Time.GetUtcNow() }));
            await db.SaveChangesAsync(Token);
        }

        var other = await database.AddGoalAsync(items: 1, key: "b");
        await database.Store<StudyStore>().CreateAsync(new StudyDraft { Name = "Study", Arm1 = "tuned", Arm2 = "starter", IsSandbox = true, Goals = 1, Form = new StudyForm { SecondReview = true } }, Token);
        await Store.DecideAsync(goal.Items[0].Id, "ada", ReviewAction.Approve, cancellationToken: Token);
        await Store.DecideAsync(goal.Items[1].Id, "ada", ReviewAction.Edit, newText: "better words", cancellationToken: Token);
        await Store.DecideAsync(goal.Items[2].Id, "ada", ReviewAction.Reject, RejectionReason.Trivial, cancellationToken: Token);
        await Store.DecideAsync(other.Items[0].Id, "ada", ReviewAction.Approve, cancellationToken: Token);
    }

    public ValueTask DisposeAsync() => database.DisposeAsync();

    [Fact]
    public async Task WaitingAsync_SecondReviewer_SeesTheItemsAsProposedAndTheFirstSeesNone()
    {
        var waiting = await Store.WaitingAsync("bob", ReviewStage.Second, sandbox: true, Token);

        Assert.Equal(goal.Items.Select(i => i.Id), waiting.Select(w => w.Item.Id));
        Assert.All(waiting, w => Assert.Equal((RubricItemState.Proposed, w.Item.ProposedText), (w.Item.State, w.Item.Text)));
        Assert.Empty(await Store.WaitingAsync("ada", ReviewStage.Second, sandbox: true, Token));
        Assert.Empty(await Store.WaitingAsync("bob", ReviewStage.Adjudication, sandbox: true, Token));
    }

    [Fact]
    public async Task OpineAsync_Disagreement_IsSettledByAThirdAndEverythingStays()
    {
        var voices = await Store.OpineAsync(goal.Items[0].Id, "bob", ReviewStage.Second, ReviewAction.Approve, cancellationToken: Token);
        Assert.Equal([new ReviewVoice("first reviewer", ReviewAction.Approve, null, "item 0")], voices);
        await Store.OpineAsync(goal.Items[1].Id, "bob", ReviewStage.Second, ReviewAction.Approve, cancellationToken: Token);
        await Store.OpineAsync(goal.Items[2].Id, "bob", ReviewStage.Second, ReviewAction.Approve, cancellationToken: Token);
        Assert.Empty(await Store.WaitingAsync("cay", ReviewStage.Second, sandbox: true, Token));
        Assert.Empty(await Store.WaitingAsync("bob", ReviewStage.Adjudication, sandbox: true, Token));
        Assert.Equal([goal.Items[1].Id, goal.Items[2].Id], (await Store.WaitingAsync("cay", ReviewStage.Adjudication, sandbox: true, Token)).Select(w => w.Item.Id));

        // One is settled for the first reviewer, one for the second.
        await Store.OpineAsync(goal.Items[1].Id, "cay", ReviewStage.Adjudication, ReviewAction.Edit, newText: "better words", cancellationToken: Token);
        var both = await Store.OpineAsync(goal.Items[2].Id, "cay", ReviewStage.Adjudication, ReviewAction.Approve, cancellationToken: Token);

        Assert.Equal([("first reviewer", ReviewAction.Reject), ("second reviewer", ReviewAction.Approve)], both.Select(v => (v.Who, v.Action)));
        Assert.Empty(await Store.WaitingAsync("dan", ReviewStage.Adjudication, sandbox: true, Token));
        await using var db = database.NewContext();
        var items = await db.RubricItems.Where(i => i.GoalId == goal.Id).OrderBy(i => i.Order).ToListAsync(Token);
        Assert.Equal([RubricItemState.Approved, RubricItemState.Edited, RubricItemState.Approved], items.Select(i => i.State));
        Assert.Equal((5, 5), (await db.ReviewOpinions.CountAsync(Token), await db.ReviewDecisions.CountAsync(Token)));
    }

    [Fact]
    public async Task UndoOpinionAsync_SecondAndSettling_AreTakenBackWithTheirDecisionAndKeepTheirTrace()
    {
        var item = goal.Items[2].Id;
        await Store.OpineAsync(item, "bob", ReviewStage.Second, ReviewAction.Approve, cancellationToken: Token);
        await Store.OpineAsync(item, "cay", ReviewStage.Adjudication, ReviewAction.Approve, cancellationToken: Token);
        await Assert.ThrowsAsync<ReviewRefusedException>(() => Store.UndoOpinionAsync("bob", Token));

        Assert.Equal(item, await Store.UndoOpinionAsync("cay", Token));
        Assert.Equal([item], (await Store.WaitingAsync("cay", ReviewStage.Adjudication, sandbox: true, Token)).Select(w => w.Item.Id));
        Assert.Equal(item, await Store.UndoOpinionAsync("bob", Token));

        Assert.Contains(item, (await Store.WaitingAsync("bob", ReviewStage.Second, sandbox: true, Token)).Select(w => w.Item.Id));
        await Assert.ThrowsAsync<ReviewRefusedException>(() => Store.UndoOpinionAsync("bob", Token));
        await using var db = database.NewContext();
        Assert.Equal(RubricItemState.Rejected, (await db.RubricItems.SingleAsync(i => i.Id == item, Token)).State);
        Assert.Equal((2, 6), (await db.ReviewOpinions.CountAsync(o => o.UndoneAt != null, Token), await db.ReviewDecisions.CountAsync(Token)));
    }

    [Fact]
    public async Task FlagAsync_Note_StaysBesideTheItemUntilItIsTakenBack()
    {
        var item = goal.Items[0].Id;
        await Assert.ThrowsAsync<ReviewRefusedException>(() => Store.FlagAsync(item, "bob", "  ", Token));
        await Store.FlagAsync(item, "bob", "the passage is another one", Token);

        Assert.Equal(["the passage is another one"], (await Store.FlagsAsync(goal.Id, Token))[item]);
        Assert.Contains(item, (await Store.WaitingAsync("bob", ReviewStage.Second, sandbox: true, Token)).Select(w => w.Item.Id));
        Assert.Equal(ReviewAction.Approve, (await Store.VoicesAsync(item, Token)).Single().Action);
        await Store.UndoAsync("bob", Token);

        Assert.Empty((await Store.FlagsAsync(goal.Id, Token))[item]);
        await using var db = database.NewContext();
        Assert.Equal(RubricItemState.Approved, (await db.RubricItems.SingleAsync(i => i.Id == item, Token)).State);
    }

    [Fact]
    public async Task OpineAsync_TwiceOrOnOnesOwnOrWithoutReason_IsRefused()
    {
        await Assert.ThrowsAsync<ReviewRefusedException>(() => Store.OpineAsync(goal.Items[0].Id, "ada", ReviewStage.Second, ReviewAction.Approve, cancellationToken: Token));
        await Assert.ThrowsAsync<ReviewRefusedException>(() => Store.OpineAsync(goal.Items[0].Id, "bob", ReviewStage.Second, ReviewAction.Reject, cancellationToken: Token));
        var said = await Task.WhenAll(new[] { "bob", "cay" }.Select(who => Task.Run(async () =>
        {
            try
            {
                await Store.OpineAsync(goal.Items[0].Id, who, ReviewStage.Second, ReviewAction.Approve, cancellationToken: Token);
                return true;
            }
            catch (ReviewRefusedException)
            {
                return false;
            }
        })));

        Assert.Single(said, taken => taken);
    }
}
