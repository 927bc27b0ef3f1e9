using CoScientist.Core.Goals;
using CoScientist.Core.Grading;
using CoScientist.Core.Grading.PaperProtocol;
using CoScientist.Core.Storage;
using CoScientist.Tests.Core.Grading;
using CoScientist.Tests.Core.Storage;
using CoScientist.Tests.Shared;
using CoScientist.Training.Kernels;
using CoScientist.Training.Sandbox;
using CoScientist.Web.Jobs;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Tests.Web.Jobs;

[Trait("Database", "any")]
public sealed class GradeJobTests
{
    private static readonly GoalFilter Real = new(Sandbox: false);
    private static readonly GoalFilter Sandbox = new(Sandbox: true);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Run_Oracle_ReferenceIsPerfectAndRejectedItemsHaveNoVerdict()
    {
        await using var database = await TestDatabase.CreateAsync();
        var goal = (await database.AddSandboxGoalsAsync(1))[0];
        await database.AddPlanAsync(goal, goal.ReferenceSolution!);
        await database.AddPlanAsync(goal, "");
        await RejectAsync(database, item => item.Order == 0);
        using var oracle = new OraclePlanGrader();

        var result = await database.GradeJob().RunAsync(oracle, Sandbox, null, JobFixture.NoProgress, Cancellation);
        var again = await database.GradeJob().RunAsync(oracle, Sandbox, null, JobFixture.NoProgress, Cancellation);

        var gradings = await GradingsAsync(database);
        Assert.Equal((2, 0, 0.5), (result.Graded, result.Ungraded, result.MeanScore));
        Assert.Equal((0, 2), (again.Graded, again.AlreadyGraded));
        Assert.Equal([1.0, 0.0], gradings.Select(grading => grading.Score));
        Assert.All(gradings, grading => Assert.Equal((GraderRole.Oracle, "sandbox-oracle", "oracle", goal.Items.Count - 1), (grading.Role, grading.Grader, grading.Protocol, grading.Verdicts.Count)));
        Assert.All(gradings[1].Verdicts, verdict => Assert.Equal([1], verdict.Violated));
    }

