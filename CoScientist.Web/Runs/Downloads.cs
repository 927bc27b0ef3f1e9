using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Web.Configuration;
using CoScientist.Web.Operation;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Http.Features;

namespace CoScientist.Web.Runs;

/// <summary>What leaves the server as files: checkpoints as zips, and what runs write.</summary>
internal static class Downloads
{
    /// <summary>Files of a run that can be downloaded, and what they are.</summary>
    public static IReadOnlyList<(string Name, string What)> RunFiles { get; } =
    [
        (RunFolder.SpecFile, "the specification, as the run took it"),
        (RunFolder.DataFile, "the goals and rubric items, as they stood when it started"),
        (RunFolder.MetricsFile, "the metrics, one step a line"),
        (RunFolder.EventsFile, "the metrics for TensorBoard"),
        (RunFolder.SamplesFile, "the plans with their gradings, one a line"),
        (RunFolder.LogFile, "the log, one message a line"),
        (RunFolder.EvaluationFile, "the closing evaluation, one goal a line"),
    ];

    /// <summary>Maps the addresses; all ask for the role researcher.</summary>
    public static void MapDownloads(this IEndpointRouteBuilder endpoints)
    {
        var researchers = new AuthorizeAttribute { Roles = Roles.Researcher };
        endpoints.MapGet("/models/{name}/download", SendModelAsync).RequireAuthorization(researchers).RecordsExports();
        endpoints.MapGet("/runs/{name}/files/{file}", SendFileAsync).RequireAuthorization(researchers).RecordsExports();
    }

    private static async Task<IResult> SendModelAsync(string name, HttpContext http, CheckpointShelf shelf, ModelFiles files, CancellationToken cancellationToken)
    {
        if (await shelf.FindAsync(name, cancellationToken) is not { } row)
        {
            return Results.NotFound();
        }

        string folder;
        try
        {
            folder = await files.WholeAsync(row.Checkpoint, cancellationToken);
        }
        catch (InvalidDataException fault)
        {
            return Results.Text(fault.Message, statusCode: StatusCodes.Status410Gone);
        }

        // The library's packer writes the last bytes of each file synchronously.
        http.Features.Get<IHttpBodyControlFeature>()!.AllowSynchronousIO = true;
        var top = name.Replace('@', '-');
        return Results.Stream(target => ModelFiles.ZipAsync(folder, top, target, http.RequestAborted), "application/zip", $"{top}.zip");
    }

    private static async Task<IResult> SendFileAsync(string name, string file, RunStore runs, CoScientistOptions options, CancellationToken cancellationToken)
    {
        if (RunFiles.All(known => known.Name != file) || await runs.FindAsync(name, cancellationToken) is not { } run)
        {
            return Results.NotFound();
        }

        var path = Path.GetFullPath(Path.Combine(options.RunDirectory(run.Name), file));
        return File.Exists(path)
            ? Results.File(path, "application/octet-stream", $"{run.Name}-{file}", enableRangeProcessing: true)
            : Results.NotFound();
    }
}
