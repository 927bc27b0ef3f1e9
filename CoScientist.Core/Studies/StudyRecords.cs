namespace CoScientist.Core.Studies;

/// <summary>Key of an <see cref="AnswerEvent"/>.</summary>
public readonly record struct AnswerEventId(Guid Value) : ITypedId<AnswerEventId>
{
    /// <inheritdoc/>
    public static AnswerEventId From(Guid value) => new(value);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString("N");
}

/// <summary>One field of an answer as it was at one moment. Fields are only ever added: the newest of each is the draft, all together are its history.</summary>
public sealed class AnswerEvent
{
    /// <summary>Key; follows the clock.</summary>
    public required AnswerEventId Id { get; init; }

    /// <summary>What is answered, and by whom.</summary>
    public required AssignmentId AssignmentId { get; init; }

    /// <summary>Name of the field, see <see cref="AnswerField"/>.</summary>
    public required string Field { get; init; }

    /// <summary>Its value; null when it was emptied.</summary>
    public string? Value { get; init; }

    /// <summary>When (UTC).</summary>
    public required DateTimeOffset At { get; init; }
}

/// <summary>Key of a <see cref="StudyInvitation"/>.</summary>
public readonly record struct StudyInvitationId(Guid Value) : ITypedId<StudyInvitationId>
{
    /// <inheritdoc/>
    public static StudyInvitationId From(Guid value) => new(value);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString("N");
}

/// <summary>A link that lets experts into a study. The link itself is shown once and not stored.</summary>
public sealed class StudyInvitation
{
    /// <summary>Key.</summary>
    public required StudyInvitationId Id { get; init; }

    /// <summary>The study.</summary>
    public required StudyId StudyId { get; init; }

    /// <summary>SHA-256 of the link's secret, in hexadecimal.</summary>
    public required string TokenHash { get; init; }

    /// <summary>For whom it is, in the organiser's words.</summary>
    public required string Label { get; init; }

    /// <summary>How many experts it lets in; null for any number.</summary>
    public int? MaxUses { get; init; }

    /// <summary>Until when (UTC).</summary>
    public required DateTimeOffset ExpiresAt { get; init; }

    /// <summary>Who made it.</summary>
    public required string CreatedBy { get; init; }

    /// <summary>When it was made (UTC).</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>When it was called back (UTC); null while it holds.</summary>
    public DateTimeOffset? RevokedAt { get; set; }
}

/// <summary>An expert who joined a study.</summary>
public sealed class StudyExpert
{
    /// <summary>The study.</summary>
    public required StudyId StudyId { get; init; }

    /// <summary>The account.</summary>
    public required string ExpertId { get; init; }

    /// <summary>The link that was used; null when an organiser added the expert.</summary>
    public StudyInvitationId? InvitationId { get; init; }

    /// <summary>When (UTC).</summary>
    public required DateTimeOffset JoinedAt { get; init; }
}

/// <summary>Key of an <see cref="Adjudication"/>.</summary>
public readonly record struct AdjudicationId(Guid Value) : ITypedId<AdjudicationId>
{
    /// <inheritdoc/>
    public static AdjudicationId From(Guid value) => new(value);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString("N");
}

/// <summary>A decision on a goal that experts disagree about. Decisions are only ever added; the newest holds. Experts' answers stay as they are.</summary>
public sealed class Adjudication
{
    /// <summary>Key; follows the clock.</summary>
    public required AdjudicationId Id { get; init; }

    /// <summary>The pair.</summary>
    public required ComparisonId ComparisonId { get; init; }

    /// <summary>The decision; null takes an earlier one back.</summary>
    public PairOutcome? Outcome { get; init; }

    /// <summary>Who decided.</summary>
    public required string By { get; init; }

    /// <summary>When (UTC).</summary>
    public required DateTimeOffset At { get; init; }
}

/// <summary>Key of a <see cref="StudyEvent"/>.</summary>
public readonly record struct StudyEventId(Guid Value) : ITypedId<StudyEventId>
{
    /// <inheritdoc/>
    public static StudyEventId From(Guid value) => new(value);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString("N");
}

/// <summary>One entry of a study's audit trail: what an organiser did.</summary>
public sealed class StudyEvent
{
    /// <summary>Key; follows the clock.</summary>
    public required StudyEventId Id { get; init; }

    /// <summary>The study.</summary>
    public required StudyId StudyId { get; init; }

    /// <summary>The account.</summary>
    public required string By { get; init; }

    /// <summary>What was done, in words.</summary>
    public required string What { get; init; }

    /// <summary>When (UTC).</summary>
    public required DateTimeOffset At { get; init; }
}

/// <summary>Goes up with every change that decides who gets which pair; triggers of the database raise it.</summary>
public sealed class StudyRevision
{
    /// <summary>The study.</summary>
    public required StudyId StudyId { get; init; }

    /// <summary>How often it has changed.</summary>
    public long Number { get; init; }
}
