using CoScientist.Core;
using CoScientist.Core.Goals;
using CoScientist.Training.Sandbox;

namespace CoScientist.Training.Reproduction;

/// <summary>An item that an extraction got wrong.</summary>
/// <param name="Item">The item.</param>
/// <param name="Fault">What is wrong with it, in the words that reviewers have for it.</param>
/// <param name="Text">How it reads.</param>
public sealed record SpoiledItem(RubricItemId Item, RejectionReason Fault, string Text);

/// <summary>
/// Spoils rubrics as a misreading model does: by requirement, not by chance. Whoever has misunderstood what selection effects
/// demand of a comparison misunderstands it in most papers, here in two of three, and such errors do not average out over goals.
/// Three faults, a third each:
/// <list type="bullet">
/// <item><see cref="RejectionReason.Wrong"/>: the item names a circumstance that asks the same thing to be done in other ways.</item>
/// <item><see cref="RejectionReason.LeaksFromGoal"/>: likewise, and those ways are what everybody would guess from the goal alone, the base writer's favourites.</item>
/// <item><see cref="RejectionReason.Trivial"/>: it asks once more for the requirement of the goal that is met most often anyway.</item>
/// </list>
/// All are items that the world has for other goals, so that a grader can grade them: it finds that the item asks for ways of a
/// certain kind, and nothing tells it that the goal needs others.
/// </summary>
/// <param name="seed">Draws the misunderstood requirements.</param>
public sealed class RubricSpoiler(long seed)
{
    private const int MisreadOfThree = 2;
    private static readonly RejectionReason[] Faults = [RejectionReason.Wrong, RejectionReason.LeaksFromGoal, RejectionReason.Trivial];
    private static readonly SandboxWorld World = SandboxWorld.Default;

    /// <summary>The spoiled items: the given share of all.</summary>
    /// <param name="goals">Sandbox goals with their rubrics in the world's order.</param>
    /// <param name="share">Share of items to spoil, 0 to 0.5: beyond that there may not be enough requirements that can be misread.</param>
    /// <exception cref="InvalidDataException">A goal is none of the sandbox's.</exception>
    public IReadOnlyList<SpoiledItem> Spoil(IReadOnlyCollection<Goal> goals, double share)
    {
        ArgumentNullException.ThrowIfNull(goals);
        ArgumentOutOfRangeException.ThrowIfNegative(share);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(share, 0.5);
        var places = goals.OrderBy(goal => goal.ExternalKey, StringComparer.Ordinal).SelectMany(Places).ToArray();
        var random = new SeededRandom(seed);
        var requirements = places.GroupBy(place => (place.Goal.Domain, place.Requirement.Trigger, place.Requirement.Facet)).OrderBy(group => group.Key).Select(group => group.ToArray()).ToArray();
        random.Shuffle(requirements);
        var left = requirements.ToList();
        var count = (int)Math.Round(share * places.Length);
        var spoiled = new List<SpoiledItem>();
        for (var fault = 0; fault < Faults.Length; fault++)
        {
            var wanted = (count - spoiled.Count) / (Faults.Length - fault);
            while (wanted > 0)
            {
                var misread = left.First(requirement => Asked(requirement[0], Faults[fault]) is not null);
                left.Remove(misread);
                random.Shuffle(misread);
                var taken = misread.Take(Math.Min(wanted, ((misread.Length * MisreadOfThree) + 2) / 3)).ToArray();
                wanted -= taken.Length;
                spoiled.AddRange(taken.Select(place => new SpoiledItem(place.Item.Id, Faults[fault], Word(place, Faults[fault]))));
            }
        }

        return spoiled;
    }

    private static IEnumerable<Place> Places(Goal goal)
    {
        var meaning = SandboxGoal.OfKey(goal.ExternalKey, $"{goal.Id}");
        var requirements = World.Requirements(meaning);
        return goal.Items.OrderBy(item => item.Order).Select(item => new Place(meaning, item, requirements[item.Order]));
    }

    private string Word(Place place, RejectionReason fault) =>
        World.ItemText(Asked(place, fault)!, new SeededRandom(seed, place.Goal.WordingSeed, place.Requirement.Facet));

    /// <summary>What a spoiled item asks for; null when the requirement cannot be misread in that way.</summary>
    private static SandboxRequirement? Asked(Place place, RejectionReason fault)
    {
        var (goal, right) = (place.Goal, place.Requirement);
        if (fault == RejectionReason.Trivial)
        {
            return World.Requirements(goal).Where(requirement => requirement != right).MaxBy(World.Rulebook.Skill);
        }

        // Only circumstances that really call on the facet: a grader has never seen others and fails whatever a plan says.
        var guess = World.Rulebook.Habit(right, goal.Domain);
        return Enumerable.Range(0, SandboxRulebook.FirstDomain + 1)
            .Select(trigger => trigger < SandboxRulebook.FirstDomain ? trigger : trigger + goal.Domain)
            .Where(trigger => World.Rulebook.FacetsOfTrigger[trigger].Contains(right.Facet))
            .Select(trigger => new SandboxRequirement(trigger, right.Facet, World.Rulebook.Need(trigger, goal.Domain)))
            .FirstOrDefault(other => other.Virtue != right.Virtue && World.Rulebook.Accepts(right.Facet, guess, other.Virtue) == (fault == RejectionReason.LeaksFromGoal));
    }

    private sealed record Place(SandboxGoal Goal, RubricItem Item, SandboxRequirement Requirement);
}
