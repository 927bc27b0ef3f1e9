using CoScientist.Core.Goals;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Core.Storage;

/// <summary>
/// Review of rubric items. Every decision is one transaction: the entry in the audit trail, the item, and the goal's
/// rubric version, which is also what keeps two reviewers at once from overwriting each other.
/// </summary>
/// <param name="factory">Opens the database.</param>
/// <param name="time">The clock.</param>
public sealed partial class ReviewStore(IDbContextFactory<CoScientistDb> factory, TimeProvider time)
{
    /// <summary>Longest wording of an item, in characters; about 15 words are usual.</summary>
    public const int MaxTextLength = 1000;

    private const int Attempts = 16;

    /// <summary>Items to decide on.</summary>
    /// <param name="filter">Which.</param>
    /// <param name="skip">Items to pass over.</param>
    /// <param name="take">Most items to return; 0 for the total only.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task<ReviewQueue> QueueAsync(ReviewFilter filter, int skip, int take, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(filter);
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        var matching =
            from item in db.RubricItems.AsNoTracking()
            join goal in db.Goals on item.GoalId equals goal.Id
            where goal.IsSandbox == filter.Sandbox
                && (filter.Domain == null || goal.Domain == filter.Domain)
                && (filter.State == null || item.State == filter.State)
                && (filter.GoalId == null || goal.Id == filter.GoalId)
            select new { item, goal };
        var total = await matching.CountAsync(cancellationToken);

        // Ids follow the clock, so this is the order of creation, and the index gives it.
        var ordered = matching.OrderBy(pair => pair.item.GoalId).ThenBy(pair => pair.item.Order);
        if (filter.TellingFirst && take > 0)
        {
            var ids = await ordered.Select(pair => pair.item.Id).ToListAsync(cancellationToken);
            var priorities = await ReviewPriority.OfAsync(db, matching.Select(pair => pair.item), cancellationToken);
            var page = ids.OrderByDescending(id => priorities.GetValueOrDefault(id).Value).Skip(skip).Take(take).ToList();
            var found = await matching.Where(pair => page.Contains(pair.item.Id))
                .Select(pair => new ReviewQueueItem(pair.item, pair.goal.Domain, pair.goal.Text, pair.goal.PaperId, pair.goal.RubricVersion))
                .ToDictionaryAsync(row => row.Item.Id, cancellationToken);
            var telling = page.ConvertAll(id => found[id]);
            return new ReviewQueue(total, telling, await CountsAsync(db, [.. telling.Select(row => row.Item.GoalId).Distinct()], cancellationToken));
        }

