using System.Security.Cryptography;

namespace CoScientist.Core.Studies;

/// <summary>A pair of a study, for handing it out.</summary>
/// <param name="Id">The pair.</param>
/// <param name="Order">Position in the study.</param>
/// <param name="Kind">What it is for.</param>
public sealed record QueuedPair(ComparisonId Id, int Order, ComparisonKind Kind);

/// <summary>A pair in somebody's hands.</summary>
/// <param name="Id">The assignment.</param>
/// <param name="Comparison">The pair.</param>
/// <param name="Expert">Whose.</param>
/// <param name="Arm1IsLeft">The side that was drawn.</param>
/// <param name="ReservedUntil">Until when it is kept for this expert; null for ever.</param>
/// <param name="Skipped">Whether the expert passed it over.</param>
/// <param name="AnsweredAt">When it got the answer that counts; null when it has none.</param>
/// <param name="Begun">Whether something of an answer is stored.</param>
public sealed record QueuedAssignment(AssignmentId Id, ComparisonId Comparison, string Expert, bool Arm1IsLeft, DateTimeOffset? ReservedUntil, bool Skipped, DateTimeOffset? AnsweredAt, bool Begun)
{
    /// <summary>Whether it has an answer that counts.</summary>
    public bool Answered => AnsweredAt is not null;
}

/// <summary>
/// Who gets which pair next. A pair that counts is shown to as many experts as the study wants answers; a place is taken by an answer or by
/// a reservation that has not expired. Practice pairs and gold questions are for everybody. What an expert has begun stays that
/// expert's, even when the reservation has expired and others have answered. Not for several threads at once.
/// </summary>
public sealed class PairQueue
{
    private static readonly Dictionary<string, QueuedAssignment> s_none = new(StringComparer.Ordinal);
    private static readonly Dictionary<ComparisonId, QueuedAssignment> s_nothing = [];

    private readonly List<QueuedPair> _pairs;
    private readonly int? _overlap;
    private readonly Dictionary<ComparisonId, Dictionary<string, QueuedAssignment>> _ofPair = [];
    private readonly Dictionary<string, Dictionary<ComparisonId, QueuedAssignment>> _ofExpert = new(StringComparer.Ordinal);

    /// <summary>The queue of a study.</summary>
    /// <param name="pairs">All pairs.</param>
    /// <param name="assignments">All assignments.</param>
    /// <param name="overlap">Answers wanted for each goal; null for every expert's.</param>
    public PairQueue(IEnumerable<QueuedPair> pairs, IEnumerable<QueuedAssignment> assignments, int? overlap)
    {
        ArgumentNullException.ThrowIfNull(assignments);
        _pairs = [.. pairs.OrderBy(pair => pair.Kind == ComparisonKind.Practice ? 0 : 1).ThenBy(pair => pair.Order)];
        _overlap = overlap;
        foreach (var assignment in assignments)
        {
            Put(assignment);
        }
    }

    /// <summary>Takes a new assignment, or how one stands now.</summary>
    public void Put(QueuedAssignment assignment)
    {
        ArgumentNullException.ThrowIfNull(assignment);
        if (!_ofPair.TryGetValue(assignment.Comparison, out var ofPair))
        {
            _ofPair[assignment.Comparison] = ofPair = new(StringComparer.Ordinal);
        }

        if (!_ofExpert.TryGetValue(assignment.Expert, out var ofExpert))
        {
            _ofExpert[assignment.Expert] = ofExpert = [];
        }

        ofPair[assignment.Expert] = ofExpert[assignment.Comparison] = assignment;
    }

    /// <summary>Pairs left for the expert, the next one first: practice, then in the study's order.</summary>
    public IEnumerable<QueuedPair> For(string expert, DateTimeOffset now) => _pairs.Where(pair => IsFor(pair, expert, now));

    /// <summary>Whether places are taken by reservations only, so that pairs may come free again.</summary>
    public bool MayComeFree(string expert, DateTimeOffset now) => _pairs.Exists(pair => Mine(pair.Id, expert) is null && OfPair(pair.Id).Count(a => a.Answered) < _overlap && !IsFor(pair, expert, now));

    /// <summary>How the expert's assignment of the pair stands; null when there is none.</summary>
    public QueuedAssignment? Mine(ComparisonId pair, string expert) => _ofPair.GetValueOrDefault(pair, s_none).GetValueOrDefault(expert);

    /// <summary>All of the expert's assignments.</summary>
    public IReadOnlyCollection<QueuedAssignment> Of(string expert) => _ofExpert.GetValueOrDefault(expert, s_nothing).Values;

    /// <summary>
    /// Side for a new assignment: the one that the pair has had less often, else the one that the expert has had less often by two, else a coin.
    /// Sides stay balanced over a goal and nearly so over an expert, and nobody can tell the next one.
    /// </summary>
    public bool DrawArm1IsLeft(ComparisonId pair, string expert)
    {
        var ofPair = Imbalance(OfPair(pair).Where(a => !a.Skipped));
        if (ofPair != 0)
        {
            return ofPair < 0;
        }

        var ofExpert = Imbalance(Of(expert));
        return Math.Abs(ofExpert) >= 2 ? ofExpert < 0 : RandomNumberGenerator.GetInt32(2) == 0;
    }

    private static int Imbalance(IEnumerable<QueuedAssignment> assignments) => assignments.Sum(a => a.Arm1IsLeft ? 1 : -1);

    private Dictionary<string, QueuedAssignment>.ValueCollection OfPair(ComparisonId pair) => _ofPair.GetValueOrDefault(pair, s_none).Values;

    private bool IsFor(QueuedPair pair, string expert, DateTimeOffset now) => Mine(pair.Id, expert) is { } mine
        ? !mine.Answered && !mine.Skipped && (mine.Begun || HasPlace(pair, expert, now))
        : HasPlace(pair, expert, now);

    private bool HasPlace(QueuedPair pair, string expert, DateTimeOffset now)
    {
        if (pair.Kind != ComparisonKind.Counts || _overlap is null)
        {
            return true;
        }

        var taken = 0;
        foreach (var other in OfPair(pair.Id))
        {
            if (other.Expert != expert && (other.Answered || (!other.Skipped && (other.ReservedUntil is null || other.ReservedUntil > now))))
            {
                taken++;
            }
        }

        return taken < _overlap;
    }
}
