using System.Security.Cryptography;

namespace CoScientist.Core.Studies;

/// <summary>A pair of a study, for handing it out.</summary>
/// <param name="Id">The pair.</param>
/// <param name="Order">Position in the study.</param>
/// <param name="Kind">What it is for.</param>
public sealed record QueuedPair(ComparisonId Id, int Order, ComparisonKind Kind);

/// <summary>A pair in somebody's hands.</summary>
/// <param name="Comparison">The pair.</param>
/// <param name="Expert">Whose.</param>
/// <param name="Arm1IsLeft">The side that was drawn.</param>
/// <param name="ReservedUntil">Until when it is kept for this expert; null for ever.</param>
/// <param name="Skipped">Whether the expert passed it over.</param>
/// <param name="Answered">Whether it has an answer that counts.</param>
/// <param name="Begun">Whether something of an answer is stored.</param>
public sealed record QueuedAssignment(ComparisonId Comparison, string Expert, bool Arm1IsLeft, DateTimeOffset? ReservedUntil, bool Skipped, bool Answered, bool Begun);

/// <summary>
/// Who gets which pair next. A pair that counts is shown to as many experts as the study wants answers; a place is taken by an answer or by
/// a reservation that has not expired. Practice pairs and gold questions are for everybody. What an expert has begun stays that
/// expert's, even when the reservation has expired and others have answered.
/// </summary>
/// <param name="pairs">All pairs.</param>
/// <param name="assignments">All assignments.</param>
/// <param name="overlap">Answers wanted for each goal; null for every expert's.</param>
/// <param name="now">The time.</param>
public sealed class PairQueue(IEnumerable<QueuedPair> pairs, IEnumerable<QueuedAssignment> assignments, int? overlap, DateTimeOffset now)
{
    private readonly IReadOnlyList<QueuedPair> _pairs = [.. pairs.OrderBy(p => p.Order)];
    private readonly ILookup<ComparisonId, QueuedAssignment> _assignments = assignments.ToLookup(a => a.Comparison);

    /// <summary>Pairs left for the expert, the next one first: practice, then in the study's order.</summary>
    public IEnumerable<QueuedPair> For(string expert) => _pairs.Where(pair => IsFor(pair, expert)).OrderBy(pair => pair.Kind == ComparisonKind.Practice ? 0 : 1);

    /// <summary>Whether places are taken by reservations only, so that pairs may come free again.</summary>
    public bool MayComeFree(string expert) => _pairs.Any(pair => !IsFor(pair, expert) && !Mine(pair, expert).Any() && _assignments[pair.Id].Count(a => a.Answered) < overlap);

    /// <summary>
    /// Side for a new assignment: the one that the pair has had less often, else the one that the expert has had less often by two, else a coin.
    /// Sides stay balanced over a goal and nearly so over an expert, and nobody can tell the next one.
    /// </summary>
    public bool DrawArm1IsLeft(ComparisonId pair, string expert)
    {
        var ofPair = Imbalance(_assignments[pair].Where(a => !a.Skipped));
        if (ofPair != 0)
        {
            return ofPair < 0;
        }

        var ofExpert = Imbalance(_assignments.SelectMany(a => a).Where(a => a.Expert == expert));
        return Math.Abs(ofExpert) >= 2 ? ofExpert < 0 : RandomNumberGenerator.GetInt32(2) == 0;
    }

    private static int Imbalance(IEnumerable<QueuedAssignment> assignments) => assignments.Sum(a => a.Arm1IsLeft ? 1 : -1);

    private IEnumerable<QueuedAssignment> Mine(QueuedPair pair, string expert) => _assignments[pair.Id].Where(a => a.Expert == expert);

    private bool IsFor(QueuedPair pair, string expert)
    {
        if (Mine(pair, expert).FirstOrDefault() is { } mine)
        {
            return !mine.Answered && !mine.Skipped && (mine.Begun || HasPlace(pair, expert));
        }

        return HasPlace(pair, expert);
    }

    private bool HasPlace(QueuedPair pair, string expert) => pair.Kind != ComparisonKind.Counts || overlap is null
        || _assignments[pair.Id].Count(a => a.Expert != expert && (a.Answered || (!a.Skipped && (a.ReservedUntil is null || a.ReservedUntil > now)))) < overlap;
}
