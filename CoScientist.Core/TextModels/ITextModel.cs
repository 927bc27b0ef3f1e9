namespace CoScientist.Core.TextModels;

/// <summary>Prompts in, completions out. Behind it stands a model server or a local checkpoint; creator, policy, grader and judge are roles of it.</summary>
public interface ITextModel
{
    /// <summary>Name recorded with everything it produces.</summary>
    string Name { get; }

    /// <summary>Completes a batch of prompts.</summary>
    /// <param name="prompts">The prompts; answered in the same order.</param>
    /// <param name="options">Sampling options, the same for all.</param>
    /// <param name="cancellationToken">Cancels what is not yet answered.</param>
    /// <returns>One completion per prompt; one that could not be had says why in <see cref="TextCompletion.Failure"/>, and the others stand.</returns>
    /// <exception cref="TextModelException">The model cannot be reached or refuses, so that other prompts would fail alike; the message names it, the address and the remedy.</exception>
    Task<IReadOnlyList<TextCompletion>> CompleteAsync(IReadOnlyList<TextPrompt> prompts, TextSamplingOptions options, CancellationToken cancellationToken);
}

/// <summary>A prompt; the parts are kept apart so that instructions and untrusted text cannot mix.</summary>
/// <param name="System">Instructions; may be empty.</param>
/// <param name="User">The task with its material.</param>
public sealed record TextPrompt(string System, string User)
{
    /// <summary>Version of the prompt for the ledger of calls; null for the content hash of the instructions.</summary>
    public string? Version { get; init; }

    /// <summary>What it is about, for the ledger of calls, such as the title of a paper; null when nobody needs to know.</summary>
    public string? Subject { get; init; }
}

/// <summary>How to sample.</summary>
public sealed record TextSamplingOptions
{
    /// <summary>Temperature; 0 is greedy. Default 1.</summary>
    public double Temperature { get; init; } = 1;

    /// <summary>Nucleus mass in (0, 1]. Default 1: everything.</summary>
    public double TopP { get; init; } = 1;

    /// <summary>Most tokens to generate. Default 2,048.</summary>
    public int MaxTokens { get; init; } = 2048;

    /// <summary>Seed; each prompt draws from its own stream.</summary>
    public long Seed { get; init; }

    /// <summary>Texts that end the completion and are left out of it.</summary>
    public IReadOnlyList<string> Stop { get; init; } = [];
}

/// <summary>Why a completion ended.</summary>
public enum FinishReason
{
    /// <summary>The model ended it, or a stop text did.</summary>
    Stop,

    /// <summary>The token limit did.</summary>
    Length,
}

/// <summary>A completion and its cost.</summary>
/// <param name="Text">The text.</param>
/// <param name="Finish">Why it ended.</param>
/// <param name="PromptTokens">Tokens read.</param>
/// <param name="CompletionTokens">Tokens written.</param>
public sealed record TextCompletion(string Text, FinishReason Finish, int PromptTokens, int CompletionTokens)
{
    /// <summary>Why there is no usable answer, after every retry; null when there is one. It concerns this prompt alone.</summary>
    public string? Failure { get; init; }

    /// <summary>What <see cref="RejectAsync"/> calls; null where answers are not kept.</summary>
    internal Func<string, CancellationToken, Task>? OnRejected { get; init; }

    /// <summary>Says that the answer cannot be used, whatever its words are: it is not kept, so that the same prompt is asked anew next time, and it is listed as a failure.</summary>
    /// <param name="reason">Why, in a clause.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public Task RejectAsync(string reason, CancellationToken cancellationToken) => OnRejected?.Invoke(reason, cancellationToken) ?? Task.CompletedTask;
}

/// <summary>A call of a model that came to nothing.</summary>
/// <param name="model">Name of the model.</param>
/// <param name="reason">What happened and what to do.</param>
/// <param name="inner">The cause.</param>
public sealed class TextModelException(string model, string reason, Exception? inner = null)
    : Exception($"Model '{model}': {reason}", inner)
{
    /// <summary>Name of the model.</summary>
    public string Model { get; } = model;

    /// <summary>What happened and what to do, without the model's name.</summary>
    public string Reason { get; } = reason;

    /// <summary>What kind of fault it is. Default: the model cannot be reached.</summary>
    public CallOutcome Outcome { get; init; } = CallOutcome.Unreachable;

    /// <summary>How long the server asks to be left alone; null when it does not say.</summary>
    public TimeSpan? RetryAfter { get; init; }
}
