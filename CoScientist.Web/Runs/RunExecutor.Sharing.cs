using CoScientist.Core.Runs;

namespace CoScientist.Web.Runs;

/// <content>Runs that several processes on one database know of: who goes on with one whose process ended, and how it is steered from elsewhere.</content>
internal sealed partial class RunExecutor
{
    /// <summary>How soon a run obeys other processes.</summary>
    private static readonly TimeSpan s_obeyInterval = TimeSpan.FromMilliseconds(500);

    /// <summary>
    /// Puts running runs whose lock is free back to the front of the queue: the instance that worked on them has ended, and this one goes on
    /// from what was saved last. One whose instance ends at the same step again waits for a person: the run may be why.
    /// </summary>
    public async Task TakeOverAsync(CancellationToken cancellationToken)
    {
        foreach (var run in await runs.InStateAsync(RunState.Running, cancellationToken))
        {
            using var free = RunLock.TryTake(options.RunDirectory(run.Name));
            if (free is null)
            {
                continue;
            }

            var told = FormattableString.Invariant($"The server that worked on it ended at step {run.Step}; another goes on from what was saved last.");
            var ended = run.Request switch
            {
                // What a person asked of it holds, whoever was to obey.
                RunRequest.Pause => RunState.Paused,
                RunRequest.Cancel => RunState.Cancelled,
                _ when !run.Spec.Engine.IsElsewhere && await notices.HasAsync(run.Id, told, cancellationToken) => RunState.Interrupted,
                _ => (RunState?)null,
            };

            // From here on nothing is cancelled: this instance may lose the role at any moment, and would leave it half done.
            if (ended is { } state)
            {
                await runs.ReleaseAsync(run.Id, run.Worker, state, null, null, CancellationToken.None);
                events.Changed(run.Id);
                await (state == RunState.Interrupted
                    ? notices.AddAsync(run.Id, RunNoticeKind.Interrupted, FormattableString.Invariant($"The server that worked on it ended at step {run.Step} again. The run may be why: look at the server's log and memory, then resume it."), CancellationToken.None)
                    : TellAsync(run, state, null, null));
                continue;
            }

            logger.LogWarning("Run {Run} goes on here: {Worker} ended at its step {Step}.", run.Name, run.Worker, run.Step);
            await runs.HandOverAsync(run.Id, run.Worker, CancellationToken.None);
            await notices.AddAsync(run.Id, RunNoticeKind.Interrupted, told, CancellationToken.None);
            await ChangeStepsAsync(run, run.Request == RunRequest.Change ? run.RequestedSteps : null, CancellationToken.None);
            events.Changed(run.Id);
        }
    }

    /// <summary>Puts a run that was stopped only for a moment to the front of the queue.</summary>
    /// <param name="run">The run.</param>
    /// <param name="steps">Steps in all that it goes on with; null for those it had. It keeps those, too, when it has done more meanwhile.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task GoOnAsync(Run run, int? steps, CancellationToken cancellationToken)
    {
        await ChangeStepsAsync(run, steps, cancellationToken);
        await runs.ResumeAsync(run.Id, cancellationToken);
        await runs.MoveInQueueAsync(run.Id, int.MinValue, cancellationToken);
        events.Changed(run.Id);
    }

    private async Task ChangeStepsAsync(Run run, int? steps, CancellationToken cancellationToken)
    {
        try
        {
            if (steps is { } total)
            {
                await runs.ChangeStepsAsync(run.Id, total, cancellationToken);
            }
        }
        catch (RunSpecException fault)
        {
            logger.LogWarning("Run {Run} goes on as it was: {Fault}", run.Name, fault.Message);
        }
    }

    /// <summary>Does what other processes ask of a run at work, until it ends.</summary>
    private async Task ObeyAsync(Run run, RunControl control, CancellationToken cancellationToken)
    {
        (RunRequest?, int?) obeyed = default;
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                var asked = await runs.RequestAsync(run.Id, cancellationToken);
                if (asked != obeyed)
                {
                    obeyed = asked;
                    switch (asked)
                    {
                        case (RunRequest.Pause, _):
                            control.Pause();
                            break;
                        case (RunRequest.Cancel, _):
                            control.Cancel();
                            break;
                        case (RunRequest.Change, { } steps):
                            control.Change(steps);
                            break;
                    }
                }
            }
            catch (OperationCanceledException)
            {
                return;
            }
#pragma warning disable CA1031 // The database is asked again; whether the run can go on without it, its books decide.
            catch (Exception fault)
#pragma warning restore CA1031
            {
                logger.LogWarning(fault, "What was asked of run {Run} could not be read.", run.Name);
            }

            await Task.Delay(s_obeyInterval, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
