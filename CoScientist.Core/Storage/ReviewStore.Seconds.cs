using CoScientist.Core.Goals;
using CoScientist.Core.Studies;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Core.Storage;

/// <summary>Which reviewers an item waits for.</summary>
public enum ReviewStage
{
    /// <summary>The first decision.</summary>
    First,

    /// <summary>A second reviewer, who does not see the first one's decision.</summary>
    Second,

    /// <summary>A third, who sees both and settles it.</summary>
    Adjudication,
}

/// <summary>What was said of an item before.</summary>
/// <param name="Who">First, second or settling reviewer.</param>
/// <param name="Action">What was decided.</param>
/// <param name="Reason">Why, for rejections.</param>
/// <param name="Text">The wording meant.</param>
public sealed record ReviewVoice(string Who, ReviewAction Action, RejectionReason? Reason, string Text);

/// <content>
/// Second opinions, where a study asks for them (<see cref="StudyForm.SecondReview"/>). The first decision counts from the start; a second reviewer says
/// blind what they would decide; where the two differ, a third settles it, and what the third says becomes the decision.
/// </content>
public sealed partial class ReviewStore
{
    /// <summary>Items that wait for a second opinion, or for one who settles, that this reviewer may give: nobody is asked about an own decision or opinion.</summary>
    /// <param name="reviewerId">The account.</param>
    /// <param name="stage">Second or adjudication.</param>
    /// <param name="sandbox">The sandbox's items, or real ones.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <returns>The items, goal by goal; for a second opinion as they were proposed, so that nothing tells what the first reviewer made of them.</returns>
    public async Task<IReadOnlyList<ReviewQueueItem>> WaitingAsync(string reviewerId, ReviewStage stage, bool sandbox, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(reviewerId);
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        var asking = (await db.Studies.AsNoTracking().Where(s => s.IsSandbox == sandbox).ToListAsync(cancellationToken)).FindAll(s => s.Form.SecondReview).ConvertAll(s => s.Id);
        var rows = await (
            from item in db.RubricItems.AsNoTracking()
            join goal in db.Goals on item.GoalId equals goal.Id
            where item.State != RubricItemState.Proposed
                && db.Comparisons.Any(c => c.GoalId == goal.Id && asking.Contains(c.StudyId))
                && !db.ReviewDecisions.Any(d => d.ItemId == item.Id && d.ReviewerId == reviewerId && d.Action != ReviewAction.Weigh && d.Action != ReviewAction.Flag && d.Action != ReviewAction.Undo && !db.ReviewDecisions.Any(undo => undo.Undoes == d.Id))
                && !db.ReviewOpinions.Any(o => o.ItemId == item.Id && o.ReviewerId == reviewerId && o.UndoneAt == null)
                && (stage == ReviewStage.Second
                    ? !db.ReviewOpinions.Any(o => o.ItemId == item.Id && o.UndoneAt == null)
                    : db.ReviewOpinions.Any(o => o.ItemId == item.Id && o.UndoneAt == null && !o.Agrees && !o.IsAdjudication) && !db.ReviewOpinions.Any(o => o.ItemId == item.Id && o.UndoneAt == null && o.IsAdjudication))
            orderby item.GoalId, item.Order
            select new ReviewQueueItem(item, goal.Domain, goal.Text, goal.PaperId, goal.RubricVersion)).ToListAsync(cancellationToken);
        return stage == ReviewStage.Second ? rows.ConvertAll(row => row with { Item = AsProposed(row.Item) }) : rows;
    }

    /// <summary>What the first and the second reviewer said, for who settles it.</summary>
    public async Task<IReadOnlyList<ReviewVoice>> VoicesAsync(RubricItemId itemId, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        return await VoicesAsync(db, itemId, cancellationToken);
    }

