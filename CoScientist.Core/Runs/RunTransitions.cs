namespace CoScientist.Core.Runs;

/// <summary>The state machine of a run: which state may follow which. Everything else is refused.</summary>
public static class RunTransitions
{
    /// <summary>States from which <paramref name="to"/> may be entered.</summary>
    public static IReadOnlyList<RunState> Sources(RunState to) => to switch
    {
        // Asked to go on; the worker takes it when its turn comes.
        RunState.Pending => [RunState.Paused, RunState.Failed, RunState.Interrupted],
        RunState.Running => [RunState.Pending],
        RunState.Paused => [RunState.Running, RunState.Pending],
        RunState.Finished => [RunState.Running],
        RunState.Failed => [RunState.Running],
        RunState.Cancelled => [RunState.Running, RunState.Pending, RunState.Paused, RunState.Failed, RunState.Interrupted],
        RunState.Interrupted => [RunState.Running],
        _ => throw new ArgumentOutOfRangeException(nameof(to), to, "Not a state of a run."),
    };

    /// <summary>Whether a run in state <paramref name="from"/> may enter <paramref name="to"/>.</summary>
    public static bool Allows(RunState from, RunState to) => Sources(to).Contains(from);

    /// <summary>Whether the run has ended for good: nothing more will happen to it.</summary>
    public static bool IsFinal(this RunState state) => state is RunState.Finished or RunState.Cancelled;
}

/// <summary>A run was asked for something that its state does not allow.</summary>
/// <param name="run">Name of the run.</param>
/// <param name="state">Where it stands.</param>
/// <param name="asked">The state it was to enter.</param>
public sealed class RunStateException(string run, RunState state, RunState asked)
    : InvalidOperationException(Describe(run, state, asked))
{
    /// <summary>Name of the run.</summary>
    public string Run { get; } = run;

    /// <summary>Where it stands.</summary>
    public RunState State { get; } = state;

    /// <summary>The state it was to enter.</summary>
    public RunState Asked { get; } = asked;

    private static string Describe(string run, RunState state, RunState asked)
    {
        var now = state.ToString().ToLowerInvariant();
        return asked switch
        {
            RunState.Pending when state is RunState.Pending or RunState.Running => $"Run {run} is already {now}: there is nothing to resume.",
            RunState.Pending => $"Run {run} is {now} and cannot be resumed: start a new run with its specification.",
            RunState.Running => $"Run {run} is {now}: only a waiting run can be taken up.",
            RunState.Paused => $"Run {run} is {now}: only a waiting or running run can be paused.",
            RunState.Cancelled => $"Run {run} is {now} already: there is nothing to cancel.",
            _ => $"Run {run} is {now} and no longer belongs to this process: look at it again before going on.",
        };
    }
}
