using CoScientist.Core.Grading;
using CoScientist.Core.Plans;
using CoScientist.Core.Studies;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Core.Storage;

/// <content>What researchers see.</content>
public sealed partial class StudyStore
{
    /// <summary>All studies, newest first.</summary>
    public async Task<IReadOnlyList<StudySummary>> ListAsync(CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        return await SummariesAsync(db, db.Studies, cancellationToken);
    }

    /// <summary>One study; null when there is none.</summary>
    public async Task<StudySummary?> FindAsync(StudyId id, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        return (await SummariesAsync(db, db.Studies.Where(s => s.Id == id), cancellationToken)).FirstOrDefault();
    }

    /// <summary>A study by its id or its name; null when there is none.</summary>
    public async Task<StudySummary?> FindAsync(string nameOrId, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        var studies = TypedId.TryParse<StudyId>(nameOrId, out var id) ? db.Studies.Where(s => s.Id == id) : db.Studies.Where(s => s.Name == nameOrId);
        return (await SummariesAsync(db, studies, cancellationToken)).FirstOrDefault();
    }

    /// <summary>Results so far: experts, and on the same pairs the graders.</summary>
    public async Task<StudyResults> ResultsAsync(StudyId study, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        // One transaction: answers that arrive meanwhile are in all of the numbers or in none.
        await using var transaction = await db.Database.BeginSnapshotAsync(cancellationToken);
        var pairs = await db.Comparisons.Where(c => c.StudyId == study && c.Kind == ComparisonKind.Counts)
            .Join(db.Goals, c => c.GoalId, g => g.Id, (c, g) => new StudyPair(c.Id, g.Id, g.Text, c.Order))
            .ToListAsync(cancellationToken);
        var all = await AnswersAsync(db, study, cancellationToken);
        var counting = pairs.Select(p => p.Id).ToHashSet();
        var answers = all.FindAll(a => counting.Contains(a.ComparisonId));
        var graded = (await GradedAsync(db, study, cancellationToken)).FindAll(g => counting.Contains(g.ComparisonId));
        return StudyAnalysis.Compute(pairs, answers, graded, evidence: await EvidenceAsync(db, study, all, counting, cancellationToken));
    }

    /// <summary>Both plans of a pair, arm 1's first, as stored: for researchers only.</summary>
    public async Task<(string Plan1, string Plan2)> PlansAsync(ComparisonId comparison, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        var texts = await (
            from c in db.Comparisons
            join plan1 in db.Plans on c.Plan1Id equals plan1.Id
            join plan2 in db.Plans on c.Plan2Id equals plan2.Id
            where c.Id == comparison
            select new { Plan1 = plan1.Text, Plan2 = plan2.Text }).FirstAsync(cancellationToken);
        return (texts.Plan1, texts.Plan2);
    }

    private static async Task<List<StudyAnswer>> AnswersAsync(CoScientistDb db, StudyId study, CancellationToken cancellationToken)
    {
        var rows = await (
            from p in db.Preferences
            join a in db.Assignments on p.AssignmentId equals a.Id
            join c in db.Comparisons on a.ComparisonId equals c.Id
            join u in db.Users on a.ExpertId equals u.Id into users
            from u in users.DefaultIfEmpty()
            where c.StudyId == study && p.UndoneAt == null
            select new { p, a.ComparisonId, a.ExpertId, a.Arm1IsLeft, Display = u == null ? null : u.DisplayName, User = u == null ? null : u.UserName })
            .ToListAsync(cancellationToken);
        // Two people may share a display name; then the account's own name tells them apart.
        var names = rows.DistinctBy(r => r.ExpertId).ToLookup(r => string.IsNullOrWhiteSpace(r.Display) ? r.User ?? r.ExpertId : r.Display)
            .SelectMany(same => same.Select(r => (r.ExpertId, Name: same.Count() == 1 ? same.Key : $"{same.Key} ({r.User ?? r.ExpertId})")))
            .ToDictionary(n => n.ExpertId, n => n.Name);
        return [.. rows.Select(r => new StudyAnswer(r.ComparisonId, names[r.ExpertId], r.p.Choice, r.Arm1IsLeft, r.p.Reason, r.p.ActiveMilliseconds, r.p.At) { Details = r.p.Details })];
    }

