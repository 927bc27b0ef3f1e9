using System.Data.Common;
using CoScientist.Core.Goals;
using CoScientist.Core.Storage;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;

namespace CoScientist.Tests.Core.Storage;

[Trait("Database", "any")]
public sealed class ReviewStoreTests : IAsyncLifetime
{
    private TestDatabase database = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private ReviewStore Store => database.Store<ReviewStore>();

    public async ValueTask InitializeAsync() => database = await TestDatabase.CreateAsync();

    public ValueTask DisposeAsync() => database.DisposeAsync();

    [Fact]
    public async Task Decide_RejectWithReason_WritesTrailItemAndVersion()
    {
        var goal = await database.AddGoalAsync();

        var decision = await Store.DecideAsync(goal.Items[1].Id, "ada", ReviewAction.Reject, RejectionReason.Trivial, " too easy ", cancellationToken: Token);

        var (item, version) = await ReadAsync(goal, 1);
        Assert.Equal((RubricItemState.Rejected, 2), (item.State, version));
        Assert.Equal((RubricItemState.Proposed, RubricItemState.Rejected, 2), (decision.StateBefore, decision.StateAfter, decision.RubricVersion));
        Assert.Equal((RejectionReason.Trivial, "too easy", "ada"), (decision.Reason, decision.Note, decision.ReviewerId));
        Assert.Equal(decision.Id, Assert.Single(await Store.HistoryAsync(item.Id, Token)).Id);
    }

    [Fact]
    public async Task Decide_Edit_KeepsProposedTextAndTidiesTheNewOne()
    {
        var goal = await database.AddGoalAsync();

        var decision = await Store.DecideAsync(goal.Items[0].Id, "ada", ReviewAction.Edit, newText: "  states\n its  limits ", cancellationToken: Token);

        var (item, _) = await ReadAsync(goal, 0);
        Assert.Equal((RubricItemState.Edited, "states its limits", "item 0"), (item.State, item.Text, item.ProposedText));
        Assert.Equal(("item 0", "states its limits"), (decision.TextBefore, decision.TextAfter));
    }

    [Fact]
    public async Task Weigh_Item_WritesTrailAndVersionAndLeavesItUndecided()
    {
        var goal = await database.AddGoalAsync();

        var decision = await Store.WeighAsync(goal.Items[0].Id, "ada", 2.5, cancellationToken: Token);
        await Store.DecideAsync(goal.Items[0].Id, "bob", ReviewAction.Edit, newText: "sharper", cancellationToken: Token);

        var (item, version) = await ReadAsync(goal, 0);
        Assert.Equal((RubricItemState.Edited, "sharper", 2.5, 3), (item.State, item.Text, item.Weight, version));
        Assert.Equal((ReviewAction.Weigh, RubricItemState.Proposed, 1.0, 2.5), (decision.Action, decision.StateAfter, decision.WeightBefore, decision.WeightAfter));
        Assert.Equal((2.5, 2.5), ((await Store.HistoryAsync(item.Id, Token))[1].WeightBefore, (await Store.HistoryAsync(item.Id, Token))[1].WeightAfter));
        await Store.UndoAsync("bob", Token);
        await Store.UndoAsync("ada", Token);
        Assert.Equal((RubricItemState.Proposed, "item 0", 1.0), ((await ReadAsync(goal, 0)).Item1.State, (await ReadAsync(goal, 0)).Item1.Text, (await ReadAsync(goal, 0)).Item1.Weight));
    }

    [Theory]
    [InlineData(0, "above 0 and at most 100")]
    [InlineData(-1, "above 0 and at most 100")]
    [InlineData(100.5, "above 0 and at most 100")]
    [InlineData(double.NaN, "above 0 and at most 100")]
    [InlineData(1, "already 1")]
    public async Task Weigh_NoWeight_IsRefusedAndChangesNothing(double weight, string message)
    {
        var goal = await database.AddGoalAsync();

        var refused = await Assert.ThrowsAsync<ReviewRefusedException>(() => Store.WeighAsync(goal.Items[0].Id, "ada", weight, cancellationToken: Token));

        Assert.Contains(message, refused.Message, StringComparison.Ordinal);
        Assert.Equal(1, (await ReadAsync(goal, 0)).Item2);
    }

