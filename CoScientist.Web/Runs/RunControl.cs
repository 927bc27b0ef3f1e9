namespace CoScientist.Web.Runs;

/// <summary>How others steer a run while it works: asked for at any time, obeyed at the next chance.</summary>
internal sealed class RunControl : IDisposable
{
    private readonly CancellationTokenSource stop = new();
    private volatile bool pauseRequested;
    private volatile bool interrupted;
    private volatile int steps;

    /// <summary>Whether it works beside web pages of the same process and lets them go first. Default: no.</summary>
    public bool GivesWay { get; init; }

    /// <summary>Whether it can be steered from other processes, and another goes on with it when this one goes away. Default: no.</summary>
    public bool IsShared { get; init; }

    /// <summary>Whether it should pause after the step that it is doing.</summary>
    public bool PauseRequested => pauseRequested;

    /// <summary>Whether it stops because its process goes away: it ends interrupted, not paused or cancelled by a person.</summary>
    public bool Interrupted => interrupted;

    /// <summary>Ends the execution within the step.</summary>
    public CancellationToken Stop => stop.Token;

    /// <summary>Steps in all that a person wants it to go on with after the pause that this takes; 0 when nobody does.</summary>
    public int Steps => steps;

    /// <summary>A person wants it to do another number of steps in all: it pauses after the current step, and goes on with them.</summary>
    public void Change(int total)
    {
        steps = total;
        pauseRequested = true;
    }

    /// <summary>A person wants it to pause after the current step, with everything kept.</summary>
    public void Pause()
    {
        steps = 0;
        pauseRequested = true;
    }

    /// <summary>A person gives it up; checkpoints and metrics are kept.</summary>
    public void Cancel() => stop.Cancel();

    /// <summary>The process wants to end: pause after the current step.</summary>
    public void Interrupt()
    {
        interrupted = true;
        pauseRequested = true;
    }

    /// <summary>The process cannot wait for the step: stop now, and resume later from what was saved last.</summary>
    public void InterruptNow()
    {
        Interrupt();
        stop.Cancel();
    }

    /// <inheritdoc/>
    public void Dispose() => stop.Dispose();
}
