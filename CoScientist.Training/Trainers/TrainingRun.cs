using CoScientist.Core.Runs;
using CoScientist.Core.TextModels;

namespace CoScientist.Training.Trainers;

/// <summary>Executes one run from its specification to its closing evaluation. Knows no page, no database and no worker.</summary>
public static class TrainingRun
{
    /// <summary>Runs or resumes. Blocks a thread of its own while the engine works.</summary>
    /// <param name="request">What to run.</param>
    /// <param name="onEvent">Called on the training thread for every event, after it has been written to the run's folder.</param>
    /// <param name="pauseRequested">Asked between steps; true ends the execution as <see cref="RunState.Paused"/> with a resumable state on disk.</param>
    /// <param name="cancellationToken">Ends the execution as <see cref="RunState.Cancelled"/>; what was written stays.</param>
    /// <exception cref="InvalidDataException">The folder, the data or the checkpoint is unusable, or the run cannot go on; the message names the thing and the remedy.</exception>
    /// <exception cref="TextModelException">A model server that grades or judges cannot be reached.</exception>
    public static Task<RunOutcome> ExecuteAsync(TrainingRunRequest request, Action<RunEvent> onEvent, Func<bool> pauseRequested, CancellationToken cancellationToken) =>
        OnItsOwnThread(
            () =>
            {
                using var execution = new TrainingExecution(request, onEvent);
                return execution.Run(pauseRequested, cancellationToken);
            },
            cancellationToken);

    /// <summary>
    /// The closing evaluation alone, of a run that was trained elsewhere and whose checkpoints have been taken over. When it cannot be had
    /// the run is finished without a result, and its log says what is missing.
    /// </summary>
    /// <param name="request">The run.</param>
    /// <param name="onEvent">Called on that thread for every event, after it has been written to the run's folder.</param>
    /// <param name="cancellationToken">Ends the execution as <see cref="RunState.Cancelled"/>.</param>
    public static Task<RunOutcome> CloseAsync(TrainingRunRequest request, Action<RunEvent> onEvent, CancellationToken cancellationToken) =>
        OnItsOwnThread(() => RunClosing.Elsewhere(request, onEvent, cancellationToken), cancellationToken);

    private static Task<RunOutcome> OnItsOwnThread(Func<RunOutcome> work, CancellationToken cancellationToken) => Task.Factory.StartNew(
        () =>
        {
            try
            {
                return work();
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                return new RunOutcome(RunState.Cancelled, null);
            }
        },
        CancellationToken.None,
        TaskCreationOptions.LongRunning,
        TaskScheduler.Default);
}
