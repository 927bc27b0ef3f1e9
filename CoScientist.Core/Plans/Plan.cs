using CoScientist.Core.Goals;
using CoScientist.Core.Runs;

namespace CoScientist.Core.Plans;

/// <summary>Key of a <see cref="Plan"/>.</summary>
public readonly record struct PlanId(Guid Value) : ITypedId<PlanId>
{
    /// <inheritdoc/>
    public static PlanId From(Guid value) => new(value);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString("N");
}

/// <summary>One answer to a goal, and how it came about.</summary>
public sealed class Plan
{
    /// <summary>Key.</summary>
    public required PlanId Id { get; init; }

    /// <summary>The goal it answers.</summary>
    public required GoalId GoalId { get; init; }

    /// <summary>The checkpoint that wrote it; null for imported plans, references and model servers.</summary>
    public CheckpointId? CheckpointId { get; init; }

    /// <summary>The run whose closing evaluation it was written for; null for plans of other origin. Base and best plans of a run share it.</summary>
    public RunId? RunId { get; init; }

    /// <summary>Name of the writer: checkpoint, model, or "reference".</summary>
    public required string Writer { get; init; }

    /// <summary>The plan itself (what stands inside the solution tags).</summary>
    public required string Text { get; init; }

    /// <summary>Content hash of the prompt it was written with; null when there was none or it is unknown.</summary>
    public string? PromptVersion { get; init; }

    /// <summary>Sampling temperature; 0 is greedy; null when unknown.</summary>
    public double? Temperature { get; init; }

    /// <summary>Seed it was sampled with; null when unknown.</summary>
    public long? Seed { get; init; }

    /// <summary>Generated tokens; null when unknown.</summary>
    public int? Tokens { get; init; }

    /// <summary>Whether the writer ended it by itself.</summary>
    public bool Finished { get; init; } = true;

    /// <summary>When (UTC).</summary>
    public required DateTimeOffset CreatedAt { get; init; }
}
