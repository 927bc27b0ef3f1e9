namespace CoScientist.Core.Goals;

/// <summary>Key of a <see cref="ReviewDecision"/>.</summary>
public readonly record struct ReviewDecisionId(Guid Value) : ITypedId<ReviewDecisionId>
{
    /// <inheritdoc/>
    public static ReviewDecisionId From(Guid value) => new(value);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString("N");
}

/// <summary>What a reviewer did to an item.</summary>
public enum ReviewAction
{
    /// <summary>Kept as is.</summary>
    Approve,

    /// <summary>Kept in new wording.</summary>
    Edit,

    /// <summary>Put out, with a reason.</summary>
    Reject,

    /// <summary>Given another weight; whether it counts, and in which wording, stays as it was.</summary>
    Weigh,

    /// <summary>Said in the note that something is wrong with it, for others to look at; nothing else changes.</summary>
    Flag,

    /// <summary>Took back the decision named in <see cref="ReviewDecision.Undoes"/>.</summary>
    Undo,
}

/// <summary>Why an item was rejected.</summary>
public enum RejectionReason
{
    /// <summary>A good plan can do without it.</summary>
    Unnecessary,

    /// <summary>It asks for something false or harmful.</summary>
    Wrong,

    /// <summary>Every plan satisfies it.</summary>
    Trivial,

    /// <summary>It can be guessed from the goal alone.</summary>
    LeaksFromGoal,

    /// <summary>It asks for several things at once.</summary>
    Compound,

    /// <summary>A plan does not show whether it is met.</summary>
    NotCheckable,

    /// <summary>Another item asks the same.</summary>
    Duplicate,

    /// <summary>Something else, said in the note.</summary>
    Other,
}

/// <summary>One entry of the audit trail of a rubric. Decisions are only ever added.</summary>
public sealed class ReviewDecision
{
    /// <summary>Key.</summary>
    public required ReviewDecisionId Id { get; init; }

    /// <summary>The item decided on.</summary>
    public required RubricItemId ItemId { get; init; }

    /// <summary>The account that decided.</summary>
    public required string ReviewerId { get; init; }

    /// <summary>What was done.</summary>
    public required ReviewAction Action { get; init; }

    /// <summary>Why, for rejections.</summary>
    public RejectionReason? Reason { get; init; }

    /// <summary>Free words of the reviewer.</summary>
    public string? Note { get; init; }

    /// <summary>Wording before.</summary>
    public required string TextBefore { get; init; }

    /// <summary>Wording after.</summary>
    public required string TextAfter { get; init; }

    /// <summary>State before.</summary>
    public required RubricItemState StateBefore { get; init; }

    /// <summary>State after.</summary>
    public required RubricItemState StateAfter { get; init; }

    /// <summary>Weight before.</summary>
    public double WeightBefore { get; init; } = 1;

    /// <summary>Weight after.</summary>
    public double WeightAfter { get; init; } = 1;

    /// <summary>The goal's rubric version that this decision made.</summary>
    public required int RubricVersion { get; init; }

    /// <summary>The decision taken back, for <see cref="ReviewAction.Undo"/>.</summary>
    public ReviewDecisionId? Undoes { get; init; }

    /// <summary>When (UTC).</summary>
    public required DateTimeOffset At { get; init; }
}
