using System.Text.Json;
using CoScientist.Core.Runs;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Core.Storage;

/// <content>The order of waiting runs, and how far a run goes.</content>
public sealed partial class RunStore
{
    /// <summary>Moves a waiting run in the queue; one that waits no more, or is at the end already, stays.</summary>
    /// <param name="id">The run.</param>
    /// <param name="by">Places: −1 is one earlier, <see cref="int.MinValue"/> to the front.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task MoveInQueueAsync(RunId id, int by, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        await using var transaction = await db.Database.BeginAloneAsync("runs", cancellationToken);
        var waiting = await db.Runs.Where(run => run.State == RunState.Pending).OrderBy(run => run.QueuePlace).ThenBy(run => run.Id).ToListAsync(cancellationToken);
        if (waiting.FindIndex(run => run.Id == id) is >= 0 and var at)
        {
            var moved = waiting[at];
            waiting.RemoveAt(at);
            waiting.Insert((int)Math.Clamp((long)at + by, 0, waiting.Count), moved);
            for (var place = 0; place < waiting.Count; place++)
            {
                waiting[place].QueuePlace = place + 1;
            }

            await db.SaveChangesAsync(cancellationToken);
            await transaction.CommitAsync(cancellationToken);
        }
    }

    /// <summary>
    /// Puts a running run to the front of the queue, for whoever follows its worker. In one statement: killed between two, it would lie
    /// interrupted until a person came.
    /// </summary>
    /// <param name="id">The run.</param>
    /// <param name="worker">Who has it.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="RunStateException">It is not running under this worker.</exception>
    public Task HandOverAsync(RunId id, string? worker, CancellationToken cancellationToken) => MoveAsync(
        id,
        [RunState.Running],
        RunState.Pending,
        run => run.Worker == worker,
        set => set
            .SetProperty(run => run.Worker, (string?)null)
            .SetProperty(run => run.Request, (RunRequest?)null)
            .SetProperty(run => run.RequestedSteps, (int?)null)
            .SetProperty(run => run.QueuePlace, 0),
        cancellationToken);

    /// <summary>Changes how many steps a run does in all, while no process is on it. A sequence changes its last part.</summary>
    /// <param name="id">The run.</param>
    /// <param name="steps">Steps in all, more than it has done.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="RunSpecException">It cannot do so many; the message says why.</exception>
    /// <exception cref="RunStateException">It is running or has ended.</exception>
    public async Task ChangeStepsAsync(RunId id, int steps, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        var run = await db.Runs.AsNoTracking().SingleAsync(known => known.Id == id, cancellationToken);
        var json = JsonSerializer.Serialize(WithSteps(run, steps), RunSpec.JsonOptions);
        var (old, sources) = (run.SpecJson, RunTransitions.Sources(RunState.Pending).Append(RunState.Pending).ToList());
        var changed = await db.Runs
            .Where(known => known.Id == id && sources.Contains(known.State) && known.SpecJson == old)
            .ExecuteUpdateAsync(set => set.SetProperty(known => known.SpecJson, json).SetProperty(known => known.TotalSteps, steps), cancellationToken);
        if (changed == 0)
        {
            throw new RunStateException(run.Name, run.State, RunState.Pending);
        }
    }

    /// <summary>Asks something of a run that another process works on; what was asked before and not yet obeyed is forgotten.</summary>
    /// <param name="id">The run.</param>
    /// <param name="request">What is asked.</param>
    /// <param name="steps">Steps in all, for <see cref="RunRequest.Change"/>.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <returns>False when no process is on it.</returns>
    public async Task<bool> AskAsync(RunId id, RunRequest request, int? steps, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        return await db.Runs
            .Where(run => run.Id == id && run.State == RunState.Running)
            .ExecuteUpdateAsync(set => set.SetProperty(run => run.Request, request).SetProperty(run => run.RequestedSteps, steps), cancellationToken) == 1;
    }

    /// <summary>What was asked of a run at work (see <see cref="AskAsync"/>).</summary>
    public async Task<(RunRequest? Request, int? Steps)> RequestAsync(RunId id, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        var asked = await db.Runs.Where(run => run.Id == id && run.State == RunState.Running).Select(run => new { run.Request, run.RequestedSteps }).SingleOrDefaultAsync(cancellationToken);
        return (asked?.Request, asked?.RequestedSteps);
    }

    /// <summary>The specification of a run with another number of steps.</summary>
    /// <exception cref="RunSpecException">It cannot do so many.</exception>
    public static RunSpec WithSteps(Run run, int steps)
    {
        ArgumentNullException.ThrowIfNull(run);
        var spec = run.Spec;
        var last = spec.Parts()[^1];
        var done = Math.Max(run.Step, last.FirstStep);
        if (steps <= done)
        {
            throw new RunSpecException($"The change of run {run.Name}", [new RunSpecFault("steps", FormattableString.Invariant($"must be above {done}, {(done == run.Step ? "which are done" : "which the earlier parts of the sequence take")}, is {steps}"))]);
        }

        var changed = spec with
        {
            Steps = steps,
            WarmupSteps = Math.Min(spec.WarmupSteps, steps),
            Stages = spec.Stages.Count == 0 ? spec.Stages : [.. spec.Stages.Take(spec.Stages.Count - 1), FormattableString.Invariant($"{last.Method}:{steps - last.FirstStep}")],
        };
        RunSpecValidator.Require(changed, $"The change of run {run.Name}");
        return changed;
    }

    private static async Task<long> LastPlaceAsync(CoScientistDb db, CancellationToken cancellationToken) =>
        await db.Runs.Where(run => run.State == RunState.Pending).MaxAsync(run => (long?)run.QueuePlace, cancellationToken) ?? 0;
}
