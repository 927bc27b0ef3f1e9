using System.Globalization;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Web.Accounts;
using CoScientist.Web.Configuration;
using CoScientist.Web.Runs;
using CoScientist.Web.ViewModels;
using Microsoft.AspNetCore.Components;

namespace CoScientist.Web.Components.Pages.Runs;

/// <summary>One run: what it does, what it measured, and the ways to steer it.</summary>
public sealed partial class RunDetail : IDisposable
{
    private const int LogLines = 60;

    private readonly CancellationTokenSource _gone = new();
    private Run? _run;
    private RunSpec _spec = new();
    private IDisposable? _subscription;
    private IReadOnlyList<Checkpoint> _checkpoints = [];
    private RunChart? _scores;
    private IReadOnlyList<HumanScore> _people = [];
    private ChartView _view = new();
    private double? _xEnd;
    private IReadOnlyList<RunChart> _charts = [];
    private IReadOnlyList<(string Name, double Share)> _profile = [];
    private IReadOnlyList<int> _sampleSteps = [];
    private (RunHistory History, int Version, bool AtWork) _drawn;
    private IReadOnlyList<RunLog> _log = [];
    private ChartMark? _mark;
    private DateTimeOffset? _expected;
    private int? _latestCheckpoint;
    private string _when = "";
    private string? _refusal;
    private int _step;
    private int? _steps;
    private string _budget = "";
    private bool _asksCancel;
    private bool _stopping;
    private bool _loaded;

    /// <summary>Name of the run.</summary>
    [Parameter]
    public string Name { get; set; } = "";

    [Inject]
    private RunStore Store { get; set; } = default!;

    [Inject]
    private RunCheckpointStore CheckpointStore { get; set; } = default!;

    [Inject]
    private StudyStore Studies { get; set; } = default!;

    [Inject]
    private RunHistories Histories { get; set; } = default!;

    [Inject]
    private RunEvents Events { get; set; } = default!;

    [Inject]
    private RunWorker Worker { get; set; } = default!;

    [Inject]
    private CoScientistOptions Options { get; set; } = default!;

    [Inject]
    private TimeProvider Time { get; set; } = default!;

    [Inject]
    private AccessGuard Guard { get; set; } = default!;

    [Inject]
    private AuditTrail Trail { get; set; } = default!;

    /// <inheritdoc/>
    public void Dispose()
    {
        _subscription?.Dispose();
        _gone.Cancel();
        _gone.Dispose();
    }

    /// <inheritdoc/>
    protected override async Task OnParametersSetAsync()
    {
        if (_run is not null && _run.Name == Name)
        {
            return;
        }

        _subscription?.Dispose();
        _run = null;
        _scores = null;
        _view = new ChartView();
        await LoadAsync();
        if (_run is not null && RendererInfo.IsInteractive)
        {
            _subscription = Events.Subscribe(_run.Id, () => InvokeAsync(async () =>
            {
                await LoadAsync();
                StateHasChanged();
            }));
        }
    }

    private async Task LoadAsync()
    {
        var run = await Store.FindAsync(Name, _gone.Token);
        _loaded = true;
        if (run is null)
        {
            return;
        }

        var folder = new RunFolder(Options.RunDirectory(run.Name));
        var live = Events.Latest(run.Id);
        _spec = run.Spec;
        var history = Histories.Of(run.Name);
        var atWork = run.State == RunState.Running;
        var changed = _drawn != (history, history.Version, atWork);
        _drawn = (history, history.Version, atWork);
        _sampleSteps = Histories.SamplesOf(run.Name).Refresh();

        _checkpoints = await CheckpointStore.OfRunAsync(run.Id, _gone.Token);
        _latestCheckpoint = _checkpoints.Count == 0 ? null : _checkpoints[^1].Step;
        _stopping = Worker.IsStopping(run);
        _step = run.State == RunState.Running ? Math.Max(run.Step, live.Step) : run.Step;
        _expected = run.State == RunState.Running && !_stopping && _step < run.TotalSteps ? live.Expected(run.TotalSteps) : null;
        _when = When(run);
        if (_scores is null)
        {
            _people = await HumanScore.OfAsync(run, Studies, _gone.Token);
        }

        if (changed || _scores is null)
        {
            _scores = RunCharts.Scores(run, history, _people);
            _charts = RunCharts.Small(_spec, history, atWork);
            _profile = RunCharts.Profile(history);
        }

        // While it runs, the axis ends where the run will: lines grow, and nothing moves.
        _xEnd = run.State.IsFinal() ? null : run.TotalSteps;
        _mark = run.BestStep is { } best ? new ChartMark(best, run.State == RunState.Finished ? $"picked: step {best}" : $"best so far: step {best}") : null;
        _log = live.Log.Count > 0 ? [.. live.Log.TakeLast(LogLines)] : folder.ReadLog(LogLines);
        _run = run;
    }