        var items = await ordered
            .Skip(skip).Take(take)
            .Select(pair => new ReviewQueueItem(pair.item, pair.goal.Domain, pair.goal.Text, pair.goal.PaperId, pair.goal.RubricVersion))
            .ToListAsync(cancellationToken);
        return new ReviewQueue(total, items, await CountsAsync(db, [.. items.Select(item => item.Item.GoalId).Distinct()], cancellationToken));
    }

    /// <summary>How the rubrics of some goals stand; every goal asked for is in the answer.</summary>
    public async Task<IReadOnlyDictionary<GoalId, RubricCounts>> CountsAsync(IReadOnlyCollection<GoalId> goals, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(goals);
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        return await CountsAsync(db, goals, cancellationToken);
    }

    /// <summary>All that was ever decided on an item, oldest first, undone decisions and their undoing included.</summary>
    public async Task<IReadOnlyList<ReviewDecision>> HistoryAsync(RubricItemId itemId, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        return await db.ReviewDecisions.AsNoTracking()
            .Where(decision => decision.ItemId == itemId)
            .OrderBy(decision => decision.RubricVersion)
            .ToListAsync(cancellationToken);
    }

    /// <summary>Decides on an item. The goal's rubric version goes up by one.</summary>
    /// <param name="itemId">The item.</param>
    /// <param name="reviewerId">The account that decides.</param>
    /// <param name="action">Approve, edit or reject.</param>
    /// <param name="reason">Why; needed for a rejection, ignored otherwise.</param>
    /// <param name="note">Free words; needed for <see cref="RejectionReason.Other"/>.</param>
    /// <param name="newText">The new wording; needed for an edit, ignored otherwise.</param>
    /// <param name="seen">The item as it was on the screen: the decision is refused if it has changed since. Null skips that check.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <returns>The entry that was added.</returns>
    /// <exception cref="ReviewRefusedException">The decision changes nothing, lacks its reason or wording, or came after another one.</exception>
    public Task<ReviewDecision> DecideAsync(
        RubricItemId itemId,
        string reviewerId,
        ReviewAction action,
        RejectionReason? reason = null,
        string? note = null,
        string? newText = null,
        SeenItem? seen = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(reviewerId);
        note = string.IsNullOrWhiteSpace(note) ? null : note.Trim();
        return RetryAsync(
            async db =>
            {
                var (item, goal) = await FindAsync(db, itemId, cancellationToken);
                seen ??= Seen(item); // a later attempt decides on what the first one saw
                RequireUnchanged(item, seen);
                var (state, text) = ReviewRules.Outcome(item, action, reason, note, newText);
                return Record(db, goal, item, state, text, item.Weight, reviewerId, action, reason: action == ReviewAction.Reject ? reason : null, note, undoes: null);
            },
            cancellationToken);
    }

    /// <summary>Gives an item another weight in the reward. The goal's rubric version goes up by one; the item stays as decided on, or undecided.</summary>
    /// <param name="itemId">The item.</param>
    /// <param name="reviewerId">The account that decides.</param>
    /// <param name="weight">Above 0 and at most <see cref="RubricItem.MaxWeight"/>; 1 is an ordinary item's.</param>
    /// <param name="seen">The item as it was on the screen: the decision is refused if it has changed since. Null skips that check.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <returns>The entry that was added.</returns>
    /// <exception cref="ReviewRefusedException">The weight is none or the same as before, or the decision came after another one.</exception>
    public Task<ReviewDecision> WeighAsync(RubricItemId itemId, string reviewerId, double weight, SeenItem? seen = null, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(reviewerId);
        return RetryAsync(
            async db =>
            {
                var (item, goal) = await FindAsync(db, itemId, cancellationToken);
                seen ??= Seen(item);
                RequireUnchanged(item, seen);
                return Record(db, goal, item, item.State, item.Text, ReviewRules.Weight(item, weight), reviewerId, ReviewAction.Weigh, reason: null, note: null, undoes: null);
            },
            cancellationToken);
    }

    /// <summary>The state as people read it.</summary>
    internal static string Words(RubricItemState state) => state switch
    {
        RubricItemState.Proposed => "undecided",
        RubricItemState.Approved => "approved",
        RubricItemState.Edited => "edited",
        _ => "rejected",
    };

    private static SeenItem Seen(RubricItem item) => new(item.State, item.Text, item.Weight);

    private static void RequireUnchanged(RubricItem item, SeenItem seen)
    {
        if (seen != Seen(item))
        {
            var weight = item.Weight == seen.Weight ? "" : FormattableString.Invariant($", has weight {item.Weight}");
            throw new ReviewRefusedException($"Another reviewer has changed this item meanwhile: it is now {Words(item.State)}{weight} and reads \"{item.Text}\". Look at it again, then decide.");
        }
    }

    // One query, so that item and version are of one moment: an item older than its goal's version would be saved over.
    private static async Task<(RubricItem Item, Goal Goal)> FindAsync(CoScientistDb db, RubricItemId itemId, CancellationToken cancellationToken)
    {
        var found = await (
                from item in db.RubricItems
                join goal in db.Goals on item.GoalId equals goal.Id
                where item.Id == itemId
                select new { item, goal })
            .SingleOrDefaultAsync(cancellationToken)
            ?? throw new ReviewRefusedException($"There is no rubric item {itemId}. It may have been removed; reload the page.");
        return (found.item, found.goal);
    }

    private static async Task<Dictionary<GoalId, RubricCounts>> CountsAsync(CoScientistDb db, IReadOnlyCollection<GoalId> goals, CancellationToken cancellationToken)
    {
        var counts = (await db.RubricItems
                .Where(item => goals.Contains(item.GoalId))
                .GroupBy(item => new { item.GoalId, item.State })
                .Select(group => new { group.Key.GoalId, group.Key.State, Count = group.Count() })
                .ToListAsync(cancellationToken))
            .ToDictionary(row => (row.GoalId, row.State), row => row.Count);
        return goals.ToDictionary(goal => goal, goal => new RubricCounts(
            counts.GetValueOrDefault((goal, RubricItemState.Proposed)),
            counts.GetValueOrDefault((goal, RubricItemState.Approved)),
            counts.GetValueOrDefault((goal, RubricItemState.Edited)),
            counts.GetValueOrDefault((goal, RubricItemState.Rejected))));
    }

    private ReviewDecision Record(CoScientistDb db, Goal goal, RubricItem item, RubricItemState state, string text, double weight, string reviewerId, ReviewAction action, RejectionReason? reason, string? note, ReviewDecisionId? undoes, DateTimeOffset? at = null)
    {
        var decision = new ReviewDecision
        {
            Id = TypedId.New<ReviewDecisionId>(time),
            ItemId = item.Id,
            ReviewerId = reviewerId,
            Action = action,
            Reason = reason,
            Note = note,
            TextBefore = item.Text,
            TextAfter = text,
            StateBefore = item.State,
            StateAfter = state,
            WeightBefore = item.Weight,
            WeightAfter = weight,
            RubricVersion = ++goal.RubricVersion,
            Undoes = undoes,
            At = at ?? time.GetUtcNow(),
        };
        (item.State, item.Text, item.Weight) = (state, text, weight);
        db.ReviewDecisions.Add(decision);
        return decision;
    }

    private async Task<ReviewDecision> RetryAsync(Func<CoScientistDb, Task<ReviewDecision>> prepare, CancellationToken cancellationToken) =>
        (await RetryAllAsync(async db => [await prepare(db)], cancellationToken))[0];

    /// <summary>
    /// Prepares and saves in a fresh context; starts over when another reviewer saved in between. Who waits for another writer of the file
    /// does so before reading, and then has read nothing stale.
    /// </summary>
    private async Task<IReadOnlyList<ReviewDecision>> RetryAllAsync(Func<CoScientistDb, Task<List<ReviewDecision>>> prepare, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            await using var db = await factory.CreateDbContextAsync(cancellationToken);
            await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
            var decisions = await prepare(db);
            try
            {
                await db.SaveChangesAsync(cancellationToken);
                foreach (var decision in decisions.FindAll(d => !string.Equals(d.TextBefore, d.TextAfter, StringComparison.Ordinal)))
                {
                    var goal = db.ChangeTracker.Entries<Goal>().Single().Entity.Id;
                    await ItemCheckStore.RecheckAsync(db, goal, decision.ItemId, decision.At, cancellationToken);
                }

                await transaction.CommitAsync(cancellationToken);
                return decisions;
            }
            catch (DbUpdateConcurrencyException) when (attempt < Attempts)
            {
                // The goal has a newer version: what was read is stale.
            }
            catch (DbUpdateConcurrencyException)
            {
                throw new ReviewRefusedException("Other reviewers are changing this rubric at the same moment. Nothing was saved; try again.");
            }
        }
    }
}
