using CoScientist.Core.Runs;

namespace CoScientist.Core.Storage;

/// <summary>Answers of experts as pairs to train on.</summary>
public sealed record PreferencePairs
{
    /// <summary>Names of the closed studies they come from, sorted.</summary>
    public IReadOnlyList<string> Studies { get; init; } = [];

    /// <summary>Answers that count: given in these studies, on goals of the domains, and not taken back.</summary>
    public int Answers { get; init; }

    /// <summary>Pairs of plans that were answered and have no majority.</summary>
    public int Undecided { get; init; }

    /// <summary>The decided pairs, in a fixed order.</summary>
    public IReadOnlyList<RunPreference> Pairs { get; init; } = [];

    /// <summary>Why there is nothing to learn from, as the rest of a sentence about <c>data.studies</c> with the remedy; null when there is.</summary>
    public string? Fault { get; init; }

    /// <summary>Articles of the pairs' goals: what is not to be tested on.</summary>
    internal IReadOnlyList<string> Articles { get; init; } = [];
}
