using CoScientist.Core.Grading;
using CoScientist.Core.Storage;
using CoScientist.Core.Studies;
using CoScientist.Web.Accounts;
using CoScientist.Web.ViewModels;
using Microsoft.AspNetCore.Components;

namespace CoScientist.Web.Components.Pages.Studies;

/// <summary>The goals of a study, a page at a time.</summary>
public sealed partial class StudyGoals
{
    private const int PageSize = 20;

    private IReadOnlyList<(GraderRole Role, string Grader)> _graders = [];
    private (string Plan1, string Plan2) _plans;
    private ComparisonId? _open;
    private int _page;

    /// <summary>The study.</summary>
    [Parameter, EditorRequired]
    public StudySummary Study { get; set; } = default!;

    /// <summary>Its goals, in order.</summary>
    [Parameter, EditorRequired]
    public IReadOnlyList<GoalResult> Goals { get; set; } = [];

    [Inject]
    public required StudyStore Store { get; set; }

    [Inject]
    internal AccessGuard Guard { get; set; } = default!;

    protected override void OnParametersSet() => _graders =
        [.. Goals.SelectMany(g => g.Graded, (_, graded) => (graded.Role, graded.Grader)).Distinct().OrderBy(g => g.Role).ThenBy(g => g.Grader, StringComparer.Ordinal)];

    private static string Scores(GoalResult goal, GraderRole role, string grader) => goal.Graded.FirstOrDefault(g => g.Role == role && g.Grader == grader) is { } scores
        ? $"{StudyWords.Number(scores.Score1)} : {StudyWords.Number(scores.Score2)}"
        : "–";

    private static string Chosen(PreferenceChoice choice) => choice switch
    {
        PreferenceChoice.A => "plan A",
        PreferenceChoice.B => "plan B",
        PreferenceChoice.Tie => "equally good",
        _ => "neither",
    };

    private async Task OpenAsync(GoalResult goal)
    {
        if (_open == goal.Pair.Id)
        {
            _open = null;
            return;
        }

        await Guard.RequireAsync(Roles.Researcher, CancellationToken.None);
        _plans = await Store.PlansAsync(goal.Pair.Id, CancellationToken.None);
        _open = goal.Pair.Id;
    }
}
