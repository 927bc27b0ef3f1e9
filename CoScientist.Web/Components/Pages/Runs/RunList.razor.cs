using System.Globalization;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Web.Configuration;
using CoScientist.Web.Runs;
using CoScientist.Web.ViewModels;
using Microsoft.AspNetCore.Components;

namespace CoScientist.Web.Components.Pages.Runs;

/// <summary>All runs, with live progress.</summary>
public sealed partial class RunList : IDisposable
{
    private readonly Dictionary<RunId, RunHistory> _histories = [];
    private readonly CancellationTokenSource _gone = new();
    private IReadOnlyList<RunRow>? _rows;
    private IDisposable? _subscription;

    [Inject]
    private RunStore Store { get; set; } = default!;

    [Inject]
    private RunEvents Events { get; set; } = default!;

    [Inject]
    private RunWorker Worker { get; set; } = default!;

    [Inject]
    private CoScientistOptions Options { get; set; } = default!;

    /// <inheritdoc/>
    public void Dispose()
    {
        _subscription?.Dispose();
        _gone.Cancel();
        _gone.Dispose();
    }

    /// <inheritdoc/>
    protected override async Task OnInitializedAsync()
    {
        await LoadAsync();
        if (RendererInfo.IsInteractive)
        {
            _subscription = Events.Subscribe(null, () => InvokeAsync(async () =>
            {
                await LoadAsync();
                StateHasChanged();
            }));
        }
    }

    private static string Show(double? value) => value?.ToString("0.000", CultureInfo.InvariantCulture) ?? "";

    private async Task LoadAsync()
    {
        var rows = new List<RunRow>();
        var states = _rows?.ToDictionary(row => row.Run.Id, row => row.Run.State) ?? [];
        foreach (var run in await Store.ListAsync(_gone.Token))
        {
            if (!_histories.TryGetValue(run.Id, out var history))
            {
                history = new RunHistory(new RunFolder(Options.RunDirectory(run.Name)));
                history.Refresh();
                _histories[run.Id] = history;
            }
            else if (run.State == RunState.Running || states.GetValueOrDefault(run.Id) != run.State)
            {
                history.Refresh();
            }

            rows.Add(RunRow.Of(run, history, Events.Latest(run.Id)));
        }

        _rows = rows;
    }
}
