using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Web.Runs;
using CoScientist.Web.ViewModels;
using Microsoft.AspNetCore.Components;

namespace CoScientist.Web.Components.Pages.Checkpoints;

/// <summary>Two checkpoints side by side: origin, score, size, shape, and the settings of the runs that made them.</summary>
public sealed partial class CheckpointCompare
{
    private IReadOnlyList<Checkpoint> _checkpoints = [];
    private List<Difference>? _rows;
    private string? _missing;
    private string _left = "";
    private string _right = "";
    private bool _all;

    /// <summary>Whether both were made by runs: the settings of one alone are no difference.</summary>
    private bool _withSettings;

    /// <summary>Name of the first.</summary>
    [SupplyParameterFromQuery(Name = "left")]
    public string? Left { get; set; }

    /// <summary>Name of the second.</summary>
    [SupplyParameterFromQuery(Name = "right")]
    public string? Right { get; set; }

    [Inject]
    private RunCheckpointStore Checkpoints { get; set; } = default!;

    [Inject]
    private CheckpointShelf Shelf { get; set; } = default!;

    [Inject]
    private RunStore Runs { get; set; } = default!;

    [Inject]
    private ModelFiles Files { get; set; } = default!;

    [Inject]
    private NavigationManager Navigation { get; set; } = default!;

    /// <inheritdoc/>
    protected override async Task OnParametersSetAsync()
    {
        (_left, _right, _rows, _missing) = (Left ?? "", Right ?? "", null, null);
        _checkpoints = await Checkpoints.ListAsync(CancellationToken.None);
        if (_left.Length == 0 || _right.Length == 0)
        {
            return;
        }

        var (left, right) = (await Shelf.FindAsync(_left, CancellationToken.None), await Shelf.FindAsync(_right, CancellationToken.None));
        _missing = left is null ? _left : right is null ? _right : null;
        if (_missing is null)
        {
            _withSettings = left!.Run is not null && right!.Run is not null;
            _rows = Difference.Between(await EntriesAsync(left!), await EntriesAsync(right!));
        }
    }

    private async Task<Dictionary<string, string>> EntriesAsync(CheckpointRow row)
    {
        var run = _withSettings ? await Runs.FindAsync(row.Run!, CancellationToken.None) : null;
        return ModelEntries.Of(row, Files.Look(row.Checkpoint), Files.FolderOf(row.Checkpoint), run);
    }

    private void Apply() => Navigation.NavigateTo(Navigation.GetUriWithQueryParameters(new Dictionary<string, object?>(StringComparer.Ordinal) { ["left"] = _left, ["right"] = _right }));
}
