using CoScientist.Core.Goals;
using CoScientist.Core.Goals.Checks;
using CoScientist.Core.Grading;
using CoScientist.Core.Plans;
using CoScientist.Core.Storage;
using Microsoft.EntityFrameworkCore;
using PlanGrading = CoScientist.Core.Grading.Grading;

namespace CoScientist.Tests.Core.Storage;

/// <summary>Deciding on a whole rubric, and the order in which items come.</summary>
[Trait("Database", "any")]
public sealed class ReviewManyTests : IAsyncLifetime
{
    private TestDatabase database = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private ReviewStore Store => database.Store<ReviewStore>();

    public async ValueTask InitializeAsync() => database = await TestDatabase.CreateAsync();

    public ValueTask DisposeAsync() => database.DisposeAsync();

    [Fact]
    public async Task DecideAllAsync_ThenOneUndo_TakesAllOfItBackAndOnlyThat()
    {
        var goal = await database.AddGoalAsync(items: 4);
        await Store.DecideAsync(goal.Items[0].Id, "ada", ReviewAction.Reject, RejectionReason.Trivial, cancellationToken: Token);

        var decided = await Store.DecideAllAsync(goal.Id, "ada", ReviewAction.Approve, cancellationToken: Token);

        Assert.Equal([3, 4, 5], decided.Select(d => d.RubricVersion));
        Assert.Equal([RubricItemState.Rejected, RubricItemState.Approved, RubricItemState.Approved, RubricItemState.Approved], await StatesAsync(goal));
        await Assert.ThrowsAsync<ReviewRefusedException>(() => Store.DecideAllAsync(goal.Id, "ada", ReviewAction.Approve, cancellationToken: Token));

        await Store.UndoAsync("ada", Token);
        Assert.Equal([RubricItemState.Rejected, RubricItemState.Proposed, RubricItemState.Proposed, RubricItemState.Proposed], await StatesAsync(goal));
        await Store.UndoAsync("ada", Token);
        Assert.Equal(RubricItemState.Proposed, (await StatesAsync(goal))[0]);
        await using var db = database.NewContext();
        Assert.Equal((8, 9), (await db.ReviewDecisions.CountAsync(Token), (await db.Goals.SingleAsync(Token)).RubricVersion));
    }

    [Fact]
    public async Task DecideAllAsync_ItemChangedSinceItWasSeen_ChangesNothing()
    {
        var goal = await database.AddGoalAsync(items: 3);
        var seen = (await Store.QueueAsync(new ReviewFilter { Sandbox = true }, 0, 10, Token)).Items.ToDictionary(i => i.Item.Id, i => i.Seen);
        await Store.WeighAsync(goal.Items[1].Id, "bob", 2, cancellationToken: Token);

        await Assert.ThrowsAsync<ReviewRefusedException>(() => Store.DecideAllAsync(goal.Id, "ada", ReviewAction.Approve, seen: seen, cancellationToken: Token));
        await Assert.ThrowsAsync<ReviewRefusedException>(() => Store.DecideAllAsync(goal.Id, "ada", ReviewAction.Reject, cancellationToken: Token));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => Store.DecideAllAsync(goal.Id, "ada", ReviewAction.Edit, cancellationToken: Token));

        Assert.All(await StatesAsync(goal), state => Assert.Equal(RubricItemState.Proposed, state));
    }

    /// <summary>Item 0: all plans meet it. 1: half of the plans. 2: a check fired. 3: half, and the graders disagree on both plans, and a check fired.</summary>
    [Fact]
    public async Task QueueAsync_TellingFirst_PutsVarianceDisagreementAndChecksBeforeTheRest()
    {
        var goal = await database.AddGoalAsync(items: 4);
        await using (var db = database.NewContext())
        {
            for (var plan = 0; plan < 2; plan++)
            {
                var id = database.NewId<PlanId>();
                db.Add(new Plan { Id = id, GoalId = goal.Id, Writer = "w", Text = $"plan {plan}", CreatedAt = database.Time.GetUtcNow() });
                foreach (var role in new[] { GraderRole.SelfGrade, GraderRole.Oracle })
                {
                    var grading = new PlanGrading { Id = database.NewId<GradingId>(), PlanId = id, Role = role, Grader = role.ToString(), Protocol = "compact", RubricVersion = 1, Score = 0.5, At = database.Time.GetUtcNow() };
                    grading.Verdicts.AddRange(new[] { true, plan == 0, true, role == GraderRole.Oracle }.Select((met, item) => new Verdict { ItemId = goal.Items[item].Id, Met = met }));
                    db.Add(grading);
                }
            }

            foreach (var item in new[] { 2, 3 })
            {
                var (id, lint) = (goal.Items[item].Id, "test");
                db.Add(new ItemCheck { ItemId = id, Checker = lint, At = database.Time.GetUtcNow(), Findings = [new ItemFinding { ItemId = id, Checker = lint, Fault = ItemFault.Compound, Reason = "It asks for two things." }] });
            }

            await db.SaveChangesAsync(Token);
        }

        var telling = await Store.QueueAsync(new ReviewFilter { Sandbox = true, TellingFirst = true }, 0, 10, Token);

        Assert.Equal([3, 1, 2, 0], telling.Items.Select(i => i.Item.Order));
        Assert.Equal([1, 2], (await Store.QueueAsync(new ReviewFilter { Sandbox = true, TellingFirst = true }, 1, 2, Token)).Items.Select(i => i.Item.Order));
        Assert.Equal([0, 1, 2, 3], (await Store.QueueAsync(new ReviewFilter { Sandbox = true }, 0, 10, Token)).Items.Select(i => i.Item.Order));
    }

    private async Task<List<RubricItemState>> StatesAsync(Goal goal)
    {
        await using var db = database.NewContext();
        return await db.RubricItems.Where(i => i.GoalId == goal.Id).OrderBy(i => i.Order).Select(i => i.State).ToListAsync(Token);
    }
}
