using System.Collections.Concurrent;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace CoScientist.Tests.Shared;

/// <summary>A model server on a free loopback port that speaks the OpenAI chat protocol and answers from a script.</summary>
public sealed class ScriptedModelServer : IAsyncDisposable
{
    private readonly WebApplication app;
    private readonly Func<HttpContext, JsonElement, int, Task> answer;
    private int calls;

    private ScriptedModelServer(WebApplication app, Func<HttpContext, JsonElement, int, Task> answer)
    {
        this.app = app;
        this.answer = answer;
    }

    /// <summary>Base address, ending with /v1.</summary>
    public Uri Endpoint => new(app.Urls.Single() + "/v1");

    /// <summary>Requests so far.</summary>
    public ConcurrentQueue<JsonElement> Requests { get; } = [];

    /// <summary>What the requests had as their key.</summary>
    public ConcurrentQueue<string> Authorizations { get; } = [];

    /// <summary>Starts a server.</summary>
    /// <param name="answer">From the request's body and the number of the call (from 1) to the status and the answer's text; with a status other than 200 the text is the whole body.</param>
    public static Task<ScriptedModelServer> StartAsync(Func<JsonElement, int, (int Status, string Text)> answer) => StartAsync((context, request, call) =>
    {
        var (status, text) = answer(request, call);
        return AnswerAsync(context, status, text);
    });

    /// <summary>Starts a server that may do anything to the connection.</summary>
    /// <param name="answer">Takes the connection, the request's body and the number of the call (from 1).</param>
    public static async Task<ScriptedModelServer> StartAsync(Func<HttpContext, JsonElement, int, Task> answer)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var server = new ScriptedModelServer(builder.Build(), answer);
        server.app.MapPost("/v1/chat/completions", server.TakeAsync);
        await server.app.StartAsync();
        return server;
    }

    /// <summary>Answers with a status and, where that is 200, a completion of this text; else the text is the whole body.</summary>
    public static Task AnswerAsync(HttpContext context, int status, string text, string finish = "stop")
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/json";
        return context.Response.WriteAsync(status != 200 ? text : JsonSerializer.Serialize(new
        {
            id = "1",
            @object = "chat.completion",
            created = 0,
            model = "scripted",
            choices = new[] { new { index = 0, message = new { role = "assistant", content = text }, finish_reason = finish } },
            usage = new { prompt_tokens = 11, completion_tokens = 7, total_tokens = 18 },
        }));
    }

    public async ValueTask DisposeAsync() => await app.DisposeAsync();

    private async Task TakeAsync(HttpContext context)
    {
        using var body = await JsonDocument.ParseAsync(context.Request.Body);
        var request = body.RootElement.Clone();
        Requests.Enqueue(request);
        Authorizations.Enqueue(context.Request.Headers.Authorization.ToString());
        await answer(context, request, Interlocked.Increment(ref calls));
    }
}
