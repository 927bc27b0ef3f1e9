using System.Text.Json;
using System.Threading.Channels;
using CoScientist.Core;
using CoScientist.Training.Sampling;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http.Features;

namespace CoScientist.Web.Serving;

/// <summary><c>/v1/models</c>, <c>/v1/chat/completions</c> and <c>/v1/completions</c> over served checkpoints, as the OpenAI protocol has them.</summary>
internal static class ChatEndpoints
{
    private const int UsualTokens = 2048;
    private const long LargestBody = 4 << 20;

    /// <summary>Maps them. Their key is their own: accounts and cookies have no part in it.</summary>
    public static void MapChat(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapGet("/v1/models", (HttpContext http, ModelServing serving) => AnswerAsync(http, serving, () => Task.FromResult<object?>(new
        {
            @object = "list",
            data = serving.Models.Select(model => new { id = model.Name, @object = "model", created = 0, owned_by = "coscientist" }),
        }))).AllowAnonymous();
        endpoints.MapPost("/v1/chat/completions", (HttpContext http, ModelServing serving, TimeProvider time) => AnswerAsync(http, serving, () => CompleteAsync(http, serving, time, ChatRequest.Read))).AllowAnonymous().DisableAntiforgery();
        endpoints.MapPost("/v1/completions", (HttpContext http, ModelServing serving, TimeProvider time) => AnswerAsync(http, serving, () => CompleteAsync(http, serving, time, ChatRequest.ReadText))).AllowAnonymous().DisableAntiforgery();
    }

    private static async Task AnswerAsync(HttpContext http, ModelServing serving, Func<Task<object?>> answer)
    {
        // Status pages are for browsers.
        if (http.Features.Get<IStatusCodePagesFeature>() is { } pages)
        {
            pages.Enabled = false;
        }

        try
        {
            if (!serving.IsAllowed(http.Request.Headers.Authorization))
            {
                throw new ChatRequestException(StatusCodes.Status401Unauthorized, "The key is missing or wrong: send it as 'Authorization: Bearer KEY'. The server printed it when it started, or takes it from " + ModelServing.KeyVariable + ".", code: "invalid_api_key");
            }

            if (await answer() is { } document)
            {
                await http.Response.WriteAsJsonAsync(document, http.RequestAborted);
            }
        }
        catch (ChatRequestException fault)
        {
            http.Response.StatusCode = fault.Status;
            if (fault.Status == StatusCodes.Status429TooManyRequests)
            {
                http.Response.Headers.RetryAfter = "5";
            }

            var type = fault.Status switch { StatusCodes.Status401Unauthorized => "authentication_error", StatusCodes.Status429TooManyRequests => "rate_limit_error", >= StatusCodes.Status500InternalServerError => "server_error", _ => "invalid_request_error" };
            await http.Response.WriteAsJsonAsync(new { error = new { message = fault.Message, type, param = fault.Parameter, code = fault.Code } }, http.RequestAborted);
        }
        catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
        {
            // Nobody is there to be told.
        }
    }

    private static async Task<object?> CompleteAsync(HttpContext http, ModelServing serving, TimeProvider time, Func<JsonElement, ChatRequest> read)
    {
        var request = await ReadAsync(http, read);
        var model = serving.Find(request.Model) ?? throw new ChatRequestException(StatusCodes.Status404NotFound, $"The model '{request.Model}' is not served: ask /v1/models.", "model", "model_not_found");
        var prompt = request.Prompt is { } raw ? model.Prompt(raw) : model.Prompt(request.Messages);
        var room = model.Positions - prompt.Length;
        if (room < 1)
        {
            throw new ChatRequestException(StatusCodes.Status400BadRequest, $"The prompt has {prompt.Length} tokens, and the model reads and writes {model.Positions} in all: shorten it.", request.Prompt is null ? "messages" : "prompt", "context_length_exceeded");
        }

        var options = model.Options(request.Sampling with { MaxNewTokens = Math.Min(room, request.MaxTokens ?? UsualTokens) });
        using var over = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted);
        var drawn = Channel.CreateUnbounded<Drawn>(new UnboundedChannelOptions { SingleReader = true });
        var open = request.Choices;
        List<LiveRequest> live = [.. Enumerable.Range(0, request.Choices).Select(choice => new LiveRequest(
            new SampleRequest { Prompt = prompt, Seed = unchecked(request.Seed + choice) },
            options,
            (token, logProbability) => drawn.Writer.TryWrite(new Drawn(choice, token, logProbability, null)),
            whole =>
            {
                drawn.Writer.TryWrite(new Drawn(choice, 0, 0, whole));
                if (Interlocked.Decrement(ref open) == 0)
                {
                    drawn.Writer.TryComplete();
                }
            },
            fault => drawn.Writer.TryComplete(new ChatRequestException(StatusCodes.Status500InternalServerError, $"The model failed: {fault.Message}")),
            over.Token))];
        if (!model.TryAdd(live))
        {
            throw new ChatRequestException(StatusCodes.Status429TooManyRequests, $"{ServedModel.MostRequests} requests wait already: try again in a few seconds.", code: "queue_full");
        }