    private string When(Run run) => run switch
    {
        { State: RunState.Pending } => "waits for its turn",
        { State: RunState.Running, StartedAt: not null } when _step >= run.TotalSteps => "closing evaluation on the test goals",
        { State: RunState.Running, StartedAt: { } started } => $"running for {RunWords.Duration(Time.GetUtcNow() - started)}",
        { StartedAt: { } started, EndedAt: { } ended } => $"took {RunWords.Duration(ended - started)}",
        _ => "",
    };

    private void ChangeSmoothing(ChangeEventArgs change) =>
        _view = _view with { Smoothing = Math.Clamp(double.TryParse(change.Value as string, NumberStyles.Float, CultureInfo.InvariantCulture, out var weight) ? weight : 0, 0, .99) };

    private void Zoom(ChangeEventArgs from, double? to) => Zoom(Step(from), to);

    private void Zoom(double? from, ChangeEventArgs to) => Zoom(from, Step(to));

    private void Zoom(double? from, double? to) => _view = from > to ? _view with { From = to, To = from } : _view with { From = from, To = to };

    private static double? Step(ChangeEventArgs change) => int.TryParse(change.Value as string, NumberStyles.None, CultureInfo.InvariantCulture, out var step) ? step : null;

    private Task PauseAsync() => SteerAsync("paused the run", run => Worker.PauseAsync(run, _gone.Token));

    private Task ResumeAsync() => SteerAsync("resumed the run", run => Worker.ResumeAsync(run, _gone.Token));

    private Task EvaluateAsync() => SteerAsync("asked for the evaluation of the run", run => Worker.EvaluateAsync(run, _gone.Token));

    private Task CancelAsync() => SteerAsync("cancelled the run", run => Worker.CancelAsync(run, _gone.Token));

    private async Task ChangeStepsAsync()
    {
        if (_steps is not { } steps || steps == _run!.TotalSteps)
        {
            _budget = "";
            return;
        }

        var running = _run.State == RunState.Running;
        try
        {
            await SteerAsync($"set the steps of the run to {steps}", _ => Worker.ChangeStepsAsync(_run, steps, _gone.Token));
            (_steps, _budget) = (null, _refusal is null ? $"{steps} steps in all{(running ? ", after the step it is doing" : "")}." : "");
        }
        catch (RunSpecException fault)
        {
            _budget = string.Join(" ", fault.Faults.Select(found => $"{found}."));
        }
    }

    private async Task SteerAsync(string what, Func<RunId, Task> how)
    {
        var by = await Guard.RequireAsync(Roles.Researcher, _gone.Token);
        _refusal = null;
        _asksCancel = false;
        try
        {
            await how(_run!.Id);
            await Trail.RecordAsync(by, AuditKind.Run, _run.Name, what, $"runs/{_run.Name}", CancellationToken.None);
        }
        catch (RunStateException fault)
        {
            // Somebody else was faster: say so, and show how it stands now.
            _refusal = fault.Message;
        }

        await LoadAsync();
    }
}
