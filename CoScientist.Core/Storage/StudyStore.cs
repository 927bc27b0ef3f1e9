using System.Security.Cryptography;
using CoScientist.Core.Goals;
using CoScientist.Core.Plans;
using CoScientist.Core.Runs;
using CoScientist.Core.Studies;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Core.Storage;

/// <summary>Studies: setting them up, answering them blind, and reading their results. Each operation is one transaction.</summary>
/// <param name="factory">Opens the database.</param>
/// <param name="time">The clock.</param>
public sealed partial class StudyStore(IDbContextFactory<CoScientistDb> factory, TimeProvider time) : IDisposable
{
    // SQLite has one writer, and whoever waits for it holds a thread and gives up after a while. Experts of one server wait here instead, in order.
    private readonly SemaphoreSlim _writer = new(1, 1);

    /// <inheritdoc/>
    public void Dispose() => _writer.Dispose();

    /// <summary>Writers that have plans in the library, and the reference solutions; most goals first.</summary>
    public async Task<IReadOnlyList<StudyArm>> ArmsAsync(CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        var writers = await db.Plans
            .Join(db.Goals, p => p.GoalId, g => g.Id, (p, g) => new { p.Writer, g.IsSandbox, p.GoalId })
            .Where(p => p.Writer != StudyArm.Reference)
            .Distinct()
            .GroupBy(p => new { p.Writer, p.IsSandbox })
            .Select(g => new { g.Key.Writer, g.Key.IsSandbox, Goals = g.Count() })
            .ToListAsync(cancellationToken);
        var references = await db.Goals
            .Where(g => g.ReferenceSolution != null)
            .GroupBy(g => g.IsSandbox)
            .Select(g => new { IsSandbox = g.Key, Goals = g.Count() })
            .ToListAsync(cancellationToken);
        return
        [
            .. writers.Select(w => new StudyArm(w.Writer, w.IsSandbox, w.Goals)).OrderByDescending(a => a.Goals).ThenBy(a => a.Name, StringComparer.Ordinal),
            .. references.Select(r => new StudyArm(StudyArm.Reference, r.IsSandbox, r.Goals)),
        ];
    }

    /// <summary>Number of goals that both arms have a plan for.</summary>
    public async Task<int> SharedGoalsAsync(string arm1, string arm2, bool isSandbox, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        return await SharedGoals(db, arm1, arm2, isSandbox).CountAsync(cancellationToken);
    }

    /// <summary>The picked checkpoint of a finished run (by name; null takes the newest) against its base; null while it has left no plans of both.</summary>
    public async Task<StudySuggestion?> SuggestAsync(string? runName, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        var runs = await db.Runs.AsNoTracking()
            .Where(r => r.State == RunState.Finished && r.BestStep != null && (runName == null || r.Name == runName))
            .OrderByDescending(r => r.EndedAt)
            .Take(20)
            .ToListAsync(cancellationToken);
        foreach (var run in runs)
        {
            // Plans carry these names as their writers, whether or not the checkpoints are still registered.
            var (picked, start) = (RunCheckpointStore.NameOf(run.Name, run.BestStep!.Value), run.Spec.Model);
            if (await SharedGoals(db, picked, start, run.IsSandbox).CountAsync(cancellationToken) is var goals and > 0)
            {
                return new StudySuggestion(run.Name, picked, start, run.IsSandbox, goals);
            }
        }

        return null;
    }

    /// <summary>Makes a study: draws the goals, pairs the newest plan of each arm, and opens it.</summary>
    /// <exception cref="StudyException">The draft cannot work; the message names every fault.</exception>
    public async Task<StudyId> CreateAsync(StudyDraft draft, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(draft);
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        await using var transaction = await db.Database.BeginAloneAsync("studies", cancellationToken);
        var shared = await SharedGoals(db, draft.Arm1, draft.Arm2, draft.IsSandbox).OrderBy(g => g.Id).Select(g => g.Id).ToListAsync(cancellationToken);
        var name = draft.Name.Trim();
        var faults = StudyRules.Faults(draft, shared.Count);
        if (await db.Studies.AnyAsync(s => s.Name == name, cancellationToken))
        {
            faults.Add($"There is a study named \"{name}\" already: choose another name.");
        }

        if (faults.Count > 0)
        {
            throw new StudyException(string.Join(" ", faults));
        }

        new SeededRandom(draft.Seed).Shuffle(shared);
        var goals = shared.Take(draft.Goals).ToList();
        var plans1 = await PlansAsync(db, draft.Arm1, goals, cancellationToken);
        var plans2 = await PlansAsync(db, draft.Arm2, goals, cancellationToken);
        var study = new Study
        {
            Id = TypedId.New<StudyId>(time),
            Name = name,
            Arm1 = draft.Arm1,
            Arm2 = draft.Arm2,
            Guidelines = draft.Guidelines.Trim(),
            State = draft.Open ? StudyState.Open : StudyState.Draft,
            Overlap = draft.Overlap,
            ReservationMinutes = draft.ReservationMinutes,
            InvitedOnly = draft.InvitedOnly,
            FormJson = draft.Form.Write(),
            IsSandbox = draft.IsSandbox,
            CreatedAt = time.GetUtcNow(),
        };
        study.Comparisons.AddRange(goals.Select((goal, order) => new Comparison
        {
            Id = TypedId.New<ComparisonId>(time),
            StudyId = study.Id,
            GoalId = goal,
            Plan1Id = plans1[goal],
            Plan2Id = plans2[goal],
            Order = order,
            Kind = order < draft.Practice ? ComparisonKind.Practice : ComparisonKind.Counts,
        }));
        db.Studies.Add(study);
        await RecordAsync(db, study.Id, draft.By, draft.Open ? "made it and opened it" : "made it as a draft", cancellationToken);
        await db.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return study.Id;
    }

