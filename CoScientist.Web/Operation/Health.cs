using CoScientist.Core.Storage;
using CoScientist.Core.Storage.Backups;
using CoScientist.Web.Configuration;
using CoScientist.Web.Instances;
using CoScientist.Web.Library;
using CoScientist.Web.Runs;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Web.Operation;

/// <summary>Whether the server can do its work now.</summary>
/// <param name="Ready">Whether all of it can be done.</param>
/// <param name="Database">Whether the database answers: "ok", or what is wrong.</param>
/// <param name="Disk">Whether answers can still be written: "ok", or what is wrong.</param>
/// <param name="Workers">Whether runs and jobs of the library are being worked on: "ok", or what is wrong.</param>
/// <param name="Role">Whether this instance works on runs and jobs, "works", or another does, "stands by".</param>
internal sealed record Readiness(bool Ready, string Database, string Disk, string Workers, string Role);

/// <summary><c>/healthz</c> says that the process lives, <c>/readyz</c> whether it can work. Both are open to everybody and name nothing of what is stored.</summary>
internal sealed class Health(
    IDbContextFactory<CoScientistDb> contexts,
    RunWorker runs,
    LibraryWorker library,
    CoScientistOptions options,
    IHostApplicationLifetime lifetime,
    WorkerRole role,
    ILogger<Health> logger,
    InstanceLink? link = null)
{
    /// <summary>Less free space than this, and the next answer may not be saved: 64 MiB.</summary>
    public const long LeastBytes = 64L << 20;

    private const string Fine = "ok";
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(3);

    /// <summary>Adds both addresses.</summary>
    public static void Map(IEndpointRouteBuilder endpoints)
    {
        endpoints.MapGet("/healthz", () => TypedResults.Text("ok")).AllowAnonymous();
        endpoints.MapGet("/readyz", async (Health health, HttpContext http) =>
        {
            http.Response.Headers.CacheControl = "no-store";
            var readiness = await health.LookAsync(http.RequestAborted);
            return TypedResults.Json(readiness, statusCode: readiness.Ready ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable);
        }).AllowAnonymous();
    }

    /// <summary>Looks now.</summary>
    public async Task<Readiness> LookAsync(CancellationToken cancellationToken)
    {
        var (database, disk) = (await DatabaseAsync(cancellationToken), Disk());
        var workers = lifetime.ApplicationStopping.IsCancellationRequested ? "the server is about to stop"
            : !runs.IsAlive ? "the worker of runs has stopped: start the server again"
            : library.ExecuteTask is not { IsCompleted: false } ? "the worker of the library has stopped: start the server again"
            : link is { IsUp: false } ? "the connection to the other instances is lost: see the log"
            : Fine;
        return new Readiness(database == Fine && disk == Fine && workers == Fine, database, disk, workers, role.IsHere ? "works" : "stands by");
    }

    private async Task<string> DatabaseAsync(CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(s_patience);
        try
        {
            await using var db = await contexts.CreateDbContextAsync(limit.Token);
            await db.Goals.AnyAsync(limit.Token);
            return Fine;
        }
#pragma warning disable CA1031 // Whatever it is, it is why the database does not answer.
        catch (Exception fault) when (!cancellationToken.IsCancellationRequested)
#pragma warning restore CA1031
        {
            logger.LogError(fault, "The database does not answer.");
            return "the database does not answer: see the log, and run 'doctor'";
        }
    }

    private string Disk()
    {
        try
        {
            return DiskRoom.Free(options.DataDirectory) >= LeastBytes ? Fine : "the disk is full: make room";
        }
        catch (IOException fault)
        {
            logger.LogError(fault, "The data directory is gone.");
            return "the data directory is gone: see the log";
        }
    }
}
