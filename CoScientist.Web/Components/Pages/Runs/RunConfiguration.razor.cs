using System.Globalization;
using CoScientist.Core.Runs;
using CoScientist.Web.Configuration;
using Microsoft.AspNetCore.Components;

namespace CoScientist.Web.Components.Pages.Runs;

/// <summary>Reads once what the run wrote down when it started.</summary>
public sealed partial class RunConfiguration
{
    private RunSpec _spec = new();
    private string _rubrics = "";
    private string? _answers;
    private bool _read;

    /// <summary>The run.</summary>
    [Parameter, EditorRequired]
    public Run Run { get; set; } = default!;

    [Inject]
    private CoScientistOptions Options { get; set; } = default!;

    /// <inheritdoc/>
    protected override void OnParametersSet()
    {
        _spec = Run.Spec;
        if (_read)
        {
            return;
        }

        var data = new RunFolder(Options.RunDirectory(Run.Name)).ReadData();
        _read = data is not null;
        _answers = data?.PreferenceNote;
        _rubrics = data is null ? "written down when the run starts" : Describe(data);
    }

    private static string Describe(RunData data)
    {
        var goals = data.Train.Concat(data.Validation).Concat(data.Test).ToList();
        var versions = goals.GroupBy(goal => goal.RubricVersion).OrderBy(group => group.Key)
            .Select(group => string.Create(CultureInfo.InvariantCulture, $"{group.Count()} goals at version {group.Key}"));
        return string.Create(CultureInfo.InvariantCulture, $"{goals.Sum(goal => goal.Items.Count)} items; {string.Join(", ", versions)}; fingerprint {RubricFingerprint.Of(data)[..12]}");
    }
}
