using System.Security.Cryptography;
using System.Text.Json;
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

/// <summary>A request for a chat completion, as far as it is understood; fields that are not known are passed over, as servers of this protocol do.</summary>
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

    /// <summary>Reads a request's body.</summary>
    /// <exception cref="ChatRequestException">A field is missing or makes no sense; the message names it.</exception>
    public static ChatRequest Read(JsonElement body)
    {
        if (body.ValueKind != JsonValueKind.Object)
        {
            throw new ChatRequestException(StatusCodes.Status400BadRequest, "The request must be a JSON object.");
        }

        if (Number(body, "n", 1, 1) is null && body.TryGetProperty("n", out var several) && several.ValueKind != JsonValueKind.Null)
        {
            throw Fault("n", "must be 1");
        }

        if (body.TryGetProperty("tools", out var tools) && tools.ValueKind == JsonValueKind.Array && tools.GetArrayLength() > 0)
        {
            throw Fault("tools", "cannot be used with these models: leave it out");
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
            ReadMessages(body),
            sampling,
            most is { } tokens ? (int)Math.Min(tokens, int.MaxValue) : null,
            Integer(body, "seed") ?? RandomNumberGenerator.GetInt32(int.MaxValue),
            Flag(body, "stream"),
            body.TryGetProperty("stream_options", out var options) && options.ValueKind == JsonValueKind.Object && Flag(options, "include_usage"),
            Flag(body, "logprobs"));
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
                _ => throw Fault("messages", $"holds the role \"{role}\": use system, user and assistant"),
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

    private static ChatRequestException Fault(string field, string what) => new(StatusCodes.Status400BadRequest, $"'{field}' {what}.", field);
}