    [Fact]
    public async Task Weigh_ItemThatAnotherReviewerWeighed_IsRefusedWithItsWeight()
    {
        var goal = await database.AddGoalAsync();
        await Store.WeighAsync(goal.Items[0].Id, "ada", 2, cancellationToken: Token);

        var refused = await Assert.ThrowsAsync<ReviewRefusedException>(() => Store.WeighAsync(goal.Items[0].Id, "bob", 3, new SeenItem(RubricItemState.Proposed, "item 0"), Token));

        Assert.Contains("has weight 2", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(ReviewAction.Reject, null, null, null, "needs a reason")]
    [InlineData(ReviewAction.Reject, RejectionReason.Other, "  ", null, "needs a note")]
    [InlineData(ReviewAction.Edit, null, null, null, "needs a wording")]
    [InlineData(ReviewAction.Edit, null, null, " \n ", "needs a wording")]
    [InlineData(ReviewAction.Edit, null, null, " item  0 ", "same as before")]
    public async Task Decide_Incomplete_IsRefusedAndChangesNothing(ReviewAction action, RejectionReason? reason, string? note, string? text, string message)
    {
        var goal = await database.AddGoalAsync();

        var refused = await Assert.ThrowsAsync<ReviewRefusedException>(() => Store.DecideAsync(goal.Items[0].Id, "ada", action, reason, note, text, cancellationToken: Token));

        Assert.Contains(message, refused.Message, StringComparison.Ordinal);
        var (item, version) = await ReadAsync(goal, 0);
        Assert.Equal((RubricItemState.Proposed, "item 0", 1), (item.State, item.Text, version));
        Assert.Empty(await Store.HistoryAsync(item.Id, Token));
    }

    [Fact]
    public async Task Decide_OverlongWordingOrUnknownItemOrUndo_IsRefused()
    {
        var goal = await database.AddGoalAsync();
        var id = goal.Items[0].Id;

        await Assert.ThrowsAsync<ReviewRefusedException>(() => Store.DecideAsync(id, "ada", ReviewAction.Edit, newText: new string('x', ReviewStore.MaxTextLength + 1), cancellationToken: Token));
        await Assert.ThrowsAsync<ReviewRefusedException>(() => Store.DecideAsync(database.NewId<RubricItemId>(), "ada", ReviewAction.Approve, cancellationToken: Token));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => Store.DecideAsync(id, "ada", ReviewAction.Undo, cancellationToken: Token));
    }

