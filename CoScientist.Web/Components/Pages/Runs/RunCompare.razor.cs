using System.Globalization;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Web.Configuration;
using CoScientist.Web.Runs;
using CoScientist.Web.ViewModels;
using Microsoft.AspNetCore.Components;

namespace CoScientist.Web.Components.Pages.Runs;

/// <summary>Several runs beside each other: how they went, where their settings part, and whether the difference is real. What is chosen stands in the address.</summary>
public sealed partial class RunCompare : IDisposable
{
    /// <summary>Most runs side by side.</summary>
    public const int Most = RunComparison.Most;

    private const int MostOffered = 40;

    private readonly CancellationTokenSource _gone = new();
    private IReadOnlyList<Run>? _all;
    private IReadOnlyList<ComparedRun> _runs = [];
    private IReadOnlyList<ComparedRow> _columns = [];
    private IReadOnlyList<ComparedRow> _settings = [];
    private IReadOnlyList<ComparedRow> _best = [];
    private IReadOnlyList<RunChart> _charts = [];
    private IReadOnlyList<(string Name, RunDifference? Difference, string Why)> _differences = [];
    private readonly List<IDisposable> _subscriptions = [];
    private ChartView _view = new();
    private double? _xEnd;
    private string _followed = "";
    private string _shown = "";
    private string _filter = "";
    private string _against = "";
    private int _more;
    private bool _differencesOnly = true;

    /// <summary>Names of the runs.</summary>
    [SupplyParameterFromQuery(Name = "run")]
    public string[]? Chosen { get; set; }

    /// <summary>Columns that stand first and stay in view.</summary>
    [SupplyParameterFromQuery(Name = "pin")]
    public string[]? Pinned { get; set; }

    [Inject]
    private RunStore Store { get; set; } = default!;

    [Inject]
    private RunHistories Histories { get; set; } = default!;

    [Inject]
    private RunEvents Events { get; set; } = default!;

    [Inject]
    private CoScientistOptions Options { get; set; } = default!;

    [Inject]
    private NavigationManager Navigation { get; set; } = default!;

    private List<string> Names => [.. (Chosen ?? []).Distinct(StringComparer.Ordinal).Take(Most)];

    private HashSet<string> Pins => (Pinned ?? []).ToHashSet(StringComparer.Ordinal);

    private string RunQuery => string.Concat(_runs.Select(run => $"&run={Uri.EscapeDataString(run.Run.Name)}"));

    /// <inheritdoc/>
    public void Dispose()
    {
        _subscriptions.ForEach(subscription => subscription.Dispose());
        _gone.Cancel();
        _gone.Dispose();
    }

    /// <inheritdoc/>
    protected override async Task OnParametersSetAsync()
    {
        await LoadAsync();
        var followed = string.Join(' ', _runs.Where(run => !run.Run.State.IsFinal()).Select(run => run.Run.Name));
        if (RendererInfo.IsInteractive && followed != _followed)
        {
            _followed = followed;
            _subscriptions.ForEach(subscription => subscription.Dispose());
            _subscriptions.Clear();
            _subscriptions.AddRange(_runs.Where(run => !run.Run.State.IsFinal()).Select(run => Events.Subscribe(run.Run.Id, () => InvokeAsync(async () =>
            {
                await LoadAsync();
                StateHasChanged();
            }))));
        }
    }

    private async Task LoadAsync()
    {
        _all = await Store.ListAsync(_gone.Token);
        _runs = RunComparison.Find(_all, Names, Histories);
        _settings = RunComparison.Settings(_runs);
        _best = RunComparison.Best(_runs);
        IEnumerable<ComparedRow> columns = [.. RunComparison.Outcomes(_runs), .. _settings.Where(row => row.Differs)];
        _columns = [.. columns.OrderByDescending(column => Pins.Contains(column.Key))];
        var shown = string.Join(' ', _runs.Select(run => $"{run.Run.Name} {run.Run.State} {run.Run.TotalSteps} {run.History.Version}"));
        if (shown != _shown)
        {
            _shown = shown;
            _charts = RunComparison.Charts(_runs);
            // While one of them is at work, the axis ends where it will: lines grow, and nothing moves.
            _xEnd = _runs.Where(run => !run.Run.State.IsFinal()).Max(run => (double?)run.Run.TotalSteps);
            Against(_runs.Any(run => run.Run.Name == _against) ? _against : _runs.Count > 0 ? _runs[0].Run.Name : null);
        }
    }

    private static string Score(double value) => value.ToString("0.000", CultureInfo.InvariantCulture);

    private static string Change(double value) => value.ToString("+0.000;−0.000;0.000", CultureInfo.InvariantCulture);

    private static double? Step(ChangeEventArgs change) => int.TryParse(change.Value as string, NumberStyles.None, CultureInfo.InvariantCulture, out var step) ? step : null;

    private IReadOnlyList<Run> Offered(IReadOnlyList<Run> all)
    {
        var found = all.Where(run => Names.Contains(run.Name) || run.Name.Contains(_filter, StringComparison.OrdinalIgnoreCase)).OrderByDescending(run => Names.Contains(run.Name)).ToList();
        _more = Math.Max(0, found.Count - MostOffered);
        return [.. found.Take(MostOffered)];
    }

    private void Choose(string name, bool chosen) => Go(chosen ? [.. Names, name] : Names.Where(other => other != name), Pins);

    private void Pin(string column) => Go(Names, Pins.Contains(column) ? Pins.Where(other => other != column) : Pins.Append(column));

    private void Go(IEnumerable<string> runs, IEnumerable<string> pins) => Navigation.NavigateTo(Navigation.GetUriWithQueryParameters(new Dictionary<string, object?>(StringComparer.Ordinal)
    {
        ["run"] = runs.ToArray(),
        ["pin"] = pins.ToArray(),
    }));

    private void ChangeSmoothing(ChangeEventArgs change) =>
        _view = _view with { Smoothing = Math.Clamp(double.TryParse(change.Value as string, NumberStyles.Float, CultureInfo.InvariantCulture, out var weight) ? weight : 0, 0, .99) };

    private void Against(string? name)
    {
        _against = name ?? "";
        if (_runs.FirstOrDefault(run => run.Run.Name == name) is not { } first)
        {
            _differences = [];
            return;
        }

        var rows = Read(first.Run);
        _differences = [.. _runs.Where(run => run != first).Select(run => Compare(run.Run))];

        (string, RunDifference?, string) Compare(Run run)
        {
            if (run.Spec.Judge != first.Run.Spec.Judge)
            {
                return (run.Name, null, $"It has another judge ({run.Spec.Judge}) than {first.Run.Name} ({first.Run.Spec.Judge}): their scores say nothing about each other.");
            }

            var other = Read(run);
            return (rows.Count, other.Count) switch
            {
                (0, _) => (run.Name, null, $"{first.Run.Name} has no closing evaluation: it is made when the run finishes."),
                (_, 0) => (run.Name, null, "It has no closing evaluation: it is made when the run finishes."),
                _ => RunSignificance.Compare(rows, other) is { } difference ? (run.Name, difference, "") : (run.Name, null, "The two were reported on other goals, or by other versions of the rubrics."),
            };
        }
    }

    private IReadOnlyList<RunEvaluationRow> Read(Run run)
    {
        try
        {
            return run.State == RunState.Finished ? new RunFolder(Options.RunDirectory(run.Name)).ReadEvaluation() : [];
        }
        catch (InvalidDataException)
        {
            // A damaged file: the run's own page says what to do.
            return [];
        }
    }
}
