using System.Text;
using CoScientist.Core;
using CoScientist.Core.Interchange;
using CoScientist.Core.Storage;
using CoScientist.Core.Studies;
using CoScientist.Web.Operation;
using Microsoft.AspNetCore.Authorization;

namespace CoScientist.Web.ViewModels;

/// <summary>Figures of studies as files: <c>/studies/ID/figures/KEY.svg</c> and <c>.csv</c>, for researchers.</summary>
internal static class StudyDownloads
{
    /// <summary>Maps the addresses.</summary>
    public static void MapStudyDownloads(this IEndpointRouteBuilder endpoints)
    {
        var research = new AuthorizeAttribute { Roles = Roles.Researcher };
        endpoints.MapGet("/studies/{id}/figures/{file}", DownloadAsync).RequireAuthorization(research).RecordsExports();
        endpoints.MapGet("/studies/together/figures/{file}", DownloadTogetherAsync).RequireAuthorization(research).RecordsExports();
    }

    /// <summary>The studies of these ids with their results; ids of none are left out.</summary>
    public static async Task<List<(StudySummary Study, StudyResults Results)>> ChosenAsync(StudyStore store, IEnumerable<string> ids, CancellationToken cancellationToken)
    {
        var chosen = new List<(StudySummary, StudyResults)>();
        foreach (var id in ids.Distinct(StringComparer.Ordinal))
        {
            if (TypedId.TryParse<StudyId>(id, out var key) && await store.FindAsync(key, cancellationToken) is { } study)
            {
                chosen.Add((study, await store.ResultsAsync(key, cancellationToken)));
            }
        }

        return chosen;
    }

    private static async Task<IResult> DownloadTogetherAsync(string file, string[] study, StudyStore store, CancellationToken cancellationToken) =>
        File(StudyFigures.Of(await ChosenAsync(store, study, cancellationToken)), file);

    private static async Task<IResult> DownloadAsync(string id, string file, StudyStore store, CancellationToken cancellationToken)
    {
        if (!TypedId.TryParse<StudyId>(id, out var key) || await store.FindAsync(key, cancellationToken) is not { } study)
        {
            return Results.NotFound();
        }

        return File(StudyFigures.Of(study, await store.ResultsAsync(key, cancellationToken)), file);
    }

    private static IResult File(IReadOnlyList<StudyFigure> figures, string file)
    {
        var figure = figures.FirstOrDefault(f => f.Key == Path.GetFileNameWithoutExtension(file));
        switch (figure is null ? "" : Path.GetExtension(file))
        {
            case ".svg":
                return Results.File(Encoding.UTF8.GetBytes(FigureSvg.Of(figure!)), "image/svg+xml", $"{figure!.Key}.svg");
            case ".csv":
                using (var text = new StringWriter())
                {
                    SafeCsv.Write(text, figure!.Header, figure.Rows);
                    return Results.File(Encoding.UTF8.GetBytes(text.ToString()), "text/csv; charset=utf-8", $"{figure.Key}.csv");
                }

            default:
                return Results.NotFound();
        }
    }
}
