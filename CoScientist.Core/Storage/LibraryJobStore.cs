using CoScientist.Core.Jobs;
using CoScientist.Core.Papers;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Core.Storage;

/// <summary>A job with its steps counted.</summary>
/// <param name="Job">The job, without its steps.</param>
/// <param name="Starter">Name of who started it.</param>
/// <param name="Steps">All steps.</param>
/// <param name="Done">Steps that are done.</param>
/// <param name="Failed">Steps that failed.</param>
public sealed record LibraryJobRow(LibraryJob Job, string Starter, int Steps, int Done, int Failed)
{
    /// <summary>Steps still to do.</summary>
    public int Left => Steps - Done - Failed;
}

/// <summary>Jobs of the library: what pages ask for and a worker does. Every change is one transaction, so that a killed server loses at most the step at work, which is done again.</summary>
/// <param name="factory">Opens the database.</param>
/// <param name="time">The clock.</param>
public sealed class LibraryJobStore(IDbContextFactory<CoScientistDb> factory, TimeProvider time)
{
    /// <summary>A new key: files of a job are kept under it before the job is added.</summary>
    public LibraryJobId NewId() => TypedId.New<LibraryJobId>(time);

    /// <summary>Adds a job to the queue.</summary>
    /// <param name="id">From <see cref="NewId"/>.</param>
    /// <param name="kind">What it does.</param>
    /// <param name="startedBy">The account.</param>
    /// <param name="options">What the worker needs, as JSON.</param>
    /// <param name="steps">Names, with the papers where the steps work on papers.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task AddAsync(LibraryJobId id, LibraryJobKind kind, string startedBy, string options, IEnumerable<(string Name, PaperId? Paper)> steps, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        db.LibraryJobs.Add(new LibraryJob
        {
            Id = id,
            Kind = kind,
            StartedBy = startedBy,
            Options = options,
            CreatedAt = time.GetUtcNow(),
            Steps = [.. steps.Select((step, order) => new LibraryJobStep { JobId = id, Order = order, Name = step.Name, PaperId = step.Paper })],
        });
        await db.SaveChangesAsync(cancellationToken);
    }

    /// <summary>The next job to work on, marked as running; null when none waits. One that was running when the server ended goes on first.</summary>
    public async Task<LibraryJob?> TakeAsync(CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        var open = db.LibraryJobs.AsNoTracking().Where(job => job.State == LibraryJobState.Waiting || job.State == LibraryJobState.Running);
        while (await open.OrderBy(job => job.State).ThenBy(job => job.Id).FirstOrDefaultAsync(cancellationToken) is { } job)
        {
            // Somebody may stop it in this moment.
            if (await open.Where(same => same.Id == job.Id).ExecuteUpdateAsync(
                row => row.SetProperty(j => j.State, LibraryJobState.Running).SetProperty(j => j.Fault, (string?)null).SetProperty(j => j.EndedAt, (DateTimeOffset?)null), cancellationToken) > 0)
            {
                return job;
            }
        }

        return null;
    }

    /// <summary>The next step to do; null when none is left.</summary>
    public async Task<LibraryJobStep?> NextStepAsync(LibraryJobId id, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        return await db.LibraryJobSteps.AsNoTracking().Where(step => step.JobId == id && step.State == LibraryStepState.Waiting).OrderBy(step => step.Order).FirstOrDefaultAsync(cancellationToken);
    }

    /// <summary>Records what became of a step.</summary>
    public async Task EndStepAsync(long step, LibraryStepState state, string message, PaperId? paper, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        await db.LibraryJobSteps.Where(row => row.Id == step).ExecuteUpdateAsync(
            row => row.SetProperty(s => s.State, state).SetProperty(s => s.Message, message).SetProperty(s => s.PaperId, s => paper ?? s.PaperId).SetProperty(s => s.Attempts, s => s.Attempts + 1),
            cancellationToken);
    }

    /// <summary>Whether a job is at work, and nobody has stopped it meanwhile.</summary>
    public async Task<bool> IsRunningAsync(LibraryJobId id, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        return await db.LibraryJobs.AnyAsync(job => job.Id == id && job.State == LibraryJobState.Running, cancellationToken);
    }

    /// <summary>Records how a job ended; one that was stopped or put back into the queue meanwhile stays so.</summary>
    /// <param name="id">The job.</param>
    /// <param name="state">Finished, stopped or failed.</param>
    /// <param name="fault">Why it failed and what to do; null otherwise.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task EndAsync(LibraryJobId id, LibraryJobState state, string? fault, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        await db.LibraryJobs.Where(job => job.Id == id && job.State == LibraryJobState.Running).ExecuteUpdateAsync(
            row => row.SetProperty(j => j.State, state).SetProperty(j => j.Fault, fault).SetProperty(j => j.EndedAt, now),
            cancellationToken);
    }

    /// <summary>Stops a job: it leaves the queue, and a worker that is on it sees so before its next step; false when it neither waited nor was at work.</summary>
    public async Task<bool> HoldAsync(LibraryJobId id, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        return await db.LibraryJobs.Where(job => job.Id == id && (job.State == LibraryJobState.Waiting || job.State == LibraryJobState.Running))
            .ExecuteUpdateAsync(row => row.SetProperty(j => j.State, LibraryJobState.Stopped).SetProperty(j => j.EndedAt, now), cancellationToken) > 0;
    }

    /// <summary>Puts an ended job back into the queue, with its failed steps and those that were left; false when there is nothing to do.</summary>
    public async Task<bool> RetryAsync(LibraryJobId id, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        await using var transaction = await db.Database.BeginAloneAsync($"job {id.Value}", cancellationToken);
        var job = await db.LibraryJobs.SingleOrDefaultAsync(job => job.Id == id, cancellationToken);
        if (job is null or { State: LibraryJobState.Waiting or LibraryJobState.Running })
        {
            return false;
        }

        await db.LibraryJobSteps.Where(step => step.JobId == id && step.State == LibraryStepState.Failed).ExecuteUpdateAsync(row => row.SetProperty(s => s.State, LibraryStepState.Waiting), cancellationToken);
        var left = await db.LibraryJobSteps.AnyAsync(step => step.JobId == id && step.State == LibraryStepState.Waiting, cancellationToken);
        if (left)
        {
            (job.State, job.Fault, job.EndedAt) = (LibraryJobState.Waiting, null, null);
            await db.SaveChangesAsync(cancellationToken);
        }

        await transaction.CommitAsync(cancellationToken);
        return left;
    }

    /// <summary>Takes an ended job off the list; false when it has not ended. What it brought into the library stays.</summary>
    public async Task<bool> RemoveAsync(LibraryJobId id, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        return await db.LibraryJobs.Where(job => job.Id == id && job.State != LibraryJobState.Waiting && job.State != LibraryJobState.Running).ExecuteDeleteAsync(cancellationToken) > 0;
    }

    /// <summary>Keys of all jobs.</summary>
    public async Task<IReadOnlyList<LibraryJobId>> IdsAsync(CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        return await db.LibraryJobs.Select(job => job.Id).ToListAsync(cancellationToken);
    }

    /// <summary>Jobs, newest first.</summary>
    public async Task<(int Total, IReadOnlyList<LibraryJobRow> Rows)> ListAsync(int skip, int take, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        var rows = await db.LibraryJobs.AsNoTracking().OrderByDescending(job => job.Id).Skip(skip).Take(take)
            .Select(job => new LibraryJobRow(
                job,
                db.Users.Where(account => account.Id == job.StartedBy).Select(account => account.DisplayName).FirstOrDefault() ?? job.StartedBy,
                job.Steps.Count,
                job.Steps.Count(step => step.State == LibraryStepState.Done),
                job.Steps.Count(step => step.State == LibraryStepState.Failed)))
            .ToListAsync(cancellationToken);
        return (await db.LibraryJobs.CountAsync(cancellationToken), rows);
    }

    /// <summary>Steps of a job in one state, in order.</summary>
    public async Task<IReadOnlyList<LibraryJobStep>> StepsAsync(LibraryJobId id, LibraryStepState state, int take, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        return await db.LibraryJobSteps.AsNoTracking().Where(step => step.JobId == id && step.State == state).OrderBy(step => step.Order).Take(take).ToListAsync(cancellationToken);
    }
}
