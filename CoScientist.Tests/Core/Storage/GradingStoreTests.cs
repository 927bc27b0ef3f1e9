using CoScientist.Core.Goals;
using CoScientist.Core.Grading;
using CoScientist.Core.Plans;
using CoScientist.Core.Storage;
using Microsoft.EntityFrameworkCore;
using GradingRow = CoScientist.Core.Grading.Grading;

namespace CoScientist.Tests.Core.Storage;

[Trait("Database", "any")]
public sealed class GradingStoreTests
{
    private static readonly GoalFilter Sandbox = new(Sandbox: true);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task FindWaiting_SomeGraded_GivesTheOthersWithTheItemsThatCount()
    {
        await using var database = await TestDatabase.CreateAsync();
        var goal = await database.AddGoalAsync(items: 2);
        var (graded, waiting) = (await AddPlan(database, goal), await AddPlan(database, goal));
        await using (var db = database.NewContext())
        {
            await db.RubricItems.Where(item => item.Order == 0).ExecuteUpdateAsync(set => set.SetProperty(item => item.State, RubricItemState.Rejected), Cancellation);
        }

        var store = database.Store<GradingStore>();
        await store.AddAsync([Grading(database, graded, 0.5), Grading(database, waiting, 0.5, grader: "another"), Grading(database, waiting, 0.5, role: GraderRole.SelfGrade)], Cancellation);

        var found = await store.FindWaitingAsync(Sandbox, null, GraderRole.Judge, "judge", Cancellation);

        var plan = Assert.Single(found.Waiting);
        Assert.Equal((waiting.Id, 1), (plan.Plan.Id, found.Graded));
        Assert.Equal("item 1", Assert.Single(plan.Goal.Items).Text);
    }

    [Fact]
    public async Task FindWaiting_NewRubricVersion_AsksAgain()
    {
        await using var database = await TestDatabase.CreateAsync();
        var plan = await AddPlan(database, await database.AddGoalAsync());
        var store = database.Store<GradingStore>();
        await store.AddAsync([Grading(database, plan, 1)], Cancellation);
        await using (var db = database.NewContext())
        {
            await db.Goals.ExecuteUpdateAsync(set => set.SetProperty(goal => goal.RubricVersion, 2), Cancellation);
        }

        var found = await store.FindWaitingAsync(Sandbox, null, GraderRole.Judge, "judge", Cancellation);

        Assert.Single(found.Waiting);
    }

    [Fact]
    public async Task FindWaiting_Filters_GiveOnlyWhatTheyName()
    {
        await using var database = await TestDatabase.CreateAsync();
        var wanted = await AddPlan(database, await database.AddGoalAsync(domain: "ml", split: GoalSplit.Test));
        await AddPlan(database, await database.AddGoalAsync(domain: "ml", split: GoalSplit.Train));
        await AddPlan(database, await database.AddGoalAsync(domain: "physics", split: GoalSplit.Test));
        await AddPlan(database, await database.AddGoalAsync(domain: "ml", split: GoalSplit.Test, sandbox: false));
        var store = database.Store<GradingStore>();

        var found = await store.FindWaitingAsync(new GoalFilter(true, GoalSplit.Test, "ml"), "writer", GraderRole.Judge, "judge", Cancellation);
        var nobody = await store.FindWaitingAsync(Sandbox, "nobody", GraderRole.Judge, "judge", Cancellation);

        Assert.Equal(wanted.Id, Assert.Single(found.Waiting).Plan.Id);
        Assert.Equal((0, 0), (nobody.Waiting.Count, nobody.Graded));
    }

    [Fact]
    public async Task Add_AfterAnUnreadableGrading_TakesItsPlace()
    {
        await using var database = await TestDatabase.CreateAsync();
        var plan = await AddPlan(database, await database.AddGoalAsync());
        var store = database.Store<GradingStore>();
        await store.AddAsync([Grading(database, plan, null)], Cancellation);
        var before = await store.FindWaitingAsync(Sandbox, null, GraderRole.Judge, "judge", Cancellation);

        await store.AddAsync([Grading(database, plan, 1)], Cancellation);

        await using var db = database.NewContext();
        Assert.Single(before.Waiting);
        Assert.Equal(1, (await db.Gradings.SingleAsync(Cancellation)).Score);
    }

    [Fact]
    public async Task Add_OneGradingOfAnUnknownItem_AddsNone()
    {
        await using var database = await TestDatabase.CreateAsync();
        var plan = await AddPlan(database, await database.AddGoalAsync());
        var bad = Grading(database, plan, 1);
        bad.Verdicts.Add(new Verdict { ItemId = database.NewId<RubricItemId>(), Met = true });

        await Assert.ThrowsAsync<DbUpdateException>(() => database.Store<GradingStore>().AddAsync([Grading(database, plan, 1), bad], Cancellation));

        await using var db = database.NewContext();
        Assert.False(await db.Gradings.AnyAsync(Cancellation));
    }

    private static async Task<Plan> AddPlan(TestDatabase database, Goal goal)
    {
        var plan = new Plan { Id = database.NewId<PlanId>(), GoalId = goal.Id, Writer = "writer", Text = "we test", CreatedAt = database.Time.GetUtcNow() };
        await database.Store<PlanStore>().AddAsync([plan], Cancellation);
        return plan;
    }

    private static GradingRow Grading(TestDatabase database, Plan plan, double? score, string grader = "judge", GraderRole role = GraderRole.Judge) => new()
    {
        Id = database.NewId<GradingId>(),
        PlanId = plan.Id,
        Role = role,
        Grader = grader,
        Protocol = "paper",
        PromptVersion = "abc",
        Weaknesses = "thin",
        RubricVersion = 1,
        Score = score,
        Failure = score is null ? "unreadable" : null,
        At = database.Time.GetUtcNow(),
    };
}
