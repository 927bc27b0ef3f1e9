using CoScientist.Core.Studies;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Core.Storage;

/// <content>Who still has pairs left, and reminding them.</content>
public sealed partial class StudyStore
{
    private const string Reminder = "reminded the experts who have pairs left";

    /// <summary>Experts who joined the study or have seen a pair of it, those with most left first.</summary>
    public async Task<IReadOnlyList<ExpertProgress>> ExpertsAsync(StudyId id, CancellationToken cancellationToken)
    {
        using var turn = await TurnAsync(cancellationToken);
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        if (await db.Studies.AsNoTracking().FirstOrDefaultAsync(s => s.Id == id, cancellationToken) is not { } study)
        {
            return [];
        }

        var queue = (await QueuesAsync(db, [study], cancellationToken))[id];
        var experts = await db.StudyExperts.Where(e => e.StudyId == id).Select(e => e.ExpertId)
            .Union(db.Assignments.Where(a => db.Comparisons.Any(c => c.Id == a.ComparisonId && c.StudyId == id)).Select(a => a.ExpertId))
            .ToListAsync(cancellationToken);
        var names = await db.Users.Where(u => experts.Contains(u.Id)).ToDictionaryAsync(u => u.Id, u => u.UserName ?? u.Id, cancellationToken);
        return
        [
            .. experts.Select(expert => (Name: names.GetValueOrDefault(expert, expert), Progress: Progress(study, queue, expert)))
                .Select(e => new ExpertProgress(e.Name, e.Progress.Answered, e.Progress.Left, e.Progress.LastAnswerAt))
                .OrderByDescending(e => e.Left).ThenBy(e => e.Name, StringComparer.Ordinal),
        ];
    }

    /// <summary>Reminds the experts who have pairs left: their list of studies says so until their next answer.</summary>
    /// <exception cref="StudyException">The study takes no answers.</exception>
    public async Task RemindAsync(StudyId id, string by, CancellationToken cancellationToken) => await ChangeAsync(
        id,
        by,
        study => study.State == StudyState.Open ? Reminder : throw new StudyException("This study takes no answers just now, so nobody is reminded."),
        cancellationToken);

    private static Task<Dictionary<StudyId, DateTimeOffset>> RemindedAsync(CoScientistDb db, CancellationToken cancellationToken) =>
        db.StudyEvents.Where(e => e.What == Reminder).GroupBy(e => e.StudyId).Select(g => new { g.Key, At = g.Max(e => e.At) }).ToDictionaryAsync(g => g.Key, g => g.At, cancellationToken);
}
