using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace CoScientist.Tests.Shared;

/// <summary>A job as the stand-in has it; the test plays the machines.</summary>
internal sealed class StandInJob(string id, string entrypoint, IReadOnlyDictionary<string, string> environment)
{
    public string Id => id;

    public string Entrypoint => entrypoint;

    public IReadOnlyDictionary<string, string> Environment => environment;

    public string Status { get; set; } = "PENDING";

    public string? Message { get; set; }

    public string Log { get; set; } = "";

    /// <summary>Folder of the export, as the command names it.</summary>
    public string Folder => Path.GetDirectoryName(entrypoint[3..].Trim('\''))!;

    /// <summary>verl's file logger tells a step.</summary>
    public void Tell(int step, params (string Name, double Value)[] metrics) => File.AppendAllText(
        environment["VERL_FILE_LOGGER_PATH"],
        JsonSerializer.Serialize(new { step, data = metrics.ToDictionary(metric => metric.Name, metric => metric.Value) }) + "\n");

    /// <summary>The reward function writes a plan down.</summary>
    public void Grade(string split, string goal, double? selfGrade, double? judge, params bool?[] items)
    {
        Directory.CreateDirectory(Path.Combine(Folder, "gradings"));
        File.AppendAllText(
            Path.Combine(Folder, "gradings", "node-1.jsonl"),
            JsonSerializer.Serialize(new { split, goalId = goal, plan = "We do.", finished = true, overlong = false, reward = judge ?? selfGrade, selfGrade, judge, items, judgeItems = judge is null ? null : items }) + "\n");
    }

    /// <summary>verl saves a step.</summary>
    /// <param name="step">The step.</param>
    /// <param name="write">Writes the model into the folder.</param>
    public void Save(int step, Action<string> write)
    {
        var actor = Path.Combine(Folder, "checkpoints", FormattableString.Invariant($"global_step_{step}"), "actor");
        Directory.CreateDirectory(actor);
        write(Path.Combine(actor, "huggingface"));
        File.WriteAllText(Path.Combine(Folder, "checkpoints", "latest_checkpointed_iteration.txt"), step.ToString(CultureInfo.InvariantCulture));
    }
}

/// <summary>Stands in for the Jobs API of Ray's dashboard, after its published description: submit, look, logs, stop, the errors it names, and a head that goes away and forgets.</summary>
internal sealed class RayStandIn : IAsyncDisposable
{
    private readonly WebApplication app;
    private readonly ConcurrentDictionary<string, StandInJob> jobs = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim submitted = new(0);
    private readonly ConcurrentQueue<StandInJob> arrived = [];
    private TaskCompletionSource? askedInVain;
    private int asksToCome;
    private volatile bool away;

    private RayStandIn(WebApplication app) => this.app = app;

    public string Address => app.Urls.Single();

    public ICollection<StandInJob> Jobs => jobs.Values;

    /// <summary>Token that it asks for; null for none.</summary>
    public string? Token { get; set; }

    /// <summary>What it answers to a submission instead of taking it; null to take it.</summary>
    public string? Refusal { get; set; }

    /// <summary>Status of that answer.</summary>
    public int RefusalStatus { get; set; } = 400;

    public static async Task<RayStandIn> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var ray = new RayStandIn(builder.Build());
        ray.app.Use(ray.GuardAsync);

