using CoScientist.Core.Grading;
using CoScientist.Core.Runs;

namespace CoScientist.Training.Protocols;

/// <summary>A plan to be graded.</summary>
/// <param name="Goal">Its goal with the rubric items that count.</param>
/// <param name="Text">The plan.</param>
public sealed record PlanToGrade(RunGoal Goal, string Text);

/// <summary>A grader's word on one item.</summary>
/// <param name="Met">Whether no guideline is violated.</param>
/// <param name="Violated">The violated guidelines as the grader named them, 1–7; empty when met.</param>
/// <param name="Violations">How many are violated, 0–7: all seven when no part of the plan addresses the item.</param>
/// <param name="Probability">Probability of 'met', where it is read from token likelihoods.</param>
/// <param name="Reason">The reason or the evidence quoted, where there is one.</param>
public sealed record ItemVerdict(bool Met, IReadOnlyList<int> Violated, int Violations, double? Probability = null, string? Reason = null);

/// <summary>A grader's word on one plan.</summary>
/// <param name="Items">One verdict per item of the goal; null where none could be read.</param>
/// <param name="Score">Share satisfied by the items' weights, 0–1; null when nothing could be read: ungraded is never zero.</param>
/// <param name="Failure">Why something could not be read; null when everything was.</param>
public sealed record PlanGrading(IReadOnlyList<ItemVerdict?> Items, double? Score, string? Failure = null)
{
    /// <summary>A grading whose score is the share of items met, by their weights, among those that have a verdict.</summary>
    public static PlanGrading Of(PlanToGrade plan, IReadOnlyList<ItemVerdict?> items, string? failure = null) =>
        new(items, Reward.Share([.. items.Zip(plan.Goal.Items, (verdict, item) => verdict is null ? (ItemOutcome?)null : new ItemOutcome(verdict.Met, verdict.Violations, item.Weight))]), failure);

    /// <summary>A grading that could not be read at all.</summary>
    public static PlanGrading Ungraded(PlanToGrade plan, string reason) => new(new ItemVerdict?[plan.Goal.Items.Count], null, reason);
}

/// <summary>Grades plans item by item: the reward of a run, or its judge. It may fail on an item or a plan; what failed is masked and counted.</summary>
public interface IPlanGrader
{
    /// <summary>Grades plans, in order.</summary>
    /// <exception cref="Core.TextModels.TextModelException">A model server cannot be reached or refuses everything.</exception>
    IReadOnlyList<PlanGrading> Grade(IReadOnlyList<PlanToGrade> plans, CancellationToken cancellationToken);
}
