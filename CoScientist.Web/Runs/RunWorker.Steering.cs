using CoScientist.Core.Runs;
using CoScientist.Core.Storage;

namespace CoScientist.Web.Runs;

/// <content>How people steer runs, wherever they are worked on.</content>
internal sealed partial class RunWorker
{
    /// <summary>Puts a stopped run back into the queue.</summary>
    /// <exception cref="RunStateException">Its state does not allow it.</exception>
    public async Task ResumeAsync(RunId run, CancellationToken cancellationToken)
    {
        await runs.ResumeAsync(run, cancellationToken);
        events.Changed(run);
        Wake();
    }

    /// <summary>Asks for the closing evaluation of a run that finished elsewhere without one.</summary>
    /// <exception cref="RunStateException">It is not finished, or has it.</exception>
    public async Task EvaluateAsync(RunId run, CancellationToken cancellationToken)
    {
        await runs.EvaluateAsync(run, cancellationToken);
        events.Changed(run);
        Wake();
    }

    /// <summary>Pauses a running run after its step, or takes a waiting one out of the queue.</summary>
    /// <exception cref="RunStateException">It is neither.</exception>
    public async Task PauseAsync(RunId run, CancellationToken cancellationToken)
    {
        if (!Steer(run, control => control.Pause()) && !await AskAsync(run, RunRequest.Pause, null, cancellationToken))
        {
            await runs.HoldAsync(run, cancellationToken);
        }

        events.Changed(run);
    }

    /// <summary>Gives up a run; its checkpoints, metrics and samples are kept.</summary>
    /// <exception cref="RunStateException">It has ended already.</exception>
    public async Task CancelAsync(RunId run, CancellationToken cancellationToken)
    {
        if (!Steer(run, control => control.Cancel()) && !await AskAsync(run, RunRequest.Cancel, null, cancellationToken))
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
        if (!Steer(run.Id, control => control.Change(steps)) && !await AskAsync(run.Id, RunRequest.Change, steps, cancellationToken))
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
    public bool IsStopping(Run run)
    {
        lock (gate)
        {
            return run.Request is not null || (working.TryGetValue(run.Id, out var control) && (control.PauseRequested || control.Stop.IsCancellationRequested));
        }
    }

    /// <summary>Leaves word for the process that works on a run, where several may; false when none does.</summary>
    private async Task<bool> AskAsync(RunId run, RunRequest request, int? steps, CancellationToken cancellationToken) =>
        role.IsShared && await runs.AskAsync(run, request, steps, cancellationToken);

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
