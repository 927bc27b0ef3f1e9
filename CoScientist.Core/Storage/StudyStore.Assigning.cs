using CoScientist.Core.Studies;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Core.Storage;

/// <content>Which pair an expert gets, and what is left.</content>
public sealed partial class StudyStore
{
    /// <summary>All studies that the expert may see: open ones first, newest first. Drafts, and studies that the expert was not invited to, are not among them.</summary>
    public async Task<IReadOnlyList<ExpertStudy>> ForExpertAsync(string expertId, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        var rows = await ExpertStudiesAsync(db, expertId, db.Studies, cancellationToken);
        return [.. rows.OrderBy(s => s.State).ThenByDescending(s => s.Id.Value)];
    }

    /// <summary>One study as the expert sees it; null when there is none for this expert.</summary>
    public async Task<ExpertStudy?> ForExpertAsync(StudyId study, string expertId, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        return (await ExpertStudiesAsync(db, expertId, db.Studies.Where(s => s.Id == study), cancellationToken)).FirstOrDefault();
    }

    /// <summary>
    /// The next pair for the expert, blind, and kept for this expert for the study's reservation time; null when none is left or the study is
    /// not open. The side is drawn once, when the expert meets the pair, stored before it is shown, and never drawn again.
    /// </summary>
    public async Task<BlindPair?> NextAsync(StudyId study, string expertId, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrEmpty(expertId);
        using var turn = await TurnAsync(cancellationToken);
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        var found = await Visible(db, expertId).AsNoTracking().FirstOrDefaultAsync(s => s.Id == study && s.State == StudyState.Open, cancellationToken);
        if (found is null)
        {
            return null;
        }

        var queue = (await QueuesAsync(db, [found], cancellationToken))[study];
        if (queue.For(expertId).FirstOrDefault() is not { } next)
        {
            return null;
        }

        var assignment = await db.Assignments.FirstOrDefaultAsync(a => a.ComparisonId == next.Id && a.ExpertId == expertId, cancellationToken);
        if (assignment is null)
        {
            assignment = new Assignment { Id = TypedId.New<AssignmentId>(time), ComparisonId = next.Id, ExpertId = expertId, Arm1IsLeft = queue.DrawArm1IsLeft(next.Id, expertId), CreatedAt = time.GetUtcNow() };
            db.Assignments.Add(assignment);
        }

        assignment.ReservedUntil = time.GetUtcNow().AddMinutes(found.ReservationMinutes);
        await db.SaveChangesAsync(cancellationToken);
        var pair = await BlindAsync(db, found, next, assignment, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return pair;
    }

    private static async Task<BlindPair> BlindAsync(CoScientistDb db, Study study, QueuedPair pair, Assignment assignment, CancellationToken cancellationToken)
    {
        var texts = await (
            from c in db.Comparisons
            join g in db.Goals on c.GoalId equals g.Id
            join plan1 in db.Plans on c.Plan1Id equals plan1.Id
            join plan2 in db.Plans on c.Plan2Id equals plan2.Id
            where c.Id == pair.Id
            select new { Goal = g.Text, Plan1 = plan1.Text, Writer1 = plan1.Writer, Plan2 = plan2.Text, Writer2 = plan2.Writer }).FirstAsync(cancellationToken);
        var takenBack = await db.Preferences.Where(p => p.AssignmentId == assignment.Id && p.UndoneAt != null).OrderByDescending(p => p.UndoneAt).FirstOrDefaultAsync(cancellationToken);
        string[] names = [study.Arm1, study.Arm2, texts.Writer1, texts.Writer2];
        var (plan1Text, plan2Text) = (Blinding.Scrub(texts.Plan1, names), Blinding.Scrub(texts.Plan2, names));
        return new BlindPair
        {
            Assignment = assignment.Id,
            Number = pair.Order + 1,
            Goal = texts.Goal,
            PlanA = assignment.Arm1IsLeft ? plan1Text : plan2Text,
            PlanB = assignment.Arm1IsLeft ? plan2Text : plan1Text,
            TakenBack = takenBack?.Choice,
            TakenBackReason = takenBack?.Reason,
            IsPractice = pair.Kind == ComparisonKind.Practice,
        };
    }

    private static IQueryable<Study> Visible(CoScientistDb db, string expertId) =>
        db.Studies.Where(s => s.State != StudyState.Draft && (!s.InvitedOnly || db.StudyExperts.Any(e => e.StudyId == s.Id && e.ExpertId == expertId)));

    private async Task<Dictionary<StudyId, PairQueue>> QueuesAsync(CoScientistDb db, IReadOnlyList<Study> studies, CancellationToken cancellationToken)
    {
        var ids = studies.Select(s => s.Id).ToList();
        var pairs = (await db.Comparisons.Where(c => ids.Contains(c.StudyId)).Select(c => new { c.StudyId, c.Id, c.Order, c.Kind }).ToListAsync(cancellationToken)).ToLookup(c => c.StudyId);
        var assignments = (await (
            from a in db.Assignments
            join c in db.Comparisons on a.ComparisonId equals c.Id
            where ids.Contains(c.StudyId)
            select new
            {
                c.StudyId,
                a.ComparisonId,
                a.ExpertId,
                a.Arm1IsLeft,
                a.ReservedUntil,
                Skipped = a.SkippedAt != null,
                Answered = db.Preferences.Any(p => p.AssignmentId == a.Id && p.UndoneAt == null),
                Begun = db.AnswerEvents.Any(e => e.AssignmentId == a.Id),
            }).ToListAsync(cancellationToken)).ToLookup(a => a.StudyId);
        return studies.ToDictionary(s => s.Id, s => new PairQueue(
            pairs[s.Id].Select(c => new QueuedPair(c.Id, c.Order, c.Kind)),
            assignments[s.Id].Select(a => new QueuedAssignment(a.ComparisonId, a.ExpertId, a.Arm1IsLeft, a.ReservedUntil, a.Skipped, a.Answered, a.Begun)),
            s.Overlap,
            time.GetUtcNow()));
    }

    private async Task<List<ExpertStudy>> ExpertStudiesAsync(CoScientistDb db, string expertId, IQueryable<Study> among, CancellationToken cancellationToken)
    {
        var studies = await Visible(db, expertId).Where(s => among.Any(other => other.Id == s.Id)).AsNoTracking().ToListAsync(cancellationToken);
        var queues = await QueuesAsync(db, studies, cancellationToken);
        var answered = await CountingAnswers(db)
            .Where(a => a.ExpertId == expertId)
            .GroupBy(a => a.StudyId)
            .Select(g => new { g.Key, Count = g.Count(), Last = g.Max(a => a.At) })
            .ToDictionaryAsync(g => g.Key, cancellationToken);
        return [.. studies.Select(s =>
        {
            var (mine, queue) = (answered.GetValueOrDefault(s.Id), queues[s.Id]);
            return new ExpertStudy(s.Id, s.Name, s.Guidelines, s.State, s.IsSandbox, mine?.Count ?? 0, (mine?.Count ?? 0) + queue.For(expertId).Count(), mine?.Last)
            {
                Form = s.Form,
                MayComeFree = queue.MayComeFree(expertId),
            };
        })];
    }
}
