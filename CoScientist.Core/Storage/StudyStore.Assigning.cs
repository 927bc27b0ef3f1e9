using CoScientist.Core.Goals;
using CoScientist.Core.Studies;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Core.Storage;

/// <content>Which pair an expert gets, and what is left.</content>
public sealed partial class StudyStore
{
    /// <summary>All studies that the expert may see: open ones first, newest first. Drafts, and studies that the expert was not invited to, are not among them.</summary>
    public async Task<IReadOnlyList<ExpertStudy>> ForExpertAsync(string expertId, CancellationToken cancellationToken)
    {
        using var turn = await TurnAsync(cancellationToken);
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        var studies = await Visible(db, expertId).AsNoTracking().ToListAsync(cancellationToken);
        var queues = await QueuesAsync(db, studies, cancellationToken);
        var reminded = await RemindedAsync(db, cancellationToken);
        return [.. studies.Select(s => Progress(s, queues[s.Id], expertId) with { RemindedAt = reminded.TryGetValue(s.Id, out var at) ? at : null }).OrderBy(s => s.State).ThenByDescending(s => s.Id.Value)];
    }

    /// <summary>One study as the expert sees it; null when there is none for this expert.</summary>
    public async Task<ExpertStudy?> ForExpertAsync(StudyId study, string expertId, CancellationToken cancellationToken)
    {
        using var turn = await TurnAsync(cancellationToken);
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        return await Visible(db, expertId).AsNoTracking().FirstOrDefaultAsync(s => s.Id == study, cancellationToken) is { } found
            ? Progress(found, (await QueuesAsync(db, [found], cancellationToken))[study], expertId)
            : null;
    }

    /// <summary>
    /// The next pair for the expert, blind, and kept for this expert for the study's reservation time; null when none is left or the study is
    /// not open. The side is drawn once, when the expert meets the pair, stored before it is shown, and never drawn again.
    /// </summary>
    public async Task<BlindPair?> NextAsync(StudyId study, string expertId, CancellationToken cancellationToken) => (await ShowAsync(study, expertId, cancellationToken)).Pair;

    /// <summary>All that the page of a pair shows: the study, the next pair (see <see cref="NextAsync"/>), and what of an answer to it is stored.</summary>
    public async Task<ExpertTurn> ShowAsync(StudyId study, string expertId, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrEmpty(expertId);
        using var turn = await TurnAsync(cancellationToken);
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        await db.Database.HoldStudyAsync(study, cancellationToken);
        if (await Visible(db, expertId).AsNoTracking().FirstOrDefaultAsync(s => s.Id == study, cancellationToken) is not { } found)
        {
            return new ExpertTurn(null, null, null);
        }

        var hand = new Hand(found, (await QueuesAsync(db, [found], cancellationToken))[study], expertId);
        return await CommitAsync(db, transaction, hand, () => GoOnAsync(db, hand, cancellationToken), cancellationToken);
    }

