using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Tests.Core.Storage;
using CoScientist.Tests.Shared;
using CoScientist.Web.Configuration;
using CoScientist.Web.Instances;
using CoScientist.Web.Runs;
using Microsoft.Extensions.Logging.Abstractions;

namespace CoScientist.Tests.Web.Runs;

/// <summary>What every test of the run worker needs: a library, its stores, and ways to wait for what happens.</summary>
internal abstract class WorkerHarness
{
    protected WorkerHarness(TestDatabase database, TextModels servers)
    {
        (Database, Servers) = (database, servers);
        Options = new CoScientistOptions { DataDirectory = database.Folder };
        Events = new RunEvents(TimeProvider.System, NullLogger<RunEvents>.Instance) { Interval = TimeSpan.Zero };
        Models = new ModelCatalog(Checkpoints, Options);
    }

    public TestDatabase Database { get; }

    public TextModels Servers { get; }

    public CoScientistOptions Options { get; }

    public RunEvents Events { get; }

    public ModelCatalog Models { get; }

    public RunStore Runs => Database.Store<RunStore>();

    public RunNoticeStore Notices => Database.Store<RunNoticeStore>();

    public RunCheckpointStore Checkpoints => Database.Store<RunCheckpointStore>();

    protected static CancellationToken Cancellation => TestContext.Current.CancellationToken;

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
            await news.WaitAsync(TimeSpan.FromMilliseconds(20), Cancellation);
        }
    }

    /// <summary>An executor of runs.</summary>
    /// <param name="execution">What trains.</param>
    protected RunExecutor NewExecutor(RunExecution execution) => new(
        Runs,
        Checkpoints,
        Database.Store<RunEvaluationStore>(),
        Database.Store<RunDataStore>(),
        Notices,
        Models,
        Servers,
        Events,
        Options,
        execution,
        NullLogger<RunExecutor>.Instance);

    /// <summary>A worker that has not begun.</summary>
    protected RunWorker NewWorker(RunExecutor executor, TimeProvider? time = null, WorkerRole? role = null) => new(executor, Runs, Models, Events, role ?? WorkerRole.Alone, time ?? TimeProvider.System, NullLogger<RunWorker>.Instance);
}
