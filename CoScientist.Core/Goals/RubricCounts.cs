namespace CoScientist.Core.Goals;

/// <summary>Whether runs can use a goal.</summary>
public enum GoalUsability
{
    /// <summary>At least one item is not rejected.</summary>
    Usable,

    /// <summary>It never had an item: runs leave it out until items are added.</summary>
    NoItems,

    /// <summary>Reviewers rejected every item: runs leave it out until one is approved or edited.</summary>
    AllRejected,
}

/// <summary>How many items of a rubric stand where in review.</summary>
/// <param name="Proposed">Not decided.</param>
/// <param name="Approved">Kept as they are.</param>
/// <param name="Edited">Kept in new wording.</param>
/// <param name="Rejected">Out.</param>
public sealed record RubricCounts(int Proposed, int Approved, int Edited, int Rejected)
{
    /// <summary>All items.</summary>
    public int Total => Proposed + Approved + Edited + Rejected;

    /// <summary>Items somebody decided on.</summary>
    public int Decided => Total - Proposed;

    /// <summary>Whether runs that count every state but rejected can use the goal.</summary>
    public GoalUsability Usability =>
        Total == 0 ? GoalUsability.NoItems : Total == Rejected ? GoalUsability.AllRejected : GoalUsability.Usable;
}
