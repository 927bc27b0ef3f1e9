using CoScientist.Core.Storage;
using CoScientist.Core.TextModels;
using CoScientist.Web.Accounts;
using CoScientist.Web.Configuration;
using Microsoft.AspNetCore.Components;

namespace CoScientist.Web.Components.Pages.Servers;

/// <summary>Model servers: who they are, what they have used, whether they answer.</summary>
public sealed partial class ModelServers : IDisposable
{
    private readonly CancellationTokenSource _left = new();
    private IReadOnlyList<(KnownServer Server, Spending Spent)>? _servers;
    private (string Name, ServerTrial Trial)? _trial;
    private ModelServer? _edited;
    private string? _trying;
    private string? _removing;
    private string? _error;

    [Inject]
    public required TextModels Models { get; set; }

    [Inject]
    public required ModelServerStore Store { get; set; }

    [Inject]
    public required ModelCallStore Calls { get; set; }

    [Inject]
    internal AccessGuard Guard { get; set; } = null!;

    [Inject]
    internal AuditTrail Trail { get; set; } = null!;

    /// <inheritdoc/>
    public void Dispose()
    {
        _left.Cancel();
        _left.Dispose();
    }

    /// <inheritdoc/>
    protected override Task OnInitializedAsync() => LoadAsync();

    private async Task LoadAsync()
    {
        var rows = new List<(KnownServer, Spending)>();
        foreach (var server in Models.Servers)
        {
            rows.Add((server, await Calls.SpentAsync(server.Name, server.Settings.BudgetFrom, _left.Token)));
        }

        _servers = rows;
    }

    private void Edit(ModelServer? server) => (_edited, _error, _removing) = (server, null, null);

    private async Task SavedAsync()
    {
        Edit(null);
        await LoadAsync();
    }

    private async Task TestAsync(string name)
    {
        var by = await Guard.RequireAsync(Roles.Researcher, _left.Token);
        (_trying, _trial, _error, _removing) = (name, null, null, null);
        await Trail.RecordAsync(by, AuditKind.ModelServer, name, "tried the model server", "admin/servers", CancellationToken.None);
        try
        {
            _trial = (name, await Models.TryAsync(name, _left.Token));
        }
        catch (ArgumentException fault)
        {
            _error = fault.WithoutParameter();
        }
        catch (OperationCanceledException)
        {
            return;
        }
        finally
        {
            _trying = null;
        }

        await LoadAsync();
    }

    private async Task StartBudgetAsync(string name)
    {
        var by = await Guard.RequireAsync(Roles.Administrator, _left.Token);
        await Store.StartBudgetAsync(name, _left.Token);
        await Trail.RecordAsync(by, AuditKind.ModelServer, name, "began its budget anew", "admin/servers", CancellationToken.None);
        await LoadAsync();
    }

    /// <summary>The first press asks, the second does it.</summary>
    private async Task RemoveAsync(string name)
    {
        var by = await Guard.RequireAsync(Roles.Administrator, _left.Token);
        if (_removing != name)
        {
            _removing = name;
            return;
        }

        await Store.RemoveAsync(name, _left.Token);
        await Trail.RecordAsync(by, AuditKind.Deletion, name, "removed the model server, with its key", "admin/servers", CancellationToken.None);
        (_removing, _trial) = (null, null);
        Edit(null);
        await LoadAsync();
    }
}
