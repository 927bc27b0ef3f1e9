using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Tests.Web.Runs;
using CoScientist.Web.Instances;
using CoScientist.Web.Runs;

namespace CoScientist.Tests.Web.Instances;

/// <summary>Two workers over one database, of which one has the role at a time.</summary>
[Trait("Database", "any")]
public sealed class SharedRunsTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task RoleLost_InTheMiddle_TheOtherGoesOnWithTheNumbersOfAnUnbrokenRun()
    {
        await using var harness = await RunHarness.CreateAsync();
        await using var first = await Instance.StartAsync(harness);
        await using var second = await Instance.StartAsync(harness);
        var (broken, whole) = (await harness.AskAsync(seed: 5), await harness.AskAsync(seed: 5));
        first.Role.Gain();
        harness.Trainer.Allow(2);
        await harness.WaitAsync(broken.Name, run => run.Step == 2);

        // The trainer waits for its next step: it ends within it.
        first.Role.Lose();
        await first.Role.Idle.WaitAsync(Cancellation);
        Assert.Equal(RunState.Pending, (await harness.Runs.FindAsync(broken.Name, Cancellation))!.State);
        second.Role.Gain();
        harness.Trainer.Allow(6);
        await harness.WaitAsync(whole.Name, run => run.State == RunState.Finished);

        Assert.Equal([0, 2, 0], harness.Trainer.StartedAt);
        Assert.Equal(harness.History(whole.Name).Series("reward"), harness.History(broken.Name).Series("reward"));
        Assert.DoesNotContain(await harness.Notices.NewestAsync("ada", 10, Cancellation), notice => notice.Kind == RunNoticeKind.Interrupted);
    }

    [Fact]
    public async Task Requests_MadeInAnInstanceThatStandsBy_AreObeyedByTheOneThatWorks()
    {
        await using var harness = await RunHarness.CreateAsync();
        await using var working = await Instance.StartAsync(harness);
        await using var standing = await Instance.StartAsync(harness);
        var (paused, cancelled) = (await harness.AskAsync(), await harness.AskAsync());
        working.Role.Gain();
        harness.Trainer.Allow(1);
        await harness.WaitAsync(paused.Name, run => run.Step == 1);

        await standing.Worker.PauseAsync(paused.Id, Cancellation);
        Assert.True(standing.Worker.IsStopping((await harness.Runs.FindAsync(paused.Name, Cancellation))!));
        while (!working.Worker.IsStopping(paused))
        {
            await Task.Delay(10, Cancellation);
        }

        harness.Trainer.Allow(1);
        await harness.WaitAsync(paused.Name, run => run.State == RunState.Paused);
        await harness.WaitAsync(cancelled.Name, run => run.State == RunState.Running);
        await standing.Worker.CancelAsync(cancelled.Id, Cancellation);
        await harness.WaitAsync(cancelled.Name, run => run.State == RunState.Cancelled);

        await standing.Worker.ResumeAsync(paused.Id, Cancellation);
        working.Worker.Wake(); // as the news would
        await harness.WaitAsync(paused.Name, run => run.State == RunState.Running);
        await standing.Worker.ChangeStepsAsync(paused, 5, Cancellation);
        while (!working.Worker.IsStopping(paused))
        {
            await Task.Delay(10, Cancellation);
        }

        harness.Trainer.Allow(3);
        var ended = await harness.WaitAsync(paused.Name, run => run.State == RunState.Finished);
        Assert.Equal((5, 5, null, null), (ended.Step, ended.TotalSteps, ended.Request, ended.RequestedSteps));
    }

    [Fact]
    public async Task RunWithoutItsProcess_GoesOnFirst_ButNotTwiceFromTheSameStep()
    {
        await using var harness = await RunHarness.CreateAsync();
        await using var instance = await Instance.StartAsync(harness);
        var (other, lost, held, asked) = (await harness.AskAsync(), await harness.AskAsync(), await harness.AskAsync(), await harness.AskAsync());
        foreach (var run in new[] { lost, held, asked })
        {
            await harness.Runs.TakeAsync(run.Id, "elsewhere:7", Cancellation);
        }

        Assert.True(await harness.Runs.AskAsync(asked.Id, RunRequest.Pause, null, Cancellation));
        using var folder = RunLock.TryTake(harness.Options.RunDirectory(held.Name));

        await harness.Executor.TakeOverAsync(Cancellation);

        Assert.Equal([lost.Name, other.Name], (await harness.Runs.InStateAsync(RunState.Pending, Cancellation)).Select(run => run.Name));
        Assert.Equal(RunState.Running, (await harness.Runs.FindAsync(held.Name, Cancellation))!.State);
        Assert.Equal(RunState.Paused, (await harness.Runs.FindAsync(asked.Name, Cancellation))!.State);

        // The same again: the run may be what ends its servers.
        await harness.Runs.TakeAsync(lost.Id, "elsewhere:8", Cancellation);
        await harness.Executor.TakeOverAsync(Cancellation);

        Assert.Equal(RunState.Interrupted, (await harness.Runs.FindAsync(lost.Name, Cancellation))!.State);
        Assert.Contains("at step 0 again", (await harness.Notices.NewestAsync("ada", 1, Cancellation))[0].Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task TakeOver_WhoseInstanceLosesTheRoleMeanwhile_LeavesTheRunInTheQueue()
    {
        await using var harness = await RunHarness.CreateAsync();
        var lost = await harness.AskAsync();
        await harness.Runs.TakeAsync(lost.Id, "elsewhere:7", Cancellation);
        using var over = new CancellationTokenSource();

        // The role is lost as soon as anything is told of the run.
        using (harness.Events.Subscribe(lost.Id, over.CancelAsync))
        {
            await harness.Executor.TakeOverAsync(over.Token);
        }

        Assert.Equal([lost.Name], (await harness.Runs.InStateAsync(RunState.Pending, Cancellation)).Select(run => run.Name));
        await Assert.ThrowsAsync<RunStateException>(() => harness.Runs.HandOverAsync(lost.Id, "elsewhere:7", Cancellation));
    }

    private sealed class Instance(RunWorker worker, WorkerRole role) : IAsyncDisposable
    {
        public RunWorker Worker => worker;

        public WorkerRole Role => role;

        public static async Task<Instance> StartAsync(RunHarness harness)
        {
            var role = new WorkerRole(isShared: true);
            var instance = new Instance(harness.NewWorker(role: role), role);
            await instance.Worker.StartAsync(Cancellation);
            return instance;
        }

        public async ValueTask DisposeAsync()
        {
            await worker.StopAsync(CancellationToken.None);
            worker.Dispose();
        }
    }
}
