using CoScientist.Core.Goals;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Core.Storage;

/// <content>Decisions on a whole rubric, and taking back.</content>
public sealed partial class ReviewStore
{
    /// <summary>
    /// Approves or rejects all undecided items of a goal in one transaction, each with an entry of its own and all at the same moment, so that one
    /// undo takes all of them back.
    /// </summary>
    /// <param name="goalId">The goal.</param>
    /// <param name="reviewerId">The account that decides.</param>
    /// <param name="action">Approve or reject.</param>
    /// <param name="reason">Why; needed for a rejection.</param>
    /// <param name="seen">Undecided items as they were on the screen: refused if one has changed since. Null skips that check.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <returns>The entries that were added, in the order of the rubric.</returns>
    /// <exception cref="ReviewRefusedException">Nothing is undecided, a rejection lacks its reason, or an item has changed.</exception>
    public Task<IReadOnlyList<ReviewDecision>> DecideAllAsync(GoalId goalId, string reviewerId, ReviewAction action, RejectionReason? reason = null, IReadOnlyDictionary<RubricItemId, SeenItem>? seen = null, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(reviewerId);
        if (action is not (ReviewAction.Approve or ReviewAction.Reject))
        {
            throw new ArgumentOutOfRangeException(nameof(action), action, "A whole rubric is approved or rejected; edits are made item by item.");
        }

        return RetryAllAsync(
            async db =>
            {
                var goal = await db.Goals.Include(g => g.Items).FirstOrDefaultAsync(g => g.Id == goalId, cancellationToken) ?? throw new ReviewRefusedException("This goal no longer exists. Reload the page.");
                var open = goal.Items.Where(item => item.State == RubricItemState.Proposed).OrderBy(item => item.Order).ToList();
                if (open.Count == 0)
                {
                    throw new ReviewRefusedException("Every item of this rubric has been decided on.");
                }

                foreach (var item in open)
                {
                    RequireUnchanged(item, seen is null ? Seen(item) : seen.GetValueOrDefault(item.Id) ?? throw new ReviewRefusedException("This rubric has another item since it was shown. Reload the page, then decide."));
                }

                var at = time.GetUtcNow();
                return open.ConvertAll(item =>
                {
                    var (state, text) = ReviewRules.Outcome(item, action, reason, note: null, newText: null);
                    return Record(db, goal, item, state, text, item.Weight, reviewerId, action, action == ReviewAction.Reject ? reason : null, note: null, undoes: null, at);
                });
            },
            cancellationToken);
    }

    /// <summary>Takes back the reviewer's last decision that still stands, with all that was decided at the same moment (see <see cref="DecideAllAsync"/>). The rubric's version goes up by one for each.</summary>
    /// <param name="reviewerId">The account.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <returns>The entry that was added for the last of them; <see cref="ReviewDecision.Undoes"/> names the decision taken back.</returns>
    /// <exception cref="ReviewRefusedException">There is nothing to take back, or somebody decided on an item afterwards.</exception>
    public async Task<ReviewDecision> UndoAsync(string reviewerId, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(reviewerId);
        var undone = await RetryAllAsync(
            async db =>
            {
                var standing = db.ReviewDecisions.AsNoTracking()
                    .Where(decision => decision.Action != ReviewAction.Undo && !db.ReviewDecisions.Any(undo => undo.Undoes == decision.Id));
                var last = await standing
                    .Where(decision => decision.ReviewerId == reviewerId)
                    .OrderByDescending(decision => decision.At).ThenByDescending(decision => decision.RubricVersion).ThenByDescending(decision => decision.Id)
                    .FirstOrDefaultAsync(cancellationToken)
                    ?? throw new ReviewRefusedException("There is no decision of yours to take back.");
                var together = await standing
                    .Where(decision => decision.ReviewerId == reviewerId && decision.At == last.At && db.RubricItems.Any(item => item.Id == decision.ItemId && db.RubricItems.Any(other => other.Id == last.ItemId && other.GoalId == item.GoalId)))
                    .OrderBy(decision => decision.RubricVersion)
                    .ToListAsync(cancellationToken);
                var entries = new List<ReviewDecision>();
                var at = time.GetUtcNow();
                foreach (var decision in together)
                {
                    var (item, goal) = await FindAsync(db, decision.ItemId, cancellationToken);

                    // After the goal's version is known: whatever comes later makes the save start over.
                    var newest = await standing.Where(other => other.ItemId == decision.ItemId).OrderByDescending(other => other.RubricVersion).FirstOrDefaultAsync(cancellationToken);
                    if (newest?.Id != decision.Id)
                    {
                        throw new ReviewRefusedException("Another reviewer has decided on this item after you, so your decision cannot be taken back. Decide on the item anew.");
                    }

                    entries.Add(Record(db, goal, item, decision.StateBefore, decision.TextBefore, decision.WeightBefore, reviewerId, ReviewAction.Undo, reason: null, note: null, decision.Id, at));
                }

                return entries;
            },
            cancellationToken);
        return undone[^1];
    }
}
