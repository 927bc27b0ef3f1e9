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
    private RunCheckpointStore CheckpointStore { get; set; } = default!;

    [Inject]
    private RunHistories Histories { get; set; } = default!;

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
        var judged = await CheckpointStore.BestScoresAsync(_gone.Token);
        _rows =
        [
            .. from run in await Store.ListAsync(_gone.Token)
               select RunRow.Of(run, Histories.Newest(run.Name), judged.TryGetValue(run.Id, out var best) ? best : null, Events.Latest(run.Id)),
        ];
    }
}
