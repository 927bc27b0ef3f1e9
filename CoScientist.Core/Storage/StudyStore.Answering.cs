using CoScientist.Core.Studies;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Core.Storage;

/// <content>What experts do.</content>
public sealed partial class StudyStore
{
    /// <summary>Longest reason, in characters.</summary>
    public const int MaxReason = 4000;

    /// <summary>
    /// Stores an answer; when this returns, it is committed. The same answer sent twice (a double click, a retry after a lost
    /// connection) is stored once.
    /// </summary>
    /// <returns>The time that is stored with the answer (UTC).</returns>
    /// <exception cref="StudyException">The pair is not this expert's, was answered otherwise, lacks what the form asks, or its study takes no answers.</exception>
    public async Task<DateTimeOffset> AnswerAsync(AssignmentId assignment, string expertId, PreferenceChoice choice, string? reason, long activeMilliseconds, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrEmpty(expertId);
        var words = ReasonOf(reason);
        return await InHandAsync(assignment, expertId, (db, hand) => StoreAsync(db, hand, assignment, choice, words, new AnswerDetails(), items: 0, activeMilliseconds, cancellationToken), cancellationToken);
    }

    /// <summary>Stores an answer as <see cref="AnswerAsync"/> does, and gives the expert the next pair, in one transaction.</summary>
    /// <returns>The time that is stored with the answer (UTC), and what to show next.</returns>
    /// <exception cref="StudyException">As for <see cref="AnswerAsync"/>.</exception>
    public async Task<(DateTimeOffset At, ExpertTurn Next)> AnswerAndGoOnAsync(AssignmentId assignment, string expertId, PreferenceChoice choice, string? reason, long activeMilliseconds, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrEmpty(expertId);
        var words = ReasonOf(reason);
        return await InHandAsync(assignment, expertId, async (db, hand) => (await StoreAsync(db, hand, assignment, choice, words, new AnswerDetails(), items: 0, activeMilliseconds, cancellationToken), await GoOnAsync(db, hand, cancellationToken)), cancellationToken);
    }

    /// <summary>Submits what the expert has filled in (see <see cref="SaveFieldAsync"/>) as the answer; otherwise like <see cref="AnswerAsync"/>.</summary>
    /// <returns>The time that is stored with the answer (UTC).</returns>
    /// <exception cref="StudyException">Something that the form asks is missing, the pair is not this expert's, or its study takes no answers.</exception>
    public async Task<DateTimeOffset> SubmitAsync(AssignmentId assignment, string expertId, long activeMilliseconds, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrEmpty(expertId);
        return await InHandAsync(assignment, expertId, (db, hand) => StoreDraftAsync(db, hand, assignment, activeMilliseconds, cancellationToken), cancellationToken);
    }

    /// <summary>Submits as <see cref="SubmitAsync"/> does, and gives the expert the next pair, in one transaction.</summary>
    /// <returns>The time that is stored with the answer (UTC), and what to show next.</returns>
    /// <exception cref="StudyException">As for <see cref="SubmitAsync"/>.</exception>
    public async Task<(DateTimeOffset At, ExpertTurn Next)> SubmitAndGoOnAsync(AssignmentId assignment, string expertId, long activeMilliseconds, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrEmpty(expertId);
        return await InHandAsync(assignment, expertId, async (db, hand) => (await StoreDraftAsync(db, hand, assignment, activeMilliseconds, cancellationToken), await GoOnAsync(db, hand, cancellationToken)), cancellationToken);
    }

    /// <summary>Takes back the expert's last answer in the study, or the last pair passed over; it is next again. False when there is none.</summary>
    /// <exception cref="StudyException">The study is closed.</exception>
    public async Task<bool> UndoAsync(StudyId study, string expertId, CancellationToken cancellationToken)
    {
        using var turn = await TurnAsync(cancellationToken);
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        await db.Database.HoldStudyAsync(study, cancellationToken);
        if (await db.Studies.AnyAsync(s => s.Id == study && s.State != StudyState.Open && s.State != StudyState.Paused, cancellationToken))
        {
            throw new StudyException("This study has been closed: its answers can no longer be taken back.");
        }

        var mine = db.Assignments.Where(a => a.ExpertId == expertId && db.Comparisons.Any(c => c.Id == a.ComparisonId && c.StudyId == study));
        var last = await (
            from p in db.Preferences
            join a in mine on p.AssignmentId equals a.Id
            join c in db.Comparisons on a.ComparisonId equals c.Id
            where p.UndoneAt == null
            orderby p.At descending, c.Order descending
            select p).FirstOrDefaultAsync(cancellationToken);
        var skipped = await mine.Where(a => a.SkippedAt != null).OrderByDescending(a => a.SkippedAt).FirstOrDefaultAsync(cancellationToken);
        if (last is null && skipped is null)
        {
            return false;
        }

        var assignment = last is null || skipped?.SkippedAt > last.At ? skipped! : await mine.FirstAsync(a => a.Id == last.AssignmentId, cancellationToken);
        if (assignment == skipped)
        {
            assignment.SkippedAt = null;
        }
        else
        {
            last!.UndoneAt = time.GetUtcNow();
        }

        // The place is the expert's again, whoever else has come meanwhile.
        assignment.ReservedUntil = time.GetUtcNow().AddMinutes(await db.Studies.Where(s => s.Id == study).Select(s => s.ReservationMinutes).FirstAsync(cancellationToken));
        Add(db, assignment.Id, AnswerField.Undo, "");
        await db.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return true;
    }

