using CoScientist.Core.Storage;
using CoScientist.Web.Accounts;
using CoScientist.Web.Runs;
using CoScientist.Web.ViewModels;
using Microsoft.AspNetCore.Components;

namespace CoScientist.Web.Components.Pages.Checkpoints;

/// <summary>One checkpoint: where it comes from, what hangs on it, and what can be done with it.</summary>
public sealed partial class CheckpointDetail
{
    /// <summary>Ancestors shown: longer lines are looked up from the last one's page.</summary>
    private const int LongestLine = 8;

    private CheckpointRow? _row;
    private CheckpointUses? _uses;
    private ModelFacts _facts = null!;
    private List<string> _parents = [];
    private string _folder = "";
    private string _tags = "";
    private string? _refusal;
    private bool _owned;
    private bool _asksDelete;
    private bool _saved;
    private bool _loaded;

    /// <summary>Name of the checkpoint.</summary>
    [Parameter]
    public string Name { get; set; } = "";

    [Inject]
    private CheckpointShelf Shelf { get; set; } = default!;

    [Inject]
    private ModelFiles Files { get; set; } = default!;

    [Inject]
    private AccessGuard Guard { get; set; } = default!;

    [Inject]
    private AuditTrail Trail { get; set; } = default!;

    /// <inheritdoc/>
    protected override Task OnParametersSetAsync()
    {
        (_asksDelete, _saved, _refusal) = (false, false, null);
        return LoadAsync();
    }

    private static string Join(IReadOnlyList<string> names) => string.Join(", ", names);

    private async Task LoadAsync()
    {
        var row = await Shelf.FindAsync(Name, CancellationToken.None);
        _loaded = true;
        if (row is null)
        {
            _row = null;
            return;
        }

        _facts = Files.Look(row.Checkpoint);
        _folder = Files.FolderOf(row.Checkpoint);
        _owned = Files.Owns(row.Checkpoint);
        _tags = row.Checkpoint.Tags;
        _parents = [];
        for (var parent = row.Parent; parent is not null && _parents.Count < LongestLine; parent = (await Shelf.FindAsync(parent, CancellationToken.None))?.Parent)
        {
            _parents.Add(parent);
        }

        _uses = await Shelf.UsesAsync(row.Checkpoint, CancellationToken.None);
        _row = row;
    }

    private Task PromoteAsync() => ActAsync(AuditKind.Model, _row!.Checkpoint.PromotedAt is null ? "promoted the checkpoint" : "took the promotion of the checkpoint back", checkpoint => Shelf.PromoteAsync(checkpoint.Checkpoint.Id, checkpoint.Checkpoint.PromotedAt is null, CancellationToken.None));

    private async Task TagAsync()
    {
        await ActAsync(AuditKind.Model, "changed the tags of the checkpoint", checkpoint => Shelf.TagAsync(checkpoint.Checkpoint.Id, _tags, CancellationToken.None));
        _saved = _refusal is null;
    }

    private async Task AskDeleteAsync()
    {
        await LoadAsync();
        _asksDelete = true;
    }

    private Task DeleteAsync() => ActAsync(AuditKind.Deletion, "deleted the files of the checkpoint", checkpoint =>
    {
        _asksDelete = false;
        return Files.DeleteAsync(checkpoint.Checkpoint, CancellationToken.None);
    });

    private async Task ActAsync(AuditKind kind, string what, Func<CheckpointRow, Task> action)
    {
        var by = await Guard.RequireAsync(Roles.Researcher, CancellationToken.None);
        (_refusal, _saved) = (null, false);
        try
        {
            await action(_row!);
            await Trail.RecordAsync(by, kind, _row!.Checkpoint.Name, what, ModelWords.Address(_row.Checkpoint.Name), CancellationToken.None);
        }
        catch (Exception fault) when (fault is InvalidDataException or ArgumentException or IOException or UnauthorizedAccessException)
        {
            _refusal = fault.WithoutParameter();
        }

        await LoadAsync();
    }
}
