namespace CoScientist.Training.Sandbox;

/// <summary>What a sentence adds to its way.</summary>
public enum SandboxSuffix
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>Needless cost (guideline 5).</summary>
    Costly,

    /// <summary>Harm to people (guideline 6).</summary>
    Unethical,
}

/// <summary>What a sentence gives as its reason.</summary>
public enum SandboxReason
{
    /// <summary>None.</summary>
    None,

    /// <summary>One of the facet's own reasons.</summary>
    Good,

    /// <summary>A reason that fits everything, or that the world does not know for the facet.</summary>
    Poor,
}

/// <summary>The meaning of one plan sentence: 'we ACTION by WAY [SUFFIX] because REASON.' or 'we never ACTION.'</summary>
public sealed record SandboxSentence
{
    /// <summary>Value of <see cref="Way"/> for words that are no way of the facet.</summary>
    public const int UnknownWay = -1;

    /// <summary>The decision it is about.</summary>
    public required int Facet { get; init; }

    /// <summary>Way, 0 … 5; null where a vague phrase stands in its place; <see cref="UnknownWay"/>.</summary>
    public int? Way { get; init; }

    /// <summary>Addition to the way.</summary>
    public SandboxSuffix Suffix { get; init; }

    /// <summary>Reason given. Default: a good one.</summary>
    public SandboxReason Reason { get; init; } = SandboxReason.Good;

    /// <summary>True for 'we never ACTION', which has no way, suffix or reason.</summary>
    public bool Never { get; init; }
}

/// <summary>A plan sentence as it was read.</summary>
/// <param name="Sentence">Its meaning, as far as it has one.</param>
/// <param name="Malformed">True when it names an action but departs from the grammar after it.</param>
/// <param name="WayWord">Last word of the way or of what stands in its place; "never" for a denial; "." where there is nothing.</param>
/// <param name="ReasonWord">First word of the suffix, else of the reason; "." where there is neither.</param>
public sealed record SandboxReading(SandboxSentence Sentence, bool Malformed, string WayWord, string ReasonWord);

/// <summary>A plan as it was read.</summary>
/// <param name="Sentences">Closed sentences in order; null for one that names no known action.</param>
/// <param name="Closed">False when words follow the last full stop.</param>
public sealed record SandboxPlanReading(IReadOnlyList<SandboxReading?> Sentences, bool Closed);
