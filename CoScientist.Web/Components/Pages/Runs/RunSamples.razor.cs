using System.Globalization;
using CoScientist.Core.Runs;
using CoScientist.Web.Runs;
using Microsoft.AspNetCore.Components;

namespace CoScientist.Web.Components.Pages.Runs;

/// <summary>Chooses step and goal, and reads the samples of both sides.</summary>
public sealed partial class RunSamples
{
    private const int GoalLength = 90;

    private IReadOnlyList<(string Id, string Kind, string Text)> _goals = [];
    private IReadOnlyList<RunSample> _samples = [];
    private IReadOnlyList<RunSample> _left = [];
    private IReadOnlyList<RunSample> _right = [];
    private RunId _shown;
    private string _goal = "";
    private int _step = -1;
    private int _beside = -1;
    private bool _chosen;

    /// <summary>The run.</summary>
    [Parameter, EditorRequired]
    public Run Run { get; set; } = default!;

    /// <summary>Steps that have samples.</summary>
    [Parameter, EditorRequired]
    public IReadOnlyList<int> Steps { get; set; } = [];

    [Inject]
    private RunHistories Histories { get; set; } = default!;

    /// <inheritdoc/>
    protected override void OnParametersSet()
    {
        if (_shown != Run.Id)
        {
            (_shown, _chosen, _step, _beside) = (Run.Id, false, -1, -1);
        }

        // The newest step, until somebody chooses one.
        if (Steps.Count > 0 && !_chosen && _step != Steps[^1])
        {
            Show(Steps[^1]);
        }
    }

    private static string Short(string text) => text.Length <= GoalLength ? text : string.Concat(text.AsSpan(0, GoalLength), "…");

    private void ChangeStep(ChangeEventArgs change)
    {
        _chosen = true;
        Show(Number(change));
    }

    private void ChangeBeside(ChangeEventArgs change)
    {
        _chosen = true;
        _beside = Number(change);
        Pick();
    }

    private void ChangeGoal(ChangeEventArgs change)
    {
        _chosen = true;
        _goal = change.Value as string ?? "";
        Pick();
    }

    private void Show(int step)
    {
        _step = step;
        _beside = _beside == step ? -1 : _beside;
        _samples = Read(step);
        _goals = [.. _samples.DistinctBy(sample => sample.GoalId).Select(sample => (sample.GoalId, sample.Kind, sample.Goal))];
        if (_goals.All(goal => goal.Id != _goal))
        {
            _goal = _goals.Count > 0 ? _goals[0].Id : "";
        }

        Pick();
    }

    private void Pick()
    {
        _left = [.. _samples.Where(sample => sample.GoalId == _goal)];
        _right = _beside < 0 ? [] : [.. Read(_beside).Where(sample => sample.GoalId == _goal)];
    }

    private IReadOnlyList<RunSample> Read(int step) => Histories.SamplesOf(Run.Name).Read(step);

    private static int Number(ChangeEventArgs change) => int.TryParse(change.Value as string, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : -1;
}
