using System.Globalization;
using CoScientist.Core.Runs;
using CoScientist.Web.Configuration;
using CoScientist.Web.Runs;
using Microsoft.AspNetCore.Components;

namespace CoScientist.Web.Components.Pages.Runs;

/// <summary>Chooses step and goal, reads the samples of both sides, and searches all of them.</summary>
public sealed partial class RunSamples : IDisposable
{
    private const int GoalLength = 90;
    private const int MostHits = 50;
    private const int Before = 40;

    private readonly CancellationTokenSource _gone = new();
    private IReadOnlyList<(string Id, string Kind, string Text)> _goals = [];
    private IReadOnlyList<RunSample> _samples = [];
    private IReadOnlyList<RunSample> _others = [];
    private IReadOnlyList<RunSample> _left = [];
    private IReadOnlyList<RunSample> _right = [];
    private IReadOnlyList<RunSample> _hits = [];
    private RunId _shown;
    private string _goal = "";
    private string _wanted = "";
    private string _asked = "";
    private string _found = "";
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
    private CoScientistOptions Options { get; set; } = default!;

    [Inject]
    private RunHistories Histories { get; set; } = default!;

    /// <inheritdoc/>
    public void Dispose()
    {
        _gone.Cancel();
        _gone.Dispose();
    }

    /// <inheritdoc/>
    protected override void OnParametersSet()
    {
        if (_shown != Run.Id)
        {
            (_shown, _chosen, _step, _beside) = (Run.Id, false, -1, -1);
            (_hits, _found, _wanted) = ([], "", "");
        }

        // The newest step, until somebody chooses one.
        if (Steps.Count > 0 && !_chosen && _step != Steps[^1])
        {
            Show(Steps[^1]);
        }
    }

    private static string Short(string text) => text.Length <= GoalLength ? text : string.Concat(text.AsSpan(0, GoalLength), "…");

    private static int Number(ChangeEventArgs change) => int.TryParse(change.Value as string, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : -1;

    private int IndexOf(int step) => Steps.Select((known, i) => (known, i)).FirstOrDefault(pair => pair.known == step).i;

    private int At(ChangeEventArgs change) => Steps[Math.Clamp(Number(change), 0, Steps.Count - 1)];

    private void ChangeStep(ChangeEventArgs change)
    {
        _chosen = true;
        Show(At(change));
    }

    private void ChangeBeside(ChangeEventArgs change)
    {
        _chosen = true;
        Beside(At(change));
    }

    /// <summary>The first step is the other side at first: where it began against where it is.</summary>
    private void ToggleBeside(ChangeEventArgs change)
    {
        _chosen = true;
        Beside(change.Value is true ? Steps[0] : -1);
    }

    /// <summary>Puts another step beside; a goal that only one of them has gives way to one that both have.</summary>
    private void Beside(int step)
    {
        (_beside, _others) = (step, step < 0 ? [] : Read(step));
        if (_others.All(sample => sample.GoalId != _goal) && _others.FirstOrDefault(other => _samples.Any(sample => sample.GoalId == other.GoalId)) is { } common)
        {
            _goal = common.GoalId;
        }

        Pick();
    }

    private void ChangeGoal(ChangeEventArgs change)
    {
        _chosen = true;
        _goal = change.Value as string ?? "";
        Pick();
    }

    private async Task SearchAsync()
    {
        _asked = _wanted.Trim();
        if (_asked.Length == 0)
        {
            (_hits, _found) = ([], "");
            return;
        }

        _found = "Searching …";
        StateHasChanged();
        var folder = new RunFolder(Options.RunDirectory(Run.Name));
        var (newest, found) = await Task.Run(() => folder.SearchSamples(_asked, MostHits, _gone.Token), _gone.Token);
        _hits = newest;
        _found = found == 0 ? $"No sample says \"{_asked}\"." : found <= MostHits ? $"{found} {(found == 1 ? "sample" : "samples")}." : $"{found} samples; the newest {MostHits}:";
    }

    private void Open(RunSample hit)
    {
        (_chosen, _goal) = (true, hit.GoalId);
        Show(hit.Step);
    }

    /// <summary>The words around the first hit in the plan, or where else it is.</summary>
    private string Around(RunSample hit)
    {
        var at = hit.Plan.IndexOf(_asked, StringComparison.OrdinalIgnoreCase);
        if (at < 0)
        {
            return "in the goal or an item";
        }

        var start = Math.Max(0, at - Before);
        return (start > 0 ? "… " : "") + hit.Plan[start..Math.Min(hit.Plan.Length, at + _asked.Length + Before)] + " …";
    }

    private void Show(int step)
    {
        (_step, _samples) = (step, Read(step));
        Pick();
    }

    private void Pick()
    {
        // Goals of both steps come first when two are compared.
        var both = _others.Select(sample => sample.GoalId).ToHashSet(StringComparer.Ordinal);
        _goals = [.. _samples.DistinctBy(sample => sample.GoalId).OrderByDescending(sample => both.Contains(sample.GoalId)).Select(sample => (sample.GoalId, sample.Kind, sample.Goal))];
        if (_goals.All(goal => goal.Id != _goal))
        {
            _goal = _goals.Count > 0 ? _goals[0].Id : "";
        }

        _left = [.. _samples.Where(sample => sample.GoalId == _goal)];
        _right = [.. _others.Where(sample => sample.GoalId == _goal)];
    }

    private IReadOnlyList<RunSample> Read(int step) => Histories.SamplesOf(Run.Name).Read(step);
}
