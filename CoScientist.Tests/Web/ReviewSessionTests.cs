using CoScientist.Core.Goals;
using CoScientist.Core.Goals.Checks;
using CoScientist.Core.Storage;
using CoScientist.Tests.Core.Storage;
using CoScientist.Web.ViewModels;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Tests.Web;

/// <summary>The walk through the review queue: what is on the screen after each action.</summary>
[Trait("Database", "any")]
public sealed class ReviewSessionTests
{
    private const string Reviewer = "rita";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Start_RealAndSandboxGoals_ShowsOnlyTheKindAskedFor()
    {
        await using var database = await TestDatabase.CreateAsync();
        var sandbox = await database.AddGoalAsync(items: 2, sandbox: true);
        var real = await database.AddGoalAsync(items: 3, sandbox: false);
        var session = Session(database);

        await session.StartAsync(new ReviewFilter(), Cancellation);
        Assert.Equal(real.Id, session.Current!.Item.GoalId);
        Assert.Equal(3, session.Left);

        await session.StartAsync(new ReviewFilter { Sandbox = true }, Cancellation);
        Assert.Equal(sandbox.Id, session.Current!.Item.GoalId);
        Assert.Equal(2, session.Left);
    }

    [Fact]
    public async Task Start_ItemThatWasNeverChecked_ComesWithWhatTheChecksFind()
    {
        await using var database = await TestDatabase.CreateAsync();
        var goal = await database.AddGoalAsync(items: 1, sandbox: false);
        var review = database.Store<ReviewStore>();
        await review.DecideAsync(goal.Items[0].Id, Reviewer, ReviewAction.Edit, newText: "The plan should mention ethics.", cancellationToken: Cancellation);
        var session = Session(database);

        await session.StartAsync(new ReviewFilter { GoalId = goal.Id, State = null }, Cancellation);

        var finding = Assert.Single(session.Findings[goal.Items[0].Id]);
        Assert.Equal((ItemFault.PresenceOnly, "“mention” is met by mentioning it, however badly it is done."), (finding.Fault, finding.Reason));
    }

    [Fact]
    public async Task Skip_EveryItem_StartsOverWithTheFirst()
    {
        await using var database = await TestDatabase.CreateAsync();
        var goal = await database.AddGoalAsync(items: 2);
        var session = Session(database);
        await session.StartAsync(new ReviewFilter { Sandbox = true }, Cancellation);

        await session.SkipAsync(Cancellation);
        Assert.Equal(goal.Items[1].Id, session.Current!.Item.Id);
        await session.SkipAsync(Cancellation);
        Assert.Equal(goal.Items[0].Id, session.Current!.Item.Id);
        Assert.Equal(0, session.Counts.Decided);
    }

    [Fact]
    public async Task Weigh_Item_StaysOnItUntilItIsDecidedOn()
    {
        await using var database = await TestDatabase.CreateAsync();
        var goal = await database.AddGoalAsync(items: 2);
        var session = Session(database);
        await session.StartAsync(new ReviewFilter { Sandbox = true }, Cancellation);
        session.Mode = ReviewMode.Weigh;

        await session.WeighAsync(Reviewer, double.NaN, Cancellation);
        Assert.Equal(ReviewMode.Weigh, session.Mode);
        Assert.Contains("at most 100", session.Refused, StringComparison.Ordinal);
        await session.WeighAsync(Reviewer, 3, Cancellation);
        Assert.Equal((goal.Items[0].Id, 3, ReviewMode.Read, 0), (session.Current!.Item.Id, session.Current.Item.Weight, session.Mode, session.Counts.Decided));
        Assert.Null(session.Refused);
        Assert.True(await session.DecideAsync(Reviewer, ReviewAction.Approve, null, Cancellation));
        Assert.Equal(goal.Items[1].Id, session.Current!.Item.Id);
    }

    [Fact]
    public async Task Decide_ThenUndo_GoesOnAndComesBack()
    {
        await using var database = await TestDatabase.CreateAsync();
        var goal = await database.AddGoalAsync(items: 2);
        var session = Session(database);
        await session.StartAsync(new ReviewFilter { Sandbox = true }, Cancellation);

        Assert.True(await session.DecideAsync(Reviewer, ReviewAction.Reject, RejectionReason.Compound, Cancellation));
        Assert.Equal(goal.Items[1].Id, session.Current!.Item.Id);
        Assert.Equal((1, 1), (session.Counts.Decided, session.Left));
        Assert.Equal(2, session.Saved!.RubricVersion);

        await session.UndoAsync(Reviewer, Cancellation);
        Assert.Equal(goal.Items[0].Id, session.Current!.Item.Id);
        Assert.Equal(RubricItemState.Proposed, session.Current.Item.State);
        Assert.Equal(2, session.Left);
    }

