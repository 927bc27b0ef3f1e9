using System.ClientModel;
using System.ClientModel.Primitives;
using System.Globalization;
using System.Text.Json;

namespace CoScientist.Core.TextModels;

/// <summary>Says in a sentence, with the remedy, why a server gave no answer. A key never appears in it.</summary>
internal static class OpenAiFaults
{
    private const int LongestQuote = 300;
    private const int ShortestKey = 4;
    private const string QuotaCode = "insufficient_quota";

    public static TextModelException Explain(Exception fault, OpenAiTextModelOptions options)
    {
        var (outcome, reason) = Kind(fault, options);
        return new TextModelException(options.Name, WithoutKey(reason, options.Key), Cause(fault)) { Outcome = outcome, RetryAfter = RetryAfter(fault) };
    }

    /// <summary>A text in which the key is blotted out: some servers repeat it in their errors.</summary>
    public static string WithoutKey(string text, string key) =>
        key.Length < ShortestKey || key == OpenAiTextModelOptions.NoKey ? text : text.Replace(key, "•••", StringComparison.Ordinal);

    private static (CallOutcome Outcome, string Reason) Kind(Exception fault, OpenAiTextModelOptions options)
    {
        var server = $"the server at {options.Endpoint}";
        if (fault is ClientResultException { Status: > 0 } answered)
        {
            return Answered(answered, server, options);
        }

        var failed = Find<HttpRequestException>(fault);
        return fault switch
        {
            OperationCanceledException => (CallOutcome.TimedOut, string.Create(CultureInfo.InvariantCulture, $"{server} gave no answer within {options.Timeout.TotalSeconds:0.###} seconds. Raise its time-out, or use a faster server.")),
            _ when failed?.HttpRequestError is HttpRequestError.ConfigurationLimitExceeded => (CallOutcome.Malformed, $"{server} sent an answer without end. Check that it speaks the OpenAI protocol."),
            _ when failed?.HttpRequestError is HttpRequestError.NameResolutionError => (CallOutcome.Unreachable, $"{server} cannot be reached: its name is not known. Correct its address."),
            _ when failed?.HttpRequestError is HttpRequestError.SecureConnectionError => (CallOutcome.Unreachable, $"{server} cannot be reached: the secure connection failed ({Quote(failed.InnerException?.Message ?? failed.Message)}). Correct its certificate or its address."),
            _ when failed?.HttpRequestError is HttpRequestError.ConnectionError || (failed is null && Find<System.Net.Sockets.SocketException>(fault) is not null) => (CallOutcome.Unreachable, $"{server} cannot be reached. Start it, or correct its address."),
            _ when failed is not null || Find<IOException>(fault) is not null => (CallOutcome.Dropped, $"{server} ended the connection within the answer. Look into its log."),
            _ => (CallOutcome.Malformed, $"{server} answered with something that is no chat completion. Check that it speaks the OpenAI protocol and that the address usually ends with /v1."),
        };
    }

    private static (CallOutcome Outcome, string Reason) Answered(ClientResultException fault, string server, OpenAiTextModelOptions options)
    {
        var said = Said(fault);
        return fault.Status switch
        {
            401 or 403 => (CallOutcome.Denied, $"{server} refuses the key{said}. Enter a valid key, or set the environment variable that its configuration names."),
            402 => (CallOutcome.Denied, $"{server} wants to be paid first{said}. Settle the account, then begin the work again."),
            404 or 405 => (CallOutcome.Denied, $"{server} does not know the model '{options.Model}' or the path{said}. Check the address (it usually ends with /v1) and the model's name."),
            >= 300 and < 400 => (CallOutcome.Denied, $"{server} redirects to {Quote(Header(fault, "Location") ?? "another address")}, which is not followed. If that server is meant, enter its address."),
            429 when said.Contains(QuotaCode, StringComparison.Ordinal) || Body(fault).Contains(QuotaCode, StringComparison.Ordinal) => (CallOutcome.Denied, $"the quota at {server} is used up{said}. Raise it there, then begin the work again."),
            429 => (CallOutcome.Busy, $"{server} is too busy{said}. Try again later, or lower its requests per minute here."),
            408 or >= 500 => (CallOutcome.ServerError, $"{server} answered with error {fault.Status}{said}. Look into its log."),
            _ => (CallOutcome.Refused, $"{server} refuses this request with error {fault.Status}{said}. Shorten the prompt or correct the sampling settings."),
        };
    }

    /// <summary>The server's own words, in brackets; empty when it says nothing readable.</summary>
    private static string Said(ClientResultException fault)
    {
        var body = Body(fault);
        try
        {
            using var document = JsonText.Parse(body);
            var error = document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty("error", out var inner) ? inner : document.RootElement;
            var message = error.ValueKind == JsonValueKind.String ? error.GetString()
                : error.ValueKind == JsonValueKind.Object && error.TryGetProperty("message", out var text) && text.ValueKind == JsonValueKind.String ? text.GetString()
                : null;
            return string.IsNullOrWhiteSpace(message) ? "" : $" (it says: {Quote(message)})";
        }
        catch (JsonException)
        {
            return body.Length is 0 or > LongestQuote || body.Contains('<', StringComparison.Ordinal) ? "" : $" (it says: {Quote(body)})";
        }
    }

    private static string Body(ClientResultException fault) => fault.GetRawResponse()?.Content.ToString() ?? "";

    private static string Quote(string text)
    {
        var line = text.ReplaceLineEndings(" ").Trim().TrimEnd('.');
        return line.Length <= LongestQuote ? line : line[..LongestQuote] + "…";
    }

    private static string? Header(ClientResultException fault, string name) =>
        fault.GetRawResponse() is { } response && response.Headers.TryGetValue(name, out var value) ? value : null;

    // Seconds, or a date (RFC 9110, section 10.2.3).
    private static TimeSpan? RetryAfter(Exception fault)
    {
        if (fault is not ClientResultException { Status: 429 or 503 } answered || Header(answered, "Retry-After") is not { } value)
        {
            return null;
        }

        if (double.TryParse(value, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var seconds) && seconds < TimeSpan.MaxValue.TotalSeconds / 2)
        {
            return TimeSpan.FromSeconds(seconds);
        }

        // The server's own clock, where it tells it, so that a wrong one here does no harm.
        return DateTimeOffset.TryParse(value, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var until)
            && DateTimeOffset.TryParse(Header(answered, "Date"), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var now) && until > now
            ? until - now
            : null;
    }

    // What went wrong on the wire says no more than the sentence; the answer of a server may hold the key.
    private static Exception? Cause(Exception fault) => fault is ClientResultException { Status: > 0 } ? null : fault;

    private static T? Find<T>(Exception? fault)
        where T : Exception => fault switch
    {
        null => null,
        T found => found,
        AggregateException many => many.InnerExceptions.Select(Find<T>).FirstOrDefault(found => found is not null),
        _ => Find<T>(fault.InnerException),
    };
}
