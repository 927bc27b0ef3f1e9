using CoScientist.Core.Goals;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Tests.Core.Storage;
using CoScientist.Tests.Shared;
using CoScientist.Training.Clusters;
using CoScientist.Web.Runs;

namespace CoScientist.Tests.Web.Runs;

/// <summary>The worker over a small real library, a stand-in for Ray, and a shared folder that the test writes into as the machines would.</summary>
internal sealed class ClusterHarness : WorkerHarness, IAsyncDisposable
{
    private readonly ClusterRuns clusters;
    private readonly RunEngines engines;

    private ClusterHarness(TestDatabase database, RayStandIn ray, (string Name, string Endpoint, string Model)[] servers)
        : base(database, TestServers.Of(database, servers))
    {
        Ray = ray;
        clusters = new ClusterRuns(new ClusterOptions { Address = ray.Address, Folder = Path.Combine(database.Folder, "shared"), PollSeconds = 0.02 }, Servers, Models);
        engines = new RunEngines(clusters, TimeProvider.System);
        Worker = NewWorker(NewExecutor(engines.ExecuteAsync));
    }

    public RayStandIn Ray { get; }

    public RunWorker Worker { get; private set; }

    /// <summary>The goal whose plans the judge scores.</summary>
    public string Validation { get; private set; } = "";

    /// <summary>A goal that is trained on.</summary>
    public string Train { get; private set; } = "";

    public RunSpec Spec { get; } = new()
    {
        Name = "far",
        Model = "mine",
        Grader = "server:grader",
        Judge = "server:judge",
        Data = new RunDataSpec { Sandbox = false },
        Engine = new EngineSpec { Kind = RunEngine.Verl },
        Steps = 4,
        WarmupSteps = 0,
        EvaluateEvery = 2,
    };

    /// <summary>Makes one whose grader and judge cannot be reached, and whose model speaks no protocol: trained, and no more.</summary>
    public static Task<ClusterHarness> CreateAsync() => CreateAsync(folder => TinyPolicy.Write(folder), ("judge", "http://127.0.0.1:9/v1", "j"), ("grader", "http://127.0.0.1:9/v1", "g"));

    /// <summary>Makes one.</summary>
    /// <param name="write">Writes the model that is trained.</param>
    /// <param name="servers">The model servers.</param>
    public static async Task<ClusterHarness> CreateAsync(Action<string> write, params (string Name, string Endpoint, string Model)[] servers)
    {
        var harness = new ClusterHarness(await TestDatabase.CreateAsync(), await RayStandIn.StartAsync(), servers);
        write(harness.Models.OwnDirectory("mine"));
        await harness.Checkpoints.RegisterBaseAsync("mine", "models/mine", isSandbox: false, Cancellation);
        (harness.Train, harness.Validation) = await AddGoalsAsync(harness.Database.NewContext(), harness.Database.NewId<GoalId>, harness.Database.NewId<RubricItemId>, harness.Database.Time.GetUtcNow());
        return harness;
    }

    /// <summary>Puts one real goal of each split into a library; ids of the first two.</summary>
    public static async Task<(string Train, string Validation)> AddGoalsAsync(CoScientistDb db, Func<GoalId> goalId, Func<RubricItemId> itemId, DateTimeOffset at)
    {
        await using (db)
        {
            var ids = new Dictionary<GoalSplit, string>();
            foreach (var split in Enum.GetValues<GoalSplit>())
            {
                var id = goalId();
                ids[split] = id.ToString();
                db.Goals.Add(new Goal
                {
                    Id = id,
                    Domain = "ml",
                    Text = $"goal {split}",
                    Split = split,
                    Origin = "test",
                    CreatedAt = at,
                    Items = [.. new[] { "sound", "cheap" }.Select((text, order) => new RubricItem { Id = itemId(), GoalId = id, Order = order, Text = text, ProposedText = text })],
                });
            }

            await db.SaveChangesAsync(CancellationToken.None);
            return (ids[GoalSplit.Train], ids[GoalSplit.Validation]);
        }
    }

    public Task<Run> StartAsync(RunSpec? spec = null) =>
        new RunLauncher(Runs, Checkpoints, Database.Store<RunDataStore>(), Servers, clusters, Options).StartAsync(spec ?? Spec, "test", null, Cancellation);

    /// <summary>The application ends and starts anew.</summary>
    public async Task RestartAsync()
    {
        await Worker.StopAsync(Cancellation);
        Worker.Dispose();
        Worker = NewWorker(NewExecutor(engines.ExecuteAsync));
    }

    /// <summary>A step with its plan, as the machines would tell it; waits until it is written down.</summary>
    public async Task StepAsync(StandInJob job, Run run, int step, double? judged = null)
    {
        Tell(job, step, judged);
        await SeenAsync(run, step);
    }

    /// <summary>Waits until a step is written down.</summary>
    public async Task SeenAsync(Run run, int step)
    {
        while (History(run).Steps.All(metrics => metrics.Step != step))
        {
            await Task.Delay(TimeSpan.FromMilliseconds(5), Cancellation);
        }
    }

    /// <summary>A step with its plan, as the machines would tell it.</summary>
    public void Tell(StandInJob job, int step, double? judged = null)
    {
        job.Grade("train", Train, 0.5, null, true, false);
        if (judged is { } score)
        {
            job.Grade("validation", Validation, 1, score, true, score > 0.5);
        }

        (string, double)[] metrics = [("critic/rewards/mean", 0.1 * step), ("actor/grad_norm", 1), ("perf/total_num_tokens", 100), ("perf/time_per_step", 2)];
        job.Tell(step, judged is null ? metrics : [.. metrics, ("val-core/coscientist/reward/mean@1", judged.Value)]);
    }

    public RunFolder Folder(Run run) => new(Options.RunDirectory(run.Name));

    public RunHistory History(Run run) => History(run.Name);

    /// <summary>Waits until the run looks as wanted; one that fails meanwhile fails the test.</summary>
    public Task<Run> WaitAsync(Run asked, Func<Run, bool> wanted) => WaitAsync(asked.Name, run =>
    {
        Assert.False(run.State == RunState.Failed && !wanted(run), run.Error);
        return wanted(run);
    });

    /// <summary>Begins: the run's job, which runs.</summary>
    public async Task<(Run Asked, StandInJob Job)> BeginAsync(RunSpec? spec = null)
    {
        var asked = await StartAsync(spec);
        await Worker.StartAsync(Cancellation);
        var job = await Ray.NextAsync(Cancellation);
        job.Status = "RUNNING";
        return (asked, job);
    }

    public async ValueTask DisposeAsync()
    {
        await Worker.StopAsync(CancellationToken.None);
        Worker.Dispose();
        engines.Dispose();
        await Ray.DisposeAsync();
        await Database.DisposeAsync();
    }
}