    private async Task<DateTimeOffset> StoreDraftAsync(CoScientistDb db, Hand hand, AssignmentId assignment, long activeMilliseconds, CancellationToken cancellationToken)
    {
        var draft = await DraftAsync(db, assignment, cancellationToken);
        return draft.Choice is { } choice
            ? await StoreAsync(db, hand, assignment, choice, CleanText(draft.Reason), draft.Details, draft.Items.Count, activeMilliseconds, cancellationToken)
            : throw new StudyException("Say first which plan is better, that both are equally good, or that neither is acceptable.");
    }

    private async Task<DateTimeOffset> StoreAsync(CoScientistDb db, Hand hand, AssignmentId assignment, PreferenceChoice choice, string? reason, AnswerDetails details, int items, long activeMilliseconds, CancellationToken cancellationToken)
    {
        var mine = hand.Queue.Of(hand.Expert).First(a => a.Id == assignment);
        if (mine.Answered)
        {
            var stored = await db.Preferences.AsNoTracking().FirstAsync(p => p.AssignmentId == assignment && p.UndoneAt == null, cancellationToken);
            return stored.Choice == choice && stored.Reason == reason
                ? stored.At
                : throw new StudyException("You have answered this pair already, in another way. Take that answer back first (Z).");
        }

        RequireOpen(hand.Study.State);
        if (hand.Study.Form.Missing(choice, reason, details, items) is { Count: > 0 } missing)
        {
            throw new StudyException($"Still missing: {string.Join(", ", missing)}. What you have filled in is saved.");
        }

        var preference = new Preference
        {
            Id = TypedId.New<PreferenceId>(time),
            AssignmentId = assignment,
            Choice = choice,
            Reason = reason,
            DetailsJson = details.Write(),
            ActiveMilliseconds = Math.Max(0, activeMilliseconds),
            At = time.GetUtcNow(),
        };
        db.Preferences.Add(preference);
        await db.SaveChangesAsync(cancellationToken);
        hand.Put(mine with { AnsweredAt = preference.At });
        return preference.At;
    }

    private static async Task<Study> StudyOfAsync(CoScientistDb db, AssignmentId assignment, string expertId, CancellationToken cancellationToken) =>
        await s_studyOf.Of(db)(db, assignment, expertId, cancellationToken) ?? throw new StudyException("This pair was not given to you. Open the study again from Compare.");

    private static readonly CompiledQuery<Func<CoScientistDb, AssignmentId, string, CancellationToken, Task<Study?>>> s_studyOf = new(() => EF.CompileAsyncQuery((CoScientistDb db, AssignmentId assignment, string expertId, CancellationToken cancellationToken) => (
        from a in db.Assignments
        join c in db.Comparisons on a.ComparisonId equals c.Id
        join s in db.Studies on c.StudyId equals s.Id
        where a.Id == assignment && a.ExpertId == expertId
        select s).AsNoTracking().FirstOrDefault()));

    private static void RequireOpen(StudyState state)
    {
        if (state == StudyState.Paused)
        {
            throw new StudyException("This study is paused, so the answer was not stored. What you filled in is kept: submit it when the study goes on.");
        }

        if (state != StudyState.Open)
        {
            throw new StudyException("This study has been closed, so the answer was not stored. Your earlier answers are kept.");
        }
    }

    private static string? ReasonOf(string? reason)
    {
        var words = CleanText(reason);
        return words?.Length > MaxReason
            ? throw new StudyException($"The reason has {words.Length} characters; {MaxReason} is the most. Shorten it and submit again: nothing was stored.")
            : words;
    }

    // Line feeds and tabs are text, other control characters are accidents of pasting.
    private static string? CleanText(string? text)
    {
        text = text?.ReplaceLineEndings("\n");
        text = text is null ? null : string.Concat(text.Where(c => c is '\n' or '\t' || !char.IsControl(c))).Trim();
        return text is { Length: > 0 } ? text : null;
    }
}
