using CoScientist.Core.Runs;
using CoScientist.Core.TextModels;
using CoScientist.Tests.Core.Storage;
using CoScientist.Tests.Shared;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Tests.Web.Runs;

/// <summary>What the world does to a run in the middle of its work: it fails with the cause, keeps its last checkpoint, says how to go on, and does.</summary>
[Trait("Database", "any")]
public sealed class RunFaultTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static TheoryData<Exception, string> Faults => new()
    {
        { new IOException("No space left on device : '/data/runs/x-1/samples.jsonl'"), "No space left on device : '/data/runs/x-1/samples.jsonl'): make room or mend the permissions, then resume" },
        { new TextModelException("big", "cannot be reached."), "big" },
        { new OutOfMemoryException(), "free memory and resume" },
    };

    [Theory]
    [MemberData(nameof(Faults))]
    public async Task Fault_MidRun_KeepsTheCheckpointSaysHowToGoOnAndGoesOn(Exception fault, string said)
    {
        await using var harness = await RunHarness.CreateAsync();
        var asked = await harness.AskAsync();
        harness.Trainer.Fails = (3, fault);
        harness.Trainer.Allow(4);

        await harness.Worker.StartAsync(Cancellation);
        var failed = await harness.WaitAsync(asked.Name, run => run.State == RunState.Failed);

        Assert.Contains(said, failed.Error, StringComparison.Ordinal);
        Assert.Contains("resume", failed.Error, StringComparison.Ordinal);
        Assert.Equal(["x-1@2"], (await harness.Checkpoints.OfRunAsync(asked.Id, Cancellation)).Select(checkpoint => checkpoint.Name));
        harness.Trainer.Fails = null;
        await harness.Worker.ResumeAsync(asked.Id, Cancellation);
        harness.Trainer.Allow(4);
        await harness.WaitAsync(asked.Name, run => run.State == RunState.Finished);
        Assert.Equal([1, 2, 3, 4], harness.History(asked.Name).Steps.Select(step => step.Step));
    }

    [Fact]
    public async Task Resume_LastCheckpointWasDeleted_FailsWithItsNameAndGoesOnWhenItIsBack()
    {
        await using var harness = await RunHarness.CreateAsync();
        var asked = await harness.AskAsync();
        harness.Trainer.Fails = (3, new IOException("gone"));
        harness.Trainer.Allow(3);
        await harness.Worker.StartAsync(Cancellation);
        await harness.WaitAsync(asked.Name, run => run.State == RunState.Failed);
        harness.Trainer.Fails = null;
        var checkpoint = new RunFolder(harness.Options.RunDirectory(asked.Name)).File(RunFolder.CheckpointDirectory(2));
        Directory.Move(checkpoint, checkpoint + ".away");
        var starts = harness.Trainer.StartedAt.Count;

        await harness.Worker.ResumeAsync(asked.Id, Cancellation);
        var failed = await harness.WaitAsync(asked.Name, run => run.State == RunState.Failed && run.Error!.Contains("x-1@2", StringComparison.Ordinal));

        Assert.Contains($"gone from {checkpoint}: put the folder back and resume", failed.Error, StringComparison.Ordinal);
        Assert.Equal(starts, harness.Trainer.StartedAt.Count);
        Assert.Equal([1, 2, 3], harness.History(asked.Name).Steps.Select(step => step.Step));
        Directory.Move(checkpoint + ".away", checkpoint);
        await harness.Worker.ResumeAsync(asked.Id, Cancellation);
        harness.Trainer.Allow(4);
        await harness.WaitAsync(asked.Name, run => run.State == RunState.Finished);
    }

    [Fact]
    public async Task Fault_DatabaseCannotTakeTheEnd_IsInterruptedOnceItCanAndGoesOn()
    {
        await using var harness = await RunHarness.CreateAsync();
        var asked = await harness.AskAsync();
        await ExecuteAsync(harness, TestPostgres.IsOn
            ? "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'database or disk is full' USING ERRCODE = 'disk_full'; END $$; CREATE TRIGGER \"Full\" BEFORE UPDATE ON \"Runs\" FOR EACH ROW WHEN (NEW.\"State\" = 'Failed') EXECUTE FUNCTION refuse()"
            : "CREATE TRIGGER \"Full\" BEFORE UPDATE ON Runs WHEN NEW.State = 'Failed' BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END");
        harness.Trainer.Fails = (1, new IOException("No space left on device"));
        harness.Trainer.Allow(1);
        using var worker = harness.NewWorker(new ImpatientTime());

        await worker.StartAsync(Cancellation);
        var stopped = await harness.WaitAsync(asked.Name, run => run.State == RunState.Interrupted);

        Assert.Null(stopped.Worker);
        await ExecuteAsync(harness, TestPostgres.IsOn ? "DROP TRIGGER \"Full\" ON \"Runs\"" : "DROP TRIGGER \"Full\"");
        harness.Trainer.Fails = null;
        harness.Trainer.Allow(4);
        await worker.ResumeAsync(asked.Id, Cancellation);
        await harness.WaitAsync(asked.Name, run => run.State == RunState.Finished);
        await worker.StopAsync(Cancellation);
    }

    private static async Task ExecuteAsync(RunHarness harness, string sql)
    {
        await using var db = harness.Database.NewContext();
        await db.Database.ExecuteSqlRawAsync(sql, Cancellation);
    }

    [Fact]
    public async Task Run_TakenUp_WritesItsSpecificationBesideItsMetrics()
    {
        await using var harness = await RunHarness.CreateAsync();
        var asked = await harness.AskAsync();
        harness.Trainer.Allow(4);
        await harness.Worker.StartAsync(Cancellation);
        await harness.WaitAsync(asked.Name, run => run.State == RunState.Finished);

        Assert.Equal(asked.SpecJson, await File.ReadAllTextAsync(new RunFolder(harness.Options.RunDirectory(asked.Name)).File(RunFolder.SpecFile), Cancellation));
    }
}
