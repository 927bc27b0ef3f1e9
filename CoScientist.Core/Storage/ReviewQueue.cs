using CoScientist.Core.Goals;
using CoScientist.Core.Papers;

namespace CoScientist.Core.Storage;

/// <summary>Which items a reviewer wants to see.</summary>
public sealed record ReviewFilter
{
    /// <summary>True: the sandbox's items; false (default): real ones. Never both.</summary>
    public bool Sandbox { get; init; }

    /// <summary>Only this domain; null means all.</summary>
    public string? Domain { get; init; }

    /// <summary>Only items in this state; null means all. Default: those nobody has decided on.</summary>
    public RubricItemState? State { get; init; } = RubricItemState.Proposed;

    /// <summary>Only this goal's items; null means all.</summary>
    public GoalId? GoalId { get; init; }

    /// <summary>True: first the items whose decision would change rewards most (see <see cref="ReviewPriority"/>); false (default): rubric by rubric.</summary>
    public bool TellingFirst { get; init; }
}

/// <summary>One page of items.</summary>
/// <param name="Total">Items that match, on all pages.</param>
/// <param name="Items">The page's items, goal by goal in order of creation, each rubric in order.</param>
/// <param name="Rubrics">Counts of the whole rubric of every goal on the page.</param>
public sealed record ReviewQueue(int Total, IReadOnlyList<ReviewQueueItem> Items, IReadOnlyDictionary<GoalId, RubricCounts> Rubrics);

/// <summary>An item with what a reviewer needs to decide.</summary>
/// <param name="Item">The item.</param>
/// <param name="Domain">Domain of its goal.</param>
/// <param name="GoalText">Text of its goal.</param>
/// <param name="PaperId">The paper its passage is in; null when there is none.</param>
/// <param name="RubricVersion">Version of its rubric.</param>
public sealed record ReviewQueueItem(RubricItem Item, string Domain, string GoalText, PaperId? PaperId, int RubricVersion)
{
    /// <summary>What to hand back with the decision.</summary>
    public SeenItem Seen => new(Item.State, Item.Text, Item.Weight);
}

/// <summary>An item as the reviewer had it on the screen.</summary>
/// <param name="State">Its state.</param>
/// <param name="Text">Its wording.</param>
/// <param name="Weight">Its weight.</param>
public sealed record SeenItem(RubricItemState State, string Text, double Weight = 1);

/// <summary>A decision that cannot be taken; nothing was changed. The message says why, for the reviewer.</summary>
/// <param name="message">One or two sentences with the remedy.</param>
public sealed class ReviewRefusedException(string message) : Exception(message);
