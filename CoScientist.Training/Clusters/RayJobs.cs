using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using CoScientist.Core;

namespace CoScientist.Training.Clusters;

/// <summary>State of a job, in Ray's words.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<RayJobStatus>))]
public enum RayJobStatus
{
    /// <summary>It waits for a place.</summary>
    [JsonStringEnumMemberName("PENDING")]
    Pending,

    /// <summary>It runs.</summary>
    [JsonStringEnumMemberName("RUNNING")]
    Running,

    /// <summary>Somebody stopped it.</summary>
    [JsonStringEnumMemberName("STOPPED")]
    Stopped,

    /// <summary>Its command ended with 0.</summary>
    [JsonStringEnumMemberName("SUCCEEDED")]
    Succeeded,

    /// <summary>Its command ended otherwise.</summary>
    [JsonStringEnumMemberName("FAILED")]
    Failed,
}

/// <summary>What Ray says of a job.</summary>
/// <param name="Status">Its state.</param>
/// <param name="Message">More about it; null when there is nothing to say.</param>
public sealed record RayJob(RayJobStatus Status, string? Message)
{
    /// <summary>Whether it will not change any more.</summary>
    [JsonIgnore]
    public bool IsOver => Status is RayJobStatus.Stopped or RayJobStatus.Succeeded or RayJobStatus.Failed;
}

/// <summary>Ray cannot be reached for the moment: it restarts, or the network is down. The same call may work later.</summary>
/// <param name="message">What happened.</param>
/// <param name="inner">Why.</param>
public sealed class RayAwayException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>Ray answered and will not do it; trying again changes nothing.</summary>
/// <param name="message">Ray's words.</param>
public sealed class RayRefusedException(string message) : Exception(message);

/// <summary>The Jobs API of a Ray cluster (REST, version 4 of its published description).</summary>
public sealed class RayJobs : IDisposable
{
    private const int LongestMessage = 500;
    private readonly HttpClient http;

    /// <summary>A client.</summary>
    /// <param name="address">Address of Ray's dashboard ("http://head:8265").</param>
    /// <param name="token">Token of a cluster that asks for one; null for none.</param>
    /// <param name="timeout">Longest wait for one answer. Default 30 seconds.</param>
    /// <exception cref="ArgumentException">The address is none.</exception>
    public RayJobs(string address, string? token = null, TimeSpan? timeout = null)
    {
        if (!Uri.TryCreate(address.TrimEnd('/') + "/", UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https"))
        {
            throw new ArgumentException($"CoScientist:Cluster:Address is \"{address}\": it must be the address of Ray's dashboard, such as http://head:8265.", nameof(address));
        }

        // Nothing is sent to an address that nobody configured.
        http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false }) { BaseAddress = uri, Timeout = timeout ?? TimeSpan.FromSeconds(30) };
        if (token is not null)
        {
            http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        }
    }

    /// <summary>Starts a job.</summary>
    /// <param name="id">Its id, chosen by us so that it is known whatever becomes of the answer.</param>
    /// <param name="entrypoint">Command.</param>
    /// <param name="environment">Environment variables of the command and of all that it starts.</param>
    /// <param name="metadata">What people see of it.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="RayAwayException">Ray cannot be reached.</exception>
    /// <exception cref="RayRefusedException">Ray will not run it.</exception>
    public async Task SubmitAsync(string id, string entrypoint, IReadOnlyDictionary<string, string> environment, IReadOnlyDictionary<string, string> metadata, CancellationToken cancellationToken)
    {
        var body = new JsonObject
        {
            ["submission_id"] = id,
            ["entrypoint"] = entrypoint,
            ["runtime_env"] = new JsonObject { ["env_vars"] = JsonSerializer.SerializeToNode(environment) },
            ["metadata"] = JsonSerializer.SerializeToNode(metadata),
        };

        // The slash at the end matters: without it Ray redirects, and the body is lost on the way.
        using var answer = await SendAsync(HttpMethod.Post, "api/jobs/", body, cancellationToken);
        await RequireAsync(answer, cancellationToken);
    }

