using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Core.Studies;
using CoScientist.Web.Accounts;
using CoScientist.Web.Configuration;
using CoScientist.Web.Runs;
using CoScientist.Web.ViewModels;
using Microsoft.AspNetCore.Components;

namespace CoScientist.Web.Components.Pages.Runs;

/// <summary>Writes a specification and puts it into the queue.</summary>
public sealed partial class RunNew : IDisposable
{
    private readonly CancellationTokenSource _gone = new();
    private RunForm? _form;
    private Run? _source;
    private IReadOnlyList<Run> _runs = [];
    private IReadOnlyList<Checkpoint> _models = [];
    private IReadOnlyList<string> _domains = [];
    private IReadOnlyList<Study> _studies = [];
    private string _chosen = "";
    private string? _pairs;
    private string _estimate = "";
    private string? _notice;
    private bool _advancedOpen;
    private bool _starting;

    /// <summary>Name of the run whose specification is taken over.</summary>
    [SupplyParameterFromQuery(Name = "from")]
    public string? From { get; set; }

    [Inject]
    private RunStore Store { get; set; } = default!;

    [Inject]
    private RunCheckpointStore Checkpoints { get; set; } = default!;

    [Inject]
    private RunLauncher Launcher { get; set; } = default!;

    [Inject]
    private TextModels Servers { get; set; } = default!;

    [Inject]
    private RunWorker Worker { get; set; } = default!;

    [Inject]
    private CoScientistOptions Options { get; set; } = default!;

    [Inject]
    private AccessGuard Guard { get; set; } = default!;

    [Inject]
    private NavigationManager Navigation { get; set; } = default!;

    /// <inheritdoc/>
    public void Dispose()
    {
        _gone.Cancel();
        _gone.Dispose();
    }

    /// <inheritdoc/>
    protected override async Task OnInitializedAsync()
    {
        _runs = await Store.ListAsync(_gone.Token);
        _models = await Checkpoints.ListAsync(_gone.Token);
        _notice = _models.Count == 0 ? "The library has no checkpoint to start from: the sandbox's base model is missing from this installation. Make it with 'sandbox build', or install the software again." : null;
        _source = _runs.FirstOrDefault(run => run.Name == From);
        await (_source is null ? UseAsync(RunPresets.All[0]) : UseAsync(_source));
    }

    /// <summary>Whether a part of the run learns from experts' answers, as far as the fields say.</summary>
    private bool LearnsFromAnswers => _form is { } form && (form["method"] == "dpo" || form["stages"].Contains("dpo", StringComparison.Ordinal));

    private Task UseAsync(RunPreset preset)
    {
        (_chosen, _form) = (preset.Name, new RunForm(preset.Spec, preset.Name));
        return ReadLibraryAsync(preset.Spec.Data.Sandbox);
    }

    private Task UseAsync(Run run)
    {
        (_chosen, _form) = (run.Name, new RunForm(run.Spec, preset: null));
        return ReadLibraryAsync(run.Spec.Data.Sandbox);
    }

    private async Task ReadLibraryAsync(bool sandbox)
    {
        _domains = await Launcher.DomainsAsync(sandbox, _gone.Token);
        _studies = await Launcher.StudiesAsync(sandbox, _gone.Token);
        await CheckAsync();
    }

    private async Task CheckAsync()
    {
        _pairs = null;
        if (_form!.Spec is { } spec)
        {
            _form.Refuse(await Launcher.CheckAsync(spec, _gone.Token));
            _pairs = await Launcher.PairsAsync(spec, _gone.Token);
        }

        Estimate();
    }

    private void Estimate()
    {
        if (_form!.Spec is not { } spec)
        {
            return;
        }

        // A step of another method does other work.
        foreach (var run in _runs.Where(run => run.Spec.Model == spec.Model && run.Spec.Method == spec.Method && run.Spec.Stages.SequenceEqual(spec.Stages)))
        {
            var history = new RunHistory(new RunFolder(Options.RunDirectory(run.Name)));
            history.Refresh();
            var times = history.Series(RunMetricNames.StepTime);
            if (times.Count > 0)
            {
                var estimate = RunEstimate.Of(spec, run, times.Average(point => point.Value));
                _estimate = $"At most about {RunWords.Duration(estimate.Duration)}, by the pace of {estimate.Run}.";
                return;
            }
        }

        _estimate = "No run of this model and method has been timed on this machine yet.";
    }

    private async Task StartAsync()
    {
        var account = await Guard.RequireAsync(Roles.Researcher, _gone.Token);
        await CheckAsync();
        if (_form!.Faults.Count > 0 || _form.Spec is not { } spec)
        {
            _advancedOpen = true;
            return;
        }

        _starting = true;
        var run = await Launcher.StartAsync(spec, "The form", account, _gone.Token);
        Worker.Wake();
        Navigation.NavigateTo($"runs/{run.Name}");
    }
}
