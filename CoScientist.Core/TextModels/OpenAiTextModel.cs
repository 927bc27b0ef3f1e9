using System.ClientModel;
using System.ClientModel.Primitives;
using OpenAI;
using OpenAI.Chat;

namespace CoScientist.Core.TextModels;

/// <summary>Where a model server stands.</summary>
public sealed record OpenAiTextModelOptions
{
    /// <summary>Name recorded with everything the model produces.</summary>
    public required string Name { get; init; }

    /// <summary>Base address, such as http://localhost:8080/v1.</summary>
    public required Uri Endpoint { get; init; }

    /// <summary>Model as the server calls it.</summary>
    public required string Model { get; init; }

    /// <summary>Key; servers without keys take any.</summary>
    public string Key { get; init; } = NoKey;

    /// <summary>Longest wait for one answer. Default 5 minutes.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>What is sent where no key is needed.</summary>
    public const string NoKey = "none";

    /// <summary>Without the key: what is printed may be kept.</summary>
    public override string ToString() => $"{Name}: {Model} at {Endpoint}";
}

/// <summary>
/// Any server that speaks the OpenAI chat protocol: llama.cpp, vLLM, Ollama, a hosted service. Each prompt is asked once; patience,
/// limits and books are <see cref="MeteredModel"/>'s.
/// </summary>
public sealed class OpenAiTextModel : ITextModel, IDisposable
{
    private const int Parallel = 4;

    private readonly OpenAiTextModelOptions options;
    private readonly ConfiguredHostHandler handler;
    private readonly HttpClient http;
    private readonly HttpClientPipelineTransport transport;
    private readonly ChatClient client;

    /// <summary>Prepares the client; nothing is sent yet.</summary>
    public OpenAiTextModel(OpenAiTextModelOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        this.options = options;
        handler = new ConfiguredHostHandler(options.Endpoint);
        http = new HttpClient(handler, disposeHandler: false) { Timeout = System.Threading.Timeout.InfiniteTimeSpan };
        transport = new HttpClientPipelineTransport(http);

        // Retries are counted and reported by the caller, not inside the client.
        var settings = new OpenAIClientOptions { Endpoint = options.Endpoint, NetworkTimeout = options.Timeout, RetryPolicy = new ClientRetryPolicy(0), Transport = transport };
        client = new ChatClient(options.Model, new ApiKeyCredential(options.Key), settings);
    }

    /// <inheritdoc/>
    public string Name => options.Name;

    /// <summary>The last request as it was sent, without the key, and what came back.</summary>
    public HttpExchange? LastExchange => handler.LastExchange is { } exchange ? exchange with { Answer = OpenAiFaults.WithoutKey(exchange.Answer, options.Key) } : null;

    /// <inheritdoc/>
    public async Task<IReadOnlyList<TextCompletion>> CompleteAsync(IReadOnlyList<TextPrompt> prompts, TextSamplingOptions options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(prompts);
        ArgumentNullException.ThrowIfNull(options);
        var answers = new TextCompletion[prompts.Count];
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = Parallel, CancellationToken = cancellationToken };
        await System.Threading.Tasks.Parallel.ForAsync(0, prompts.Count, parallel, async (i, token) => answers[i] = await CompleteAsync(prompts[i], options, options.Seed + i, token));
        return answers;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        transport.Dispose();
        http.Dispose();
        handler.Dispose();
    }

    private async Task<TextCompletion> CompleteAsync(TextPrompt prompt, TextSamplingOptions sampling, long seed, CancellationToken cancellationToken)
    {
        ChatMessage[] messages = prompt.System.Length > 0
            ? [new SystemChatMessage(prompt.System), new UserChatMessage(prompt.User)]
            : [new UserChatMessage(prompt.User)];
        try
        {
            ChatCompletion answer = await client.CompleteChatAsync(messages, Settings(sampling, seed), cancellationToken);
            return Read(answer);
        }
        catch (Exception fault) when (fault is not (TextModelException or OperationCanceledException) || !cancellationToken.IsCancellationRequested)
        {
            throw fault as TextModelException ?? OpenAiFaults.Explain(fault, options);
        }
    }

    private TextCompletion Read(ChatCompletion answer)
    {
        var text = string.Concat(answer.Content.Select(part => part.Text));
        var finish = answer.FinishReason;
        if (finish == ChatFinishReason.ContentFilter)
        {
            throw new TextModelException(Name, "the server's content filter withheld the answer. Leave this one out, or use another model.") { Outcome = CallOutcome.Refused };
        }

        if (text.Length == 0 && finish != ChatFinishReason.Length)
        {
            throw new TextModelException(Name, $"the server at {options.Endpoint} gave an empty answer. Try again, or use another model.") { Outcome = CallOutcome.Malformed };
        }

        return new TextCompletion(text, finish == ChatFinishReason.Length ? FinishReason.Length : FinishReason.Stop, answer.Usage?.InputTokenCount ?? 0, answer.Usage?.OutputTokenCount ?? 0);
    }

    private static ChatCompletionOptions Settings(TextSamplingOptions sampling, long seed)
    {
        var settings = new ChatCompletionOptions { Temperature = (float)sampling.Temperature, TopP = (float)sampling.TopP, MaxOutputTokenCount = sampling.MaxTokens };
#pragma warning disable OPENAI001 // The seed is marked experimental by the package; servers that do not know it ignore it.
        settings.Seed = seed;
#pragma warning restore OPENAI001
        foreach (var stop in sampling.Stop)
        {
            settings.StopSequences.Add(stop);
        }

        return settings;
    }
}