        try
        {
            var form = new AnswerForm(model.Name, request.Prompt is null, prompt.Length, time.GetUtcNow());
            IChoice[] choices = [.. live.Select((_, choice) => request.Prompt is null ? (IChoice)new ChatChoice(model, request, choice) : new TextChoice(model, request, choice))];
            if (request.Stream)
            {
                await StreamAsync(http, form, choices, request.IncludeUsage, drawn.Reader);
                return null;
            }

            var samples = new SampledSequence[choices.Length];
            await foreach (var (choice, token, logProbability, whole) in drawn.Reader.ReadAllAsync(http.RequestAborted))
            {
                if (whole is null)
                {
                    choices[choice].Take(token, logProbability);
                }
                else
                {
                    samples[choice] = whole;
                }
            }

            return form.Whole([.. choices.Zip(samples, (choice, sample) => choice.Whole(sample))], samples);
        }
        finally
        {
            await over.CancelAsync();
            model.Leave(live.Count);
        }
    }

    private static async Task StreamAsync(HttpContext http, AnswerForm form, IChoice[] choices, bool includeUsage, ChannelReader<Drawn> drawn)
    {
        http.Response.ContentType = "text/event-stream";
        http.Response.Headers.CacheControl = "no-cache";
        foreach (var first in choices.Select(choice => choice.First()).OfType<object>())
        {
            await SendAsync(form.Piece(first));
        }

        var samples = new List<SampledSequence>();
        await foreach (var (choice, token, logProbability, whole) in drawn.ReadAllAsync(http.RequestAborted))
        {
            if (whole is not null)
            {
                samples.Add(whole);
                foreach (var last in choices[choice].Last(whole))
                {
                    await SendAsync(form.Piece(last));
                }
            }
            else if (choices[choice].Take(token, logProbability) is { } piece)
            {
                await SendAsync(form.Piece(piece));
            }
        }

        if (includeUsage)
        {
            await SendAsync(form.Usage(samples));
        }

        await http.Response.WriteAsync("data: [DONE]\n\n", http.RequestAborted);

        async Task SendAsync(object piece)
        {
            await http.Response.WriteAsync($"data: {JsonSerializer.Serialize(piece)}\n\n", http.RequestAborted);
            await http.Response.Body.FlushAsync(http.RequestAborted);
        }
    }

    private static async Task<ChatRequest> ReadAsync(HttpContext http, Func<JsonElement, ChatRequest> read)
    {
        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
        {
            size.MaxRequestBodySize = LargestBody;
        }

        try
        {
            using var sent = new MemoryStream();
            await http.Request.Body.CopyToAsync(sent, http.RequestAborted);
            using var body = JsonText.Parse(sent.ToArray());
            return read(body.RootElement);
        }
        catch (JsonException fault)
        {
            throw new ChatRequestException(StatusCodes.Status400BadRequest, $"The request is not JSON: {fault.Message}");
        }
        catch (BadHttpRequestException fault)
        {
            throw new ChatRequestException(fault.StatusCode, fault.StatusCode == StatusCodes.Status413PayloadTooLarge ? $"The request is larger than {LargestBody >> 20} MiB: shorten it." : fault.Message);
        }
    }

    /// <summary>A token of a choice, or the whole choice when it is done.</summary>
    private readonly record struct Drawn(int Choice, int Token, float LogProbability, SampledSequence? Whole);
}
