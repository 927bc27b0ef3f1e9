using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Tests.Shared;
using CoScientist.Training.Checkpoints;
using CoScientist.Training.Checkpoints.Adapters;
using CoScientist.Training.Clusters;
using CoScientist.Training.Engines;
using CoScientist.Training.Model;

namespace CoScientist.Tests.Web.Runs;

/// <summary>Runs on a cluster, through the worker, against a stand-in for Ray.</summary>
[Trait("Database", "any")]
public sealed class ClusterRunTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Run_OnTheCluster_FinishesWithMetricsPlansAndCheckpointsOfItsParent()
    {
        await using var harness = await ClusterHarness.CreateAsync();
        var (asked, job) = await harness.BeginAsync();
        job.Log = "loading\nweights\n";
        Assert.Equal("coscientist-far-1-1", job.Id);
        Assert.True(File.Exists(Path.Combine(job.Folder, "run.sh")));
        Assert.True(File.Exists(Path.Combine(harness.Database.Folder, "shared", "models", "mine", "config.json")), "the model is where the machines see it");
        job.Grade("validation", harness.Validation, 1, .5, true, false);
        job.Tell(0, ("val-core/coscientist/reward/mean@1", .5));
        await harness.SeenAsync(asked, 0);
        await harness.StepAsync(job, asked, 1);
        job.Save(2, folder => TinyPolicy.Write(folder, 2));
        await harness.StepAsync(job, asked, 2, judged: 1);
        await harness.WaitAsync(asked, run => run is { Step: 2, BestStep: 2 });
        await harness.StepAsync(job, asked, 3);
        job.Save(4, folder => TinyPolicy.Write(folder, 3));
        await harness.StepAsync(job, asked, 4, judged: .5);
        job.Log += "done\n";
        job.Status = "SUCCEEDED";

        var run = await harness.WaitAsync(asked, run => run.State.IsFinal());
        Assert.Equal((RunState.Finished, 4, 2, null), (run.State, run.Step, run.BestStep, run.Error));
        var history = harness.History(run);
        Assert.Equal([.1, .2, .3, .4], history.Series(RunMetricNames.Reward).Select(point => Math.Round(point.Value, 9)));
        Assert.Equal([.5, 1, .5], history.Series(RunMetricNames.JudgeScore).Select(point => point.Value));
        Assert.Equal([.5, .5, .5, .5], history.Series(RunMetricNames.SelfGrade).Select(point => point.Value));
        Assert.Equal(400, history.Series(RunMetricNames.Tokens)[^1].Value);
        Assert.Equal(50, history.Series(RunMetricNames.TokensPerSecond)[^1].Value);
        Assert.Equal(3, history.Series(RunMetricNames.WatchGrowth).Count);
        Assert.Equal(["train", "validation"], harness.Folder(run).ReadSamples(2).Select(sample => sample.Kind));
        Assert.Contains(harness.Folder(run).ReadLog(50), line => line.Message == "cluster: weights");
        Assert.Contains("done", await File.ReadAllTextAsync(harness.Folder(run).File("cluster.log"), Cancellation), StringComparison.Ordinal);

        var checkpoints = await harness.Checkpoints.OfRunAsync(run.Id, Cancellation);
        Assert.Equal([("far-1@2", (double?)1), ("far-1@4", .5)], checkpoints.Select(checkpoint => (checkpoint.Name, checkpoint.JudgeScore)));
        Assert.All(checkpoints, checkpoint => Assert.NotNull(checkpoint.ParentId));
        var folder = await harness.Models.ResolveAsync("far-1@2", Cancellation);
        Assert.Equal("verl " + ClusterKeys.VerlVersion, CheckpointManifest.Read(folder)!.Origin["trainer"]);
        using var engine = CpuEngine.LoadReadOnly(folder, CoScientist.Training.Kernels.Mixed.Precision.Single);
        Assert.Equal(TinyPolicy.Config.Layers, engine.Config.Layers);
    }

    [Fact]
    public async Task Application_RestartedWhileTheJobGoesOn_FollowsTheSameJob()
    {
        await using var harness = await ClusterHarness.CreateAsync();
        var (asked, job) = await harness.BeginAsync();
        await harness.StepAsync(job, asked, 1);
        await harness.WaitAsync(asked, run => run.Step == 1);

        await harness.RestartAsync();
        Assert.Equal(("RUNNING", RunState.Interrupted), (job.Status, (await harness.Runs.FindAsync(asked.Name, Cancellation))!.State));
        harness.Tell(job, 2, judged: 1);
        await harness.Worker.StartAsync(Cancellation);
        await harness.SeenAsync(asked, 2);
        await harness.StepAsync(job, asked, 3);
        await harness.StepAsync(job, asked, 4, judged: 1);
        job.Status = "SUCCEEDED";

        var run = await harness.WaitAsync(asked, run => run.State.IsFinal());
        Assert.Equal(RunState.Finished, run.State);
        Assert.Equal([1, 2, 3, 4], harness.History(run).Series(RunMetricNames.Reward).Select(point => point.Step));
        Assert.Equal([1, 2, 1, 2], Enumerable.Range(1, 4).Select(step => harness.Folder(run).ReadSamples(step).Count));
        Assert.Single(harness.Ray.Jobs);
    }

    [Fact]
    public async Task RaysHead_AwayAndThenForgetful_TheRunIsSentAgainAndGoesOnFromWhatWasSaved()
    {
        await using var harness = await ClusterHarness.CreateAsync();
        var (asked, job) = await harness.BeginAsync();
        await harness.StepAsync(job, asked, 1);
        job.Save(2, folder => TinyPolicy.Write(folder, 2));
        await harness.StepAsync(job, asked, 2, judged: .75);
        await harness.StepAsync(job, asked, 3);
        await harness.WaitAsync(asked, run => run is { Step: 3, BestStep: 2 });

        await harness.Ray.GoAsync();
        harness.Ray.Return(forgets: true);
        var again = await harness.Ray.NextAsync(Cancellation);
        again.Status = "RUNNING";
        Assert.Equal("coscientist-far-1-2", again.Id);
        Assert.EndsWith("metrics-2.jsonl", again.Environment["VERL_FILE_LOGGER_PATH"], StringComparison.Ordinal);
        again.Tell(2, ("val-core/coscientist/reward/mean@1", .1));
        await harness.StepAsync(again, asked, 3);
        again.Save(4, folder => TinyPolicy.Write(folder, 3));
        await harness.StepAsync(again, asked, 4, judged: .5);
        again.Status = "SUCCEEDED";

        var run = await harness.WaitAsync(asked, run => run.State.IsFinal());
        Assert.Equal((RunState.Finished, 2), (run.State, run.BestStep));
        Assert.Equal([1, 2, 3, 4], harness.History(run).Series(RunMetricNames.Reward).Select(point => point.Step));
        Assert.Equal([.75, .5], harness.History(run).Series(RunMetricNames.JudgeScore).Select(point => point.Value));
        Assert.Equal([100, 200, 300, 400], harness.History(run).Series(RunMetricNames.Tokens).Select(point => point.Value));
        var log = harness.Folder(run).ReadLog(100).Select(line => line.Message).ToArray();
        Assert.Contains("Ray answers again.", log);
        Assert.Contains(log, line => line.Contains("goes on from step 2", StringComparison.Ordinal));
    }

    [Fact]
    public async Task RaysHead_ForgetfulOfAJobThatWasDoneWhileNobodyLooked_TheRunFinishesFromWhatItWrote()
    {
        await using var harness = await ClusterHarness.CreateAsync();
        var (asked, job) = await harness.BeginAsync();
        await harness.StepAsync(job, asked, 1);
        await harness.RestartAsync();
        harness.Tell(job, 2, judged: .5);
        harness.Tell(job, 3);
        job.Save(4, folder => TinyPolicy.Write(folder, 2));
        harness.Tell(job, 4, judged: 1);
        harness.Ray.Return(forgets: true);

        await harness.Worker.StartAsync(Cancellation);
        var run = await harness.WaitAsync(asked, run => run.State.IsFinal());

        Assert.Equal((RunState.Finished, 4, 4), (run.State, run.Step, run.BestStep));
        Assert.Equal("far-1@4", Assert.Single(await harness.Checkpoints.OfRunAsync(run.Id, Cancellation)).Name);
        Assert.Empty(harness.Ray.Jobs);
    }

    [Fact]
    public async Task PauseResumeAndCancel_StopTheJobAndKeepWhatWasMade()
    {
        await using var harness = await ClusterHarness.CreateAsync();
        var (asked, job) = await harness.BeginAsync();
        await harness.StepAsync(job, asked, 1);
        await harness.WaitAsync(asked, run => run.Step == 1);

        await harness.Worker.PauseAsync(asked.Id, Cancellation);
        await harness.WaitAsync(asked, run => run.State == RunState.Paused);
        Assert.Equal("STOPPED", job.Status);
        await harness.Worker.ResumeAsync(asked.Id, Cancellation);
        var again = await harness.Ray.NextAsync(Cancellation);
        again.Status = "RUNNING";
        await harness.StepAsync(again, asked, 1);
        await harness.WaitAsync(asked, run => run is { State: RunState.Running, Step: 1 });
        await harness.Worker.CancelAsync(asked.Id, Cancellation);
        await harness.WaitAsync(asked, run => run.State == RunState.Cancelled);
        Assert.Equal("STOPPED", again.Status);
    }

    [Fact]
    public async Task Job_ThatFailsOrIsRefused_FailsTheRunWithItsWords()
    {
        await using var harness = await ClusterHarness.CreateAsync();
        var first = await harness.StartAsync();
        await harness.Worker.StartAsync(Cancellation);
        var job = await harness.Ray.NextAsync(Cancellation);
        (job.Log, job.Message, job.Status) = ("CUDA out of memory\n", "Job entrypoint command failed with exit code 1", "FAILED");

        var failed = await FailedAsync(first);
        Assert.Contains("failed with exit code 1", failed.Error, StringComparison.Ordinal);
        Assert.Contains(harness.Folder(failed).ReadLog(50), line => line.Message == "cluster: CUDA out of memory");

        harness.Ray.Refusal = "no such runtime environment";
        var second = await FailedAsync(await harness.StartAsync(harness.Spec with { Seed = 2 }));
        Assert.Contains("Ray answers 400: no such runtime environment", second.Error, StringComparison.Ordinal);

        // Resumed, it is another job, which goes on where the first one ended.
        harness.Ray.Refusal = null;
        await harness.Worker.ResumeAsync(first.Id, Cancellation);
        Assert.Equal("coscientist-far-1-2", (await harness.Ray.NextAsync(Cancellation)).Id);

        async Task<Run> FailedAsync(Run asked)
        {
            harness.Worker.Wake();
            return await harness.WaitAsync(asked, run => run.State == RunState.Failed);
        }
    }

    [Fact]
    public async Task Start_WhatTheClusterCannotDo_IsRefusedAtItsFields()
    {
        await using var harness = await ClusterHarness.CreateAsync();

        var refused = await Assert.ThrowsAsync<RunSpecException>(() => harness.StartAsync(harness.Spec with { Method = "sft", Grpo = new GrpoSpec { Truncated = TruncatedPlans.Mask } }));

        Assert.Equal(["method", "grpo.truncated"], refused.Faults.Select(fault => fault.Path));
    }

    [Fact]
    public async Task Adapters_FromVerlWithoutTheirStrength_AreTakenOverAsTheyAppearAndFoldedInWithTheRunsOwn()
    {
        await using var harness = await ClusterHarness.CreateAsync();
        var (asked, job) = await harness.BeginAsync(harness.Spec with { Lora = new LoraSpec { Rank = 2, Alpha = 8, Modules = ["q_proj"] } });
        await SaveAdapterAsync(harness, job, 2);
        await harness.StepAsync(job, asked, 2, judged: 1);

        // While it trains.
        var run = await harness.WaitAsync(asked, run => run.BestStep == 2);
        Assert.Equal(RunState.Running, run.State);
        Assert.Equal(8, AdapterConfig.Read(Path.Combine(harness.Folder(run).File(RunFolder.AdapterDirectory(2)), AdapterConfig.FileName)).Alpha);
        Assert.True(File.Exists(Path.Combine(await harness.Models.ResolveAsync("far-1@2", Cancellation), "config.json")));

        // Stopped early, it keeps the last one that was whole.
        await harness.StepAsync(job, asked, 3);
        job.Save(4, _ => { });
        await harness.Worker.CancelAsync(asked.Id, Cancellation);
        await harness.WaitAsync(asked, run => run.State == RunState.Cancelled);
        Assert.Equal("STOPPED", job.Status);
        var kept = Assert.Single(await harness.Checkpoints.OfRunAsync(asked.Id, Cancellation));
        Assert.Equal(("far-1@2", (double?)1, true), (kept.Name, kept.JudgeScore, kept.ParentId is not null));
    }

    /// <summary>An adapter as verl's merger leaves it: without our manifest, and without the strength that it lost.</summary>
    private static async Task SaveAdapterAsync(ClusterHarness harness, StandInJob job, int step)
    {
        job.Save(step, _ => { });
        var saved = Path.Combine(job.Folder, "checkpoints", FormattableString.Invariant($"global_step_{step}"), "merged", "lora_adapter");
        using (var engine = CpuEngine.Load(harness.Models.OwnDirectory("mine")))
        {
            engine.AddLora(new LoraOptions { Rank = 2, Alpha = 8, TargetModules = ["q_proj"] });
            engine.SaveAdapter(saved, "mine", new Dictionary<string, string>(StringComparer.Ordinal));
        }

        File.Delete(Path.Combine(saved, CheckpointManifest.FileName));
        var config = Path.Combine(saved, AdapterConfig.FileName);
        await File.WriteAllTextAsync(config, (await File.ReadAllTextAsync(config, Cancellation)).Replace("\"lora_alpha\": 8", "\"lora_alpha\": 0", StringComparison.Ordinal), Cancellation);
    }
}
