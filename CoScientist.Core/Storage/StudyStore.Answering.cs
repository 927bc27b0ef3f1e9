using System.Security.Cryptography;
using CoScientist.Core.Studies;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Core.Storage;

/// <content>What experts do.</content>
public sealed partial class StudyStore
{
    /// <summary>Longest reason, in characters.</summary>
    public const int MaxReason = 4000;

    /// <summary>All studies as the expert sees them: open ones first, newest first.</summary>
    public async Task<IReadOnlyList<ExpertStudy>> ForExpertAsync(string expertId, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        var rows = await ExpertStudiesAsync(db, expertId, db.Studies, cancellationToken);
        return [.. rows.OrderBy(s => s.State).ThenByDescending(s => s.Id.Value)];
    }

    /// <summary>One study as the expert sees it; null when there is none.</summary>
    public async Task<ExpertStudy?> ForExpertAsync(StudyId study, string expertId, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        return (await ExpertStudiesAsync(db, expertId, db.Studies.Where(s => s.Id == study), cancellationToken)).FirstOrDefault();
    }

    /// <summary>
    /// The first pair that the expert has not answered, blind; null when none is left or the study is closed. The side is drawn
    /// by a cryptographic coin the first time the expert meets the pair, stored before it is shown, and never drawn again.
    /// </summary>
    public async Task<BlindPair?> NextAsync(StudyId study, string expertId, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrEmpty(expertId);
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        var found = await (
            from c in db.Comparisons
            join s in db.Studies on c.StudyId equals s.Id
            join g in db.Goals on c.GoalId equals g.Id
            join plan1 in db.Plans on c.Plan1Id equals plan1.Id
            join plan2 in db.Plans on c.Plan2Id equals plan2.Id
            where c.StudyId == study && s.State == StudyState.Open
                && !db.Assignments.Any(a => a.ComparisonId == c.Id && a.ExpertId == expertId && db.Preferences.Any(p => p.AssignmentId == a.Id && p.UndoneAt == null))
            orderby c.Order
            select new
            {
                Comparison = c,
                Arms = new[] { s.Arm1, s.Arm2 },
                Writers = new[] { plan1.Writer, plan2.Writer },
                Goal = g.Text,
                Plan1 = plan1.Text,
                Plan2 = plan2.Text,
            }).FirstOrDefaultAsync(cancellationToken);
        if (found is null)
        {
            return null;
        }

        var assignment = await AssignAsync(db, found.Comparison.Id, expertId, cancellationToken);
        var takenBack = await db.Preferences.Where(p => p.AssignmentId == assignment.Id).OrderByDescending(p => p.UndoneAt).FirstOrDefaultAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        string[] names = [.. found.Arms, .. found.Writers];
        var (plan1Text, plan2Text) = (Blinding.Scrub(found.Plan1, names), Blinding.Scrub(found.Plan2, names));
        return new BlindPair
        {
            Assignment = assignment.Id,
            Number = found.Comparison.Order + 1,
            Goal = found.Goal,
            PlanA = assignment.Arm1IsLeft ? plan1Text : plan2Text,
            PlanB = assignment.Arm1IsLeft ? plan2Text : plan1Text,
            TakenBack = takenBack?.Choice,
            TakenBackReason = takenBack?.Reason,
        };
    }

