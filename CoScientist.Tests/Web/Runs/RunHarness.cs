using CoScientist.Core.Goals;
using CoScientist.Core.Runs;
using CoScientist.Tests.Core.Storage;
using CoScientist.Tests.Shared;
using CoScientist.Web.Instances;
using CoScientist.Web.Runs;

namespace CoScientist.Tests.Web.Runs;

/// <summary>A worker over a small library, with a scripted trainer in the place of the real one.</summary>
internal sealed class RunHarness : WorkerHarness, IAsyncDisposable
{
    private RunHarness(TestDatabase database)
        : base(database, TestServers.Of(database))
    {
        Executor = NewExecutor(Trainer.ExecuteAsync);
        Worker = NewWorker();
    }

    public ScriptedTrainer Trainer { get; } = new();

    public RunExecutor Executor { get; }

    public RunWorker Worker { get; }

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

    public RunWorker NewWorker(TimeProvider? time = null, WorkerRole? role = null) => NewWorker(Executor, time, role);

    public async ValueTask DisposeAsync()
    {
        Trainer.Allow(1000);
        await Worker.StopAsync(CancellationToken.None);
        Worker.Dispose();
        Trainer.Dispose();
        await Database.DisposeAsync();
    }
}
