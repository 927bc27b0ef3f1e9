using System.Threading.Channels;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Core.TextModels;
using CoScientist.Training.Trainers;
using CoScientist.Web.Configuration;

namespace CoScientist.Web.Runs;

/// <summary>What executes a run on a thread of its own (<see cref="TrainingRun.ExecuteAsync"/>); tests put a scripted one in its place.</summary>
internal delegate Task<RunOutcome> RunExecution(TrainingRunRequest request, Action<RunEvent> onEvent, Func<bool> pauseRequested, CancellationToken cancellationToken);

/// <summary>Takes one waiting run through its execution and keeps the books: state, progress, checkpoints, closing evaluation. The worker and the command line share it.</summary>
internal sealed partial class RunExecutor(
    RunStore runs,
    RunCheckpointStore checkpoints,
    RunEvaluationStore evaluations,
    RunDataStore data,
    RunNoticeStore notices,
    ModelCatalog models,
    TextModels servers,
    RunEvents events,
    CoScientistOptions options,
    RunExecution execution,
    ILogger<RunExecutor> logger)
{
    /// <summary>This process, as runs name their worker.</summary>
    public static string Worker { get; } = FormattableString.Invariant($"{Environment.MachineName}:{Environment.ProcessId}");

    /// <summary>Executes a waiting run until it ends or is stopped; faults of the execution end it as failed and are not thrown.</summary>
    /// <param name="run">The run.</param>
    /// <param name="control">How it is steered meanwhile.</param>
    /// <param name="onEvent">Called on the training thread for every event, for the command line; pages use <see cref="RunEvents"/>.</param>
    /// <returns>How it ended.</returns>
    /// <exception cref="RunStateException">It is not waiting.</exception>
    public async Task<RunState> ExecuteAsync(Run run, RunControl control, Action<RunEvent>? onEvent = null)
    {
        using var held = RunLock.TryTake(options.RunDirectory(run.Name))
            ?? throw new InvalidOperationException($"Another process is working on run {run.Name}: wait for it, or stop it first.");

        // The books are kept to the end whatever is cancelled, so none of these calls takes a token.
        await runs.TakeAsync(run.Id, Worker, CancellationToken.None);
        events.Begin(run.Id);
        RunOutcome outcome;
        string? error = null;
        using var ending = new CancellationTokenSource();
        var obeying = control.IsShared ? ObeyAsync(run, control, ending.Token) : Task.CompletedTask;
        try
        {
            outcome = await WorkAsync(run, control, onEvent);
        }
        catch (OperationCanceledException) when (control.Stop.IsCancellationRequested)
        {
            outcome = new RunOutcome(RunState.Cancelled, null);
        }
#pragma warning disable CA1031 // A run fails on its own; the worker and the other runs go on.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            logger.LogError(fault, "Run {Run} failed.", run.Name);
            outcome = new RunOutcome(RunState.Failed, null);
            error = RunFault.Describe(fault);
        }

        await ending.CancelAsync();
        await obeying;
        var state = control.Interrupted && outcome.State is (RunState.Paused or RunState.Cancelled) ? RunState.Interrupted : outcome.State;
        if (control.IsShared && state == RunState.Interrupted)
        {
            // Another instance goes on with it, or this one when it has the role again.
            await runs.HandOverAsync(run.Id, Worker, CancellationToken.None);
        }
        else
        {
            await runs.ReleaseAsync(run.Id, Worker, state, error, outcome.Result, CancellationToken.None);
            await TellAsync(run, state, error, outcome.Result);
        }

        events.Changed(run.Id);
        return state;
    }

    /// <summary>Leaves word of how a run ended; a pause is no end.</summary>
    private async Task TellAsync(Run run, RunState state, string? error, RunResult? result)
    {
        (RunNoticeKind Kind, string Text)? notice = state switch
        {
            RunState.Finished when result is not null => (RunNoticeKind.Finished, FormattableString.Invariant($"It has finished: the judge's score went from {result.BaseOracleScore:0.00} to {result.OracleScore:0.00} on {result.Goals} test goals.")),
            RunState.Finished => (RunNoticeKind.Finished, "It has finished."),
            RunState.Failed => (RunNoticeKind.Failed, $"It has failed. {error}"),
            RunState.Interrupted when run.Spec.Engine.IsElsewhere => (RunNoticeKind.Interrupted, "The cluster goes on with it; it is followed again when the application starts."),
            RunState.Interrupted => (RunNoticeKind.Interrupted, "Its process ended. It can be resumed from its saved state."),
            RunState.Cancelled => (RunNoticeKind.Cancelled, "It was cancelled. Checkpoints, metrics and samples so far are kept."),
            _ => null,
        };
        if (notice is { } told)
        {
            await notices.AddAsync(run.Id, told.Kind, told.Text, CancellationToken.None);
        }
    }

    /// <summary>Running runs whose lock is free have lost their process. They wait for a person to resume them.</summary>
    /// <param name="cancellationToken">Cancels.</param>
    /// <param name="only">The one that is looked at; null for all.</param>
    public async Task InterruptOrphansAsync(CancellationToken cancellationToken, string? only = null)
    {
        foreach (var run in (await runs.InStateAsync(RunState.Running, cancellationToken)).Where(run => only is null || run.Name == only))
        {
            using var free = RunLock.TryTake(options.RunDirectory(run.Name));
            if (free is not null)
            {
                await runs.ReleaseAsync(run.Id, run.Worker, RunState.Interrupted, null, null, cancellationToken);
                await TellAsync(run, RunState.Interrupted, null, null);
                logger.LogWarning("Run {Run} was interrupted at step {Step}; it can be resumed.", run.Name, run.Step);
            }
        }
    }

    private async Task<RunOutcome> WorkAsync(Run run, RunControl control, Action<RunEvent>? onEvent)
    {
        var spec = run.Spec;
        var model = await models.ResolveAsync(spec.Model, control.Stop);
        var request = new TrainingRunRequest
        {
            Name = run.Name,
            Directory = options.RunDirectory(run.Name),
            Spec = spec,
            Data = await data.LoadAsync(spec, control.Stop),
            ModelDirectory = model,
            Grader = await GradingModelAsync(spec.Grader, ModelRole.Grader, run.Name, control.Stop),
            Judge = await GradingModelAsync(spec.Judge, ModelRole.Judge, run.Name, control.Stop),
            Served = name => servers.Serving(name, ModelRole.Policy, $"run {run.Name}"),
            GivesWay = control.GivesWay,
            Leaving = () => control.Interrupted,
        };
        await RegisterForgottenAsync(run);
        await RequireCheckpointsAsync(run);
        var written = new RunFolder(request.Directory).File(RunFolder.SpecFile);
        if (!File.Exists(written))
        {
            AtomicFile.WriteAllText(written, run.SpecJson);
        }

        var told = Channel.CreateUnbounded<RunEvent>(new UnboundedChannelOptions { SingleReader = true });
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(control.Stop);
        var books = KeepBooksAsync(run, told.Reader, stop);
        RunOutcome outcome;
        try
        {
            outcome = await execution(request, Tell, () => control.PauseRequested, stop.Token);
        }
        finally
        {
            told.Writer.Complete();
            await books;
        }

        if (outcome is { State: RunState.Finished, Result: { } result })
        {
            var rows = new RunFolder(request.Directory).ReadEvaluation();
            await evaluations.ImportAsync(run, result.BestStep, rows, CancellationToken.None);
        }

        return outcome;

        void Tell(RunEvent news)
        {
            told.Writer.TryWrite(news);
            events.Publish(run.Id, news);
            onEvent?.Invoke(news);
        }
    }

    private async Task<GradingModel> GradingModelAsync(string name, ModelRole role, string run, CancellationToken cancellationToken)
    {
        if (name is RunSpec.InitialGrader or RunSpec.Oracle)
        {
            return GradingModel.BuiltIn;
        }

        return RunSpec.ServerOf(name) is { } server
            ? GradingModel.Of(servers.Get(server, role, $"run {run}"))
            : GradingModel.Checkpoint(await models.ResolveAsync(name, cancellationToken));
    }

    /// <summary>Writes what the run tells into the database, off the training thread; a database that cannot be written stops the run.</summary>
    private async Task KeepBooksAsync(Run run, ChannelReader<RunEvent> told, CancellationTokenSource stop)
    {
        try
        {
            await foreach (var news in told.ReadAllAsync(CancellationToken.None))
            {
                switch (news)
                {
                    case RunMetrics metrics when !await runs.ProgressAsync(run.Id, Worker, metrics.Step, CancellationToken.None):
                        throw new InvalidOperationException($"Run {run.Name} was taken from this process. Look at it again before resuming it.");
                    case RunParted parted:
                        await notices.AddAsync(run.Id, RunNoticeKind.Parted, FormattableString.Invariant($"At step {parted.Step} self-grade and judge part: their gap has grown by {parted.Growth:0.00} since the start. Trust the judge-picked checkpoint."), CancellationToken.None);
                        events.Changed(run.Id);
                        break;
                    case RunCheckpoint checkpoint:
                        await checkpoints.RegisterAsync(run, checkpoint, CancellationToken.None);
                        events.Changed(run.Id);
                        break;
                }
            }
        }
        catch
        {
            await stop.CancelAsync();
            throw;
        }
    }

    /// <summary>A run goes on from its last checkpoint and ends with its best: when somebody took one away it must not begin anew and drop what it has.</summary>
    /// <exception cref="InvalidDataException">One is gone.</exception>
    private async Task RequireCheckpointsAsync(Run run)
    {
        var written = await checkpoints.OfRunAsync(run.Id, CancellationToken.None);
        foreach (var needed in written.Where(checkpoint => checkpoint == written[^1] || checkpoint.Step == run.BestStep))
        {
            if (!Directory.Exists(models.Directory(needed.Path)) && models.AdapterOf(needed) is null)
            {
                throw new InvalidDataException($"{needed.Name}, {(needed == written[^1] ? "from which the run goes on" : "the best of the run")}, is gone from {models.Directory(needed.Path)}: put the folder back and resume, or clone the run to train anew. Metrics, samples and the other checkpoints are kept.");
            }
        }
    }

    /// <summary>A process that died between writing a checkpoint and registering it left one that the library does not know.</summary>
    private async Task RegisterForgottenAsync(Run run)
    {
        var folder = new RunFolder(options.RunDirectory(run.Name));
        var steps = folder.CheckpointSteps();
        if (steps.Count == 0)
        {
            return;
        }

        var known = (await checkpoints.OfRunAsync(run.Id, CancellationToken.None)).Select(checkpoint => checkpoint.Step).ToHashSet();
        var history = new RunHistory(folder);
        history.Refresh();
        var scores = history.Series(RunMetricNames.JudgeScore).ToDictionary(point => point.Step, point => (double?)point.Value);
        foreach (var step in steps.Where(step => !known.Contains(step)))
        {
            var checkpoint = new RunCheckpoint(step, RunFolder.CheckpointDirectory(step), scores.GetValueOrDefault(step), IsBest: false);
            await checkpoints.RegisterAsync(run, checkpoint, CancellationToken.None);
        }
    }
}
