namespace CoScientist.Core.Goals.Checks;

/// <summary>What can be wrong with a rubric item; the reasons for which reviewers reject, as far as a check can find them.</summary>
public enum ItemFault
{
    /// <summary>What it asks for can be read off the goal, so that a paraphrase of the goal earns it.</summary>
    LeaksFromGoal,

    /// <summary>It asks for several things at once, and a plan that does one of them is half right.</summary>
    Compound,

    /// <summary>It is met by mentioning something.</summary>
    PresenceOnly,

    /// <summary>It asks for nothing in particular: every plan meets it.</summary>
    Trivial,

    /// <summary>Another item of the rubric asks the same.</summary>
    Duplicate,

    /// <summary>A plan alone does not show whether it is met.</summary>
    NotCheckable,
}

/// <summary>One check of an item in its current wording: what was found and by whom. An item that was checked and has no findings is clean.</summary>
public sealed class ItemCheck
{
    /// <summary>The item.</summary>
    public required RubricItemId ItemId { get; init; }

    /// <summary>Who checked: <see cref="ItemLint.Name"/>, or the name of a judge model.</summary>
    public required string Checker { get; init; }

    /// <summary>True when a model judged; its word on leaks goes before that of the wording.</summary>
    public bool IsJudge { get; init; }

    /// <summary>Share of the item's content words that stand in the goal, 0–1; null when a judge said yes or no.</summary>
    public double? GoalShare { get; init; }

    /// <summary>Whether it leaks, so that rates need no join.</summary>
    public bool Leaks { get; init; }

    /// <summary>When (UTC).</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>What is wrong; empty for a clean item.</summary>
    public List<ItemFinding> Findings { get; init; } = [];
}

/// <summary>One thing that is wrong with an item, with its reason.</summary>
public sealed class ItemFinding
{
    /// <summary>Row key, given by storage.</summary>
    public long Id { get; set; }

    /// <summary>The item.</summary>
    public required RubricItemId ItemId { get; init; }

    /// <summary>Who found it; see <see cref="ItemCheck.Checker"/>.</summary>
    public required string Checker { get; init; }

    /// <summary>What is wrong.</summary>
    public required ItemFault Fault { get; init; }

    /// <summary>Why, in one sentence for reviewers.</summary>
    public required string Reason { get; init; }
}