    private async Task<ExpertTurn> GoOnAsync(CoScientistDb db, Hand hand, CancellationToken cancellationToken)
    {
        var (study, now) = (hand.Study, time.GetUtcNow());
        if (study.State != StudyState.Open || hand.Queue.For(hand.Expert, now).FirstOrDefault() is not { } next)
        {
            return new ExpertTurn(Progress(study, hand.Queue, hand.Expert), null, null);
        }

        var until = now.AddMinutes(study.ReservationMinutes);
        var before = hand.Queue.Mine(next.Id, hand.Expert);
        var mine = before is null
            ? new QueuedAssignment(TypedId.New<AssignmentId>(time), next.Id, hand.Expert, hand.Queue.DrawArm1IsLeft(next.Id, hand.Expert), until, Skipped: false, AnsweredAt: null, Begun: false)
            : before with { ReservedUntil = until };
        if (before is null)
        {
            db.Assignments.Add(new Assignment { Id = mine.Id, ComparisonId = next.Id, ExpertId = hand.Expert, Arm1IsLeft = mine.Arm1IsLeft, CreatedAt = now, ReservedUntil = until });
            await db.SaveChangesAsync(cancellationToken);
        }
        else
        {
            await db.Assignments.Where(a => a.Id == mine.Id).ExecuteUpdateAsync(set => set.SetProperty(a => a.ReservedUntil, until), cancellationToken);
        }

        hand.Put(mine);
        var texts = await s_texts.Of(db)(db, next.Id, cancellationToken);
        var takenBack = before is null ? null : await db.Preferences.AsNoTracking().Where(p => p.AssignmentId == mine.Id && p.UndoneAt != null).OrderByDescending(p => p.UndoneAt).FirstOrDefaultAsync(cancellationToken);
        var draft = mine.Begun ? AnswerDraft.Of(await db.AnswerEvents.AsNoTracking().Where(e => e.AssignmentId == mine.Id).ToListAsync(cancellationToken)) : AnswerDraft.Of([]);
        return new ExpertTurn(
            Progress(study, hand.Queue, hand.Expert),
            Blind(study, next, mine, texts, takenBack),
            await WithItemsAsync(db, draft, study.Form, texts.GoalId, texts.RubricVersion, cancellationToken));
    }

    private static BlindPair Blind(Study study, QueuedPair pair, QueuedAssignment assignment, PairTexts texts, Preference? takenBack)
    {
        string[] names = [study.Arm1, study.Arm2, texts.Writer1, texts.Writer2];
        var (plan1, plan2) = (Blinding.Scrub(texts.Plan1, names), Blinding.Scrub(texts.Plan2, names));
        return new BlindPair
        {
            Assignment = assignment.Id,
            Number = pair.Order + 1,
            Goal = texts.Goal,
            PlanA = assignment.Arm1IsLeft ? plan1 : plan2,
            PlanB = assignment.Arm1IsLeft ? plan2 : plan1,
            TakenBack = takenBack?.Choice,
            TakenBackReason = takenBack?.Reason,
            IsPractice = pair.Kind == ComparisonKind.Practice,
        };
    }

    private static IQueryable<Study> Visible(CoScientistDb db, string expertId) =>
        db.Studies.Where(s => s.State != StudyState.Draft && (!s.InvitedOnly || db.StudyExperts.Any(e => e.StudyId == s.Id && e.ExpertId == expertId)));

    private ExpertStudy Progress(Study study, PairQueue queue, string expertId)
    {
        var now = time.GetUtcNow();
        var answers = queue.Of(expertId).Where(a => a.Answered).Select(a => a.AnsweredAt).ToList();
        return new ExpertStudy(study.Id, study.Name, study.Guidelines, study.State, study.IsSandbox, answers.Count, answers.Count + queue.For(expertId, now).Count(), answers.Max())
        {
            Form = study.Form,
            MayComeFree = queue.MayComeFree(expertId, now),
        };
    }

    private static readonly CompiledQuery<Func<CoScientistDb, ComparisonId, CancellationToken, Task<PairTexts>>> s_texts = new(() => EF.CompileAsyncQuery((CoScientistDb db, ComparisonId pair, CancellationToken cancellationToken) => (
        from c in db.Comparisons
        join g in db.Goals on c.GoalId equals g.Id
        join plan1 in db.Plans on c.Plan1Id equals plan1.Id
        join plan2 in db.Plans on c.Plan2Id equals plan2.Id
        where c.Id == pair
        select new PairTexts { GoalId = g.Id, Goal = g.Text, RubricVersion = g.RubricVersion, Plan1 = plan1.Text, Writer1 = plan1.Writer, Plan2 = plan2.Text, Writer2 = plan2.Writer }).First()));

    private sealed class PairTexts
    {
        public required GoalId GoalId { get; init; }

        public required string Goal { get; init; }

        public required int RubricVersion { get; init; }

        public required string Plan1 { get; init; }

        public required string Writer1 { get; init; }

        public required string Plan2 { get; init; }

        public required string Writer2 { get; init; }
    }
}
