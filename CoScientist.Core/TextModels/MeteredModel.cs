using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace CoScientist.Core.TextModels;

/// <summary>
/// A model server used with care: answers that are known cost nothing, calls wait for the server's limits, faults that may pass
/// are met by further tries, and every call stands in the ledger before its answer is handed on. What fails for good is the
/// failure of that prompt alone, unless the server as a whole fails or its budget is spent.
/// </summary>
/// <param name="caller">Who calls what.</param>
/// <param name="wire">The model behind; asked for one prompt at a time, once per try.</param>
/// <param name="gate">The server's limits, shared by all who call it.</param>
/// <param name="records">Ledger and kept answers.</param>
/// <param name="time">The clock.</param>
public sealed class MeteredModel(MeteredModelOptions caller, ITextModel wire, ServerGate gate, ICallRecords records, TimeProvider time) : ITextModel
{
    // A truncated answer is asked for again with twice the room, so often.
    private const int LengthAttempts = 3;
    private const int HashCharacters = 16;

    /// <inheritdoc/>
    public string Name => caller.Name;

    // The length of a plan is part of what is measured, so a policy's is taken as it comes.
    private bool TakesTruncated => caller.Role is ModelRole.Policy or ModelRole.Test;

    /// <inheritdoc/>
    public async Task<IReadOnlyList<TextCompletion>> CompleteAsync(IReadOnlyList<TextPrompt> prompts, TextSamplingOptions options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(prompts);
        var sampling = caller.Sampling.Apply(options);
        var requests = prompts.Zip(Seeds(prompts, sampling), (prompt, seed) => new Request(prompt, sampling with { Seed = seed }, caller.Model, caller.Server)).ToArray();
        var answers = await KnownAsync(requests, cancellationToken);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        TextModelException? fault = null;
        await Task.WhenAll(Enumerable.Range(0, requests.Length).Where(i => answers[i] is null).Select(AnswerAsync));
        cancellationToken.ThrowIfCancellationRequested();
        return fault is null ? [.. answers.Zip(requests, Rejectable)] : throw fault;

        // After a fault of the server no call begins, but those under way are waited for: their answers are paid for.
        async Task AnswerAsync(int i)
        {
            try
            {
                answers[i] = await AskAsync(requests[i], stop.Token, cancellationToken);
            }
            catch (TextModelException stopped)
            {
                Interlocked.CompareExchange(ref fault, stopped, null);
                await stop.CancelAsync();
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
            }
        }
    }

    /// <summary>Sends a request again that had failed.</summary>
    /// <param name="failure">The failure.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <returns>The answer, which is now known to whoever asks next, or the new failure.</returns>
    /// <exception cref="TextModelException">The server as a whole fails, or its budget is spent.</exception>
    public async Task<TextCompletion> RetryAsync(ModelFailure failure, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(failure);
        var prompt = new TextPrompt(failure.System, failure.User) { Version = failure.PromptVersion };
        var sampling = JsonSerializer.Deserialize<TextSamplingOptions>(failure.SamplingJson)!;
        return await AskAsync(new Request(prompt, sampling, caller.Model, caller.Server), cancellationToken, cancellationToken);
    }

    private TextCompletion Rejectable(TextCompletion? answer, Request request) => answer! with
    {
        OnRejected = (reason, token) => records.RejectAsync(Failure(request, CallOutcome.Malformed, $"The answer could not be used: {reason}."), token),
    };

    // By how often the same prompt came before, not by its place: what else is asked for must not change what is known.
    private static IEnumerable<long> Seeds(IReadOnlyList<TextPrompt> prompts, TextSamplingOptions sampling)
    {
        var seen = new Dictionary<(string System, string User), long>();
        foreach (var prompt in prompts)
        {
            var before = seen.GetValueOrDefault((prompt.System, prompt.User));
            seen[(prompt.System, prompt.User)] = before + 1;
            yield return sampling.Seed + before;
        }
    }

    private async Task<TextCompletion?[]> KnownAsync(Request[] requests, CancellationToken cancellationToken)
    {
        var answers = new TextCompletion?[requests.Length];
        if (caller.Fresh)
        {
            return answers;
        }

        var known = await records.FindAnswersAsync([.. requests.Select(request => request.Key)], cancellationToken);
        var calls = new List<ModelCall>();
        for (var i = 0; i < requests.Length; i++)
        {
            if (known.TryGetValue(requests[i].Key, out answers[i]))
            {
                calls.Add(Call(requests[i], attempt: 0, CallOutcome.Cached, default, TimeSpan.Zero, null));
            }
        }

        if (calls.Count > 0)
        {
            await records.RecordAsync(calls, null, null, cancellationToken);
        }

        return answers;
    }

