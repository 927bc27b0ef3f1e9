using CoScientist.Core.Goals;
using CoScientist.Core.Plans;
using CoScientist.Core.Storage;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Tests.Core.Storage;

[Trait("Database", "any")]
public sealed class PlanStoreTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task FindGoals_SeveralDomains_TakesThemInTurnAndAlwaysTheSame()
    {
        await using var database = await TestDatabase.CreateAsync();
        foreach (var domain in (string[])["ml", "ml", "ml", "physics", "medicine"])
        {
            await database.AddGoalAsync(domain: domain, split: GoalSplit.Test);
        }

        await database.AddGoalAsync(split: GoalSplit.Train);
        await database.AddGoalAsync(split: GoalSplit.Test, sandbox: false);
        var store = database.Store<PlanStore>();

        var goals = await store.FindGoalsAsync(new GoalFilter(true, GoalSplit.Test), Cancellation);
        var again = await store.FindGoalsAsync(new GoalFilter(true, GoalSplit.Test), Cancellation);

        Assert.Equal(["medicine", "ml", "physics", "ml", "ml"], goals.Select(goal => goal.Domain));
        Assert.Equal(goals.Select(goal => goal.Id), again.Select(goal => goal.Id));
    }

    [Fact]
    public async Task FindWritten_PlansOfTheWriter_AreToldApartByGoalTemperatureAndSeed()
    {
        await using var database = await TestDatabase.CreateAsync();
        var goal = await database.AddGoalAsync();
        var store = database.Store<PlanStore>();
        await store.AddAsync([Plan(database, goal.Id, "writer", 1), Plan(database, goal.Id, "writer", 2), Plan(database, goal.Id, "another", 3)], Cancellation);

        var written = await store.FindWrittenAsync("writer", Cancellation);

        Assert.Equal([(goal.Id, 1, 1), (goal.Id, 1, 2)], written.OrderBy(plan => plan.Seed));
    }

    [Fact]
    public async Task Add_OnePlanOfAnUnknownGoal_AddsNone()
    {
        await using var database = await TestDatabase.CreateAsync();
        var goal = await database.AddGoalAsync();

        await Assert.ThrowsAsync<DbUpdateException>(() => database.Store<PlanStore>().AddAsync([Plan(database, goal.Id, "writer", 1), Plan(database, database.NewId<GoalId>(), "writer", 1)], Cancellation));

        await using var db = database.NewContext();
        Assert.False(await db.Plans.AnyAsync(Cancellation));
    }

    private static Plan Plan(TestDatabase database, GoalId goal, string writer, long seed) => new()
    {
        Id = database.NewId<PlanId>(),
        GoalId = goal,
        Writer = writer,
        Text = "we test",
        PromptVersion = "abc",
        Temperature = 1,
        Seed = seed,
        CreatedAt = database.Time.GetUtcNow(),
    };
}
