using CoScientist.Core.Storage;
using CoScientist.Core.Studies;
using CoScientist.Web.Accounts;
using Microsoft.AspNetCore.Components;

namespace CoScientist.Web.Components.Pages.Studies;

/// <summary>All studies, for researchers.</summary>
public sealed partial class StudyList
{
    private IReadOnlyList<StudySummary>? _studies;

    [Inject]
    public required StudyStore Store { get; set; }

    [Inject]
    internal AccessGuard Guard { get; set; } = default!;

    protected override async Task OnInitializedAsync()
    {
        await Guard.RequireAsync(Roles.Researcher, CancellationToken.None);
        _studies = await Store.ListAsync(CancellationToken.None);
    }
}
