using System.ClientModel;
using System.ClientModel.Primitives;
using OpenAI;
using OpenAI.Chat;

namespace CoScientist.Core.TextModels;

/// <summary>Where a model server stands and how patient to be with it.</summary>
public sealed record OpenAiTextModelOptions
{
    /// <summary>Name recorded with everything the model produces.</summary>
    public required string Name { get; init; }

    /// <summary>Base address, such as http://localhost:8080/v1.</summary>
    public required Uri Endpoint { get; init; }

    /// <summary>Model as the server calls it.</summary>
    public required string Model { get; init; }

    /// <summary>Key; servers without keys take any.</summary>
    public string Key { get; init; } = "none";

    /// <summary>Longest wait for one answer. Default 5 minutes.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Tries in all when the server is busy or failing (429, 5xx). Default 4.</summary>
    public int Attempts { get; init; } = 4;

    /// <summary>Wait before the second try; it doubles with each. Default 1 second.</summary>
    public TimeSpan RetryDelay { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Prompts of a batch that are under way at once. Default 4.</summary>
    public int Parallel { get; init; } = 4;
}

/// <summary>Any server that speaks the OpenAI chat protocol: llama.cpp, vLLM, Ollama, a hosted service.</summary>
public sealed class OpenAiTextModel : ITextModel
{
    private readonly OpenAiTextModelOptions options;
    private readonly TimeProvider time;
    private readonly ChatClient client;

    /// <summary>Prepares the client; nothing is sent yet.</summary>
    public OpenAiTextModel(OpenAiTextModelOptions options, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(options);
        this.options = options;
        this.time = time;

        // Retries are counted and reported here, not inside the client.
        var settings = new OpenAIClientOptions { Endpoint = options.Endpoint, NetworkTimeout = options.Timeout, RetryPolicy = new ClientRetryPolicy(0) };
        client = new ChatClient(options.Model, new ApiKeyCredential(options.Key), settings);
    }

    /// <inheritdoc/>
    public string Name => options.Name;

    /// <inheritdoc/>
    public async Task<IReadOnlyList<TextCompletion>> CompleteAsync(IReadOnlyList<TextPrompt> prompts, TextSamplingOptions options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(prompts);
        ArgumentNullException.ThrowIfNull(options);
        var answers = new TextCompletion[prompts.Count];
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = this.options.Parallel, CancellationToken = cancellationToken };
        await Parallel.ForAsync(0, prompts.Count, parallel, async (i, token) => answers[i] = await CompleteAsync(prompts[i], options, options.Seed + i, token));
        return answers;
    }

    private async Task<TextCompletion> CompleteAsync(TextPrompt prompt, TextSamplingOptions sampling, long seed, CancellationToken cancellationToken)
    {
        ChatMessage[] messages = prompt.System.Length > 0
            ? [new SystemChatMessage(prompt.System), new UserChatMessage(prompt.User)]
            : [new UserChatMessage(prompt.User)];
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                ChatCompletion answer = await client.CompleteChatAsync(messages, Settings(sampling, seed), cancellationToken);
                var text = string.Concat(answer.Content.Select(part => part.Text));
                var finish = answer.FinishReason == ChatFinishReason.Length ? FinishReason.Length : FinishReason.Stop;
                return new TextCompletion(text, finish, answer.Usage?.InputTokenCount ?? 0, answer.Usage?.OutputTokenCount ?? 0);
            }
            catch (ClientResultException fault) when (fault.Status is 408 or 429 or >= 500 && attempt < options.Attempts)
            {
                await Task.Delay(options.RetryDelay * Math.Pow(2, attempt - 1), time, cancellationToken);
            }
            catch (Exception fault) when (fault is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
            {
                throw Explain(fault, attempt);
            }
        }
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

    private TextModelException Explain(Exception fault, int attempts)
    {
        var message = fault switch
        {
            ClientResultException { Status: 401 or 403 } => $"the server at {options.Endpoint} refuses the key. Set the environment variable that its configuration names.",
            ClientResultException { Status: 404 } => $"the server at {options.Endpoint} does not know the model '{options.Model}' or the path. Check Endpoint (it usually ends with /v1) and Model in CoScientist:ModelServers.",
            ClientResultException { Status: 429 } => $"the server at {options.Endpoint} is still too busy after {attempts} tries. Try again later.",
            ClientResultException { Status: >= 400 } failed => $"the server at {options.Endpoint} answered with error {failed.Status} after {attempts} tries. Look into its log.",
            OperationCanceledException => $"the server at {options.Endpoint} gave no answer within {options.Timeout.TotalSeconds:0} seconds. Raise TimeoutSeconds in CoScientist:ModelServers, or use a faster server.",
            _ when IsUnreachable(fault) => $"the server at {options.Endpoint} cannot be reached. Start it, or correct its Endpoint in CoScientist:ModelServers.",
            _ => $"the server at {options.Endpoint} answered with something that is no chat completion. Check that it speaks the OpenAI protocol.",
        };
        return new TextModelException(Name, message, fault);
    }

    // The package wraps the fault of the socket, once or several times.
    private static bool IsUnreachable(Exception? fault) =>
        fault is HttpRequestException or System.Net.Sockets.SocketException or IOException ||
        fault is AggregateException { InnerExceptions: var inner } && inner.Any(IsUnreachable) ||
        fault is ClientResultException { Status: 0 } ||
        (fault?.InnerException is { } cause && IsUnreachable(cause));
}
