using CoScientist.Core.Runs;

namespace CoScientist.Training.Trainers;

/// <summary>What a run needs besides its specification.</summary>
public sealed record TrainingRunRequest
{
    /// <summary>Name of the run.</summary>
    public required string Name { get; init; }

    /// <summary>The run's folder (<c>runs/NAME</c>): specification, metrics, samples and checkpoints go here. A folder with checkpoints is resumed.</summary>
    public required string Directory { get; init; }

    /// <summary>The validated specification.</summary>
    public required RunSpec Spec { get; init; }

    /// <summary>Goals and items, as they stand when the run starts; a resumed run uses those it wrote down then.</summary>
    public required RunData Data { get; init; }

    /// <summary>Folder of the checkpoint to start from.</summary>
    public required string ModelDirectory { get; init; }

    /// <summary>Folder of the grader's checkpoint; the same as <see cref="ModelDirectory"/> for the frozen initial policy.</summary>
    public required string GraderDirectory { get; init; }
}

/// <summary>Executes one run from its specification to its closing evaluation. Knows no page, no database and no worker.</summary>
public static class TrainingRun
{
    /// <summary>Runs or resumes. Blocks a thread of its own while the engine works.</summary>
    /// <param name="request">What to run.</param>
    /// <param name="onEvent">Called on the training thread for every event, after it has been written to the run's folder.</param>
    /// <param name="pauseRequested">Asked between steps; true ends the execution as <see cref="RunState.Paused"/> with a resumable state on disk.</param>
    /// <param name="cancellationToken">Ends the execution as <see cref="RunState.Cancelled"/>; what was written stays.</param>
    /// <exception cref="InvalidDataException">The folder, the data or the checkpoint is unusable; the message names the thing and the remedy.</exception>
    public static Task<RunOutcome> ExecuteAsync(TrainingRunRequest request, Action<RunEvent> onEvent, Func<bool> pauseRequested, CancellationToken cancellationToken) =>
        throw new NotSupportedException("The trainer is being written.");
}
