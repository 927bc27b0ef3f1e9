using CoScientist.Core;
using CoScientist.Core.Goals;
using CoScientist.Core.Storage;

namespace CoScientist.Training.Reproduction;

/// <summary>A decision that a simulated reviewer takes.</summary>
/// <param name="Item">The item.</param>
/// <param name="Reason">Why it is rejected; null approves it.</param>
public sealed record SimulatedDecision(RubricItemId Item, RejectionReason? Reason);

/// <summary>A reviewer who knows which items are spoiled and rejects those, or gets a given share of decisions wrong.</summary>
public static class SimulatedReviewer
{
    /// <summary>The account that stands in the audit trail.</summary>
    public const string ReviewerId = "simulated-reviewer";

    /// <summary>One decision per item. Wrong ones approve what is spoiled and reject what is good, wherever they fall.</summary>
    /// <param name="items">Every item to decide on.</param>
    /// <param name="spoiled">Those that are spoiled.</param>
    /// <param name="wrongShare">Share of wrong decisions, 0–1.</param>
    /// <param name="seed">Draws them.</param>
    public static IReadOnlyList<SimulatedDecision> Decide(IReadOnlyCollection<RubricItemId> items, IReadOnlyCollection<SpoiledItem> spoiled, double wrongShare, long seed)
    {
        ArgumentNullException.ThrowIfNull(items);
        ArgumentNullException.ThrowIfNull(spoiled);
        ArgumentOutOfRangeException.ThrowIfNegative(wrongShare);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(wrongShare, 1);
        var faults = spoiled.ToDictionary(item => item.Item, item => item.Fault);
        RubricItemId[] ordered = [.. items.OrderBy(item => item.Value)];
        int[] places = [.. Enumerable.Range(0, ordered.Length)];
        new SeededRandom(seed).Shuffle(places);
        var wrong = places.Take((int)Math.Round(wrongShare * ordered.Length)).ToHashSet();
        return [.. ordered.Select((item, place) =>
        {
            var isSpoiled = faults.TryGetValue(item, out var fault);
            var rejects = isSpoiled != wrong.Contains(place);
            return new SimulatedDecision(item, !rejects ? null : isSpoiled ? fault : RejectionReason.Unnecessary);
        })];
    }
}
