using CoScientist.Core.Studies;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;

namespace CoScientist.Core.Storage;

/// <content>
/// Queues of studies, kept in memory so that an answer need not read the whole study. What is kept is exact: triggers raise the study's
/// <see cref="StudyRevision"/> with every change that a queue depends on, whoever makes it, and a queue of another revision is read anew.
/// </content>
public sealed partial class StudyStore
{
    private const int MostQueues = 8;

    // Touched in turn only, see TurnAsync; the longest unused first.
    private readonly List<KeptQueue> _queues = [];

    private async Task<Dictionary<StudyId, PairQueue>> QueuesAsync(CoScientistDb db, IReadOnlyList<Study> studies, CancellationToken cancellationToken)
    {
        // Before the rows: a change that comes between makes a queue that is newer than its number, and read anew.
        var ids = studies.Select(s => s.Id).ToList();
        var revisions = ids.Count == 1
            ? new() { [ids[0]] = await s_revision.Of(db)(db, ids[0], cancellationToken) }
            : await db.StudyRevisions.Where(r => ids.Contains(r.StudyId)).ToDictionaryAsync(r => r.StudyId, r => r.Number, cancellationToken);
        var queues = new Dictionary<StudyId, PairQueue>();
        foreach (var study in studies)
        {
            if (_queues.Find(kept => kept.Study == study.Id) is { } kept && kept.Revision == revisions[study.Id])
            {
                queues[study.Id] = kept.Queue;
            }
        }

        foreach (var (id, queue) in await ReadQueuesAsync(db, [.. studies.Where(s => !queues.ContainsKey(s.Id))], cancellationToken))
        {
            queues[id] = queue;
        }

        foreach (var study in studies.Where(s => s.State == StudyState.Open).TakeLast(MostQueues))
        {
            Keep(study.Id, revisions[study.Id], queues[study.Id]);
        }

        return queues;
    }

    private static async Task<Dictionary<StudyId, PairQueue>> ReadQueuesAsync(CoScientistDb db, List<Study> studies, CancellationToken cancellationToken)
    {
        if (studies.Count == 0)
        {
            return [];
        }

        var ids = studies.ConvertAll(s => s.Id);
        var pairs = (await db.Comparisons.Where(c => ids.Contains(c.StudyId)).Select(c => new { c.StudyId, c.Id, c.Order, c.Kind }).ToListAsync(cancellationToken)).ToLookup(c => c.StudyId);
        var assignments = (await (
            from a in db.Assignments
            join c in db.Comparisons on a.ComparisonId equals c.Id
            where ids.Contains(c.StudyId)
            select new
            {
                c.StudyId,
                a.Id,
                a.ComparisonId,
                a.ExpertId,
                a.Arm1IsLeft,
                a.ReservedUntil,
                Skipped = a.SkippedAt != null,
                AnsweredAt = db.Preferences.Where(p => p.AssignmentId == a.Id && p.UndoneAt == null).Select(p => (DateTimeOffset?)p.At).FirstOrDefault(),
                Begun = db.AnswerEvents.Any(e => e.AssignmentId == a.Id),
            }).ToListAsync(cancellationToken)).ToLookup(a => a.StudyId);
        return studies.ToDictionary(s => s.Id, s => new PairQueue(
            pairs[s.Id].Select(c => new QueuedPair(c.Id, c.Order, c.Kind)),
            assignments[s.Id].Select(a => new QueuedAssignment(a.Id, a.ComparisonId, a.ExpertId, a.Arm1IsLeft, a.ReservedUntil, a.Skipped, a.AnsweredAt, a.Begun)),
            s.Overlap));
    }

    // The pair in an expert's hands: the study, its queue, and the place in it.
    private async Task<T> InHandAsync<T>(AssignmentId assignment, string expertId, Func<CoScientistDb, Hand, Task<T>> action, CancellationToken cancellationToken)
    {
        using var turn = await TurnAsync(cancellationToken);
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        await db.Database.HoldStudyAsync(assignment, cancellationToken);
        var study = await StudyOfAsync(db, assignment, expertId, cancellationToken);
        var hand = new Hand(study, (await QueuesAsync(db, [study], cancellationToken))[study.Id], expertId);
        return await CommitAsync(db, transaction, hand, () => action(db, hand), cancellationToken);
    }

    private async Task<T> CommitAsync<T>(CoScientistDb db, IDbContextTransaction transaction, Hand hand, Func<Task<T>> action, CancellationToken cancellationToken)
    {
        try
        {
            var result = await action();
            if (hand.HasChanged)
            {
                var revision = await s_revision.Of(db)(db, hand.Study.Id, cancellationToken);
                await transaction.CommitAsync(cancellationToken);
                Keep(hand.Study.Id, revision, hand.Queue);
            }

            return result;
        }
        catch when (hand.HasChanged)
        {
            // The queue says what the database may not.
            _queues.RemoveAll(kept => kept.Study == hand.Study.Id);
            throw;
        }
    }

    private void Keep(StudyId study, long revision, PairQueue queue)
    {
        _queues.RemoveAll(kept => kept.Study == study);
        _queues.Add(new KeptQueue(study, revision, queue));
        if (_queues.Count > MostQueues)
        {
            _queues.RemoveAt(0);
        }
    }

    private static readonly CompiledQuery<Func<CoScientistDb, StudyId, CancellationToken, Task<long>>> s_revision = new(() =>
        EF.CompileAsyncQuery((CoScientistDb db, StudyId study, CancellationToken cancellationToken) => db.StudyRevisions.Where(r => r.StudyId == study).Select(r => r.Number).First()));

    private sealed record KeptQueue(StudyId Study, long Revision, PairQueue Queue);

    private sealed class Hand(Study study, PairQueue queue, string expert)
    {
        public Study Study => study;

        public PairQueue Queue => queue;

        public string Expert => expert;

        public bool HasChanged { get; private set; }

        /// <summary>After the database has taken it.</summary>
        public void Put(QueuedAssignment assignment)
        {
            HasChanged = true;
            queue.Put(assignment);
        }
    }
}
