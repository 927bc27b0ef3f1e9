namespace CoScientist.Core.Runs;

/// <summary>Key of a <see cref="RunNotice"/>.</summary>
public readonly record struct RunNoticeId(Guid Value) : ITypedId<RunNoticeId>
{
    /// <inheritdoc/>
    public static RunNoticeId From(Guid value) => new(value);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString("N");
}

/// <summary>What a notice is about.</summary>
public enum RunNoticeKind
{
    /// <summary>A run has done all its steps.</summary>
    Finished,

    /// <summary>A fault has ended a run.</summary>
    Failed,

    /// <summary>A run has lost its process.</summary>
    Interrupted,

    /// <summary>A person has given a run up.</summary>
    Cancelled,

    /// <summary>The watch has seen self-grade and judge part.</summary>
    Parted,
}

/// <summary>Something about a run that researchers want to hear of although they look elsewhere.</summary>
public sealed class RunNotice
{
    /// <summary>Key; follows the clock.</summary>
    public required RunNoticeId Id { get; init; }

    /// <summary>The run.</summary>
    public required RunId RunId { get; init; }

    /// <summary>What it is about.</summary>
    public required RunNoticeKind Kind { get; init; }

    /// <summary>What happened, in a sentence.</summary>
    public required string Text { get; init; }

    /// <summary>When (UTC).</summary>
    public required DateTimeOffset At { get; init; }
}

/// <summary>Up to when an account has seen the notices.</summary>
public sealed class RunNoticesSeen
{
    /// <summary>The account.</summary>
    public required string AccountId { get; init; }

    /// <summary>When it looked last (UTC).</summary>
    public required DateTimeOffset At { get; set; }
}
