using CoScientist.Core.Papers;

namespace CoScientist.Core.Goals;

/// <summary>Key of a <see cref="Goal"/>.</summary>
public readonly record struct GoalId(Guid Value) : ITypedId<GoalId>
{
    /// <inheritdoc/>
    public static GoalId From(Guid value) => new(value);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString("N");
}

/// <summary>Which part of the data a goal belongs to; drawn by article, never by row.</summary>
public enum GoalSplit
{
    /// <summary>Policies may train on it.</summary>
    Train,

    /// <summary>Watched during runs: the judge picks checkpoints on these goals. Never reported.</summary>
    Validation,

    /// <summary>Reported on. Never trained on, never used to pick anything.</summary>
    Test,
}

/// <summary>A research aim drawn from a paper: the situation its authors faced, without a hint of the solution.</summary>
public sealed class Goal
{
    /// <summary>Key.</summary>
    public required GoalId Id { get; init; }

    /// <summary>The paper it was drawn from; null for rows of a dataset without one.</summary>
    public PaperId? PaperId { get; init; }

    /// <summary>Field of research; see <see cref="Paper.Domain"/>.</summary>
    public required string Domain { get; set; }

    /// <summary>What the policy sees, about 90 words.</summary>
    public required string Text { get; set; }

    /// <summary>One possible approach, shown to graders and never to the policy; null when there is none.</summary>
    public string? ReferenceSolution { get; set; }

    /// <summary>Part of the data.</summary>
    public GoalSplit Split { get; set; }

    /// <summary>How it was made: "dataset", "drafter", "model" or "sandbox".</summary>
    public required string Origin { get; init; }

    /// <summary>Model that extracted it (the drafter under its own); null when imported.</summary>
    public string? ExtractedBy { get; init; }

    /// <summary>Content hash of the prompt that extracted it; null when none did.</summary>
    public string? PromptVersion { get; init; }

    /// <summary>Pipeline of the extraction ("paper", "leak-resistant"); null when none ran.</summary>
    public string? Pipeline { get; init; }

    /// <summary>Section of the passage the goal rests on (-1 the abstract); null when it is unknown.</summary>
    public int? SourceSection { get; init; }

    /// <summary>First character of that passage in the section's text.</summary>
    public int? SourceStart { get; init; }

    /// <summary>Length of that passage in characters.</summary>
    public int? SourceLength { get; init; }

    /// <summary>The first goal of another article that this one nearly repeats (see <see cref="GoalSimilarity"/>); null for none.</summary>
    public GoalId? DuplicateOf { get; set; }

    /// <summary>How alike the two are, 0–1; null when it repeats none.</summary>
    public double? Resemblance { get; set; }

    /// <summary>Key in the source it came from (row id of a dataset, specification of a sandbox goal): makes imports idempotent.</summary>
    public string? ExternalKey { get; init; }

    /// <summary>True for goals of the sandbox world.</summary>
    public bool IsSandbox { get; init; }

    /// <summary>Goes up by one with every decision that changes which items count or how they read. Starts at 1.</summary>
    public int RubricVersion { get; set; } = 1;

    /// <summary>When it was made (UTC).</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>The rubric, in order.</summary>
    public List<RubricItem> Items { get; set; } = [];
}
