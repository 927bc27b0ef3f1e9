namespace CoScientist.Core.Goals;

/// <summary>A goal as the grouping sees it.</summary>
/// <param name="Article">What all goals of one article share, whatever its version.</param>
/// <param name="Text">The goal's text.</param>
/// <param name="Split">The part of the data it belongs to so far, as drawn for its article.</param>
public sealed record GroupedGoal(string Article, string Text, GoalSplit Split);

/// <summary>What the grouping found for a goal.</summary>
/// <param name="DuplicateOf">Index of the first goal of another article that it nearly repeats; null for none.</param>
/// <param name="Resemblance">How alike the two are, 0–1; 0 for none.</param>
/// <param name="Split">The part of the data of its group.</param>
public readonly record struct GroupPlace(int? DuplicateOf, double Resemblance, GoalSplit Split);

/// <summary>
/// Keeps what belongs together on one side of the split: goals of one article, and goals of different articles that are
/// near-duplicates (<see cref="GoalSimilarity"/>), in chains of any length. A group takes the part of its member that is
/// closest to training (train before validation before test): nothing that repeats a training goal is ever reported on, nothing
/// that was reported on is moved into a part that it was not in before it turned out to be a repetition, and the result does not
/// depend on the order in which the goals came.
/// </summary>
public static class GoalGroups
{
    /// <summary>The place of each goal.</summary>
    /// <param name="goals">All goals, the oldest first; the sandbox's are not among them.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public static IReadOnlyList<GroupPlace> Of(IReadOnlyList<GroupedGoal> goals, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(goals);
        var parent = Enumerable.Range(0, goals.Count).ToArray();
        foreach (var article in Enumerable.Range(0, goals.Count).GroupBy(i => goals[i].Article, StringComparer.Ordinal))
        {
            var first = article.First();
            foreach (var other in article)
            {
                Join(parent, first, other);
            }
        }

        var duplicates = new (int Of, double Resemblance)?[goals.Count];
        foreach (var (first, second, resemblance) in GoalSimilarity.NearDuplicates([.. goals.Select(goal => goal.Text)], cancellationToken))
        {
            if (goals[first].Article != goals[second].Article)
            {
                Join(parent, first, second);
                duplicates[second] ??= (first, resemblance);
            }
        }

        var splits = new Dictionary<int, GoalSplit>();
        for (var i = 0; i < goals.Count; i++)
        {
            var root = Root(parent, i);
            splits[root] = splits.TryGetValue(root, out var split) && split < goals[i].Split ? split : goals[i].Split;
        }

        return [.. goals.Select((_, i) => new GroupPlace(duplicates[i]?.Of, duplicates[i]?.Resemblance ?? 0, splits[Root(parent, i)]))];
    }

    private static void Join(int[] parent, int a, int b) => parent[Root(parent, b)] = Root(parent, a);

    private static int Root(int[] parent, int i)
    {
        while (parent[i] != i)
        {
            i = parent[i] = parent[parent[i]];
        }

        return i;
    }
}
