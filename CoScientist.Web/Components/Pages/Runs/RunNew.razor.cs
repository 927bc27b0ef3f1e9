using System.Text.Json;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Core.Studies;
using CoScientist.Web.Accounts;
using CoScientist.Web.Configuration;
using CoScientist.Web.Runs;
using CoScientist.Web.ViewModels;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Forms;

namespace CoScientist.Web.Components.Pages.Runs;

/// <summary>Writes a specification and puts it into the queue.</summary>
public sealed partial class RunNew : IDisposable
{
    private const string Imported = "imported specification";

    /// <summary>Most checkpoints that a field offers; others are named in the specification.</summary>
    private const int MostModels = 200;

    /// <summary>Runs among which the pace of one like this is looked for.</summary>
    private const int Recent = 40;

    private readonly CancellationTokenSource _gone = new();
    private CancellationTokenSource? _estimating;
    private RunForm? _form;
    private RunForm? _imported;
    private Run? _source;
    private readonly Dictionary<string, (Run Run, double Seconds)?> _paces = new(StringComparer.Ordinal);
    private IReadOnlyList<Run> _recent = [];
    private IReadOnlyList<Checkpoint> _models = [];
    private IReadOnlyList<string> _domains = [];
    private IReadOnlyList<Study> _studies = [];
    private IReadOnlyList<RunSpecFault> _importFaults = [];
    private Dictionary<string, int> _itemCounts = [];
    private RunDataCounts? _counts;
    private RunSpec _counted = new();
    private RunNeeds? _needs;
    private RunEstimate? _timed;
    private string _chosen = "";
    private string _json = "";
    private string _estimate = "";
    private string _ahead = "";
    private string? _pairs;
    private string? _notice;
    private bool? _sandbox;
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
    private RunPlanner Planner { get; set; } = default!;

    [Inject]
    private TextModels Servers { get; set; } = default!;

    [Inject]
    private RunWorker Worker { get; set; } = default!;

    [Inject]
    private CoScientistOptions Options { get; set; } = default!;

    [Inject]
    private AccessGuard Guard { get; set; } = default!;

    [Inject]
    private AuditTrail Trail { get; set; } = default!;

    [Inject]
    private NavigationManager Navigation { get; set; } = default!;

    /// <summary>Whether a part of the run learns from experts' answers, as far as the fields say.</summary>
    private bool LearnsFromAnswers => _form is { } form && (form["method"] == "dpo" || form["stages"].Contains("dpo", StringComparison.Ordinal));

    /// <inheritdoc/>
    public void Dispose()
    {
        _gone.Cancel();
        _gone.Dispose();
        _estimating?.Dispose();
    }

    /// <inheritdoc/>
    protected override async Task OnInitializedAsync()
    {
        (_recent, _) = await Store.PageAsync(0, Recent, _gone.Token);
        _models = await Checkpoints.OfferAsync(MostModels, _gone.Token);
        _notice = _models.Count == 0 ? "The library has no checkpoint to start from: the sandbox's base model is missing from this installation. Make it with 'sandbox build', or install the software again." : null;
        var waiting = await Store.CountActiveAsync(_gone.Token);
        _ahead = waiting == 0 ? "" : $"{waiting} {(waiting == 1 ? "run is" : "runs are")} ahead of it.";
        _source = From is null ? null : await Store.FindAsync(From, _gone.Token);
        await (_source is null ? UseAsync(RunPresets.All[0]) : UseAsync(_source));
    }

    private Task UseAsync(RunPreset preset)
    {
        (_chosen, _form) = (preset.Name, new RunForm(preset.Spec, preset.Name));
        return CheckAsync();
    }

    private Task UseAsync(Run run)
    {
        (_chosen, _form) = (run.Name, new RunForm(run.Spec, preset: null));
        return CheckAsync();
    }

    private Task UseAsync(RunForm form)
    {
        (_chosen, _form) = (Imported, form);
        return CheckAsync();
    }

    private Task DismissAsync()
    {
        _form!.Dismiss();
        return CheckAsync();
    }

    private Task ImportAsync(string json)
    {
        var form = RunForm.Import(json, "The specification");

        // A text that is no specification of this version leaves the form as it was.
        _importFaults = [.. form.Faults.Where(fault => fault.Path is "" or "version")];
        if (_importFaults.Count > 0)
        {
            return Task.CompletedTask;
        }

        _imported = form;
        _advancedOpen = form.Faults.Count > 0;
        return UseAsync(form);
    }

