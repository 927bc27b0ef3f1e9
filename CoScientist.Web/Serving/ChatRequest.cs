using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using CoScientist.Core;
using CoScientist.Training.Chat;
using CoScientist.Training.Sampling;

namespace CoScientist.Web.Serving;

/// <summary>A request that cannot be answered, in the words of the protocol.</summary>
/// <param name="status">HTTP status.</param>
/// <param name="message">What is wrong and what to do.</param>
/// <param name="parameter">The field at fault; null for none.</param>
/// <param name="code">Code of the protocol; null for none.</param>
internal sealed class ChatRequestException(int status, string message, string? parameter = null, string? code = null) : Exception(message)
{
    public int Status => status;

    public string? Parameter => parameter;

    public string? Code => code;
}

/// <summary>What a plain completion goes on from.</summary>
/// <param name="Text">A text, as it stands; control tokens in it are ones.</param>
/// <param name="Tokens">Tokens, where the caller has made them itself.</param>
internal sealed record RawPrompt(string? Text, int[]? Tokens);

/// <summary>A request for a completion of a conversation or of a text, as far as it is understood; fields that are not known are passed over, as servers of this protocol do.</summary>
/// <param name="Model">Name of the model.</param>
/// <param name="Messages">The conversation.</param>
/// <param name="Sampling">How to sample; the length is <see cref="MaxTokens"/>'s.</param>
/// <param name="MaxTokens">Most tokens of the answer; null for as many as there is room for, up to 2,048.</param>
/// <param name="Seed">Seed; drawn where none is given.</param>
/// <param name="Stream">Whether the answer comes piece by piece.</param>
/// <param name="IncludeUsage">Whether the stream ends with the usage.</param>
/// <param name="LogProbabilities">Whether each token's log-probability is told.</param>
internal sealed record ChatRequest(string Model, IReadOnlyList<ChatMessage> Messages, SamplingOptions Sampling, int? MaxTokens, long Seed, bool Stream, bool IncludeUsage, bool LogProbabilities)
{
    private const int MostStops = 16;
    private const int MostChoices = 16;
    private const int UsualTextTokens = 16;

    /// <summary>Answers that are asked for; the seed of each is one more than that of the one before. Default 1.</summary>
    public int Choices { get; private init; } = 1;

    /// <summary>The text to go on with; null for a conversation.</summary>
    public RawPrompt? Prompt { get; private init; }

    /// <summary>Reads the body of a request for the next message.</summary>
    /// <exception cref="ChatRequestException">A field is missing or makes no sense; the message names it.</exception>
    public static ChatRequest Read(JsonElement body)
    {
        RequireObject(body);
        if (body.TryGetProperty("tools", out var tools) && tools.ValueKind == JsonValueKind.Array && tools.GetArrayLength() > 0)
        {
            throw Fault("tools", "cannot be used with these models: leave it out");
        }

        return Read(body, ReadMessages(body), Flag(body, "logprobs"));
    }

    /// <summary>Reads the body of a request to go on with a text.</summary>
    /// <exception cref="ChatRequestException">A field is missing or makes no sense; the message names it.</exception>
    public static ChatRequest ReadText(JsonElement body)
    {
        RequireObject(body);
        foreach (var field in (string[])["suffix", "echo"])
        {
            if (body.TryGetProperty(field, out var value) && value.ValueKind is not (JsonValueKind.Null or JsonValueKind.False))
            {
                throw Fault(field, "cannot be used with these models: leave it out");
            }
        }

        var request = Read(body, [], Number(body, "logprobs", 0, 5) is not null);
        if (Integer(body, "best_of") is { } best && best != request.Choices)
        {
            throw Fault("best_of", "must be as many as 'n': all answers are given");
        }

        return request with { Prompt = ReadPrompt(body), MaxTokens = request.MaxTokens ?? UsualTextTokens };
    }

    private static ChatRequest Read(JsonElement body, IReadOnlyList<ChatMessage> messages, bool logProbabilities)
    {
        var choices = Integer(body, "n") ?? 1;
        if (choices is < 1 or > MostChoices)
        {
            throw Fault("n", $"must be from 1 to {MostChoices}");
        }

        var sampling = new SamplingOptions
        {
            Temperature = Number(body, "temperature", 0, 2) ?? 1,
            TopP = Number(body, "top_p", 1e-6, 1) ?? 1,
            StopStrings = Stops(body),
        };
        var most = Integer(body, "max_completion_tokens") ?? Integer(body, "max_tokens");
        if (most < 1)
        {
            throw Fault("max_tokens", "must be at least 1");
        }

        return new ChatRequest(
            Text(body, "model"),
            messages,
            sampling,
            most is { } tokens ? (int)Math.Min(tokens, int.MaxValue) : null,
            ReadSeed(body) ?? RandomNumberGenerator.GetInt32(int.MaxValue),
            Flag(body, "stream"),
            body.TryGetProperty("stream_options", out var options) && options.ValueKind == JsonValueKind.Object && Flag(options, "include_usage"),
            logProbabilities) { Choices = (int)choices };
    }

