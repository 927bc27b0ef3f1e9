using CoScientist.Core.Storage;
using CoScientist.Core.Studies;
using CoScientist.Web.Accounts;
using Microsoft.AspNetCore.Components;

namespace CoScientist.Web.Components.Pages.Compare;

/// <summary>The studies that an expert can answer, with the expert's own progress.</summary>
public sealed partial class CompareList
{
    private IReadOnlyList<ExpertStudy>? _studies;
    private ExpertStudy? _first;

    [Inject]
    public required StudyStore Store { get; set; }

    [Inject]
    internal AccessGuard Guard { get; set; } = default!;

    protected override async Task OnInitializedAsync()
    {
        var expert = await Guard.RequireAsync(Roles.Expert, CancellationToken.None);
        _studies = await Store.ForExpertAsync(expert, CancellationToken.None);
        _first = _studies.FirstOrDefault(s => s.State == StudyState.Open && s.Left > 0);
    }
}
