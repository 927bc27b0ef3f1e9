namespace CoScientist.Core.Runs;

/// <summary>One line of <c>evaluation.jsonl</c>: a plan of the closing evaluation with both gradings.</summary>
public sealed record RunEvaluationRow
{
    /// <summary><see cref="Writer"/> of the checkpoint that training started from.</summary>
    public const string Base = "base";

    /// <summary><see cref="Writer"/> of the checkpoint that the judge picked.</summary>
    public const string Best = "best";

    /// <summary>"base" or "best".</summary>
    public required string Writer { get; init; }

    /// <summary>The goal.</summary>
    public required string GoalId { get; init; }

    /// <summary>Version of the rubric that both gradings used; null means the goal's current one.</summary>
    public int? RubricVersion { get; init; }

    /// <summary>The plan.</summary>
    public required string Plan { get; init; }

    /// <summary>Whether the writer ended it by itself.</summary>
    public bool Finished { get; init; } = true;

    /// <summary>Generated tokens.</summary>
    public int? Tokens { get; init; }

    /// <summary>Seed it was sampled with.</summary>
    public long? Seed { get; init; }

    /// <summary>Sampling temperature; 0 is greedy.</summary>
    public double? Temperature { get; init; }

    /// <summary>Grading by the run's grader; null when there was none.</summary>
    public RunEvaluationGrading? SelfGrade { get; init; }

    /// <summary>Grading by the oracle; null when there was none.</summary>
    public RunEvaluationGrading? Oracle { get; init; }

    /// <summary>Grading by another judge; null when the oracle judged.</summary>
    public RunEvaluationGrading? Judge { get; init; }
}

/// <summary>One grading of a plan of the closing evaluation.</summary>
/// <param name="Score">Share of items met; null when ungraded.</param>
/// <param name="Items">Verdicts; empty when ungraded.</param>
/// <param name="Failure">Why it is ungraded; null when it is not.</param>
public sealed record RunEvaluationGrading(double? Score, IReadOnlyList<RunEvaluationVerdict> Items, string? Failure = null);

/// <summary>One verdict of a grading.</summary>
/// <param name="Id">The rubric item.</param>
/// <param name="Met">Whether no guideline is violated.</param>
/// <param name="Violated">Numbers of the violated guidelines; null or empty when none.</param>
/// <param name="Probability">Probability of 'met', where the grader has one.</param>
/// <param name="Reason">The reason or the evidence quoted, where there is one.</param>
public sealed record RunEvaluationVerdict(string Id, bool Met, IReadOnlyList<int>? Violated = null, double? Probability = null, string? Reason = null);
