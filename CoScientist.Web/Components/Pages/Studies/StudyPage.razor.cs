using System.Globalization;
using CoScientist.Core;
using CoScientist.Core.Storage;
using CoScientist.Core.Studies;
using CoScientist.Web.Accounts;
using CoScientist.Web.ViewModels;
using Microsoft.AspNetCore.Components;

namespace CoScientist.Web.Components.Pages.Studies;

/// <summary>Progress and results of a study. The arms are named here and only here: the page is for researchers.</summary>
public sealed partial class StudyPage
{
    private StudySummary? _study;
    private StudyResults? _results;
    private StudySetup? _setup;
    private IReadOnlyList<StudyFigure> _figures = [];
    private string? _fault;
    private bool _loaded;

    /// <summary>The study.</summary>
    [Parameter]
    public string Id { get; set; } = "";

    [Inject]
    public required StudyStore Store { get; set; }

    [Inject]
    internal AccessGuard Guard { get; set; } = default!;

    protected override async Task OnParametersSetAsync()
    {
        await Guard.RequireAsync(Roles.Researcher, CancellationToken.None);
        await LoadAsync();
        _loaded = true;
    }

    private async Task LoadAsync()
    {
        if (TypedId.TryParse<StudyId>(Id, out var id) && await Store.FindAsync(id, CancellationToken.None) is { } study)
        {
            (_study, _results) = (study, await Store.ResultsAsync(id, CancellationToken.None));
            _figures = StudyFigures.Of(_study, _results);
            _setup = await Store.SetupAsync(id, CancellationToken.None);
        }
    }

    private Task SetStateAsync(StudyState state) => ActAsync(by => Store.SetStateAsync(_study!.Id, state, CancellationToken.None, by));

    private Task AdjudicateAsync(ComparisonId pair, PairOutcome? outcome) => ActAsync(by => Store.AdjudicateAsync(pair, outcome, by, CancellationToken.None));

    private async Task ActAsync(Func<string, Task> action)
    {
        var by = await Guard.RequireAsync(Roles.Researcher, CancellationToken.None);
        _fault = null;
        try
        {
            await action(by);
        }
        catch (StudyException fault)
        {
            _fault = fault.Message;
        }

        await LoadAsync();
    }

    private string OutcomeOf(GoalResult goal) => StudyWords.Outcome(goal, _study!);

    private static string ToneOf(GoalResult goal) => goal switch
    {
        { Answers.Count: 0 } => "open",
        { Points: null } => "both-bad",
        { Points: > 0.5 } => "arm1",
        { Points: < 0.5 } => "arm2",
        _ => "tie",
    };

    private static string Number(double value) => value.ToString("0.00", CultureInfo.InvariantCulture);

    private static string PValue(double value) => StudyWords.PValue(value);
}
