namespace CoScientist.Core.Goals;

/// <summary>Key of a <see cref="ReviewOpinion"/>.</summary>
public readonly record struct ReviewOpinionId(Guid Value) : ITypedId<ReviewOpinionId>
{
    /// <inheritdoc/>
    public static ReviewOpinionId From(Guid value) => new(value);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString("N");
}

/// <summary>
/// What a second reviewer, who did not see the first one's decision, says of an item; or what a third says who settles their disagreement.
/// Opinions are only ever added; one taken back stays with its <see cref="UndoneAt"/>.
/// </summary>
public sealed class ReviewOpinion
{
    /// <summary>Key.</summary>
    public required ReviewOpinionId Id { get; init; }

    /// <summary>The item.</summary>
    public required RubricItemId ItemId { get; init; }

    /// <summary>The account.</summary>
    public required string ReviewerId { get; init; }

    /// <summary>Approve, edit or reject.</summary>
    public required ReviewAction Action { get; init; }

    /// <summary>Why, for rejections.</summary>
    public RejectionReason? Reason { get; init; }

    /// <summary>Free words.</summary>
    public string? Note { get; init; }

    /// <summary>The wording meant.</summary>
    public required string Text { get; init; }

    /// <summary>Whether it says the same as the decision that stood: the same state, and the same wording where it was kept.</summary>
    public required bool Agrees { get; init; }

    /// <summary>Whether it settles a disagreement.</summary>
    public bool IsAdjudication { get; init; }

    /// <summary>Version of the goal's rubric that it is about.</summary>
    public required int RubricVersion { get; init; }

    /// <summary>When (UTC).</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>When it was taken back (UTC); null while it counts.</summary>
    public DateTimeOffset? UndoneAt { get; set; }
}
