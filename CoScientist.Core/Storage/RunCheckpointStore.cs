using CoScientist.Core.Runs;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Core.Storage;

/// <summary>Checkpoints in the library.</summary>
/// <param name="factory">Opens the database.</param>
/// <param name="time">The clock.</param>
public sealed class RunCheckpointStore(IDbContextFactory<CoScientistDb> factory, TimeProvider time)
{
    /// <summary>Name of a run's checkpoint ("sandbox-grpo-3@40").</summary>
    public static string NameOf(string run, int step) => FormattableString.Invariant($"{run}@{step}");

    /// <summary>The checkpoint of a name; null when there is none.</summary>
    public async Task<Checkpoint?> FindAsync(string name, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        return await db.Checkpoints.AsNoTracking().SingleOrDefaultAsync(checkpoint => checkpoint.Name == name, cancellationToken);
    }

    /// <summary>The checkpoint that the training of another started from; null when the library does not know it.</summary>
    public async Task<Checkpoint?> ParentOfAsync(Checkpoint checkpoint, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        return checkpoint.ParentId is { } parent ? await db.Checkpoints.AsNoTracking().SingleOrDefaultAsync(other => other.Id == parent, cancellationToken) : null;
    }

    /// <summary>Checkpoints of a run by step.</summary>
    public async Task<IReadOnlyList<Checkpoint>> OfRunAsync(RunId run, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        return await db.Checkpoints.AsNoTracking().Where(checkpoint => checkpoint.RunId == run).OrderBy(checkpoint => checkpoint.Step).ToListAsync(cancellationToken);
    }

    /// <summary>All checkpoints that are not deleted, base models first, then promoted ones, then by name.</summary>
    public async Task<IReadOnlyList<Checkpoint>> ListAsync(CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        return await db.Checkpoints.AsNoTracking().Where(checkpoint => checkpoint.DeletedAt == null).OrderBy(checkpoint => checkpoint.RunId != null).ThenBy(checkpoint => checkpoint.PromotedAt == null).ThenBy(checkpoint => checkpoint.Name).ToListAsync(cancellationToken);
    }

    /// <summary>Checkpoints to choose a model from: base models first, then promoted ones, then the best of each run and the others, newest first.</summary>
    /// <param name="most">Most of them.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task<IReadOnlyList<Checkpoint>> OfferAsync(int most, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        return await db.Checkpoints.AsNoTracking()
            .Where(checkpoint => checkpoint.DeletedAt == null)
            .OrderBy(checkpoint => checkpoint.RunId != null)
            .ThenBy(checkpoint => checkpoint.PromotedAt == null)
            .ThenBy(checkpoint => !db.Runs.Any(run => run.Id == checkpoint.RunId && run.BestStep == checkpoint.Step))
            .ThenByDescending(checkpoint => checkpoint.Id)
            .Take(most)
            .ToListAsync(cancellationToken);
    }

    /// <summary>The judge's best score of these runs' checkpoints; runs without one are left out.</summary>
    /// <param name="runs">The runs.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task<IReadOnlyDictionary<RunId, double>> BestScoresAsync(IEnumerable<RunId> runs, CancellationToken cancellationToken)
    {
        RunId?[] wanted = [.. runs];
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        return await db.Checkpoints
            .Where(checkpoint => wanted.Contains(checkpoint.RunId) && checkpoint.JudgeScore != null)
            .GroupBy(checkpoint => checkpoint.RunId!.Value)
            .Select(run => new { run.Key, Best = run.Max(checkpoint => checkpoint.JudgeScore!.Value) })
            .ToDictionaryAsync(run => run.Key, run => run.Best, cancellationToken);
    }

    /// <summary>Registers a model that no run made; a second time changes nothing, unless it was deleted in between.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="path">See <see cref="Checkpoint.Path"/>.</param>
    /// <param name="isSandbox">Whether it only speaks the sandbox's language.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <param name="parent">The model it was made from; null for none.</param>
    public async Task RegisterBaseAsync(string name, string path, bool isSandbox, CancellationToken cancellationToken, CheckpointId? parent = null)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        var known = await db.Checkpoints.SingleOrDefaultAsync(checkpoint => checkpoint.Name == name, cancellationToken);
        if (known is { DeletedAt: not null, RunId: null })
        {
            (known.Path, known.DeletedAt) = (path, null);
        }
        else if (known is null)
        {
            db.Checkpoints.Add(new Checkpoint { Id = TypedId.New<CheckpointId>(time), Name = name, Path = path, ParentId = parent, IsSandbox = isSandbox, CreatedAt = time.GetUtcNow() });
        }

        try
        {
            await db.SaveChangesAsync(cancellationToken);
        }
        catch (DbUpdateException) when (known is null)
        {
            // Another process, starting at the same moment, has registered it; whatever else is wrong comes again.
            await using var again = await factory.CreateDbContextAsync(cancellationToken);
            if (!await again.Checkpoints.AnyAsync(checkpoint => checkpoint.Name == name, cancellationToken))
            {
                throw;
            }
        }
    }

    /// <summary>Registers a checkpoint that a run wrote, and marks it as the run's best if the judge says so. A second time only brings the judge's score up to date.</summary>
    /// <param name="run">The run.</param>
    /// <param name="written">What was written.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task RegisterAsync(Run run, RunCheckpoint written, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        await using var transaction = await db.Database.BeginAloneAsync($"run {run.Id.Value}", cancellationToken);
        var parent = run.Spec.Model;
        var name = NameOf(run.Name, written.Step);
        var known = await db.Checkpoints.SingleOrDefaultAsync(checkpoint => checkpoint.Name == name, cancellationToken);
        if (known is null)
        {
            db.Checkpoints.Add(new Checkpoint
            {
                Id = TypedId.New<CheckpointId>(time),
                Name = name,
                RunId = run.Id,
                Step = written.Step,
                Path = $"runs/{run.Name}/{written.Directory}",
                ParentId = (await db.Checkpoints.AsNoTracking().SingleOrDefaultAsync(checkpoint => checkpoint.Name == parent, cancellationToken))?.Id,
                JudgeScore = written.JudgeScore,
                IsSandbox = run.IsSandbox,
                CreatedAt = time.GetUtcNow(),
            });
        }
        else
        {
            known.JudgeScore = written.JudgeScore ?? known.JudgeScore;
        }

        await db.SaveChangesAsync(cancellationToken);
        if (written.IsBest)
        {
            await db.Runs.Where(other => other.Id == run.Id).ExecuteUpdateAsync(set => set.SetProperty(other => other.BestStep, written.Step), cancellationToken);
        }

        await transaction.CommitAsync(cancellationToken);
    }
}