    /// <summary>Looks at a job; null when Ray does not know it.</summary>
    /// <exception cref="RayAwayException">Ray cannot be reached.</exception>
    /// <exception cref="RayRefusedException">Ray will not tell.</exception>
    public async Task<RayJob?> FindAsync(string id, CancellationToken cancellationToken)
    {
        using var answer = await SendAsync(HttpMethod.Get, Path(id), null, cancellationToken);
        if (answer.StatusCode == HttpStatusCode.NotFound)
        {
            return null;
        }

        await RequireAsync(answer, cancellationToken);
        return await ReadAsync<RayJob>(answer, cancellationToken);
    }

    /// <summary>All that a job has printed so far; empty before it has begun.</summary>
    /// <exception cref="RayAwayException">Ray cannot be reached.</exception>
    public async Task<string> LogsAsync(string id, CancellationToken cancellationToken)
    {
        using var answer = await SendAsync(HttpMethod.Get, Path(id) + "/logs", null, cancellationToken);

        // A job that has not begun has no log yet, which some versions tell as a fault of theirs.
        return answer.IsSuccessStatusCode && await ReadAsync<JsonObject>(answer, cancellationToken) is { } document && document["logs"] is JsonValue logs ? logs.ToString() : "";
    }

    /// <summary>Asks a job to stop; it is over when <see cref="FindAsync"/> says so. A job that Ray does not know is none to stop.</summary>
    /// <exception cref="RayAwayException">Ray cannot be reached.</exception>
    /// <exception cref="RayRefusedException">Ray will not stop it.</exception>
    public async Task StopAsync(string id, CancellationToken cancellationToken)
    {
        using var answer = await SendAsync(HttpMethod.Post, Path(id) + "/stop", null, cancellationToken);
        if (answer.StatusCode != HttpStatusCode.NotFound)
        {
            await RequireAsync(answer, cancellationToken);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => http.Dispose();

    private static string Path(string id) => "api/jobs/" + Uri.EscapeDataString(id);

    private async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, JsonObject? body, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(method, path) { Content = body is null ? null : JsonContent.Create(body) };
        try
        {
            var answer = await http.SendAsync(request, cancellationToken);
            if (answer.StatusCode is not (HttpStatusCode.InternalServerError or HttpStatusCode.BadGateway or HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout or HttpStatusCode.TooManyRequests))
            {
                return answer;
            }

            // Ray tells nearly everything as 500, what passes (no agent is there yet) and what does not, with a trace whose last line says it.
            using (answer)
            {
                var words = (await answer.Content.ReadAsStringAsync(cancellationToken)).Trim().Split('\n')[^1].Trim();
                throw new RayAwayException($"Ray at {http.BaseAddress} answers {(int)answer.StatusCode}{(words.Length == 0 ? "" : ": " + words[..Math.Min(words.Length, LongestMessage)])}");
            }
        }
        catch (Exception fault) when (fault is HttpRequestException or IOException || (fault is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            throw new RayAwayException($"Ray at {http.BaseAddress} does not answer ({fault.Message.TrimEnd('.')})", fault);
        }
    }

    private static async Task RequireAsync(HttpResponseMessage answer, CancellationToken cancellationToken)
    {
        if (!answer.IsSuccessStatusCode)
        {
            var text = (await answer.Content.ReadAsStringAsync(cancellationToken)).Trim().ReplaceLineEndings(" ");
            var words = text.Length > LongestMessage ? text[^LongestMessage..] : text;
            throw new RayRefusedException(answer.StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden
                ? "Ray refuses the token: set the environment variable that CoScientist:Cluster:TokenVariable names"
                : $"Ray answers {(int)answer.StatusCode}{(words.Length == 0 ? "" : ": " + words)}");
        }
    }

    private static async Task<T> ReadAsync<T>(HttpResponseMessage answer, CancellationToken cancellationToken)
    {
        try
        {
            return JsonText.ParseNode(await answer.Content.ReadAsByteArrayAsync(cancellationToken)).Deserialize<T>(JsonSerializerOptions.Web) ?? throw new JsonException("the answer is empty");
        }
        catch (JsonException fault)
        {
            throw new RayRefusedException($"What answers is not Ray's Jobs API ({fault.Message.TrimEnd('.')}): check CoScientist:Cluster:Address");
        }
    }
}