    [Theory]
    [InlineData(ReviewAction.Approve, "already approved")]
    [InlineData(ReviewAction.Reject, "already rejected")]
    [InlineData(ReviewAction.Edit, "same as before")]
    public async Task Decide_TwiceTheSame_IsRefused(ReviewAction action, string message)
    {
        var id = (await database.AddGoalAsync()).Items[0].Id;
        Task<ReviewDecision> Decide() => Store.DecideAsync(id, "ada", action, RejectionReason.Wrong, newText: "new", cancellationToken: Token);
        await Decide();

        var refused = await Assert.ThrowsAsync<ReviewRefusedException>(Decide);

        Assert.Contains(message, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Decide_OnAnItemThatChangedSinceItWasSeen_IsRefused()
    {
        var goal = await database.AddGoalAsync();
        var seen = (await Store.QueueAsync(new ReviewFilter { Sandbox = true }, 0, 1, Token)).Items[0].Seen;
        await Store.DecideAsync(goal.Items[0].Id, "ada", ReviewAction.Edit, newText: "another wording", cancellationToken: Token);

        var refused = await Assert.ThrowsAsync<ReviewRefusedException>(() => Store.DecideAsync(goal.Items[0].Id, "bob", ReviewAction.Approve, seen: seen, cancellationToken: Token));

        Assert.Contains("another wording", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Decide_ManyReviewersAtOnce_LosesNoDecision()
    {
        var goal = await database.AddGoalAsync(items: 8);

        var decisions = await Task.WhenAll(goal.Items.Select(item => Task.Run(() => Store.DecideAsync(item.Id, $"reviewer {item.Order}", ReviewAction.Approve, cancellationToken: Token))));

        Assert.Equal(Enumerable.Range(2, 8), decisions.Select(decision => decision.RubricVersion).Order());
        await using var db = database.NewContext();
        Assert.Equal(9, (await db.Goals.SingleAsync(Token)).RubricVersion);
        Assert.Equal(8, await db.RubricItems.CountAsync(item => item.State == RubricItemState.Approved, Token));
        Assert.Equal(8, await db.ReviewDecisions.CountAsync(Token));
    }

    [Fact]
    public async Task Decide_TwoOnOneItemAtOnce_OneWinsAndTheOtherIsTold()
    {
        var goal = await database.AddGoalAsync();
        var id = goal.Items[0].Id;
        Task<string> Decide(string who, ReviewAction action) => Task.Run(async () =>
        {
            try
            {
                await Store.DecideAsync(id, who, action, RejectionReason.Wrong, seen: new SeenItem(RubricItemState.Proposed, "item 0"), cancellationToken: Token);
                return "saved";
            }
            catch (ReviewRefusedException refused)
            {
                return refused.Message;
            }
        });

        var answers = await Task.WhenAll(Decide("ada", ReviewAction.Approve), Decide("bob", ReviewAction.Reject));

        Assert.Single(answers, "saved");
        Assert.Single(answers, answer => answer.StartsWith("Another reviewer has changed this item", StringComparison.Ordinal));
        Assert.Single(await Store.HistoryAsync(id, Token));
    }

    [Fact]
    public async Task Decide_AnotherSavesMeanwhile_IsTold()
    {
        var goal = await database.AddGoalAsync();
        var id = goal.Items[0].Id;
        // A file lets nobody save once it is one's turn.
        IInterceptor between = TestPostgres.IsOn ? new AfterFirstRead(ApproveAsync) : new BeforeTransaction(ApproveAsync);
        var slow = new ReviewStore(new InterceptedFactory(database.Address, between), database.Time);

        var refused = await Assert.ThrowsAsync<ReviewRefusedException>(() => slow.DecideAsync(id, "bob", ReviewAction.Reject, RejectionReason.Wrong, seen: new SeenItem(RubricItemState.Proposed, "item 0"), cancellationToken: Token));

        Assert.StartsWith("Another reviewer has changed this item", refused.Message, StringComparison.Ordinal);
        Assert.Equal("ada", Assert.Single(await Store.HistoryAsync(id, Token)).ReviewerId);

        Task ApproveAsync() => Store.DecideAsync(id, "ada", ReviewAction.Approve, cancellationToken: Token);
    }

    [Fact]
    public async Task Undo_TakesBackOneDecisionAtATimeAndRaisesTheVersion()
    {
        var goal = await database.AddGoalAsync();
        await Store.DecideAsync(goal.Items[0].Id, "ada", ReviewAction.Edit, newText: "new", cancellationToken: Token);
        var rejected = await Store.DecideAsync(goal.Items[1].Id, "ada", ReviewAction.Reject, RejectionReason.Wrong, cancellationToken: Token);

        var first = await Store.UndoAsync("ada", Token);
        var second = await Store.UndoAsync("ada", Token);

        Assert.Equal((rejected.Id, ReviewAction.Undo, 4), (first.Undoes, first.Action, first.RubricVersion));
        var (item0, version) = await ReadAsync(goal, 0);
        var (item1, _) = await ReadAsync(goal, 1);
        Assert.Equal((RubricItemState.Proposed, "item 0", 5), (item0.State, item0.Text, version));
        Assert.Equal(RubricItemState.Proposed, item1.State);
        Assert.Equal("new", second.TextBefore);
        Assert.Equal([ReviewAction.Reject, ReviewAction.Undo], (await Store.HistoryAsync(item1.Id, Token)).Select(decision => decision.Action));
        await Assert.ThrowsAsync<ReviewRefusedException>(() => Store.UndoAsync("ada", Token));
    }

    [Fact]
    public async Task Undo_AfterAnotherReviewerDecidedOnTheItem_IsRefused()
    {
        var id = (await database.AddGoalAsync()).Items[0].Id;
        await Store.DecideAsync(id, "ada", ReviewAction.Approve, cancellationToken: Token);
        await Store.DecideAsync(id, "bob", ReviewAction.Reject, RejectionReason.Wrong, cancellationToken: Token);

        await Assert.ThrowsAsync<ReviewRefusedException>(() => Store.UndoAsync("ada", Token));
        await Store.UndoAsync("bob", Token);
        await Store.UndoAsync("ada", Token);

        Assert.Equal(4, (await Store.HistoryAsync(id, Token)).Count);
    }

    [Fact]
    public async Task Queue_FiltersPagesAndCounts()
    {
        var ml = await database.AddGoalAsync(items: 3);
        var medicine = await database.AddGoalAsync(items: 2, domain: "medicine");
        var real = await database.AddGoalAsync(items: 4, sandbox: false);
        await Store.DecideAsync(ml.Items[0].Id, "ada", ReviewAction.Approve, cancellationToken: Token);
        var sandbox = new ReviewFilter { Sandbox = true };

        var page = await Store.QueueAsync(sandbox, 1, 2, Token);

        Assert.Equal(4, page.Total);
        Assert.Equal([ml.Items[2].Id, medicine.Items[0].Id], page.Items.Select(row => row.Item.Id));
        Assert.Equal(new RubricCounts(2, 1, 0, 0), page.Rubrics[ml.Id]);
        Assert.Equal(2, (await Store.QueueAsync(sandbox with { Domain = "medicine" }, 0, 10, Token)).Total);
        Assert.Equal(1, (await Store.QueueAsync(sandbox with { State = RubricItemState.Approved }, 0, 10, Token)).Total);
        Assert.Equal(3, (await Store.QueueAsync(sandbox with { GoalId = ml.Id, State = null }, 0, 10, Token)).Total);
        Assert.Equal(real.Items.Select(item => item.Id), (await Store.QueueAsync(new ReviewFilter(), 0, 10, Token)).Items.Select(row => row.Item.Id));
    }

    [Fact]
    public async Task Counts_GoalWithoutItemsOrWithAllRejected_IsNotUsable()
    {
        var empty = await database.AddGoalAsync(items: 0);
        var goal = await database.AddGoalAsync(items: 1);
        await Store.DecideAsync(goal.Items[0].Id, "ada", ReviewAction.Reject, RejectionReason.Wrong, cancellationToken: Token);

        var counts = await Store.CountsAsync([empty.Id, goal.Id], Token);

        Assert.Equal(GoalUsability.NoItems, counts[empty.Id].Usability);
        Assert.Equal(GoalUsability.AllRejected, counts[goal.Id].Usability);
        Assert.Equal(GoalUsability.Usable, new RubricCounts(0, 0, 1, 5).Usability);
    }

    private async Task<(RubricItem Item, int Version)> ReadAsync(Goal goal, int order)
    {
        await using var db = database.NewContext();
        return (await db.RubricItems.SingleAsync(item => item.GoalId == goal.Id && item.Order == order, Token), (await db.Goals.SingleAsync(row => row.Id == goal.Id, Token)).RubricVersion);
    }

    /// <summary>Contexts over a database that call an interceptor.</summary>
    private sealed class InterceptedFactory(string address, IInterceptor interceptor) : IDbContextFactory<CoScientistDb>
    {
        public CoScientistDb CreateDbContext()
        {
            var options = new DbContextOptionsBuilder<CoScientistDb>();
            options.UseDatabase(address).AddInterceptors(interceptor);
            return new CoScientistDb(options.Options);
        }
    }

    /// <summary>Does something once, after the first command has read.</summary>
    private sealed class AfterFirstRead(Func<Task> action) : DbCommandInterceptor
    {
        private bool done;

        public override async ValueTask<DbDataReader> ReaderExecutedAsync(DbCommand command, CommandExecutedEventData eventData, DbDataReader result, CancellationToken cancellationToken = default)
        {
            if (!done)
            {
                done = true;
                await action();
            }

            return result;
        }
    }

    /// <summary>Does something once, before the first transaction begins.</summary>
    private sealed class BeforeTransaction(Func<Task> action) : DbTransactionInterceptor
    {
        private bool done;

        public override async ValueTask<InterceptionResult<DbTransaction>> TransactionStartingAsync(DbConnection connection, TransactionStartingEventData eventData, InterceptionResult<DbTransaction> result, CancellationToken cancellationToken = default)
        {
            if (!done)
            {
                done = true;
                await action();
            }

            return result;
        }
    }
}