    private static void RequireObject(JsonElement body)
    {
        if (body.ValueKind != JsonValueKind.Object)
        {
            throw new ChatRequestException(StatusCodes.Status400BadRequest, "The request must be a JSON object.");
        }
    }

    private static RawPrompt ReadPrompt(JsonElement body)
    {
        if (!body.TryGetProperty("prompt", out var prompt))
        {
            throw Fault("prompt", "must be a text, or an array of tokens");
        }

        // Several prompts in one request are several requests; one in an array is what some clients send.
        if (prompt.ValueKind == JsonValueKind.Array && prompt.GetArrayLength() == 1 && prompt[0].ValueKind is JsonValueKind.String or JsonValueKind.Array)
        {
            prompt = prompt[0];
        }

        var isTokens = prompt.ValueKind == JsonValueKind.Array && prompt.GetArrayLength() > 0 && prompt.EnumerateArray().All(token => token.ValueKind == JsonValueKind.Number && token.TryGetInt32(out var id) && id >= 0);
        return prompt.ValueKind == JsonValueKind.String && prompt.GetString() is { Length: > 0 } text ? new RawPrompt(text, null)
            : isTokens ? new RawPrompt(null, [.. prompt.EnumerateArray().Select(token => token.GetInt32())])
            : throw Fault("prompt", "must be one text, or one array of tokens, and not empty");
    }

    private static List<ChatMessage> ReadMessages(JsonElement body)
    {
        if (!body.TryGetProperty("messages", out var messages) || messages.ValueKind != JsonValueKind.Array || messages.GetArrayLength() == 0)
        {
            throw Fault("messages", "must be an array of at least one message");
        }

        var read = new List<ChatMessage>();
        foreach (var message in messages.EnumerateArray())
        {
            if (message.ValueKind != JsonValueKind.Object)
            {
                throw Fault("messages", "must hold objects with role and content");
            }

            // Instructions are the caller's own; what users and models said may hold anything.
            var role = Text(message, "role");
            read.Add(role switch
            {
                "system" or "developer" => new ChatMessage("system", Content(message)) { IsTrusted = true },
                "user" or "assistant" => new ChatMessage(role, Content(message)),
                _ => throw Fault("messages", $"holds the role \"{FileText.Shown(role, 40)}\": use system, user and assistant"),
            });
        }

        return read[^1].Role == "user" ? read : throw Fault("messages", "must end with a message of the user");
    }

    private static string Content(JsonElement message)
    {
        if (message.TryGetProperty("content", out var content))
        {
            if (content.ValueKind == JsonValueKind.String)
            {
                return content.GetString()!;
            }

            if (content.ValueKind == JsonValueKind.Array && content.EnumerateArray().All(part => part.ValueKind == JsonValueKind.Object && part.TryGetProperty("text", out var text) && text.ValueKind == JsonValueKind.String))
            {
                return string.Concat(content.EnumerateArray().Select(part => part.GetProperty("text").GetString()));
            }
        }

        throw Fault("messages", "must have text as content: these models read nothing else");
    }

    private static string[] Stops(JsonElement body)
    {
        if (!body.TryGetProperty("stop", out var stop) || stop.ValueKind == JsonValueKind.Null)
        {
            return [];
        }

        List<JsonElement> texts = stop.ValueKind == JsonValueKind.Array ? [.. stop.EnumerateArray()] : [stop];
        return texts.Count <= MostStops && texts.TrueForAll(text => text.ValueKind == JsonValueKind.String && text.GetString()!.Length > 0)
            ? [.. texts.Select(text => text.GetString()!)]
            : throw Fault("stop", $"must be a text or at most {MostStops} texts, none of them empty");
    }

    private static string Text(JsonElement element, string name) =>
        element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 0 } text ? text : throw Fault(name, "must be a text");

    private static bool Flag(JsonElement element, string name) => element.TryGetProperty(name, out var value) && value.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False or JsonValueKind.Null => false,
        _ => throw Fault(name, "must be true or false"),
    };

    private static double? Number(JsonElement element, string name, double least, double most)
    {
        if (!element.TryGetProperty(name, out var value) || value.ValueKind == JsonValueKind.Null)
        {
            return null;
        }

        return value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number) && number >= least && number <= most
            ? number
            : throw Fault(name, FormattableString.Invariant($"must be a number from {least} to {most}"));
    }

    private static long? Integer(JsonElement element, string name)
    {
        if (!element.TryGetProperty(name, out var value) || value.ValueKind == JsonValueKind.Null)
        {
            return null;
        }

        return value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var number) ? number : throw Fault(name, "must be a whole number");
    }

    // Seeds of stored plans have 63 bits, more than a number has in some callers' languages: those write them as text.
    private static long? ReadSeed(JsonElement body) =>
        body.TryGetProperty("seed", out var value) && value.ValueKind == JsonValueKind.String && long.TryParse(value.GetString(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var seed)
            ? seed
            : Integer(body, "seed");

    private static ChatRequestException Fault(string field, string what) => new(StatusCodes.Status400BadRequest, $"'{field}' {what}.", field);
}
