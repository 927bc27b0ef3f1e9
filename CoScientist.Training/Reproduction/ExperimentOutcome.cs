namespace CoScientist.Training.Reproduction;

/// <summary>What an experiment measured, on goals that were neither trained on nor used to pick the checkpoint.</summary>
public sealed record ExperimentOutcome
{
    /// <summary>The experiment.</summary>
    public required string Name { get; init; }

    /// <summary>Step of the checkpoint that the judge picked; 0 for the base model.</summary>
    public int PickedStep { get; init; }

    /// <summary>Seconds spent in training steps; evaluations left out.</summary>
    public double TrainingSeconds { get; init; }

    /// <summary>Why the run ended before its last step; null when it did not.</summary>
    public string? EndedEarly { get; init; }

    /// <summary>The picked checkpoint.</summary>
    public required Measurement Picked { get; init; }

    /// <summary>The last checkpoint; null when it was not measured.</summary>
    public Measurement? Last { get; init; }

    /// <summary>Several plans per goal; empty when there are none.</summary>
    public IReadOnlyList<IReadOnlyList<GradedPlan>> PickFrom { get; init; } = [];

    /// <summary>What the judge saw on the validation goals while training went on, from step 0.</summary>
    public IReadOnlyList<JudgedStep> Judged { get; init; } = [];
}

/// <summary>Plans of one checkpoint for the test goals.</summary>
/// <param name="Sampled">Sampled as in training, one per goal.</param>
/// <param name="Greedy">With the likeliest token every time, one per goal.</param>
public sealed record Measurement(IReadOnlyList<PlanScore> Sampled, IReadOnlyList<PlanScore> Greedy);

/// <summary>A plan's scores.</summary>
/// <param name="Goal">The goal's id.</param>
/// <param name="Domain">Its domain.</param>
/// <param name="Oracle">Share of requirements satisfied, by the oracle.</param>
/// <param name="SelfGrade">Share of items met, by the run's grader.</param>
/// <param name="WellFormed">Whether it keeps the format.</param>
/// <param name="Tokens">Its length.</param>
public sealed record PlanScore(string Goal, string Domain, double Oracle, double SelfGrade, bool WellFormed, int Tokens);

/// <summary>One of several plans for a goal.</summary>
/// <param name="Met">The grader's verdict on each item.</param>
/// <param name="Oracle">The oracle's score.</param>
public sealed record GradedPlan(IReadOnlyList<bool> Met, double Oracle)
{
    /// <summary>The grader's score.</summary>
    public double SelfGrade => Met.Count(met => met) / (double)Math.Max(1, Met.Count);
}

/// <summary>Scores of the validation goals at a step, goals in one order.</summary>
/// <param name="Step">Steps done.</param>
/// <param name="SelfGrades">By the run's grader.</param>
/// <param name="JudgeScores">By the oracle.</param>
public sealed record JudgedStep(int Step, IReadOnlyList<double> SelfGrades, IReadOnlyList<double> JudgeScores);
