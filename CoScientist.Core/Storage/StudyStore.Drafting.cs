using CoScientist.Core.Goals;
using CoScientist.Core.Studies;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Core.Storage;

/// <content>What experts fill in before they submit.</content>
public sealed partial class StudyStore
{
    /// <summary>What the expert has filled in for a pair, with the rubric items that the form asks about.</summary>
    /// <exception cref="StudyException">The pair is not this expert's.</exception>
    public async Task<AnswerDraft> DraftAsync(AssignmentId assignment, string expertId, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        await StudyOfAsync(db, assignment, expertId, cancellationToken);
        return await DraftAsync(db, assignment, cancellationToken);
    }

    /// <summary>Stores one field of an answer as it is now; when this returns, it is committed. The earlier value stays beside it.</summary>
    /// <param name="assignment">The pair.</param>
    /// <param name="expertId">The expert.</param>
    /// <param name="field">See <see cref="AnswerField"/>.</param>
    /// <param name="value">The value; null empties the field.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <returns>The time that is stored with it (UTC).</returns>
    /// <exception cref="StudyException">The pair is not this expert's or was answered, the form has no such field or value, or the study takes no answers.</exception>
    public async Task<DateTimeOffset> SaveFieldAsync(AssignmentId assignment, string expertId, string field, string? value, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrEmpty(expertId);
        value = field is AnswerField.Reason or AnswerField.Flag ? CleanText(value) : value;
        if (value?.Length > MaxReason)
        {
            throw new StudyException($"The text has {value.Length} characters; {MaxReason} is the most. Shorten it: the last text that was saved is kept.");
        }

        return await InHandAsync(assignment, expertId, async (db, hand) =>
        {
            var study = hand.Study;
            if (!AnswerField.Takes(study.Form, field, value, MaxReason))
            {
                throw new StudyException("This study does not ask that. Reload the page: its form may have changed.");
            }

            // What was begun may be finished while the study rests.
            if (study.State != StudyState.Paused)
            {
                RequireOpen(study.State);
            }

            var mine = hand.Queue.Of(expertId).First(a => a.Id == assignment);
            if (mine.Answered)
            {
                throw new StudyException("You have answered this pair already. Take that answer back first (Z).");
            }

            if (AnswerField.IsItem(field) && (await DraftAsync(db, assignment, cancellationToken)).Choice is null)
            {
                throw new StudyException("The rubric items come after the overall preference, so that they do not sway it. Give the preference first.");
            }

            var at = Add(db, assignment, field, value);
            var until = at.AddMinutes(study.ReservationMinutes);
            await db.SaveChangesAsync(cancellationToken);
            await db.Assignments.Where(a => a.Id == assignment).ExecuteUpdateAsync(set => set.SetProperty(a => a.ReservedUntil, until), cancellationToken);
            hand.Put(mine with { ReservedUntil = until, Begun = true });
            return at;
        }, cancellationToken);
    }

    /// <summary>Passes a pair over; it does not come again unless that is taken back. Its place goes to another expert.</summary>
    /// <returns>The time that is stored with it (UTC).</returns>
    /// <exception cref="StudyException">There is no reason, the pair is not this expert's or was answered, or the study takes no answers.</exception>
    public async Task<DateTimeOffset> SkipAsync(AssignmentId assignment, string expertId, string? reason, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrEmpty(expertId);
        if (CleanText(reason) is not { Length: <= MaxReason } why)
        {
            throw new StudyException("To skip a pair, say in a few words why: outside your field, a conflict of interest, not readable.");
        }

        using var turn = await TurnAsync(cancellationToken);
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        await db.Database.HoldStudyAsync(assignment, cancellationToken);
        RequireOpen((await StudyOfAsync(db, assignment, expertId, cancellationToken)).State);
        if (await db.Preferences.AnyAsync(p => p.AssignmentId == assignment && p.UndoneAt == null, cancellationToken))
        {
            throw new StudyException("You have answered this pair already. Take that answer back first (Z).");
        }

        var found = await db.Assignments.FirstAsync(a => a.Id == assignment, cancellationToken);
        var at = Add(db, assignment, AnswerField.Skip, why);
        found.SkippedAt = at;
        await db.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return at;
    }

    private async Task<AnswerDraft> DraftAsync(CoScientistDb db, AssignmentId assignment, CancellationToken cancellationToken)
    {
        var draft = AnswerDraft.Of(await db.AnswerEvents.AsNoTracking().Where(e => e.AssignmentId == assignment).ToListAsync(cancellationToken));
        var rubric = await (
            from a in db.Assignments
            join c in db.Comparisons on a.ComparisonId equals c.Id
            join s in db.Studies on c.StudyId equals s.Id
            join g in db.Goals on c.GoalId equals g.Id
            where a.Id == assignment
            select new { s.FormJson, g.Id, g.RubricVersion }).FirstAsync(cancellationToken);
        return await WithItemsAsync(db, draft, StudyForm.Read(rubric.FormJson), rubric.Id, rubric.RubricVersion, cancellationToken);
    }

    private static async Task<AnswerDraft> WithItemsAsync(CoScientistDb db, AnswerDraft draft, StudyForm form, GoalId goal, int rubricVersion, CancellationToken cancellationToken)
    {
        if (!form.Items)
        {
            return draft;
        }

        var items = await db.RubricItems.AsNoTracking().Where(i => i.GoalId == goal && i.State != RubricItemState.Rejected).OrderBy(i => i.Order).Select(i => new { i.Id, i.Text }).ToListAsync(cancellationToken);
        return draft with { Items = [.. items.Select(i => new FormItem(i.Id.ToString(), i.Text))], RubricVersion = rubricVersion };
    }

    private DateTimeOffset Add(CoScientistDb db, AssignmentId assignment, string field, string? value)
    {
        var change = new AnswerEvent { Id = TypedId.New<AnswerEventId>(time), AssignmentId = assignment, Field = field, Value = value, At = time.GetUtcNow() };
        db.AnswerEvents.Add(change);
        return change.At;
    }
}
