using System.Globalization;

namespace CoScientist.Core.Goals.Checks;

/// <summary>A fault with its reason, before it is stored.</summary>
/// <param name="Fault">What is wrong.</param>
/// <param name="Reason">Why, in one sentence for reviewers.</param>
public readonly record struct FoundFault(ItemFault Fault, string Reason);

/// <summary>What the wording of an item tells.</summary>
/// <param name="GoalShare">Share of its content words that stand in the goal, 0–1.</param>
/// <param name="GoalWords">How many these are.</param>
/// <param name="Faults">What is wrong; each fault once.</param>
public sealed record LintResult(double GoalShare, int GoalWords, IReadOnlyList<FoundFault> Faults)
{
    /// <summary>Whether the item leaks.</summary>
    public bool Leaks => Faults.Any(fault => fault.Fault == ItemFault.LeaksFromGoal);
}

/// <summary>
/// Checks rubric items by their wording alone, without a model. Leak: at least <see cref="LeakShare"/> of the distinct content
/// words (see <see cref="ContentWords"/>) of the item, and at least <see cref="LeastLeakWords"/>, stand in the goal,
/// |item ∩ goal| / |item|; or the goal says by what means it is to be done, in the same words or in others
/// (<see cref="GoalWording"/>). Such a check sees words, not meaning: it misses much of what the goal says in other words, and
/// calls a leak what only shares the goal's subject. How well it does is measured in the sandbox (<c>report leakage --sandbox</c>). The other faults are told from
/// fixed patterns (<see cref="ItemPatterns"/>); duplicates by the Jaccard similarity of content words.
/// </summary>
public static class ItemLint
{
    /// <summary>Recorded as the checker; the number goes up when its findings change.</summary>
    public const string Name = "wording-2";

    /// <summary>From this share of an item's content words in the goal on, it counts as leaking.</summary>
    public const double LeakShare = 0.5;

    /// <summary>Fewest content words in the goal with which an item counts as leaking: fewer are its subject, not what it asks.</summary>
    public const int LeastLeakWords = 3;

    /// <summary>From this Jaccard similarity of their content words on, two items of a rubric count as one.</summary>
    public const double DuplicateSimilarity = 0.6;

    /// <summary>Checks the items of a rubric, in their order.</summary>
    /// <param name="goal">The goal's text.</param>
    /// <param name="items">The items' wordings.</param>
    public static IReadOnlyList<LintResult> Check(string goal, IReadOnlyList<string> items)
    {
        ArgumentNullException.ThrowIfNull(items);
        var told = new GoalWording(goal);
        var words = items.Select(ContentWords.Of).ToList();
        return [.. items.Select((item, index) => Check(told, item, words, index))];
    }

    private static LintResult Check(GoalWording told, string item, List<HashSet<string>> words, int index)
    {
        var own = words[index];
        var common = ContentWords.Common(own, told.Words);
        var share = own.Count == 0 ? 0 : (double)common / own.Count;
        var faults = new List<FoundFault>();
        Add(ItemFault.LeaksFromGoal, told.TellsMeansOf(item) ?? (common >= LeastLeakWords && share >= LeakShare ? string.Create(CultureInfo.InvariantCulture, $"{common} of its {own.Count} content words stand in the goal.") : null));
        Add(ItemFault.Compound, ItemPatterns.Compound(item));
        Add(ItemFault.PresenceOnly, ItemPatterns.PresenceOnly(item));
        Add(ItemFault.Trivial, ItemPatterns.Trivial(item, own));
        Add(ItemFault.NotCheckable, ItemPatterns.NotCheckable(item));
        var twin = words.FindIndex(0, index, other => other.Count > 0 && ContentWords.Jaccard(own, other) >= DuplicateSimilarity);
        if (twin >= 0)
        {
            faults.Add(new(ItemFault.Duplicate, string.Create(CultureInfo.InvariantCulture, $"It asks nearly the same as item {twin + 1}.")));
        }

        return new LintResult(share, common, faults);

        void Add(ItemFault fault, string? reason)
        {
            if (reason is not null)
            {
                faults.Add(new(fault, reason));
            }
        }
    }
}