    /// <summary>Gives a second opinion, or settles a disagreement; what settles it also becomes the decision.</summary>
    /// <returns>What had been said before, so that it can be shown now that the own word is in.</returns>
    /// <exception cref="ReviewRefusedException">The item does not wait for this reviewer, or the opinion lacks its reason or wording.</exception>
    public async Task<IReadOnlyList<ReviewVoice>> OpineAsync(RubricItemId itemId, string reviewerId, ReviewStage stage, ReviewAction action, RejectionReason? reason = null, string? note = null, string? newText = null, CancellationToken cancellationToken = default)
    {
        note = string.IsNullOrWhiteSpace(note) ? null : note.Trim();
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        await using var transaction = await db.Database.BeginAloneAsync($"item {itemId.Value}", cancellationToken);
        var (item, goal) = await FindAsync(db, itemId, cancellationToken);
        if (!(await WaitingAsync(reviewerId, stage, goal.IsSandbox, cancellationToken)).Any(row => row.Item.Id == itemId))
        {
            throw new ReviewRefusedException("This item no longer waits for your word: somebody else has given theirs, or the first decision was taken back.");
        }

        // As if the item were still as proposed: the rules of a first decision hold for a second one.
        var (state, text) = ReviewRules.Outcome(AsProposed(item), action, reason, note, newText);
        var voices = await VoicesAsync(db, itemId, cancellationToken);
        var agrees = state == item.State && (state == RubricItemState.Rejected || text == item.Text);
        db.ReviewOpinions.Add(new ReviewOpinion
        {
            Id = TypedId.New<ReviewOpinionId>(time),
            ItemId = itemId,
            ReviewerId = reviewerId,
            Action = action,
            Reason = action == ReviewAction.Reject ? reason : null,
            Note = note,
            Text = text,
            Agrees = agrees,
            IsAdjudication = stage == ReviewStage.Adjudication,
            RubricVersion = goal.RubricVersion,
            At = time.GetUtcNow(),
        });
        if (stage == ReviewStage.Adjudication && !agrees)
        {
            Record(db, goal, item, state, text, item.Weight, reviewerId, action, action == ReviewAction.Reject ? reason : null, note ?? "settles a disagreement", undoes: null);
        }

        await db.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return voices;
    }

    /// <summary>Takes back the reviewer's last opinion, and the decision that it made where it settled a disagreement; the item waits for it again.</summary>
    /// <returns>The item.</returns>
    /// <exception cref="ReviewRefusedException">There is none, or somebody has had a say on the item since.</exception>
    public async Task<RubricItemId> UndoOpinionAsync(string reviewerId, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(reviewerId);
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        await using var transaction = await db.Database.BeginAloneAsync($"opinions of {reviewerId}", cancellationToken);
        var mine = await db.ReviewOpinions.Where(o => o.ReviewerId == reviewerId && o.UndoneAt == null).OrderByDescending(o => o.At).FirstOrDefaultAsync(cancellationToken)
            ?? throw new ReviewRefusedException("There is no opinion of yours to take back.");
        await db.Database.WaitForTurnAsync($"item {mine.ItemId.Value}", cancellationToken);
        if (await db.ReviewOpinions.AnyAsync(o => o.ItemId == mine.ItemId && o.UndoneAt == null && o.At > mine.At, cancellationToken))
        {
            throw new ReviewRefusedException("Somebody has settled this item after you, so your opinion stays.");
        }

        var (item, goal) = await FindAsync(db, mine.ItemId, cancellationToken);
        if (mine is { IsAdjudication: true, Agrees: false })
        {
            var newest = await db.ReviewDecisions.AsNoTracking()
                .Where(d => d.ItemId == mine.ItemId && d.Action != ReviewAction.Undo && !db.ReviewDecisions.Any(undo => undo.Undoes == d.Id))
                .OrderByDescending(d => d.RubricVersion).FirstOrDefaultAsync(cancellationToken);
            if (newest?.ReviewerId != reviewerId)
            {
                throw new ReviewRefusedException("Somebody has decided on this item after you, so your opinion stays.");
            }

            Record(db, goal, item, newest.StateBefore, newest.TextBefore, newest.WeightBefore, reviewerId, ReviewAction.Undo, reason: null, note: null, newest.Id);
        }

        mine.UndoneAt = time.GetUtcNow();
        await db.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return item.Id;
    }

    private static async Task<List<ReviewVoice>> VoicesAsync(CoScientistDb db, RubricItemId itemId, CancellationToken cancellationToken)
    {
        var first = await db.ReviewDecisions.AsNoTracking()
            .Where(d => d.ItemId == itemId && d.Action != ReviewAction.Weigh && d.Action != ReviewAction.Flag && d.Action != ReviewAction.Undo && !db.ReviewDecisions.Any(undo => undo.Undoes == d.Id))
            .OrderByDescending(d => d.RubricVersion).Take(1).ToListAsync(cancellationToken);
        var others = await db.ReviewOpinions.AsNoTracking().Where(o => o.ItemId == itemId && o.UndoneAt == null).OrderBy(o => o.At).ToListAsync(cancellationToken);
        return [.. first.Select(d => new ReviewVoice("first reviewer", d.Action, d.Reason, d.TextAfter)), .. others.Select(o => new ReviewVoice(o.IsAdjudication ? "settled" : "second reviewer", o.Action, o.Reason, o.Text))];
    }

    private static RubricItem AsProposed(RubricItem item) => new()
    {
        Id = item.Id,
        GoalId = item.GoalId,
        Order = item.Order,
        Text = item.ProposedText,
        ProposedText = item.ProposedText,
        SourceSection = item.SourceSection,
        SourceStart = item.SourceStart,
        SourceLength = item.SourceLength,
        IsDraft = item.IsDraft,
    };
}
