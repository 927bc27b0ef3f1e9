using CoScientist.Core.Goals;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Core.Storage;

/// <content>Flags: something is wrong with an item that is not for this reviewer to decide.</content>
public sealed partial class ReviewStore
{
    /// <summary>Longest note of a flag, in characters.</summary>
    public const int MaxNote = 500;

    /// <summary>Flags an item. Its state stays; the goal's rubric version goes up by one, as with every entry of the trail.</summary>
    /// <param name="itemId">The item.</param>
    /// <param name="reviewerId">The account.</param>
    /// <param name="note">What is wrong.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <returns>The entry that was added.</returns>
    /// <exception cref="ReviewRefusedException">The note is missing or too long.</exception>
    public Task<ReviewDecision> FlagAsync(RubricItemId itemId, string reviewerId, string? note, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(reviewerId);
        note = note?.Trim();
        if (note is not { Length: > 0 and <= MaxNote })
        {
            throw new ReviewRefusedException($"A flag needs a few words that say what is wrong, at most {MaxNote} characters.");
        }

        return RetryAsync(
            async db =>
            {
                var (item, goal) = await FindAsync(db, itemId, cancellationToken);
                return Record(db, goal, item, item.State, item.Text, item.Weight, reviewerId, ReviewAction.Flag, reason: null, note, undoes: null);
            },
            cancellationToken);
    }

    /// <summary>What the flags on the items of a goal say, oldest first; flags taken back are not among them.</summary>
    public async Task<ILookup<RubricItemId, string>> FlagsAsync(GoalId goalId, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        var flags = await db.ReviewDecisions.AsNoTracking()
            .Where(d => d.Action == ReviewAction.Flag && db.RubricItems.Any(item => item.Id == d.ItemId && item.GoalId == goalId) && !db.ReviewDecisions.Any(undo => undo.Undoes == d.Id))
            .OrderBy(d => d.RubricVersion)
            .Select(d => new { d.ItemId, d.Note })
            .ToListAsync(cancellationToken);
        return flags.ToLookup(flag => flag.ItemId, flag => flag.Note ?? "");
    }
}