    private async Task<TextCompletion> AskAsync(Request request, CancellationToken waiting, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            var room = request.Sampling.MaxTokens << request.Truncations;
            var (answer, fault, last) = await TryAsync(request, attempt, room, waiting, cancellationToken);
            if (fault is null)
            {
                return answer!;
            }

            if (last)
            {
                return fault.Outcome.ConcernsServer()
                    ? throw fault
                    : (answer ?? new TextCompletion("", FinishReason.Length, 0, 0)) with { Failure = fault.Reason.TrimEnd('.') };
            }

            await BackOffAsync(fault, attempt, waiting);
        }
    }

    /// <summary>One call, which stands in the ledger when this returns or throws.</summary>
    private async Task<(TextCompletion? Answer, TextModelException? Fault, bool Last)> TryAsync(Request request, int attempt, int room, CancellationToken waiting, CancellationToken cancellationToken)
    {
        await using var pass = await gate.EnterAsync(request.EstimatedTokens, room, waiting);
        var begun = time.GetTimestamp();
        TextCompletion? answer = null;
        TextModelException? fault = null;
        try
        {
            answer = (await wire.CompleteAsync([request.Prompt], request.Sampling with { MaxTokens = room }, cancellationToken))[0];
            if (answer.Finish == FinishReason.Length && !TakesTruncated)
            {
                request.Truncations++;
                fault = new TextModelException(Name, CutOff(answer.CompletionTokens, room)) { Outcome = CallOutcome.Truncated };
            }
        }
        catch (TextModelException failed)
        {
            fault = failed;
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            await records.RecordAsync([Call(request, attempt, CallOutcome.Cancelled, default, time.GetElapsedTime(begun), null)], null, null, CancellationToken.None);
            throw;
        }

        var last = fault is not null && IsLast(fault, attempt, request);
        var used = answer is null ? default : Used(request, answer);
        var call = Call(request, attempt, fault?.Outcome ?? CallOutcome.Answered, used, time.GetElapsedTime(begun), fault?.Reason);

        // What has been paid for is written down even when the caller gives up now.
        await records.RecordAsync([call], fault is null ? Keep(request, answer!) : null, last && caller.Role != ModelRole.Test ? Failure(request, fault!.Outcome, fault.Reason) : null, CancellationToken.None);
        pass.Settle(used.Prompt + (long)used.Completion);
        return (answer, fault, last);
    }

    private static string CutOff(int tokens, int room) => tokens > 0 && tokens < room
        ? $"the answer was cut off after {tokens} tokens, though {room} were asked for: prompt and answer together fill what the model can read. Use a model that reads more."
        : $"the answer was cut off after {tokens} tokens, with room for {room}. Raise the role's most tokens, or use a model that is briefer.";

    private bool IsLast(TextModelException fault, int attempt, Request request) =>
        attempt >= caller.Attempts || !fault.Outcome.IsTransient() || fault.RetryAfter > RetryDelays.LongestAsked || request.Truncations >= LengthAttempts;

    private async Task BackOffAsync(TextModelException fault, int attempt, CancellationToken waiting)
    {
#pragma warning disable CA5394 // Chance only spreads callers out.
        var delay = RetryDelays.After(caller.RetryDelay, attempt, fault.RetryAfter, Random.Shared.NextDouble());
#pragma warning restore CA5394
        if (fault.RetryAfter is { } asked)
        {
            await gate.HoldAsync(asked);
        }

        await Task.Delay(delay, time, waiting);
    }

    // Servers that do not count are counted for.
    private static (int Prompt, int Completion) Used(Request request, TextCompletion answer) =>
        answer.PromptTokens + answer.CompletionTokens > 0
            ? (answer.PromptTokens, answer.CompletionTokens)
            : (request.EstimatedTokens, ServerLimits.EstimateTokens(answer.Text));

    private ModelCall Call(Request request, int attempt, CallOutcome outcome, (int Prompt, int Completion) used, TimeSpan duration, string? error) => new()
    {
        At = time.GetUtcNow(),
        Server = caller.Server,
        Model = caller.Model,
        Role = caller.Role,
        Purpose = Purpose(request),
        PromptVersion = request.Version,
        RequestKey = request.Key,
        Attempt = attempt,
        PromptTokens = used.Prompt,
        CompletionTokens = used.Completion,
        Seconds = duration.TotalSeconds,
        CostMicros = gate.Limits.CostMicros(used.Prompt, used.Completion),
        Outcome = outcome,
        Error = error,
    };

    private ModelAnswer Keep(Request request, TextCompletion answer) => new()
    {
        RequestKey = request.Key,
        Text = answer.Text,
        Finish = answer.Finish,
        PromptTokens = answer.PromptTokens,
        CompletionTokens = answer.CompletionTokens,
        Size = answer.Text.Length,
        At = time.GetUtcNow(),
    };

    private ModelFailure Failure(Request request, CallOutcome outcome, string error) => new()
    {
        RequestKey = request.Key,
        At = time.GetUtcNow(),
        Name = caller.Name,
        Role = caller.Role,
        Purpose = Purpose(request),
        PromptVersion = request.Version,
        System = request.Prompt.System,
        User = request.Prompt.User,
        SamplingJson = JsonSerializer.Serialize(request.Sampling),
        Outcome = outcome,
        Error = error,
    };

    private string Purpose(Request request) => request.Prompt.Subject is { } subject ? $"{caller.Purpose} {subject}".Trim() : caller.Purpose;

    private static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    /// <summary>A prompt as it is sent.</summary>
    private sealed class Request(TextPrompt prompt, TextSamplingOptions sampling, string model, string server)
    {
        public TextPrompt Prompt => prompt;

        public TextSamplingOptions Sampling => sampling;

        /// <summary>Everything that an answer depends on.</summary>
        public string Key { get; } = Hash(JsonSerializer.Serialize(new { server, model, prompt.System, prompt.User, sampling.Temperature, sampling.TopP, sampling.MaxTokens, sampling.Seed, sampling.Stop }));

        public string Version { get; } = prompt.Version ?? Hash(prompt.System)[..HashCharacters];

        public int EstimatedTokens { get; } = ServerLimits.EstimateTokens(prompt.System) + ServerLimits.EstimateTokens(prompt.User);

        public int Truncations { get; set; }
    }
}