    private async Task ImportFileAsync(InputFileChangeEventArgs change)
    {
        if (change.File.Size > RunSpecFile.MaxBytes)
        {
            _importFaults = [new RunSpecFault("", $"{change.File.Name} is too large for a run specification (over 1 MiB).")];
            return;
        }

        using var reader = new StreamReader(change.File.OpenReadStream(RunSpecFile.MaxBytes, _gone.Token));
        await ImportAsync(await reader.ReadToEndAsync(_gone.Token));
    }

    private async Task CheckAsync()
    {
        _pairs = null;
        if (_form!.Spec is { } spec)
        {
            if (_sandbox != spec.Data.Sandbox)
            {
                _sandbox = spec.Data.Sandbox;
                _domains = await Launcher.DomainsAsync(spec.Data.Sandbox, _gone.Token);
                _studies = await Launcher.StudiesAsync(spec.Data.Sandbox, _gone.Token);
            }

            _counted = spec;
            _counts = await Launcher.CountAsync(spec.Data, _gone.Token);
            _itemCounts = _counts.Items.ToDictionary(pair => Words.For(pair.Key), pair => pair.Value, StringComparer.Ordinal);
            foreach (var domain in await AllDomainsAsync(spec.Data))
            {
                _itemCounts[domain.Domain] = domain.Train;
            }

            _form.Refuse(await Launcher.CheckAsync(spec, _gone.Token));
            _pairs = await Launcher.PairsAsync(spec, _gone.Token);
            _json = JsonSerializer.Serialize(spec, RunSpec.JsonOptions);
        }

        _timed = Timed();
        _ = EstimateAsync();
    }

    /// <summary>Goals behind each domain, whether it is chosen or not.</summary>
    private async Task<IReadOnlyList<DomainCount>> AllDomainsAsync(RunDataSpec data) =>
        data.Domains.Count == 0 ? _counts!.Domains : (await Launcher.CountAsync(data with { Domains = [] }, _gone.Token)).Domains;

    /// <summary>What a run of the same model and method took; a step of another method does other work.</summary>
    private RunEstimate? Timed()
    {
        if (_form!.Spec is not { } spec)
        {
            return null;
        }

        var kind = $"{spec.Model} {spec.Method} {string.Join(' ', spec.Stages)}";
        if (!_paces.TryGetValue(kind, out var pace))
        {
            _paces[kind] = pace = _recent
                .Where(run => run.Step > 0 && run.Spec.Model == spec.Model && run.Spec.Method == spec.Method && run.Spec.Stages.SequenceEqual(spec.Stages))
                .Select(run => (Run: run, Seconds: Pace(run)))
                .FirstOrDefault(timed => timed.Seconds is not null) is { Seconds: { } seconds } found ? (found.Run, seconds) : null;
        }

        return pace is { } known ? RunEstimate.Of(spec, known.Run, known.Seconds) : null;
    }

    /// <summary>Seconds of a run's last steps, on average; null when it was never timed.</summary>
    private double? Pace(Run run)
    {
        var times = RunHistory.ReadLast(new RunFolder(Options.RunDirectory(run.Name)))
            .Select(line => line.Values.TryGetValue(RunMetricNames.StepTime, out var seconds) ? seconds : double.NaN)
            .Where(double.IsFinite)
            .ToList();
        return times.Count > 0 ? times.Average() : null;
    }

    /// <summary>Estimates what the run takes, while the form can be filled in; a newer question replaces an older one.</summary>
    private async Task EstimateAsync()
    {
        if (_estimating is not null)
        {
            await _estimating.CancelAsync();
            _estimating.Dispose();
        }

        _estimating = CancellationTokenSource.CreateLinkedTokenSource(_gone.Token);
        var token = _estimating.Token;
        if (!RendererInfo.IsInteractive || _form is not { Faults.Count: 0, Spec: { } spec })
        {
            (_needs, _estimate) = (null, "Time, memory and disk are estimated once every setting can be used.");
            return;
        }

        _estimate = "Measuring this machine …";
        try
        {
            var needs = await Planner.EstimateAsync(spec, token);
            (_needs, _estimate) = (needs, "");
        }
        catch (OperationCanceledException)
        {
            return;
        }
        catch (InvalidDataException fault)
        {
            (_needs, _estimate) = (null, fault.Message);
        }

        await InvokeAsync(StateHasChanged);
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
        await Trail.RecordAsync(account, AuditKind.Run, run.Name, "put the run into the queue", $"runs/{run.Name}", CancellationToken.None);
        Worker.Wake();
        Navigation.NavigateTo($"runs/{run.Name}");
    }
}