    [Fact]
    public async Task Run_SandboxCheckpoint_RecordsProbabilitiesAndLeavesWhatIsTooLongUngraded()
    {
        await using var database = await TestDatabase.CreateAsync();
        var goal = (await database.AddSandboxGoalsAsync(1))[0];
        await database.AddPlanAsync(goal, goal.ReferenceSolution!);
        await database.AddPlanAsync(goal, string.Join(' ', Enumerable.Repeat("we split .", TinyPolicy.Config.MaxPositions)));
        using var pool = new WorkerPool(1);
        using var grader = new SandboxPlanGrader("tiny", GraderRole.SelfGrade, TinyPolicy.Create(pool), 0.5);

        var result = await database.GradeJob().RunAsync(grader, Sandbox, null, JobFixture.NoProgress, Cancellation);

        var gradings = await GradingsAsync(database);
        Assert.Equal((1, 1), (result.Graded, result.Ungraded));
        Assert.Equal((GraderRole.SelfGrade, "tiny", "compact", goal.Items.Count), (gradings[0].Role, gradings[0].Grader, gradings[0].Protocol, gradings[0].Verdicts.Count));
        Assert.All(gradings[0].Verdicts, verdict => Assert.InRange(verdict.Probability!.Value, 0, 1));
        Assert.Null(gradings[1].Score);
        Assert.Contains("longer than", gradings[1].Failure, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_ModelServer_StoresVerdictsAndAsksAgainForWhatItCouldNotRead()
    {
        await using var database = await TestDatabase.CreateAsync();
        var goal = await database.AddGoalAsync(items: 2, sandbox: false);
        await database.AddPlanAsync(goal, "good");
        await database.AddPlanAsync(goal, "odd");
        var confused = true;
        using var grader = new ServerPlanGrader(
            new ScriptedTextModel((prompt, _) => confused && prompt.User.Contains("odd", StringComparison.Ordinal) ? "hm" : PaperAnswers.Of("none", "2,5")),
            GraderRole.Judge);

        var first = await database.GradeJob().RunAsync(grader, Real, "writer", JobFixture.NoProgress, Cancellation);
        var before = await GradingsAsync(database);
        confused = false;
        var second = await database.GradeJob().RunAsync(grader, Real, "writer", JobFixture.NoProgress, Cancellation);
        var after = await GradingsAsync(database);

        Assert.Equal((1, 1, 0.5), (first.Graded, first.Ungraded, first.MeanScore));
        Assert.Contains("unreadable 3 times", Assert.Single(first.Failures), StringComparison.Ordinal);
        Assert.Equal([0.5, null], before.Select(grading => grading.Score));
        Assert.Equal((1, 0, 1), (second.Graded, second.Ungraded, second.AlreadyGraded));
        Assert.Equal([0.5, 0.5], after.Select(grading => grading.Score));
        Assert.Equal((GraderRole.Judge, "paper", PaperPrompts.GraderVersion, PaperAnswers.Weaknesses), (after[0].Role, after[0].Protocol, after[0].PromptVersion, after[0].Weaknesses));
        var verdicts = after[0].Verdicts.OrderBy(verdict => verdict.Id).ToList();
        Assert.Equal(goal.Items.Select(item => item.Id), verdicts.Select(verdict => verdict.ItemId));
        Assert.Equal([2, 5], verdicts[1].Violated);
        Assert.Equal("It does.", verdicts[1].Reason);
    }

    [Fact]
    public async Task Run_GoalsWithoutItems_AreLeftOutOrNamedWhenThereIsNothingElse()
    {
        await using var database = await TestDatabase.CreateAsync();
        var bare = await database.AddGoalAsync(items: 0, sandbox: false);
        await database.AddPlanAsync(bare);
        var model = new ScriptedTextModel((_, _) => PaperAnswers.Of("none"));
        using var grader = new ServerPlanGrader(model, GraderRole.Judge);

        var fault = await Assert.ThrowsAsync<InvalidDataException>(() => database.GradeJob().RunAsync(grader, Real, null, JobFixture.NoProgress, Cancellation));
        Assert.Contains($"Goal {bare.Id} has no rubric item that counts", fault.Message, StringComparison.Ordinal);
        Assert.Empty(model.Batches);

        await database.AddPlanAsync(await database.AddGoalAsync(items: 1, sandbox: false));
        var result = await database.GradeJob().RunAsync(grader, Real, null, JobFixture.NoProgress, Cancellation);
        Assert.Equal((1, 1), (result.Graded, result.LeftOut));
    }

    [Fact]
    public async Task Run_NoPlanMatches_SaysWhatToDo()
    {
        await using var database = await TestDatabase.CreateAsync();
        await database.AddSandboxGoalsAsync(1);
        using var oracle = new OraclePlanGrader();

        Task<InvalidDataException> Fault(string? writer, GoalFilter goals) =>
            Assert.ThrowsAsync<InvalidDataException>(() => database.GradeJob().RunAsync(oracle, goals, writer, JobFixture.NoProgress, Cancellation));

        Assert.Contains("no plans for sandbox goals that match --goals all: write some with 'plan'", (await Fault(null, Sandbox)).Message, StringComparison.Ordinal);
        Assert.Contains("\"nobody\" has no plans for sandbox goals that match --goals test", (await Fault("nobody", Sandbox with { Split = GoalSplit.Test })).Message, StringComparison.Ordinal);
    }

    private static async Task RejectAsync(TestDatabase database, System.Linq.Expressions.Expression<Func<RubricItem, bool>> items)
    {
        await using var db = database.NewContext();
        await db.RubricItems.Where(items).ExecuteUpdateAsync(set => set.SetProperty(item => item.State, RubricItemState.Rejected), Cancellation);
    }

    private static async Task<List<CoScientist.Core.Grading.Grading>> GradingsAsync(TestDatabase database)
    {
        await using var db = database.NewContext();
        return await db.Gradings.Include(grading => grading.Verdicts).OrderBy(grading => grading.PlanId).ToListAsync(Cancellation);
    }
}