        // As Ray's own server: without the slash at the end there is nothing to post to.
        ray.app.MapPost("/api/jobs/", async context => await (context.Request.Path.Value!.EndsWith('/') ? ray.SubmitAsync(context) : TextAsync(context, 405, "Method Not Allowed")));
        ray.app.MapGet("/api/jobs/{id}", (HttpContext context, string id) => ray.Find(context, id, job => JsonAsync(context, Details(job))));
        ray.app.MapGet("/api/jobs/{id}/logs", (HttpContext context, string id) => ray.Find(context, id, job => JsonAsync(context, new { logs = job.Log })));
        ray.app.MapPost("/api/jobs/{id}/stop", (HttpContext context, string id) => ray.Find(context, id, job =>
        {
            var runs = job.Status is "PENDING" or "RUNNING";
            job.Status = runs ? "STOPPED" : job.Status;
            return JsonAsync(context, new { stopped = runs });
        }));
        await ray.app.StartAsync();
        return ray;
    }

    /// <summary>Waits for the next job.</summary>
    public async Task<StandInJob> NextAsync(CancellationToken cancellationToken)
    {
        await submitted.WaitAsync(cancellationToken);
        return arrived.TryDequeue(out var job) ? job : throw new InvalidOperationException("Nothing was submitted.");
    }

    /// <summary>The head goes away; the task ends when somebody has asked it in vain so often that his own client has given up more than once.</summary>
    public Task GoAsync()
    {
        askedInVain = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        asksToCome = 8;
        away = true;
        return askedInVain.Task;
    }

    /// <summary>The head is back.</summary>
    /// <param name="forgets">Whether it has lost its jobs.</param>
    public void Return(bool forgets)
    {
        if (forgets)
        {
            jobs.Clear();
        }

        away = false;
    }

    public async ValueTask DisposeAsync()
    {
        await app.DisposeAsync();
        submitted.Dispose();
    }

    private async Task GuardAsync(HttpContext context, RequestDelegate next)
    {
        if (away)
        {
            context.Abort();
            if (Interlocked.Decrement(ref asksToCome) == 0)
            {
                askedInVain?.SetResult();
            }
        }
        else if (Token is not null && context.Request.Headers.Authorization != "Bearer " + Token)
        {
            await TextAsync(context, 401, "Unauthorized");
        }
        else
        {
            await next(context);
        }
    }

    private async Task SubmitAsync(HttpContext context)
    {
        using var body = await JsonDocument.ParseAsync(context.Request.Body);
        var request = body.RootElement;
        if (Refusal is { } refusal)
        {
            await TextAsync(context, RefusalStatus, refusal);
            return;
        }

        var environment = request.GetProperty("runtime_env").GetProperty("env_vars").EnumerateObject().ToDictionary(entry => entry.Name, entry => entry.Value.GetString()!, StringComparer.Ordinal);
        var job = new StandInJob(request.GetProperty("submission_id").GetString()!, request.GetProperty("entrypoint").GetString()!, environment);
        if (!jobs.TryAdd(job.Id, job))
        {
            await TextAsync(context, 500, $"Traceback (most recent call last):\nRuntimeError: Request failed with status code 400: ValueError: Job with submission_id {job.Id} already exists. Please use a different submission_id.");
            return;
        }

        await JsonAsync(context, new { job_id = job.Id, submission_id = job.Id });
        arrived.Enqueue(job);
        submitted.Release();
    }

    private Task Find(HttpContext context, string id, Func<StandInJob, Task> answer) =>
        jobs.TryGetValue(id, out var job) ? answer(job) : TextAsync(context, 404, $"Job {id} does not exist");

    // Fields and words of Ray's own source (python/ray/dashboard/modules/job, pydantic_models.py of 007c8cdf and common.py of 00501e2b).
    private static object Details(StandInJob job) => new
    {
        type = "SUBMISSION",
        job_id = (string?)null,
        submission_id = job.Id,
        driver_info = (object?)null,
        status = job.Status,
        entrypoint = job.Entrypoint,
        message = job.Message ?? job.Status switch
        {
            "PENDING" => "Job has not started yet. It may be waiting for the runtime environment to be set up.",
            "RUNNING" => "Job is currently running.",
            "STOPPED" => "Job was intentionally stopped.",
            "SUCCEEDED" => "Job finished successfully.",
            _ => "Job failed.",
        },
        error_type = (string?)null,
        start_time = 1795418384000,
        end_time = (long?)null,
        metadata = new Dictionary<string, string>(StringComparer.Ordinal),
        runtime_env = new { env_vars = job.Environment },
        driver_agent_http_address = (string?)null,
        driver_node_id = (string?)null,
        driver_exit_code = (int?)null,
        retry_policy = (object?)null,
        attempt_number = 0,
    };

    private static Task JsonAsync(HttpContext context, object document) => context.Response.WriteAsJsonAsync(document);

    private static Task TextAsync(HttpContext context, int status, string text)
    {
        context.Response.StatusCode = status;
        return context.Response.WriteAsync(text);
    }
}
