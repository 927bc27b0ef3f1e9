using System.Text;
using CoScientist.Core;
using CoScientist.Core.Interchange;
using CoScientist.Core.Storage;
using CoScientist.Core.Studies;
using Microsoft.AspNetCore.Authorization;

namespace CoScientist.Web.ViewModels;

/// <summary>Figures of studies as files: <c>/studies/ID/figures/KEY.svg</c> and <c>.csv</c>, for researchers.</summary>
internal static class StudyDownloads
{
    /// <summary>Maps the addresses.</summary>
    public static void MapStudyDownloads(this IEndpointRouteBuilder endpoints) =>
        endpoints.MapGet("/studies/{id}/figures/{file}", DownloadAsync).RequireAuthorization(new AuthorizeAttribute { Roles = Roles.Researcher });

    private static async Task<IResult> DownloadAsync(string id, string file, StudyStore store, CancellationToken cancellationToken)
    {
        if (!TypedId.TryParse<StudyId>(id, out var key) || await store.FindAsync(key, cancellationToken) is not { } study)
        {
            return Results.NotFound();
        }

        var figure = StudyFigures.Of(study, await store.ResultsAsync(key, cancellationToken)).FirstOrDefault(f => f.Key == Path.GetFileNameWithoutExtension(file));
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
