using System.Globalization;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Web.Runs;
using CoScientist.Web.ViewModels;
using Microsoft.AspNetCore.Components;

namespace CoScientist.Web.Components.Pages.Runs;

/// <summary>All runs, with live progress.</summary>
public sealed partial class RunList : IDisposable
{
    private const int PageSize = 50;

    private readonly CancellationTokenSource _gone = new();
    private IReadOnlyList<RunRow>? _rows;
    private int _total;
    private IDisposable? _subscription;

    /// <summary>Page of the list, from 1.</summary>
    [SupplyParameterFromQuery(Name = "page")]
    public int? PageNumber { get; set; }

    [Inject]
    private RunStore Store { get; set; } = default!;

    [Inject]
    private RunEvents Events { get; set; } = default!;

    [Inject]
    private RunWorker Worker { get; set; } = default!;

    [Inject]
    private RunCheckpointStore CheckpointStore { get; set; } = default!;

    [Inject]
    private RunHistories Histories { get; set; } = default!;

    private int Number => Math.Max(1, PageNumber ?? 1);

    /// <inheritdoc/>
    public void Dispose()
    {
        _subscription?.Dispose();
        _gone.Cancel();
        _gone.Dispose();
    }

    /// <inheritdoc/>
    protected override void OnInitialized()
    {
        if (RendererInfo.IsInteractive)
        {
            _subscription = Events.Subscribe(null, () => InvokeAsync(async () =>
            {
                await LoadAsync();
                StateHasChanged();
            }));
        }
    }

    /// <inheritdoc/>
    protected override Task OnParametersSetAsync() => LoadAsync();

    private static string Show(double? value) => value?.ToString("0.000", CultureInfo.InvariantCulture) ?? "";

    private async Task LoadAsync()
    {
        var (runs, total) = await Store.PageAsync((Number - 1) * PageSize, PageSize, _gone.Token);
        var judged = await CheckpointStore.BestScoresAsync(runs.Select(run => run.Id), _gone.Token);
        _total = total;
        _rows =
        [
            .. from run in runs
               select RunRow.Of(run, Histories.Newest(run.Name), judged.TryGetValue(run.Id, out var best) ? best : null, Events.Latest(run.Id)),
        ];
    }
}
