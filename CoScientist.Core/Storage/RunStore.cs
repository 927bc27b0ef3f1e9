using System.Globalization;
using System.Linq.Expressions;
using System.Text.Json;
using CoScientist.Core.Runs;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Query;

namespace CoScientist.Core.Storage;

/// <summary>Runs in the database. Every change of state is one guarded statement, so that two who ask at the same time cannot both succeed.</summary>
/// <param name="factory">Opens the database.</param>
/// <param name="time">The clock.</param>
public sealed partial class RunStore(IDbContextFactory<CoScientistDb> factory, TimeProvider time)
{
    private const int NameAttempts = 8;

    /// <summary>Adds a waiting run under the next free name of its family (NAME-1, NAME-2, …).</summary>
    /// <param name="spec">The validated specification.</param>
    /// <param name="startedBy">Account that asks; null from the command line.</param>
    /// <param name="isTaken">Whether a name is in use elsewhere, such as by a folder left behind.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task<Run> CreateAsync(RunSpec spec, string? startedBy, Func<string, bool> isTaken, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            await using var db = await factory.CreateDbContextAsync(cancellationToken);
            var run = new Run
            {
                Id = TypedId.New<RunId>(time),
                Name = await FreeNameAsync(db, spec.Name, isTaken, cancellationToken),
                SpecJson = JsonSerializer.Serialize(spec, RunSpec.JsonOptions),
                TotalSteps = spec.Steps,
                StartedBy = startedBy,
                IsSandbox = spec.Data.Sandbox,
                CreatedAt = time.GetUtcNow(),
                QueuePlace = await LastPlaceAsync(db, cancellationToken) + 1,
            };
            db.Runs.Add(run);
            try
            {
                await db.SaveChangesAsync(cancellationToken);
                return run;
            }
            catch (DbUpdateException) when (attempt < NameAttempts)
            {
                // Somebody took the name in between: the next one is free.
            }
        }
    }

    /// <summary>The run of a name; null when there is none.</summary>
    public async Task<Run?> FindAsync(string name, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        return await db.Runs.AsNoTracking().SingleOrDefaultAsync(run => run.Name == name, cancellationToken);
    }

    /// <summary>All runs, newest first.</summary>
    public async Task<IReadOnlyList<Run>> ListAsync(CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        return await db.Runs.AsNoTracking().OrderByDescending(run => run.Id).ToListAsync(cancellationToken);
    }

    /// <summary>Runs in one state by their place, oldest first among equals: the queue, for <see cref="RunState.Pending"/>.</summary>
    public async Task<IReadOnlyList<Run>> InStateAsync(RunState state, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        return await db.Runs.AsNoTracking().Where(run => run.State == state).OrderBy(run => run.QueuePlace).ThenBy(run => run.Id).ToListAsync(cancellationToken);
    }

    /// <summary>A worker takes a waiting run.</summary>
    /// <param name="id">The run.</param>
    /// <param name="worker">"machine:pid".</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="RunStateException">It is not waiting.</exception>
    public Task TakeAsync(RunId id, string worker, CancellationToken cancellationToken)
    {
        DateTimeOffset? now = time.GetUtcNow();
        return MoveAsync(
            id,
            RunState.Running,
            run => true,
            set => set
                .SetProperty(run => run.Worker, worker)
                .SetProperty(run => run.Request, (RunRequest?)null)
                .SetProperty(run => run.RequestedSteps, (int?)null)
                .SetProperty(run => run.StartedAt, run => run.StartedAt ?? now)
                .SetProperty(run => run.EndedAt, (DateTimeOffset?)null)
                .SetProperty(run => run.Error, (string?)null),
            cancellationToken);
    }

    /// <summary>The worker that has a run lets go of it.</summary>
    /// <param name="id">The run.</param>
    /// <param name="worker">Who has it.</param>
    /// <param name="state">How it ended: paused, finished, failed, cancelled or interrupted.</param>
    /// <param name="error">What ended it, for a failed run.</param>
    /// <param name="result">The closing evaluation, for a finished run.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="RunStateException">It is not running under this worker.</exception>
    public Task ReleaseAsync(RunId id, string? worker, RunState state, string? error, RunResult? result, CancellationToken cancellationToken)
    {
        if (!RunTransitions.Allows(RunState.Running, state))
        {
            throw new ArgumentOutOfRangeException(nameof(state), state, "A running run does not end in this state.");
        }

        var json = result is null ? null : JsonSerializer.Serialize(result, RunSpec.JsonOptions);
        var (steps, best) = (result?.Steps, result?.BestStep);
        DateTimeOffset? ended = state is RunState.Finished or RunState.Failed or RunState.Cancelled ? time.GetUtcNow() : null;
        return MoveAsync(
            id,
            state,
            run => run.State == RunState.Running && run.Worker == worker,
            set => set
                .SetProperty(run => run.Worker, (string?)null)
                .SetProperty(run => run.Request, (RunRequest?)null)
                .SetProperty(run => run.RequestedSteps, (int?)null)
                .SetProperty(run => run.EndedAt, ended)
                .SetProperty(run => run.Error, error)
                .SetProperty(run => run.ResultJson, run => json ?? run.ResultJson)
                .SetProperty(run => run.Step, run => steps ?? run.Step)
                .SetProperty(run => run.BestStep, run => best ?? run.BestStep),
            cancellationToken);
    }

    /// <summary>Puts a paused, failed or interrupted run at the end of the queue.</summary>
    /// <exception cref="RunStateException">Its state does not allow it.</exception>
    public Task ResumeAsync(RunId id, CancellationToken cancellationToken) => QueueAsync(id, RunTransitions.Sources(RunState.Pending), cancellationToken);

    /// <summary>Puts a finished run without its closing evaluation at the end of the queue, for it.</summary>
    /// <exception cref="RunStateException">It is not finished, or has the evaluation.</exception>
    public Task EvaluateAsync(RunId id, CancellationToken cancellationToken) => QueueAsync(id, [RunState.Finished], cancellationToken);

    /// <summary>Takes a waiting run out of the queue; a running one is paused by its worker.</summary>
    /// <exception cref="RunStateException">It is not waiting.</exception>
    public Task HoldAsync(RunId id, CancellationToken cancellationToken) =>
        MoveAsync(id, RunState.Paused, run => run.State == RunState.Pending, set => set.SetProperty(run => run.Worker, (string?)null), cancellationToken);

    /// <summary>Gives up a run that no worker has; a running one is cancelled by its worker.</summary>
    /// <exception cref="RunStateException">It is running, or has ended.</exception>
    public Task CancelAsync(RunId id, CancellationToken cancellationToken)
    {
        DateTimeOffset? now = time.GetUtcNow();
        return MoveAsync(id, RunState.Cancelled, run => run.State != RunState.Running, set => set.SetProperty(run => run.EndedAt, now), cancellationToken);
    }

    /// <summary>Notes steps done by the worker that has the run.</summary>
    /// <returns>False when the run is no longer this worker's.</returns>
    public async Task<bool> ProgressAsync(RunId id, string worker, int step, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        return await db.Runs
            .Where(run => run.Id == id && run.State == RunState.Running && run.Worker == worker)
            .ExecuteUpdateAsync(set => set.SetProperty(run => run.Step, step), cancellationToken) == 1;
    }

    private async Task QueueAsync(RunId id, IReadOnlyList<RunState> sources, CancellationToken cancellationToken)
    {
        long place;
        await using (var db = await factory.CreateDbContextAsync(cancellationToken))
        {
            place = await LastPlaceAsync(db, cancellationToken) + 1;
        }

        await MoveAsync(id, sources, RunState.Pending, run => run.ResultJson == null, set => set.SetProperty(run => run.EndedAt, (DateTimeOffset?)null).SetProperty(run => run.QueuePlace, place), cancellationToken);
    }

    private Task MoveAsync(RunId id, RunState to, Expression<Func<Run, bool>> guard, Action<UpdateSettersBuilder<Run>> also, CancellationToken cancellationToken) =>
        MoveAsync(id, RunTransitions.Sources(to), to, guard, also, cancellationToken);

    private async Task MoveAsync(RunId id, IReadOnlyList<RunState> sources, RunState to, Expression<Func<Run, bool>> guard, Action<UpdateSettersBuilder<Run>> also, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        var moved = await db.Runs
            .Where(run => run.Id == id && sources.Contains(run.State))
            .Where(guard)
            .ExecuteUpdateAsync(
                set =>
                {
                    set.SetProperty(run => run.State, to);
                    also(set);
                },
                cancellationToken);
        if (moved == 0)
        {
            var run = await db.Runs.AsNoTracking().SingleOrDefaultAsync(run => run.Id == id, cancellationToken)
                ?? throw new ArgumentException($"There is no run with the id {id}.", nameof(id));
            throw new RunStateException(run.Name, run.State, to);
        }
    }

    private static async Task<string> FreeNameAsync(CoScientistDb db, string family, Func<string, bool> isTaken, CancellationToken cancellationToken)
    {
        var prefix = family + "-";
        var names = await db.Runs.Where(run => run.Name.StartsWith(prefix)).Select(run => run.Name).ToListAsync(cancellationToken);
        var last = names
            .Select(name => int.TryParse(name.AsSpan(prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0)
            .DefaultIfEmpty()
            .Max();
        string Name() => string.Create(CultureInfo.InvariantCulture, $"{prefix}{last}");
        do
        {
            last++;
        }
        while (isTaken(Name()));
        return Name();
    }
}