    // The newest grading of each plan by each grader; a pair counts where both were read and used the same version of the rubric.
    private static async Task<List<GradedPair>> GradedAsync(CoScientistDb db, StudyId study, CancellationToken cancellationToken)
    {
        var comparisons = await db.Comparisons.Where(c => c.StudyId == study).Select(c => new { c.Id, c.Plan1Id, c.Plan2Id }).ToListAsync(cancellationToken);
        var rows = await (
            from g in db.Gradings
            where g.Score != null && db.Comparisons.Any(c => c.StudyId == study && (c.Plan1Id == g.PlanId || c.Plan2Id == g.PlanId))
            select new { g.PlanId, g.Role, g.Grader, g.RubricVersion, Score = g.Score!.Value, g.At }).ToListAsync(cancellationToken);
        var newest = rows.GroupBy(g => (g.PlanId, g.Role, g.Grader, g.RubricVersion)).ToDictionary(g => g.Key, g => g.MaxBy(x => x.At)!.Score);
        var graders = rows.Select(g => (g.Role, g.Grader, g.RubricVersion)).Distinct().OrderByDescending(g => g.RubricVersion).ToList();
        var pairs = from c in comparisons
                    from g in graders
                    where newest.ContainsKey(Key(c.Plan1Id, g)) && newest.ContainsKey(Key(c.Plan2Id, g))
                    select new GradedPair(c.Id, g.Role, g.Grader, newest[Key(c.Plan1Id, g)], newest[Key(c.Plan2Id, g)]);
        // Versions come newest first: the first one of a grader that has both plans counts.
        return [.. pairs.DistinctBy(p => (p.ComparisonId, p.Role, p.Grader))];

        static (PlanId, GraderRole, string, int) Key(PlanId plan, (GraderRole Role, string Grader, int RubricVersion) grader) => (plan, grader.Role, grader.Grader, grader.RubricVersion);
    }

    private static async Task<List<StudySummary>> SummariesAsync(CoScientistDb db, IQueryable<Study> studies, CancellationToken cancellationToken)
    {
        var rows = await studies.Select(s => new { Study = s, Pairs = s.Comparisons.Count }).ToListAsync(cancellationToken);
        var answers = await CountingAnswers(db)
            .Where(a => studies.Any(s => s.Id == a.StudyId))
            .GroupBy(a => a.StudyId)
            .Select(g => new { g.Key, Pairs = g.Select(a => a.ComparisonId).Distinct().Count(), Answers = g.Count(), Experts = g.Select(a => a.ExpertId).Distinct().Count() })
            .ToDictionaryAsync(g => g.Key, cancellationToken);
        return
        [
            .. from row in rows
               let s = row.Study
               let a = answers.GetValueOrDefault(s.Id)
               orderby s.CreatedAt descending
               select new StudySummary(s.Id, s.Name, s.Arm1, s.Arm2, s.State, s.IsSandbox, s.CreatedAt, row.Pairs, a?.Pairs ?? 0, a?.Answers ?? 0, a?.Experts ?? 0),
        ];
    }

    // Answers that were not taken back, with where they belong.
    private static IQueryable<CountingAnswer> CountingAnswers(CoScientistDb db) =>
        from p in db.Preferences
        join a in db.Assignments on p.AssignmentId equals a.Id
        join c in db.Comparisons on a.ComparisonId equals c.Id
        where p.UndoneAt == null
        select new CountingAnswer { StudyId = c.StudyId, ComparisonId = c.Id, ExpertId = a.ExpertId, At = p.At };

    private sealed class CountingAnswer
    {
        public required StudyId StudyId { get; init; }

        public required ComparisonId ComparisonId { get; init; }

        public required string ExpertId { get; init; }

        public required DateTimeOffset At { get; init; }
    }
}
