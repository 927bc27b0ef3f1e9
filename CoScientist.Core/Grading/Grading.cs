using CoScientist.Core.Goals;
using CoScientist.Core.Plans;

namespace CoScientist.Core.Grading;

/// <summary>Key of a <see cref="Grading"/>.</summary>
public readonly record struct GradingId(Guid Value) : ITypedId<GradingId>
{
    /// <inheritdoc/>
    public static GradingId From(Guid value) => new(value);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString("N");
}

/// <summary>In which capacity a plan was graded. Gradings of different roles stand side by side and are never mixed.</summary>
public enum GraderRole
{
    /// <summary>The frozen initial policy: the reward.</summary>
    SelfGrade,

    /// <summary>A model that is not the training grader.</summary>
    Judge,

    /// <summary>The exact judge of the sandbox world.</summary>
    Oracle,
}

/// <summary>One grader's verdicts on one plan.</summary>
public sealed class Grading
{
    /// <summary>Key.</summary>
    public required GradingId Id { get; init; }

    /// <summary>The plan graded.</summary>
    public required PlanId PlanId { get; init; }

    /// <summary>Capacity of the grader.</summary>
    public required GraderRole Role { get; init; }

    /// <summary>Name of the grader (model or checkpoint; "sandbox-oracle").</summary>
    public required string Grader { get; init; }

    /// <summary>Protocol: "paper", "compact" or "oracle".</summary>
    public required string Protocol { get; init; }

    /// <summary>Content hash of the grader's prompt; null for protocols without one.</summary>
    public string? PromptVersion { get; init; }

    /// <summary>Version of the goal's rubric that was used.</summary>
    public required int RubricVersion { get; init; }

    /// <summary>Share of items met, in 0–1; null when the grading could not be read: ungraded is never zero.</summary>
    public double? Score { get; init; }

    /// <summary>Why there is no score; null when there is one.</summary>
    public string? Failure { get; init; }

    /// <summary>What the grader said of the plan as a whole, before its verdicts; null when it said nothing.</summary>
    public string? Weaknesses { get; init; }

    /// <summary>When (UTC).</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>One verdict per item of the rubric version.</summary>
    public List<Verdict> Verdicts { get; set; } = [];
}

/// <summary>Met or unmet, with the reason, for one item.</summary>
public sealed class Verdict
{
    /// <summary>Row key, given by storage.</summary>
    public long Id { get; set; }

    /// <summary>The grading it belongs to.</summary>
    public GradingId GradingId { get; set; }

    /// <summary>The item judged.</summary>
    public required RubricItemId ItemId { get; init; }

    /// <summary>Whether no guideline is violated.</summary>
    public required bool Met { get; init; }

    /// <summary>Numbers of the violated guidelines, 1–7 (see <see cref="Guidelines"/>), ascending; empty when met.</summary>
    public List<int> Violated { get; set; } = [];

    /// <summary>The grader's reason, or the evidence it quoted.</summary>
    public string? Reason { get; init; }

    /// <summary>Probability of 'met', for graders that read it from token likelihoods; null for others.</summary>
    public double? Probability { get; init; }
}

/// <summary>The seven guidelines of the paper (arXiv 2512.23707): an item is met when none is violated.</summary>
public static class Guidelines
{
    /// <summary>Short names, guideline 1 first.</summary>
    public static IReadOnlyList<string> Names { get; } =
    [
        "handles all criteria",
        "detailed, specific solution",
        "no overlooked flaws",
        "well-justified rationale",
        "cost- and effort-efficient",
        "no ethical issues",
        "consistent with the overall plan",
    ];
}
