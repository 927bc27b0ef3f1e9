using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Web.Runs;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Tests.Web.Runs;

[Trait("Database", "any")]
public sealed class RunWorkerTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Run_LeftAlone_FinishesWithCheckpointsResultAndPlans()
    {
        await using var harness = await RunHarness.CreateAsync();
        var asked = await harness.AskAsync();
        harness.Trainer.Allow(4);

        await harness.Worker.StartAsync(Cancellation);
        var run = await harness.WaitAsync(asked.Name, run => run.State.IsFinal());

        Assert.Equal((RunState.Finished, 4, 4, null, null), (run.State, run.Step, run.BestStep, run.Error, run.Worker));
        Assert.Equal(.7, run.Result!.WinRate);
        Assert.True(harness.Trainer.Asked!.GivesWay, "pages of the same process go first");
        Assert.Equal(["x-1@2", "x-1@4"], (await harness.Checkpoints.OfRunAsync(run.Id, Cancellation)).Select(checkpoint => checkpoint.Name));
        await using var db = harness.Database.NewContext();
        Assert.Equal(["tiny", "x-1@4"], await db.Plans.OrderBy(plan => plan.Writer).Select(plan => plan.Writer).ToListAsync(Cancellation));
        Assert.Equal(4, harness.Events.Latest(run.Id).Metrics!.Step);
        Assert.Contains("1 goals", Assert.Single(harness.Events.Latest(run.Id).Log).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Runs_AskedForTogether_AreDoneOneAfterTheOther()
    {
        await using var harness = await RunHarness.CreateAsync();
        var (first, second) = (await harness.AskAsync(), await harness.AskAsync());
        await harness.Worker.StartAsync(Cancellation);

        harness.Trainer.Allow(3);
        await harness.WaitAsync(first.Name, run => run.Step == 3);
        Assert.Equal(RunState.Pending, (await harness.Runs.FindAsync(second.Name, Cancellation))!.State);
        harness.Trainer.Allow(5);

        await harness.WaitAsync(second.Name, run => run.State == RunState.Finished);
        Assert.Equal(RunState.Finished, (await harness.Runs.FindAsync(first.Name, Cancellation))!.State);
    }

    [Fact]
    public async Task PauseAndResume_InTheMiddle_GivesTheNumbersOfAnUnbrokenRun()
    {
        await using var harness = await RunHarness.CreateAsync();
        var (broken, whole) = (await harness.AskAsync(seed: 5), await harness.AskAsync(seed: 5));
        await harness.Worker.StartAsync(Cancellation);
        harness.Trainer.Allow(1);
        await harness.WaitAsync(broken.Name, run => run.Step == 1);

        await harness.Worker.PauseAsync(broken.Id, Cancellation);
        Assert.True(harness.Worker.IsStopping(broken));
        harness.Trainer.Allow(1);
        var paused = await harness.WaitAsync(broken.Name, run => run.State == RunState.Paused);
        Assert.Equal(2, paused.Step);
        harness.Trainer.Allow(4);
        await harness.WaitAsync(whole.Name, run => run.State == RunState.Finished);
        await harness.Worker.ResumeAsync(broken.Id, Cancellation);
        harness.Trainer.Allow(2);
        await harness.WaitAsync(broken.Name, run => run.State == RunState.Finished);

        Assert.Equal([0, 0, 2], harness.Trainer.StartedAt);
        Assert.Equal(harness.History(whole.Name).Series("reward"), harness.History(broken.Name).Series("reward"));
    }

    [Fact]
    public async Task Cancel_RunningAndWaiting_EndBothAndKeepWhatWasWritten()
    {
        await using var harness = await RunHarness.CreateAsync();
        var (running, waiting) = (await harness.AskAsync(), await harness.AskAsync());
        await harness.Worker.StartAsync(Cancellation);
        harness.Trainer.Allow(2);
        await harness.WaitAsync(running.Name, run => run.Step == 2);

        await harness.Worker.CancelAsync(waiting.Id, Cancellation);
        await harness.Worker.CancelAsync(running.Id, Cancellation);

        var ended = await harness.WaitAsync(running.Name, run => run.State == RunState.Cancelled);
        Assert.NotNull(ended.EndedAt);
        Assert.Equal(2, harness.History(running.Name).Steps.Count);
        Assert.Single(await harness.Checkpoints.OfRunAsync(running.Id, Cancellation));
        Assert.Equal(RunState.Cancelled, (await harness.Runs.FindAsync(waiting.Name, Cancellation))!.State);
        await Assert.ThrowsAsync<RunStateException>(() => harness.Worker.ResumeAsync(running.Id, Cancellation));
    }

    [Fact]
    public async Task Failure_OfTheTrainer_IsOneSentenceAndTheNextRunIsDone()
    {
        await using var harness = await RunHarness.CreateAsync();
        var (failing, next) = (await harness.AskAsync(), await harness.AskAsync());
        harness.Trainer.Fails = (1, new InvalidOperationException("tensor\nlost."));
        harness.Trainer.Allow(1);
        await harness.Worker.StartAsync(Cancellation);

        var failed = await harness.WaitAsync(failing.Name, run => run.State == RunState.Failed);
        harness.Trainer.Fails = null;
        harness.Trainer.Allow(4);
        await harness.WaitAsync(next.Name, run => run.State is RunState.Finished or RunState.Failed);
        await harness.Worker.ResumeAsync(failing.Id, Cancellation);
        harness.Trainer.Allow(7);
        var resumed = await harness.WaitAsync(failing.Name, run => run.State == RunState.Finished);

        Assert.Equal("The trainer stopped with a fault (InvalidOperationException: tensor lost): resume from the last checkpoint, and report it with the log if it comes back.", failed.Error);
        Assert.Null(resumed.Error);
    }

    [Fact]
    public async Task Failure_ModelIsGone_NamesItAndTheRemedy()
    {
        await using var harness = await RunHarness.CreateAsync();
        Directory.Delete(Path.Combine(harness.Options.DataDirectory, "models"), recursive: true);
        var asked = await harness.AskAsync();

        await harness.Worker.StartAsync(Cancellation);
        var run = await harness.WaitAsync(asked.Name, run => run.State == RunState.Failed);

        Assert.Contains("\"tiny\" are gone", run.Error, StringComparison.Ordinal);
        Assert.Empty(harness.Trainer.StartedAt);
    }

    [Fact]
    public async Task Start_RunWithoutItsProcess_IsInterruptedAndWaitsForAPerson()
    {
        await using var harness = await RunHarness.CreateAsync();
        var (lost, held) = (await harness.AskAsync(), await harness.AskAsync());
        await harness.Runs.TakeAsync(lost.Id, RunExecutor.Worker, Cancellation);
        await harness.Runs.TakeAsync(held.Id, "elsewhere:7", Cancellation);
        using var other = RunLock.TryTake(harness.Options.RunDirectory(held.Name));

        await harness.Worker.StartAsync(Cancellation);

        Assert.Equal(RunState.Interrupted, (await harness.Runs.FindAsync(lost.Name, Cancellation))!.State);
        Assert.Equal(RunState.Running, (await harness.Runs.FindAsync(held.Name, Cancellation))!.State);
        Assert.Empty(harness.Trainer.StartedAt);
        await harness.Worker.ResumeAsync(lost.Id, Cancellation);
        harness.Trainer.Allow(4);
        await harness.WaitAsync(lost.Name, run => run.State == RunState.Finished);
    }

    [Fact]
    public async Task Resume_CheckpointWrittenButNotRegistered_IsRegisteredWithItsScore()
    {
        await using var harness = await RunHarness.CreateAsync();
        var asked = await harness.AskAsync();
        var folder = new RunFolder(harness.Options.RunDirectory(asked.Name));
        Directory.CreateDirectory(folder.File(RunFolder.CheckpointDirectory(2)));
        await File.WriteAllTextAsync(folder.File(RunFolder.MetricsFile), "{\"step\":2,\"judge/score\":0.75}\n", Cancellation);
        await File.WriteAllTextAsync(folder.File("state"), "3", Cancellation);
        harness.Trainer.Allow(1);

        await harness.Worker.StartAsync(Cancellation);
        await harness.WaitAsync(asked.Name, run => run.State == RunState.Finished);

        Assert.Equal([.75, .43], (await harness.Checkpoints.OfRunAsync(asked.Id, Cancellation)).Select(checkpoint => Math.Round(checkpoint.JudgeScore!.Value, 6)));
    }

    [Fact]
    public async Task Stop_WhileRunning_LeavesAnInterruptedRunThatResumesToTheSameNumbers()
    {
        await using var harness = await RunHarness.CreateAsync();
        var asked = await harness.AskAsync();
        await harness.Worker.StartAsync(Cancellation);
        harness.Trainer.Allow(1);
        await harness.WaitAsync(asked.Name, run => run.Step == 1);

        var stopping = harness.Worker.StopAsync(Cancellation);
        harness.Trainer.Allow(1);
        await stopping;

        Assert.Equal(RunState.Interrupted, (await harness.Runs.FindAsync(asked.Name, Cancellation))!.State);
        using var next = harness.NewWorker();
        await next.StartAsync(Cancellation);
        await next.ResumeAsync(asked.Id, Cancellation);
        harness.Trainer.Allow(2);
        await harness.WaitAsync(asked.Name, run => run.State == RunState.Finished);
        await next.StopAsync(Cancellation);
        Assert.Equal([1, 2, 3, 4], harness.History(asked.Name).Steps.Select(step => step.Step));
    }

    [Fact]
    public async Task Subscriber_ThatThrows_HarmsNeitherRunNorOtherSubscribers()
    {
        await using var harness = await RunHarness.CreateAsync();
        var asked = await harness.AskAsync();
        var thrown = new TaskCompletionSource();
        using var bad = harness.Events.Subscribe(asked.Id, () =>
        {
            thrown.TrySetResult();
            throw new InvalidOperationException("page is gone");
        });
        harness.Trainer.Allow(4);

        await harness.Worker.StartAsync(Cancellation);
        var run = await harness.WaitAsync(asked.Name, run => run.State == RunState.Finished);

        // News may still be on its way to the subscriber when the run has finished.
        await thrown.Task.WaitAsync(Cancellation);
        Assert.Equal(4, run.Step);
    }

    [Fact]
    public async Task ChangeSteps_OfARunAtWork_GoesOnWithThemAsIfTheyHadBeenAskedFor()
    {
        await using var harness = await RunHarness.CreateAsync();
        var asked = await harness.AskAsync();
        var other = await harness.AskAsync();
        await harness.Worker.StartAsync(Cancellation);
        harness.Trainer.Allow(1);
        var running = await harness.WaitAsync(asked.Name, run => run.Step == 1);

        await Assert.ThrowsAsync<RunSpecException>(() => harness.Worker.ChangeStepsAsync(running, 1, Cancellation));
        await harness.Worker.ChangeStepsAsync(running, 6, Cancellation);
        harness.Trainer.Allow(5);
        var run = await harness.WaitAsync(asked.Name, run => run.State == RunState.Finished);

        Assert.Equal((6, 6, 6), (run.Step, run.TotalSteps, run.Spec.Steps));
        Assert.Equal([1, 2, 3, 4, 5, 6], harness.History(asked.Name).Steps.Select(step => step.Step));
        Assert.Equal(RunState.Finished, run.State);
        harness.Trainer.Allow(4);
        await harness.WaitAsync(other.Name, next => next.State == RunState.Finished);
    }

    [Fact]
    public async Task Notices_WatchAndEnd_AreLeftForWhoLooksElsewhere()
    {
        await using var harness = await RunHarness.CreateAsync();
        var (finishes, fails) = (await harness.AskAsync(), await harness.AskAsync(seed: 2));
        harness.Trainer.PartsAt = 2;
        harness.Trainer.Allow(4);
        await harness.Worker.StartAsync(Cancellation);
        await harness.WaitAsync(finishes.Name, run => run.State == RunState.Finished);
        harness.Trainer.PartsAt = null;
        harness.Trainer.Fails = (1, new InvalidDataException("the grader is gone"));
        harness.Trainer.Allow(4);
        await harness.WaitAsync(fails.Name, run => run.State == RunState.Failed);

        IReadOnlyList<RunNoticeView> notices = [];
        while (notices.Count < 3)
        {
            notices = await harness.Notices.NewestAsync("ada", 10, Cancellation);
        }

        Assert.Equal(
            [(fails.Name, RunNoticeKind.Failed), (finishes.Name, RunNoticeKind.Finished), (finishes.Name, RunNoticeKind.Parted)],
            notices.Select(notice => (notice.Run, notice.Kind)));
        Assert.Contains("the grader is gone", notices[0].Text, StringComparison.Ordinal);
        Assert.Contains("from 0.40 to 0.50", notices[1].Text, StringComparison.Ordinal);
        Assert.Contains("At step 2", notices[2].Text, StringComparison.Ordinal);
    }
}
