using System.Text.Json.Serialization;

namespace CoScientist.Core.Runs;

/// <summary>Everything a trainer sees of the library: plain values, taken once when the run starts and written beside its specification.</summary>
/// <param name="Train">Goals to train on, in a fixed order.</param>
/// <param name="Validation">Goals the judge picks the checkpoint by.</param>
/// <param name="Test">Goals reported at the end.</param>
public sealed record RunData(IReadOnlyList<RunGoal> Train, IReadOnlyList<RunGoal> Validation, IReadOnlyList<RunGoal> Test)
{
    /// <summary>Goals of the library that have no item that counts and so are in no part.</summary>
    public int LeftOut { get; init; }

    /// <summary>Experts' preferences between two plans, to train on; empty unless the method learns from them. Their goals are neither validated nor tested on.</summary>
    public IReadOnlyList<RunPreference> Preferences { get; init; } = [];

    /// <summary>Where the preferences come from; null when there are none.</summary>
    public RunPreferenceSource? PreferenceSource { get; init; }

    /// <summary>Validation and test goals of the library that this run must not be measured on, because answers of experts on them, or on goals of the same article, are trained on or were in the model's past.</summary>
    public int HeldBack { get; init; }

    /// <summary>What the run's log says of experts' answers; null when there is nothing to say.</summary>
    [JsonIgnore]
    public string? PreferenceNote => (PreferenceSource, HeldBack) switch
    {
        ({ } source, _) => FormattableString.Invariant($"{Preferences.Count} decided pairs from {source.Answers} answers in {string.Join(", ", source.Studies)}; {source.Undecided} pairs without a majority are left out, and {HeldBack} validation and test goals with their articles leave the evaluation."),
        (null, > 0) => FormattableString.Invariant($"{HeldBack} validation and test goals leave the evaluation: the model has learnt from experts' answers on their articles."),
        _ => null,
    };
}

/// <summary>Which answers became preferences to train on.</summary>
/// <param name="Studies">Names of the closed studies.</param>
/// <param name="Answers">Answers that counted; those taken back are not among them.</param>
/// <param name="Undecided">Pairs of plans that were answered and have no majority.</param>
public sealed record RunPreferenceSource(IReadOnlyList<string> Studies, int Answers, int Undecided);

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