    /// <summary>A pair as an expert would see it if the study were made; nothing is stored. Null when no goal has plans of both arms.</summary>
    /// <param name="draft">The draft.</param>
    /// <param name="number">Which of its goals to show; any number.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task<BlindPair?> PreviewAsync(StudyDraft draft, long number, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(draft);
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        var shared = await SharedGoals(db, draft.Arm1, draft.Arm2, draft.IsSandbox).OrderBy(g => g.Id).Select(g => g.Id).ToListAsync(cancellationToken);
        if (shared.Count == 0)
        {
            return null;
        }

        new SeededRandom(draft.Seed).Shuffle(shared);
        var goal = shared[(int)(number % Math.Clamp(draft.Goals, 1, shared.Count))];
        string[] names = [draft.Arm1, draft.Arm2];
        // Changes are never saved: a reference that is no plan yet becomes one only in memory.
        var texts = new List<string>();
        foreach (var arm in names)
        {
            var plan = (await PlansAsync(db, arm, [goal], cancellationToken))[goal];
            texts.Add(Blinding.Scrub((await db.Plans.FindAsync([plan], cancellationToken))!.Text, names));
        }

        var left = RandomNumberGenerator.GetInt32(2);
        return new BlindPair { Assignment = default, Number = (int)number + 1, Goal = (await db.Goals.FindAsync([goal], cancellationToken))!.Text, PlanA = texts[left], PlanB = texts[1 - left] };
    }

    private static IQueryable<Goal> SharedGoals(CoScientistDb db, string arm1, string arm2, bool isSandbox) =>
        WithPlansOf(db, WithPlansOf(db, db.Goals.Where(g => g.IsSandbox == isSandbox), arm1), arm2);

    private static IQueryable<Goal> WithPlansOf(CoScientistDb db, IQueryable<Goal> goals, string arm) => arm == StudyArm.Reference
        ? goals.Where(g => g.ReferenceSolution != null)
        : goals.Where(g => db.Plans.Any(p => p.GoalId == g.Id && p.Writer == arm));

    // The newest plan of the arm for each goal. Sampled plans go before greedy ones, so that arms which have both are compared alike.
    private async Task<Dictionary<GoalId, PlanId>> PlansAsync(CoScientistDb db, string arm, IReadOnlyList<GoalId> goals, CancellationToken cancellationToken)
    {
        var plans = await db.Plans.Where(p => p.Writer == arm && goals.Contains(p.GoalId)).Select(p => new { p.Id, p.GoalId, p.Temperature, p.CreatedAt }).ToListAsync(cancellationToken);
        var newest = plans.GroupBy(p => p.GoalId).ToDictionary(
            g => g.Key,
            g => g.OrderBy(p => p.Temperature == 0).ThenByDescending(p => p.CreatedAt).ThenByDescending(p => p.Id.Value).First().Id);
        if (arm != StudyArm.Reference)
        {
            return newest;
        }

        var missing = goals.Where(g => !newest.ContainsKey(g)).ToList();
        foreach (var goal in await db.Goals.Where(g => missing.Contains(g.Id)).Select(g => new { g.Id, g.ReferenceSolution }).ToListAsync(cancellationToken))
        {
            var plan = new Plan { Id = TypedId.New<PlanId>(time), GoalId = goal.Id, Writer = StudyArm.Reference, Text = goal.ReferenceSolution!, CreatedAt = time.GetUtcNow() };
            db.Plans.Add(plan);
            newest[goal.Id] = plan.Id;
        }

        return newest;
    }

    private async Task<Turn> TurnAsync(CancellationToken cancellationToken)
    {
        await _writer.WaitAsync(cancellationToken);
        return new Turn(_writer);
    }

    private readonly struct Turn(SemaphoreSlim writer) : IDisposable
    {
        public void Dispose() => writer.Release();
    }
}
