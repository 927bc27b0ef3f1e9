using CoScientist.Core.Runs;
using CoScientist.Core.Storage;

namespace CoScientist.Web.Runs;

/// <summary>Works on waiting runs, one at a time, as long as the server lives; no page owns it. People steer runs through it.</summary>
internal sealed class RunWorker(RunExecutor executor, RunStore runs, ModelCatalog models, RunEvents events, TimeProvider time, ILogger<RunWorker> logger)
    : BackgroundService
{
    /// <summary>How long a step may go on after the server was asked to stop.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(7);

    private readonly Lock gate = new();
    private readonly SemaphoreSlim wake = new(0);
    private RunId? currentRun;
    private RunControl? current;
    private bool leaving;

    /// <summary>Looks for waiting runs soon.</summary>
    public void Wake() => wake.Release();

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
            return currentRun == run && current is { } control && (control.PauseRequested || control.Stop.IsCancellationRequested);
        }
    }

    /// <inheritdoc/>
    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        await models.RegisterBuiltInsAsync(cancellationToken);
        await executor.InterruptOrphansAsync(cancellationToken);
        await base.StartAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        lock (gate)
        {
            leaving = true;
            current?.Interrupt();
        }

        Wake();
        if (ExecuteTask is { } working && await Task.WhenAny(working, Task.Delay(Patience, time, cancellationToken)) != working)
        {
            lock (gate)
            {
                current?.InterruptNow();
            }
        }

        await base.StopAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        wake.Dispose();
        base.Dispose();
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                // One whose end could not be written down, on a full disk, say, would be shown running for ever.
                await executor.InterruptOrphansAsync(stoppingToken);
                while ((await runs.InStateAsync(RunState.Pending, stoppingToken)).FirstOrDefault() is { } next && await WorkOnAsync(next))
                {
                }
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

            await wake.WaitAsync(stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
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

            (currentRun, current) = (run.Id, control);
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
                (currentRun, current) = (null, null);
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
            if (currentRun != run || current is null)
            {
                return false;
            }

            how(current);
            return true;
        }
    }
}
