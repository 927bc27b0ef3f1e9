namespace CoScientist.Core.Storage;

/// <summary>
/// What a row of the full-text index (FTS5 table "SearchText") belongs to: a paper (title, abstract, authors, identifiers, file
/// name), a goal or a rubric item. Triggers of the database keep index and entries; nothing else writes them.
/// </summary>
public sealed class SearchEntry
{
    /// <summary>Row in the index.</summary>
    public long Id { get; init; }

    /// <summary>Paper, goal or rubric item.</summary>
    public required Guid OwnerId { get; init; }

    /// <summary>The goal, for goals and their items; null for papers.</summary>
    public Guid? GoalId { get; init; }
}
