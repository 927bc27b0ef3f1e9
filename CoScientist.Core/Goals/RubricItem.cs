namespace CoScientist.Core.Goals;

/// <summary>Key of a <see cref="RubricItem"/>.</summary>
public readonly record struct RubricItemId(Guid Value) : ITypedId<RubricItemId>
{
    /// <inheritdoc/>
    public static RubricItemId From(Guid value) => new(value);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString("N");
}

/// <summary>Where an item stands in review.</summary>
public enum RubricItemState
{
    /// <summary>Nobody has decided yet.</summary>
    Proposed,

    /// <summary>Kept as it is.</summary>
    Approved,

    /// <summary>Kept in new wording (<see cref="RubricItem.Text"/>).</summary>
    Edited,

    /// <summary>Out: never counts in a reward.</summary>
    Rejected,
}

/// <summary>One checkable thing that a good plan for the goal must do.</summary>
public sealed class RubricItem
{
    /// <summary>Largest weight of an item.</summary>
    public const double MaxWeight = 100;

    /// <summary>Key.</summary>
    public required RubricItemId Id { get; init; }

    /// <summary>The goal it belongs to.</summary>
    public required GoalId GoalId { get; init; }

    /// <summary>Position in the rubric, from 0.</summary>
    public required int Order { get; set; }

    /// <summary>Current wording, about 15 words.</summary>
    public required string Text { get; set; }

    /// <summary>Wording as it was proposed; never changed.</summary>
    public required string ProposedText { get; init; }

    /// <summary>Where it stands in review.</summary>
    public RubricItemState State { get; set; }

    /// <summary>Its weight in the reward, against 1 for an ordinary item; above 0. Reviewers set it.</summary>
    public double Weight { get; set; } = 1;

    /// <summary>Section of the source passage (-1 the abstract); null when the source is unknown.</summary>
    public int? SourceSection { get; init; }

    /// <summary>First character of the source passage in the section's text.</summary>
    public int? SourceStart { get; init; }

    /// <summary>Length of the source passage in characters.</summary>
    public int? SourceLength { get; init; }

    /// <summary>True for drafts that no model and no person has vouched for; shown as such in review.</summary>
    public bool IsDraft { get; init; }
}
