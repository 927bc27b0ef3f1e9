using CoScientist.Core.Runs;
using CoScientist.Core.Storage;

namespace CoScientist.Web.Runs;

/// <summary>
/// Works on waiting runs as long as the server lives, one at a time on this machine, and follows all those of the cluster besides; no
/// page owns it. People steer runs through it.
/// </summary>
internal sealed class RunWorker(RunExecutor executor, RunStore runs, ModelCatalog models, RunEvents events, TimeProvider time, ILogger<RunWorker> logger)
    : BackgroundService
{
    /// <summary>How long a step may go on after the server was asked to stop; what is left of ten seconds is for saving the run.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(4);

    private readonly Lock gate = new();
    private readonly SemaphoreSlim wake = new(0);
    private readonly SemaphoreSlim wakeFollower = new(0);
    private readonly Dictionary<RunId, RunControl> working = [];
    private readonly List<Task> followed = [];
    private bool leaving;

    /// <summary>Whether it works, or waits for work.</summary>
    public bool IsAlive => ExecuteTask is { IsCompleted: false };

    /// <summary>Looks for waiting runs soon.</summary>
    public void Wake()
    {
        wake.Release();
        wakeFollower.Release();
    }

    /// <summary>Puts a stopped run back into the queue.</summary>
    /// <exception cref="RunStateException">Its state does not allow it.</exception>
    public async Task ResumeAsync(RunId run, CancellationToken cancellationToken)
    {
        await runs.ResumeAsync(run, cancellationToken);
        events.Changed(run);
        Wake();
    }

    /// <summary>Pauses a running run after its step, or takes a waiting one out of the queue.</summary>
    /// <exception cref="RunStateException">It is neither.</exception>
    public async Task PauseAsync(RunId run, CancellationToken cancellationToken)
    {
        if (!Steer(run, control => control.Pause()))
        {
            await runs.HoldAsync(run, cancellationToken);
        }

        events.Changed(run);
    }

    /// <summary>Gives up a run; its checkpoints, metrics and samples are kept.</summary>
    /// <exception cref="RunStateException">It has ended already.</exception>
    public async Task CancelAsync(RunId run, CancellationToken cancellationToken)
    {
        if (!Steer(run, control => control.Cancel()))
        {
            await runs.CancelAsync(run, cancellationToken);
        }

        events.Changed(run);
    }

    /// <summary>Changes how many steps a run does in all. One at work pauses after its step and goes on at once; others keep their state.</summary>
    /// <exception cref="RunSpecException">It cannot do so many; the message says why.</exception>
    /// <exception cref="RunStateException">It has ended.</exception>
    public async Task ChangeStepsAsync(Run run, int steps, CancellationToken cancellationToken)
    {
        _ = RunStore.WithSteps(run, steps);
        if (!Steer(run.Id, control => control.Change(steps)))
        {
            await runs.ChangeStepsAsync(run.Id, steps, cancellationToken);
        }

        events.Changed(run.Id);
    }

    /// <summary>Moves a waiting run in the queue.</summary>
    /// <param name="run">The run.</param>
    /// <param name="by">Places: −1 is one earlier.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task MoveAsync(RunId run, int by, CancellationToken cancellationToken)
    {
        await runs.MoveInQueueAsync(run, by, cancellationToken);
        events.Changed(run);
    }

    /// <summary>Whether a run was asked to stop and has not stopped yet.</summary>
    public bool IsStopping(RunId run)
    {
        lock (gate)
        {
            return working.TryGetValue(run, out var control) && (control.PauseRequested || control.Stop.IsCancellationRequested);
        }
    }

    /// <inheritdoc/>
    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        await models.RegisterBuiltInsAsync(cancellationToken);
        await executor.InterruptOrphansAsync(cancellationToken);
        await FollowAgainAsync(cancellationToken);
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
        base.Dispose();
    }

    /// <inheritdoc/>
    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.WhenAll(LoopAsync(wake, TrainAsync, stoppingToken), LoopAsync(wakeFollower, FollowAsync, stoppingToken));

    /// <summary>The runs of this machine, one after the other.</summary>
    private async Task TrainAsync(CancellationToken cancellationToken)
    {
        // One whose end could not be written down, on a full disk, say, would be shown running for ever.
        await executor.InterruptOrphansAsync(cancellationToken);
        while ((await runs.InStateAsync(RunState.Pending, cancellationToken)).FirstOrDefault(run => run.Spec.Engine.Kind == RunEngine.Managed) is { } next && await WorkOnAsync(next))
        {
        }
    }

    /// <summary>The runs of the cluster, all at once: Ray has a queue of its own.</summary>
    private async Task FollowAsync(CancellationToken cancellationToken)
    {
        followed.RemoveAll(task => task.IsCompleted);
        foreach (var run in (await runs.InStateAsync(RunState.Pending, cancellationToken)).Where(run => run.Spec.Engine.Kind != RunEngine.Managed && !IsWorking(run.Id)))
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
        foreach (var run in (await runs.InStateAsync(RunState.Interrupted, cancellationToken)).Where(run => run.Spec.Engine.Kind != RunEngine.Managed))
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
        using var control = new RunControl { GivesWay = true };
        lock (gate)
        {
            if (leaving)
            {
                return false;
            }

            working[run.Id] = control;
        }

        try
        {
            if (await executor.ExecuteAsync(run, control) == RunState.Paused && control.Steps > 0)
            {
                await GoOnAsync(run, control.Steps);
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

    /// <summary>A run paused only to get another number of steps: it is next again, changed or, when it had done them meanwhile, as it was.</summary>
    private async Task GoOnAsync(Run run, int steps)
    {
        try
        {
            await runs.ChangeStepsAsync(run.Id, steps, CancellationToken.None);
        }
        catch (RunSpecException fault)
        {
            logger.LogWarning("Run {Run} goes on as it was: {Fault}", run.Name, fault.Message);
        }

        await runs.ResumeAsync(run.Id, CancellationToken.None);
        await runs.MoveInQueueAsync(run.Id, int.MinValue, CancellationToken.None);
        events.Changed(run.Id);
    }

    private bool Steer(RunId run, Action<RunControl> how)
    {
        lock (gate)
        {
            if (!working.TryGetValue(run, out var control))
            {
                return false;
            }

            how(control);
            return true;
        }
    }
}
