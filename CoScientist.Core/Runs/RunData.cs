namespace CoScientist.Core.Runs;

/// <summary>Everything a trainer sees of the library: plain values, taken once when the run starts and written beside its specification.</summary>
/// <param name="Train">Goals to train on, in a fixed order.</param>
/// <param name="Validation">Goals the judge picks the checkpoint by.</param>
/// <param name="Test">Goals reported at the end.</param>
public sealed record RunData(IReadOnlyList<RunGoal> Train, IReadOnlyList<RunGoal> Validation, IReadOnlyList<RunGoal> Test)
{
    /// <summary>Goals of the library that have no item that counts and so are in no part.</summary>
    public int LeftOut { get; init; }

    /// <summary>Experts' preferences between two plans, to train on; empty unless the method learns from them. Their goals are in no other part.</summary>
    public IReadOnlyList<RunPreference> Preferences { get; init; } = [];
}

/// <summary>An expert's choice between two plans for a goal.</summary>
/// <param name="GoalId">The goal's id.</param>
/// <param name="Goal">Its text.</param>
/// <param name="Chosen">The plan preferred.</param>
/// <param name="Rejected">The other.</param>
public sealed record RunPreference(string GoalId, string Goal, string Chosen, string Rejected);

/// <summary>A goal with the rubric items that count.</summary>
/// <param name="Id">The goal's id.</param>
/// <param name="Domain">Its domain.</param>
/// <param name="Text">What the policy sees.</param>
/// <param name="ExternalKey">The sandbox goal's specification; null for real goals.</param>
/// <param name="ReferenceSolution">One possible approach, or null.</param>
/// <param name="RubricVersion">Version of the rubric the items were taken from.</param>
/// <param name="Items">Items that count, in order; never empty.</param>
public sealed record RunGoal(string Id, string Domain, string Text, string? ExternalKey, string? ReferenceSolution, int RubricVersion, IReadOnlyList<RunItem> Items);

/// <summary>A rubric item in the wording that counts.</summary>
/// <param name="Id">The item's id.</param>
/// <param name="Order">Its position in the goal's whole rubric, rejected items included.</param>
/// <param name="Text">Its current wording.</param>
/// <param name="Weight">Its weight in the reward, above 0. Default 1.</param>
public sealed record RunItem(string Id, int Order, string Text, double Weight = 1);
