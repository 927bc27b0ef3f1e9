using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Web.Instances;

namespace CoScientist.Web.Runs;

/// <summary>
/// Works on waiting runs as long as the server lives and has the worker's role, one at a time on this machine, and follows all those of
/// the cluster besides; no page owns it. People steer runs through it, also those that another instance works on.
/// </summary>
internal sealed partial class RunWorker(RunExecutor executor, RunStore runs, ModelCatalog models, RunEvents events, WorkerRole role, TimeProvider time, ILogger<RunWorker> logger)
    : BackgroundService
{
    /// <summary>How long a step may go on after the server was asked to stop; what is left of ten seconds is for saving the run.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(4);

    private readonly Lock gate = new();
    private readonly SemaphoreSlim wake = new(0);
    private readonly SemaphoreSlim wakeFollower = new(0);
    private readonly Dictionary<RunId, RunControl> working = [];
    private readonly List<Task> followed = [];
    private readonly CancellationTokenSource waits = new();
    private bool leaving;
    private bool isOver;

    /// <summary>Whether it works, or waits for work.</summary>
    public bool IsAlive => ExecuteTask is { IsCompleted: false };

    /// <summary>Looks for waiting runs soon.</summary>
    public void Wake()
    {
        wake.Release();
        wakeFollower.Release();
    }

    /// <inheritdoc/>
    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        await models.RegisterBuiltInsAsync(cancellationToken);
        if (!role.IsShared)
        {
            await executor.InterruptOrphansAsync(cancellationToken);
            await FollowAgainAsync(cancellationToken);
        }

        await base.StartAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        lock (gate)
        {
            leaving = true;
            foreach (var control in working.Values)
            {
                control.Interrupt();
            }
        }

        await waits.CancelAsync();
        Wake();
        if (ExecuteTask is { } ending && await Task.WhenAny(ending, Task.Delay(Patience, time, cancellationToken)) != ending)
        {
            lock (gate)
            {
                foreach (var control in working.Values)
                {
                    control.InterruptNow();
                }
            }
        }

        await base.StopAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        wake.Dispose();
        wakeFollower.Dispose();
        waits.Dispose();
        base.Dispose();
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await Task.Yield();
        try
        {
            while (!leaving)
            {
                using var term = await role.TakeAsync(waits.Token);
                await WorkAsync(term.Over, stoppingToken);
            }
        }
        catch (OperationCanceledException) when (waits.IsCancellationRequested)
        {
            // The server ends while another instance has the role.
        }
    }

    /// <summary>Works until the server ends or the role is lost; then all work has ended.</summary>
    private async Task WorkAsync(CancellationToken over, CancellationToken stoppingToken)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken, over);
        lock (gate)
        {
            isOver = false;
        }

        await using var lost = over.Register(() =>
        {
            // Another instance may begin in a moment: no step is waited for.
            lock (gate)
            {
                isOver = true;
                foreach (var control in working.Values)
                {
                    control.InterruptNow();
                }
            }
        });
        await Task.WhenAll(LoopAsync(wake, TrainAsync, ending.Token), LoopAsync(wakeFollower, FollowAsync, ending.Token));
        await Task.WhenAll(followed);
    }

    /// <summary>The runs of this machine, one after the other.</summary>
    private async Task TrainAsync(CancellationToken cancellationToken)
    {
        // One whose end could not be written down, on a full disk, say, would be shown running for ever.
        await (role.IsShared ? executor.TakeOverAsync(cancellationToken) : executor.InterruptOrphansAsync(cancellationToken));
        while ((await runs.InStateAsync(RunState.Pending, cancellationToken)).FirstOrDefault(run => !run.Spec.Engine.IsElsewhere) is { } next && await WorkOnAsync(next))
        {
        }
    }

    /// <summary>The runs of the cluster, all at once: Ray has a queue of its own.</summary>
    private async Task FollowAsync(CancellationToken cancellationToken)
    {
        followed.RemoveAll(task => task.IsCompleted);
        if (role.IsShared)
        {
            await FollowAgainAsync(cancellationToken);
        }

        foreach (var run in (await runs.InStateAsync(RunState.Pending, cancellationToken)).Where(run => run.Spec.Engine.IsElsewhere && !IsWorking(run.Id)))
        {
            followed.Add(FollowAsync(run, cancellationToken));
        }

        if (leaving)
        {
            await Task.WhenAll(followed);
        }
    }

    private async Task FollowAsync(Run run, CancellationToken cancellationToken)
    {
        try
        {
            await WorkOnAsync(run);
        }
#pragma warning disable CA1031 // A fault of one run must not end the others.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            logger.LogError(fault, "Run {Run} could not be followed; it is tried again.", run.Name);
            await Task.Delay(Patience, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        // Where it was paused only to get another number of steps, it waits again.
        Wake();
    }

    /// <summary>Nobody stopped these: their jobs went on while there was no process to follow them.</summary>
    private async Task FollowAgainAsync(CancellationToken cancellationToken)
    {
        foreach (var run in (await runs.InStateAsync(RunState.Interrupted, cancellationToken)).Where(run => run.Spec.Engine.IsElsewhere))
        {
            await runs.ResumeAsync(run.Id, cancellationToken);
        }
    }

    private bool IsWorking(RunId run)
    {
        lock (gate)
        {
            return working.ContainsKey(run);
        }
    }

    private async Task LoopAsync(SemaphoreSlim signal, Func<CancellationToken, Task> work, CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await work(stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
#pragma warning disable CA1031 // A database that is away for a moment must not end the worker.
            catch (Exception fault)
#pragma warning restore CA1031
            {
                logger.LogError(fault, "The run worker could not go on; it tries again when something changes.");
                await Task.Delay(Patience, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                Wake();
            }

            if (leaving)
            {
                return;
            }

            await signal.WaitAsync(stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <returns>False when the process is about to end.</returns>
    private async Task<bool> WorkOnAsync(Run run)
    {
        using var control = new RunControl { GivesWay = true, IsShared = role.IsShared };
        lock (gate)
        {
            if (leaving || isOver)
            {
                return false;
            }

            working[run.Id] = control;
        }

        try
        {
            if (await executor.ExecuteAsync(run, control) == RunState.Paused && control.Steps > 0)
            {
                await executor.GoOnAsync(run, control.Steps, CancellationToken.None);
            }
        }
        catch (RunStateException)
        {
            // Somebody took it out of the queue in the meantime.
        }
        finally
        {
            lock (gate)
            {
                working.Remove(run.Id);
            }
        }

        return true;
    }
}