    /// <summary>
    /// Stores an answer; when this returns, it is committed. The same answer sent twice (a double click, a retry after a lost
    /// connection) is stored once.
    /// </summary>
    /// <returns>The time that is stored with the answer (UTC).</returns>
    /// <exception cref="StudyException">The pair is not this expert's, was answered otherwise, or its study is closed.</exception>
    public async Task<DateTimeOffset> AnswerAsync(AssignmentId assignment, string expertId, PreferenceChoice choice, string? reason, long activeMilliseconds, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrEmpty(expertId);
        reason = string.IsNullOrWhiteSpace(reason) ? null : reason.Trim();
        if (reason?.Length > MaxReason)
        {
            throw new StudyException($"The reason has {reason.Length} characters; {MaxReason} is the most. Shorten it and submit again: nothing was stored.");
        }

        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        var state = await (
            from a in db.Assignments
            join c in db.Comparisons on a.ComparisonId equals c.Id
            join s in db.Studies on c.StudyId equals s.Id
            where a.Id == assignment && a.ExpertId == expertId
            select (StudyState?)s.State).FirstOrDefaultAsync(cancellationToken)
            ?? throw new StudyException("This pair was not given to you. Open the study again from Compare.");
        var stored = await db.Preferences.FirstOrDefaultAsync(p => p.AssignmentId == assignment && p.UndoneAt == null, cancellationToken);
        if (stored is not null)
        {
            return stored.Choice == choice && stored.Reason == reason
                ? stored.At
                : throw new StudyException("You have answered this pair already, in another way. Take that answer back first (Z).");
        }

        if (state != StudyState.Open)
        {
            throw new StudyException("This study has been closed, so the answer was not stored. Your earlier answers are kept.");
        }

        var preference = new Preference
        {
            Id = TypedId.New<PreferenceId>(time),
            AssignmentId = assignment,
            Choice = choice,
            Reason = reason,
            ActiveMilliseconds = Math.Max(0, activeMilliseconds),
            At = time.GetUtcNow(),
        };
        db.Preferences.Add(preference);
        await db.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return preference.At;
    }

    /// <summary>Takes back the expert's last answer in the study; the pair is next again. False when there is none.</summary>
    /// <exception cref="StudyException">The study is closed.</exception>
    public async Task<bool> UndoAsync(StudyId study, string expertId, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        if (await db.Studies.AnyAsync(s => s.Id == study && s.State != StudyState.Open, cancellationToken))
        {
            throw new StudyException("This study has been closed: its answers can no longer be taken back.");
        }

        var last = await (
            from p in db.Preferences
            join a in db.Assignments on p.AssignmentId equals a.Id
            join c in db.Comparisons on a.ComparisonId equals c.Id
            where c.StudyId == study && a.ExpertId == expertId && p.UndoneAt == null
            orderby p.At descending, c.Order descending
            select p).FirstOrDefaultAsync(cancellationToken);
        if (last is null)
        {
            return false;
        }

        last.UndoneAt = time.GetUtcNow();
        await db.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return true;
    }

    private async Task<Assignment> AssignAsync(CoScientistDb db, ComparisonId comparison, string expertId, CancellationToken cancellationToken)
    {
        var assignment = await db.Assignments.FirstOrDefaultAsync(a => a.ComparisonId == comparison && a.ExpertId == expertId, cancellationToken);
        if (assignment is null)
        {
            assignment = new Assignment
            {
                Id = TypedId.New<AssignmentId>(time),
                ComparisonId = comparison,
                ExpertId = expertId,
                Arm1IsLeft = RandomNumberGenerator.GetInt32(2) == 0,
                CreatedAt = time.GetUtcNow(),
            };
            db.Assignments.Add(assignment);
            await db.SaveChangesAsync(cancellationToken);
        }

        return assignment;
    }

    private static async Task<List<ExpertStudy>> ExpertStudiesAsync(CoScientistDb db, string expertId, IQueryable<Study> studies, CancellationToken cancellationToken)
    {
        var rows = await studies.Select(s => new { s.Id, s.Name, s.Guidelines, s.State, s.IsSandbox, Total = s.Comparisons.Count }).ToListAsync(cancellationToken);
        var answered = await CountingAnswers(db)
            .Where(a => a.ExpertId == expertId)
            .GroupBy(a => a.StudyId)
            .Select(g => new { g.Key, Count = g.Count(), Last = g.Max(a => a.At) })
            .ToDictionaryAsync(g => g.Key, cancellationToken);
        return [.. rows.Select(s => new ExpertStudy(s.Id, s.Name, s.Guidelines, s.State, s.IsSandbox, answered.GetValueOrDefault(s.Id)?.Count ?? 0, s.Total, answered.GetValueOrDefault(s.Id)?.Last))];
    }
}
