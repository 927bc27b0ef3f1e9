using CoScientist.Core.Runs;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Core.Storage;

/// <summary>Which checkpoints to list.</summary>
/// <param name="Text">Part of a name or a tag; null or empty for all.</param>
/// <param name="Kind">Which of them.</param>
public sealed record CheckpointFilter(string? Text = null, CheckpointKind Kind = CheckpointKind.All);

/// <summary>Kinds of checkpoints.</summary>
public enum CheckpointKind
{
    /// <summary>All whose files are there.</summary>
    All,

    /// <summary>Those that somebody promoted.</summary>
    Promoted,

    /// <summary>The best of each run, by its judge.</summary>
    Best,

    /// <summary>Models that no run made.</summary>
    Base,

    /// <summary>Those that were deleted.</summary>
    Deleted,
}

/// <summary>A checkpoint with the names of what it comes from.</summary>
/// <param name="Checkpoint">The checkpoint.</param>
/// <param name="Parent">Name of the one that training started from; null for none.</param>
/// <param name="Run">Name of the run that made it; null for none.</param>
/// <param name="IsBest">Whether the run's judge picks it.</param>
public sealed record CheckpointRow(Checkpoint Checkpoint, string? Parent, string? Run, bool IsBest);

/// <summary>What hangs on a checkpoint.</summary>
/// <param name="NeededBy">Runs that could not go on without it.</param>
/// <param name="UsedBy">Ended runs that started from it, or that it graded or judged: they cannot be repeated without it.</param>
/// <param name="Children">Checkpoints made from it.</param>
/// <param name="Plans">Plans it wrote.</param>
/// <param name="Studies">Studies that compare its plans.</param>
public sealed record CheckpointUses(IReadOnlyList<string> NeededBy, IReadOnlyList<string> UsedBy, IReadOnlyList<string> Children, int Plans, IReadOnlyList<string> Studies)
{
    /// <summary>Whether nothing hangs on it.</summary>
    public bool IsFree => NeededBy.Count == 0 && UsedBy.Count == 0 && Children.Count == 0 && Plans == 0 && Studies.Count == 0;
}

/// <summary>What people do with checkpoints: look for them, promote, tag and delete them.</summary>
/// <param name="factory">Opens the database.</param>
/// <param name="time">The clock.</param>
public sealed class CheckpointShelf(IDbContextFactory<CoScientistDb> factory, TimeProvider time)
{
    /// <summary>Longest text of all tags of a checkpoint.</summary>
    public const int LongestTags = 200;

    /// <summary>A page of checkpoints, base models first, then the newest.</summary>
    /// <returns>The page, and how many there are in all.</returns>
    public async Task<(IReadOnlyList<CheckpointRow> Rows, int Total)> ListAsync(CheckpointFilter filter, int skip, int take, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(filter);
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        var all = db.Checkpoints.AsNoTracking().Where(checkpoint => (checkpoint.DeletedAt != null) == (filter.Kind == CheckpointKind.Deleted));
        all = filter.Kind switch
        {
            CheckpointKind.Promoted => all.Where(checkpoint => checkpoint.PromotedAt != null),
            CheckpointKind.Best => all.Where(checkpoint => db.Runs.Any(run => run.Id == checkpoint.RunId && run.BestStep == checkpoint.Step)),
            CheckpointKind.Base => all.Where(checkpoint => checkpoint.RunId == null),
            _ => all,
        };
        if (!string.IsNullOrWhiteSpace(filter.Text))
        {
            var pattern = filter.Text.Trim().ToLowerInvariant();
            all = all.Where(checkpoint => checkpoint.Name.ToLower().Contains(pattern) || checkpoint.Tags.Contains(pattern));
        }

        var rows = all.OrderBy(checkpoint => checkpoint.RunId != null).ThenByDescending(checkpoint => checkpoint.Id).Skip(skip).Take(take);
        var listed = await Rows(db, rows).ToListAsync(cancellationToken);
        return ([.. listed.OrderBy(row => row.Run is not null).ThenByDescending(row => row.Checkpoint.Id.Value)], await all.CountAsync(cancellationToken));
    }

    /// <summary>The checkpoint of a name, deleted or not; null when there never was one.</summary>
    public async Task<CheckpointRow?> FindAsync(string name, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        return await Rows(db, db.Checkpoints.AsNoTracking().Where(checkpoint => checkpoint.Name == name)).SingleOrDefaultAsync(cancellationToken);
    }

