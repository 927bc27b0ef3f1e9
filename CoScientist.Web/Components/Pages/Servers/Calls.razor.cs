using CoScientist.Core.Storage;
using CoScientist.Core.TextModels;
using CoScientist.Web.Accounts;
using CoScientist.Web.Configuration;
using Microsoft.AspNetCore.Components;

namespace CoScientist.Web.Components.Pages.Servers;

/// <summary>The ledger of calls: totals, failures that can be retried, and the latest calls.</summary>
public sealed partial class Calls : IDisposable
{
    private const int Size = 50;
    private const int MostFailures = 200;
    private static readonly int[] s_periods = [1, 7, 30, 365];

    private readonly CancellationTokenSource _left = new();
    private IReadOnlyList<CallTotal>? _totals;
    private IReadOnlyList<ModelFailure> _failures = [];
    private IReadOnlyList<ModelCall> _calls = [];
    private int _total;
    private bool _busy;
    private string? _said;

    /// <summary>Days back, today included.</summary>
    [SupplyParameterFromQuery(Name = "days")]
    public int? Days { get; set; }

    /// <summary>Page of the latest calls, from 1.</summary>
    [SupplyParameterFromQuery(Name = "page")]
    public int? Page { get; set; }

    [Inject]
    public required ModelCallStore Store { get; set; }

    [Inject]
    public required TextModels Models { get; set; }

    [Inject]
    public required TimeProvider Time { get; set; }

    [Inject]
    internal AccessGuard Guard { get; set; } = null!;

    [Inject]
    internal AuditTrail Trail { get; set; } = null!;

    private int Period => s_periods.Contains(Days ?? 0) ? Days!.Value : s_periods[2];

    private int Number => Math.Max(1, Page ?? 1);

    /// <inheritdoc/>
    public void Dispose()
    {
        _left.Cancel();
        _left.Dispose();
    }

    /// <inheritdoc/>
    protected override Task OnParametersSetAsync() => LoadAsync();

    private async Task LoadAsync()
    {
        _failures = await Store.FailuresAsync(MostFailures, _left.Token);
        (_calls, _total) = await Store.LedgerAsync((Number - 1) * Size, Size, _left.Token);
        _totals = await Store.TotalsAsync(new DateTimeOffset(Time.GetUtcNow().UtcDateTime.Date.AddDays(1 - Period), TimeSpan.Zero), _left.Token);
    }

    private async Task RetryAsync(IReadOnlyList<ModelFailure> failures)
    {
        var by = await Guard.RequireAsync(Roles.Researcher, _left.Token);
        (_busy, _said) = (true, null);
        await Trail.RecordAsync(by, AuditKind.ModelServer, Names(failures), failures.Count == 1 ? "asked again what came to nothing" : $"asked again {failures.Count} requests that came to nothing", "admin/calls", CancellationToken.None);
        var answered = 0;
        try
        {
            foreach (var failure in failures)
            {
                answered += (await Models.RetryAsync(failure, _left.Token)).Failure is null ? 1 : 0;
            }

            _said = $"{answered} of {failures.Count} answered now.";
        }
        catch (Exception fault) when (fault is TextModelException or ArgumentException)
        {
            // The next one would fail in the same way.
            _said = $"{answered} of {failures.Count} answered now. {fault.WithoutParameter()}";
        }
        catch (OperationCanceledException)
        {
            return;
        }
        finally
        {
            _busy = false;
        }

        await LoadAsync();
    }

    private async Task DismissAsync(ModelFailure failure)
    {
        var by = await Guard.RequireAsync(Roles.Researcher, _left.Token);
        await Store.ForgetFailureAsync(failure.RequestKey, _left.Token);
        await Trail.RecordAsync(by, AuditKind.Deletion, failure.Name, $"dismissed a request that came to nothing: {failure.Purpose}", "admin/calls", CancellationToken.None);
        await LoadAsync();
    }

    private static string Names(IReadOnlyList<ModelFailure> failures) => string.Join(", ", failures.Select(failure => failure.Name).Distinct(StringComparer.Ordinal));
}