    [Fact]
    public async Task Decide_EditToTheSameWords_IsRefusedAndKeepsTheDraft()
    {
        await using var database = await TestDatabase.CreateAsync();
        var goal = await database.AddGoalAsync(items: 1);
        var session = Session(database);
        await session.StartAsync(new ReviewFilter { Sandbox = true }, Cancellation);
        session.Mode = ReviewMode.Edit;
        session.Draft = " item  0 ";

        Assert.False(await session.DecideAsync(Reviewer, ReviewAction.Edit, null, Cancellation));

        Assert.NotNull(session.Refused);
        Assert.Equal((goal.Items[0].Id, ReviewMode.Edit, " item  0 "), (session.Current!.Item.Id, session.Mode, session.Draft));
    }

    [Fact]
    public async Task Decide_ItemThatAnotherReviewerRejected_IsRefusedAndShowsItAsItIs()
    {
        await using var database = await TestDatabase.CreateAsync();
        var goal = await database.AddGoalAsync(items: 2);
        var session = Session(database);
        await session.StartAsync(new ReviewFilter { Sandbox = true }, Cancellation);
        await database.Store<ReviewStore>().DecideAsync(goal.Items[0].Id, "other", ReviewAction.Reject, RejectionReason.Wrong, cancellationToken: Cancellation);

        Assert.False(await session.DecideAsync(Reviewer, ReviewAction.Approve, null, Cancellation));

        Assert.Contains("rejected", session.Refused, StringComparison.Ordinal);
        Assert.Equal(RubricItemState.Rejected, session.Current!.Item.State);
    }

    [Fact]
    public async Task Undo_NothingDecided_SaysSo()
    {
        await using var database = await TestDatabase.CreateAsync();
        var session = Session(database);
        await session.StartAsync(new ReviewFilter(), Cancellation);
        await session.UndoAsync(Reviewer, Cancellation);
        Assert.NotNull(session.Refused);
        Assert.Null(session.Current);
    }

    [Fact]
    public async Task Walk_PageDrawnWhileTheDatabaseAnswers_ShowsAnItemInItsRubricAndWhatWasTypedMeanwhile()
    {
        await using var database = await TestDatabase.CreateAsync();
        await database.AddGoalAsync(items: 1, sandbox: false);
        await database.AddGoalAsync(items: 2, sandbox: false);
        ReviewSession? session = null;
        var looked = 0;
        var factory = new LookingFactory(database.Factory, () =>
        {
            looked++;
            Assert.True(session?.Current is not { } current || session.Rubric.Any(item => item.Item.Id == current.Item.Id));
        });
        session = new ReviewSession(new ReviewStore(factory, database.Time), new LibraryStore(factory), new ItemCheckStore(factory, database.Time));
        await session.StartAsync(new ReviewFilter(), Cancellation);
        while (session.Current is not null)
        {
            await session.DecideAsync(Reviewer, ReviewAction.Approve, null, Cancellation);
        }

        await session.UndoAsync(Reviewer, Cancellation);
        factory.Look = () => session.Draft += "!";
        session.Mode = ReviewMode.Edit;
        session.Draft = " ";
        await session.DecideAsync(Reviewer, ReviewAction.Edit, null, Cancellation);

        Assert.NotNull(session.Refused);
        Assert.True(looked > 20, $"{looked} looks");
        Assert.Matches("^ !!!+$", session.Draft);
    }

    private static ReviewSession Session(TestDatabase database) => new(database.Store<ReviewStore>(), new LibraryStore(database.Factory), database.Store<ItemCheckStore>());

    /// <summary>Does something whenever a store is about to ask the database.</summary>
    private sealed class LookingFactory(IDbContextFactory<CoScientistDb> inner, Action look) : IDbContextFactory<CoScientistDb>
    {
        public Action Look { get; set; } = look;

        public CoScientistDb CreateDbContext()
        {
            Look();
            return inner.CreateDbContext();
        }
    }
}
