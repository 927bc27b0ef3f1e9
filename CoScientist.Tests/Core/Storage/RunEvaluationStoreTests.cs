using CoScientist.Core.Goals;
using CoScientist.Core.Grading;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Tests.Core.Storage;

[Trait("Database", "any")]
public sealed class RunEvaluationStoreTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Import_Twice_PlansAndGradingsStandOnceUnderTheirCheckpoints()
    {
        await using var database = await TestDatabase.CreateAsync();
        var (run, goal) = await Prepare(database);
        var store = database.Store<RunEvaluationStore>();
        RunEvaluationRow[] rows = [Row(goal, "base", 1), Row(goal, "best", 1), Row(goal, "base", 0), Row(goal, "best", 0)];

        var first = await store.ImportAsync(run, 10, rows, Cancellation);
        var second = await store.ImportAsync(run, 10, rows, Cancellation);

        await using var db = database.NewContext();
        var plans = await db.Plans.OrderBy(plan => plan.Writer).ThenBy(plan => plan.Temperature).ToListAsync(Cancellation);
        Assert.Equal((4, 0), (first, second));
        Assert.Equal(["sandbox-base", "sandbox-base", "x-1@10", "x-1@10"], plans.Select(plan => plan.Writer));
        Assert.All(plans, plan => Assert.Equal((run.Id, true), (plan.RunId, plan.CheckpointId.HasValue)));
        var gradings = await db.Gradings.Include(grading => grading.Verdicts).Where(grading => grading.PlanId == plans[0].Id).OrderBy(grading => grading.Protocol).ToListAsync(Cancellation);
        Assert.Equal([(GraderRole.SelfGrade, "sandbox-base", 3), (GraderRole.Oracle, "sandbox-oracle", 3)], gradings.Select(grading => (grading.Role, grading.Grader, grading.RubricVersion)));
        Assert.Equal([0.5, 1.0], gradings.Select(grading => grading.Score));
        Assert.Equal(0.7, Assert.Single(gradings[0].Verdicts).Probability);
        Assert.Equal([3, 5], Assert.Single(gradings[0].Verdicts).Violated);
    }

    [Fact]
    public async Task Import_AnotherRunWithTheSameBase_HasItsOwnBasePlans()
    {
        await using var database = await TestDatabase.CreateAsync();
        var (run, goal) = await Prepare(database);
        var other = await database.Store<RunStore>().CreateAsync(new RunSpec { Name = "x" }, null, _ => false, Cancellation);
        var store = database.Store<RunEvaluationStore>();

        await store.ImportAsync(run, 10, [Row(goal, "base", 1)], Cancellation);
        var added = await store.ImportAsync(other, 10, [Row(goal, "base", 1)], Cancellation);

        Assert.Equal(1, added);
    }

    [Fact]
    public async Task Import_UngradedPlan_HasNoScoreAndSaysWhy()
    {
        await using var database = await TestDatabase.CreateAsync();
        var (run, goal) = await Prepare(database);
        var row = Row(goal, "base", 1) with { Oracle = null, SelfGrade = new RunEvaluationGrading(null, []) };

        await database.Store<RunEvaluationStore>().ImportAsync(run, 10, [row], Cancellation);

        await using var db = database.NewContext();
        var grading = await db.Gradings.SingleAsync(Cancellation);
        Assert.Null(grading.Score);
        Assert.NotNull(grading.Failure);
    }

    [Theory]
    [InlineData("nobody", null, null, "line 2: the writer \"nobody\"")]
    [InlineData("best", "00000000000000000000000000000001", null, "line 2: the library has no goal")]
    [InlineData("best", "garbage", null, "line 2: the library has no goal garbage")]
    [InlineData("best", null, "garbage", "line 2: \"garbage\" is not the id")]
    [InlineData("best", null, "00000000000000000000000000000001", "line 2: the goal has no rubric item")]
    public async Task Import_RowThatPointsNowhere_NamesTheLineAndImportsNothing(string writer, string? goalId, string? itemId, string message)
    {
        await using var database = await TestDatabase.CreateAsync();
        var (run, goal) = await Prepare(database);
        var bad = Row(goal, writer, 1) with { GoalId = goalId ?? goal.Id.ToString() };
        bad = itemId is null ? bad : bad with { SelfGrade = new RunEvaluationGrading(1, [new RunEvaluationVerdict(itemId, Met: true)]) };

        var fault = await Assert.ThrowsAsync<InvalidDataException>(() => database.Store<RunEvaluationStore>().ImportAsync(run, 10, [Row(goal, "base", 1), bad], Cancellation));

        Assert.Contains(message, fault.Message, StringComparison.Ordinal);
        await using var db = database.NewContext();
        Assert.False(await db.Plans.AnyAsync(Cancellation));
    }

    private static async Task<(Run Run, Goal Goal)> Prepare(TestDatabase database)
    {
        var checkpoints = database.Store<RunCheckpointStore>();
        await checkpoints.RegisterBaseAsync("sandbox-base", "builtin:sandbox-base", isSandbox: true, Cancellation);
        var run = await database.Store<RunStore>().CreateAsync(new RunSpec { Name = "x" }, null, _ => false, Cancellation);
        await checkpoints.RegisterAsync(run, new RunCheckpoint(10, RunFolder.CheckpointDirectory(10), 0.4, IsBest: true), Cancellation);
        var goalId = database.NewId<GoalId>();
        var goal = new Goal
        {
            Id = goalId,
            Domain = "ml",
            Text = "forecast",
            Origin = "sandbox",
            RubricVersion = 3,
            CreatedAt = database.Time.GetUtcNow(),
            Items = [new RubricItem { Id = database.NewId<RubricItemId>(), GoalId = goalId, Order = 0, Text = "sound", ProposedText = "sound" }],
        };
        await using var db = database.NewContext();
        db.Goals.Add(goal);
        await db.SaveChangesAsync(Cancellation);
        return (run, goal);
    }

    private static RunEvaluationRow Row(Goal goal, string writer, double temperature) => new()
    {
        Writer = writer,
        GoalId = goal.Id.ToString(),
        Plan = "we split .",
        Seed = 7,
        Temperature = temperature,
        SelfGrade = new RunEvaluationGrading(0.5, [new RunEvaluationVerdict(goal.Items[0].Id.ToString(), Met: false, [3, 5], 0.7, "no")]),
        Oracle = new RunEvaluationGrading(1, [new RunEvaluationVerdict(goal.Items[0].Id.ToString(), Met: true)]),
    };
}
