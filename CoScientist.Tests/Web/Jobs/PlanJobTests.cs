using CoScientist.Core.Goals;
using CoScientist.Core.Grading.PaperProtocol;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Core.TextModels;
using CoScientist.Tests.Core.Storage;
using CoScientist.Tests.Shared;
using CoScientist.Training.Kernels;
using CoScientist.Web.Jobs;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Tests.Web.Jobs;

[Trait("Database", "any")]
public sealed class PlanJobTests
{
    private static readonly GoalFilter Real = new(Sandbox: false, GoalSplit.Test);
    private static readonly GoalFilter Sandbox = new(Sandbox: true, GoalSplit.Test);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Run_SandboxCheckpoint_SameGoalHasTheSamePlanWhateverElseIsAsked()
    {
        await using var database = await TestDatabase.CreateAsync();
        await database.AddSandboxGoalsAsync(3);
        var checkpoint = await RegisterAsync(database);
        using var pool = new WorkerPool(1);
        using var writer = new SandboxPlanWriter("tiny", checkpoint, TinyPolicy.Create(pool));

        var first = await database.PlanJob().RunAsync(writer, new PlanRequest(Sandbox, 1, 1, 5), JobFixture.NoProgress, Cancellation);
        var rest = await database.PlanJob().RunAsync(writer, new PlanRequest(Sandbox, null, 1, 5), JobFixture.NoProgress, Cancellation);
        var again = await database.PlanJob().RunAsync(writer, new PlanRequest(Sandbox, null, 1, 5), JobFixture.NoProgress, Cancellation);

        await using var db = database.NewContext();
        var plans = await db.Plans.OrderBy(plan => plan.GoalId).ToListAsync(Cancellation);
        Assert.Equal([(1, 0), (2, 1), (0, 3)], new[] { first, rest, again }.Select(result => (result.Written, result.AlreadyThere)));
        Assert.All(plans, plan => Assert.Equal(("tiny", checkpoint, 1), (plan.Writer, plan.CheckpointId!.Value, plan.Temperature!.Value)));
        Assert.Equal(3, plans.Select(plan => plan.Seed).Distinct().Count());

        var goals = await db.Goals.OrderBy(goal => goal.Id).ToListAsync(Cancellation);
        var together = await writer.WriteAsync(goals, 1, 5, Cancellation);
        Assert.Equal(together.Select(plan => plan.Text), plans.Select(plan => plan.Text));
    }

    [Fact]
    public async Task Run_ModelServer_StoresPlansAndSaysWhichAnswersHoldNone()
    {
        await using var database = await TestDatabase.CreateAsync();
        for (var i = 0; i < 3; i++)
        {
            await database.AddGoalAsync(split: GoalSplit.Test, sandbox: false);
        }

        await database.AddGoalAsync(split: GoalSplit.Test);
        var number = 0;
        string[] answers = ["<solution>We test.</solution>", "<think>endless", "We test."];
        using var writer = new ServerPlanWriter(new ScriptedTextModel((_, _) => answers[number++]));

        var result = await database.PlanJob().RunAsync(writer, new PlanRequest(Real, null, 0.7, 3), JobFixture.NoProgress, Cancellation);

        await using var db = database.NewContext();
        var plans = await db.Plans.OrderBy(plan => plan.Finished).ToListAsync(Cancellation);
        Assert.Equal((3, 2, 1), (result.Goals, result.Written, result.Faulty));
        Assert.Contains("no <solution> tag", Assert.Single(result.Failures), StringComparison.Ordinal);
        Assert.Equal([false, true], plans.Select(plan => plan.Finished));
        Assert.All(plans, plan => Assert.Equal(("We test.", "scripted", PaperPrompts.PolicyVersion, 3), (plan.Text, plan.Writer, plan.PromptVersion, plan.Seed!.Value)));
    }

    [Fact]
    public async Task Run_ServerFailsLater_WhatWasWrittenStays()
    {
        await using var database = await TestDatabase.CreateAsync();
        for (var i = 0; i < 9; i++)
        {
            await database.AddGoalAsync(split: GoalSplit.Test, sandbox: false);
        }

        using var writer = new ServerPlanWriter(new ScriptedTextModel((_, batch) => batch == 0 ? "<solution>We test.</solution>" : throw new TextModelException("scripted", "gone.")));

        await Assert.ThrowsAsync<TextModelException>(() => database.PlanJob().RunAsync(writer, new PlanRequest(Real, null, 1, 1), JobFixture.NoProgress, Cancellation));

        await using var db = database.NewContext();
        Assert.Equal(8, await db.Plans.CountAsync(Cancellation));
    }

    [Fact]
    public async Task Run_NoGoalMatches_SaysWhatToDo()
    {
        await using var database = await TestDatabase.CreateAsync();
        await database.AddGoalAsync(domain: "ml", split: GoalSplit.Test);
        await database.AddGoalAsync(domain: "law", split: GoalSplit.Test, sandbox: false);
        using var pool = new WorkerPool(1);
        using var local = new SandboxPlanWriter("tiny", database.NewId<CheckpointId>(), TinyPolicy.Create(pool));
        using var server = new ServerPlanWriter(new ScriptedTextModel((_, _) => ""));

        Task<InvalidDataException> Fault(PlanWriter writer, GoalFilter goals) =>
            Assert.ThrowsAsync<InvalidDataException>(() => database.PlanJob().RunAsync(writer, new PlanRequest(goals, null, 1, 1), JobFixture.NoProgress, Cancellation));

        Assert.Contains("tiny knows only the sandbox's world, and the 1 goals that match --goals test --domain law are real", (await Fault(local, Sandbox with { Domain = "law" })).Message, StringComparison.Ordinal);
        Assert.Contains("scripted works on real goals", (await Fault(server, Real with { Domain = "ml" })).Message, StringComparison.Ordinal);
        Assert.Contains("There are no sandbox goals that match --goals test --domain nowhere: choose others (domains: ml)", (await Fault(local, Sandbox with { Domain = "nowhere" })).Message, StringComparison.Ordinal);
    }

    private static async Task<CheckpointId> RegisterAsync(TestDatabase database)
    {
        var checkpoints = database.Store<RunCheckpointStore>();
        await checkpoints.RegisterBaseAsync("tiny", "models/tiny", isSandbox: true, Cancellation);
        return (await checkpoints.FindAsync("tiny", Cancellation))!.Id;
    }
}
