using CoScientist.Core.Goals;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Tests.Core.Storage;
using CoScientist.Tests.Shared;
using CoScientist.Web.Configuration;
using CoScientist.Web.Instances;
using CoScientist.Web.Runs;
using Microsoft.Extensions.Logging.Abstractions;

namespace CoScientist.Tests.Web.Runs;

/// <summary>A worker over a small library, with a scripted trainer in the place of the real one.</summary>
internal sealed class RunHarness : IAsyncDisposable
{
    private RunHarness(TestDatabase database)
    {
        Database = database;
        Options = new CoScientistOptions { DataDirectory = database.Folder };
        Events = new RunEvents(TimeProvider.System, NullLogger<RunEvents>.Instance) { Interval = TimeSpan.Zero };
        Models = new ModelCatalog(Checkpoints, Options);
        Executor = NewExecutor();
        Worker = NewWorker();
    }

    public TestDatabase Database { get; }

    public CoScientistOptions Options { get; }

    public ScriptedTrainer Trainer { get; } = new();

    public RunEvents Events { get; }

    public ModelCatalog Models { get; }

    public RunExecutor Executor { get; }

    public RunWorker Worker { get; }

    public RunStore Runs => Database.Store<RunStore>();

    public RunNoticeStore Notices => Database.Store<RunNoticeStore>();

    public RunCheckpointStore Checkpoints => Database.Store<RunCheckpointStore>();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static async Task<RunHarness> CreateAsync()
    {
        var harness = new RunHarness(await TestDatabase.CreateAsync());
        await harness.Checkpoints.RegisterBaseAsync("tiny", "models/tiny", isSandbox: true, Cancellation);
        Directory.CreateDirectory(Path.Combine(harness.Options.DataDirectory, "models", "tiny"));
        await using var db = harness.Database.NewContext();
        foreach (var split in Enum.GetValues<GoalSplit>())
        {
            var id = harness.Database.NewId<GoalId>();
            db.Goals.Add(new Goal
            {
                Id = id,
                Domain = "ml",
                Text = $"goal {split}",
                Split = split,
                Origin = "sandbox",
                IsSandbox = true,
                ExternalKey = $"key {split}",
                CreatedAt = harness.Database.Time.GetUtcNow(),
                Items = [new RubricItem { Id = harness.Database.NewId<RubricItemId>(), GoalId = id, Order = 0, Text = "sound", ProposedText = "sound" }],
            });
        }

        await db.SaveChangesAsync(Cancellation);
        return harness;
    }

    public Task<Run> AskAsync(int steps = 4, long seed = 1) =>
        Runs.CreateAsync(new RunSpec { Name = "x", Model = "tiny", Steps = steps, EvaluateEvery = 2, Seed = seed }, null, _ => false, Cancellation);

    public RunWorker NewWorker(TimeProvider? time = null, WorkerRole? role = null) => new(Executor, Runs, Models, Events, role ?? WorkerRole.Alone, time ?? TimeProvider.System, NullLogger<RunWorker>.Instance);

    public RunHistory History(string run)
    {
        var history = new RunHistory(new RunFolder(Options.RunDirectory(run)));
        history.Refresh();
        return history;
    }

    /// <summary>Waits until the run looks as wanted; what happens to it is told by the events.</summary>
    public async Task<Run> WaitAsync(string name, Func<Run, bool> wanted)
    {
        using var news = new SemaphoreSlim(0);
        using var subscription = Events.Subscribe(null, () =>
        {
            news.Release();
            return Task.CompletedTask;
        });
        while (true)
        {
            var run = await Runs.FindAsync(name, Cancellation);
            if (run is not null && wanted(run))
            {
                return run;
            }

            // The news may come just before the row is written: look again after a while in any case.
            await news.WaitAsync(TimeSpan.FromMilliseconds(50), Cancellation);
        }
    }

    public async ValueTask DisposeAsync()
    {
        Trainer.Allow(1000);
        await Worker.StopAsync(CancellationToken.None);
        Worker.Dispose();
        Trainer.Dispose();
        await Database.DisposeAsync();
    }

    private RunExecutor NewExecutor() => new(
        Runs,
        Checkpoints,
        Database.Store<RunEvaluationStore>(),
        Database.Store<RunDataStore>(),
        Database.Store<RunNoticeStore>(),
        Models,
        TestServers.Of(Database),
        Events,
        Options,
        Trainer.ExecuteAsync,
        NullLogger<RunExecutor>.Instance);
}