    /// <summary>Promotes a checkpoint, or takes that back.</summary>
    public async Task PromoteAsync(CheckpointId id, bool promoted, CancellationToken cancellationToken)
    {
        DateTimeOffset? at = promoted ? time.GetUtcNow() : null;
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        await db.Checkpoints.Where(checkpoint => checkpoint.Id == id).ExecuteUpdateAsync(set => set.SetProperty(checkpoint => checkpoint.PromotedAt, at), cancellationToken);
    }

    /// <summary>Puts tags on a checkpoint in place of those it had.</summary>
    /// <param name="id">The checkpoint.</param>
    /// <param name="tags">Words, separated by spaces or commas; stored once each, in lower case and in order.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <returns>The tags as stored.</returns>
    /// <exception cref="ArgumentException">They are longer than <see cref="LongestTags"/>.</exception>
    public async Task<string> TagAsync(CheckpointId id, string tags, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(tags);
        var words = tags.ToLowerInvariant().Split([' ', ',', ';', '\t'], StringSplitOptions.RemoveEmptyEntries);
        var stored = string.Join(' ', words.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal));
        if (stored.Length > LongestTags)
        {
            throw new ArgumentException($"The tags have {stored.Length} letters together: {LongestTags} is the most.", nameof(tags));
        }

        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        await db.Checkpoints.Where(checkpoint => checkpoint.Id == id).ExecuteUpdateAsync(set => set.SetProperty(checkpoint => checkpoint.Tags, stored), cancellationToken);
        return stored;
    }

    /// <summary>What hangs on a checkpoint now.</summary>
    public async Task<CheckpointUses> UsesAsync(Checkpoint checkpoint, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(checkpoint);
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        var (needed, used) = (new List<string>(), new List<string>());
        foreach (var run in await db.Runs.AsNoTracking().OrderBy(run => run.Id).ToListAsync(cancellationToken))
        {
            var spec = run.Spec;
            var asks = spec.Model == checkpoint.Name || spec.Grader == checkpoint.Name || spec.Judge == checkpoint.Name;
            if (!run.State.IsFinal() && (asks || run.Id == checkpoint.RunId))
            {
                needed.Add(run.Name);
            }
            else if (asks)
            {
                used.Add(run.Name);
            }
        }

        return new CheckpointUses(
            needed,
            used,
            await db.Checkpoints.Where(other => other.ParentId == checkpoint.Id && other.DeletedAt == null).OrderBy(other => other.Id).Select(other => other.Name).ToListAsync(cancellationToken),
            await db.Plans.CountAsync(plan => plan.CheckpointId == checkpoint.Id, cancellationToken),
            await db.Studies.Where(study => study.Arm1 == checkpoint.Name || study.Arm2 == checkpoint.Name).OrderBy(study => study.Id).Select(study => study.Name).ToListAsync(cancellationToken));
    }

    /// <summary>Notes that a checkpoint's files are about to go. The row stays, so that what it wrote keeps its origin; from now on no run can ask for it.</summary>
    /// <exception cref="InvalidDataException">A run needs it; nothing has changed.</exception>
    public async Task MarkDeletedAsync(Checkpoint checkpoint, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(checkpoint);
        DateTimeOffset? now = time.GetUtcNow();
        await SetDeletedAsync(checkpoint.Id, now, cancellationToken);

        // A run that was asked for a moment before the mark is seen now; one that is asked for after it is refused.
        if ((await UsesAsync(checkpoint, cancellationToken)).NeededBy is { Count: > 0 } runs)
        {
            await SetDeletedAsync(checkpoint.Id, null, CancellationToken.None);
            throw new InvalidDataException($"{checkpoint.Name} stays: {string.Join(", ", runs)} {(runs.Count == 1 ? "needs" : "need")} it to go on. Let {(runs.Count == 1 ? "it" : "them")} finish, or cancel first.");
        }
    }

    private async Task SetDeletedAsync(CheckpointId id, DateTimeOffset? at, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        await db.Checkpoints.Where(checkpoint => checkpoint.Id == id).ExecuteUpdateAsync(
            set => set.SetProperty(checkpoint => checkpoint.DeletedAt, at),
            cancellationToken);
    }

    private static IQueryable<CheckpointRow> Rows(CoScientistDb db, IQueryable<Checkpoint> checkpoints) =>
        from checkpoint in checkpoints
        join parent in db.Checkpoints on checkpoint.ParentId equals (CheckpointId?)parent.Id into parents
        from parent in parents.DefaultIfEmpty()
        join run in db.Runs on checkpoint.RunId equals (RunId?)run.Id into runs
        from run in runs.DefaultIfEmpty()
        select new CheckpointRow(checkpoint, parent == null ? null : parent.Name, run == null ? null : run.Name, run != null && run.BestStep == checkpoint.Step);
}
