namespace CoScientist.Core.TextModels;

/// <summary>In what capacity a model is called.</summary>
public enum ModelRole
{
    /// <summary>Proposes goals and rubric items from papers.</summary>
    Creator,

    /// <summary>Chooses among what the creator proposed.</summary>
    Selector,

    /// <summary>Grades plans for the reward, or picks the best of several.</summary>
    Grader,

    /// <summary>Grades plans independently of the reward.</summary>
    Judge,

    /// <summary>One of several further judges.</summary>
    Juror,

    /// <summary>Writes plans.</summary>
    Policy,

    /// <summary>Nothing but a trial of the server.</summary>
    Test,
}

/// <summary>A row of the ledger: one call of a model server, answered or not. Rows are only ever added.</summary>
public sealed class ModelCall
{
    /// <summary>Key, in the order of the calls.</summary>
    public long Id { get; init; }

    /// <summary>When it ended.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>Name of the server.</summary>
    public required string Server { get; init; }

    /// <summary>Model as the server calls it.</summary>
    public required string Model { get; init; }

    /// <summary>Capacity of the model.</summary>
    public required ModelRole Role { get; init; }

    /// <summary>What it was for: the job and what that was about.</summary>
    public required string Purpose { get; init; }

    /// <summary>Content hash of the prompt's instructions.</summary>
    public required string PromptVersion { get; init; }

    /// <summary>Content hash of the whole request: tries of the same request share it.</summary>
    public required string RequestKey { get; init; }

    /// <summary>Which try it was, from 1; 0 when the answer was known.</summary>
    public required int Attempt { get; init; }

    /// <summary>Tokens read by the server; 0 when the answer was known or the server does not say.</summary>
    public required int PromptTokens { get; init; }

    /// <summary>Tokens written by the server, likewise.</summary>
    public required int CompletionTokens { get; init; }

    /// <summary>How long it took.</summary>
    public required double Seconds { get; init; }

    /// <summary>What it cost, in millionths of the currency of the server's prices.</summary>
    public required long CostMicros { get; init; }

    /// <summary>What became of it.</summary>
    public required CallOutcome Outcome { get; init; }

    /// <summary>What went wrong and what to do; null when nothing did.</summary>
    public string? Error { get; init; }
}

/// <summary>An answer kept so that nobody pays for it twice.</summary>
public sealed class ModelAnswer
{
    /// <summary>Content hash of the request.</summary>
    public required string RequestKey { get; init; }

    /// <summary>The answer.</summary>
    public required string Text { get; init; }

    /// <summary>Why it ended.</summary>
    public required FinishReason Finish { get; init; }

    /// <summary>Tokens read by the server when it was given.</summary>
    public required int PromptTokens { get; init; }

    /// <summary>Tokens written by the server.</summary>
    public required int CompletionTokens { get; init; }

    /// <summary>Length of the text in characters, for the bound on all answers.</summary>
    public required int Size { get; init; }

    /// <summary>When it was given.</summary>
    public required DateTimeOffset At { get; init; }
}

/// <summary>A request that came to nothing after every try, with all that is needed to send it again. It is forgotten when the same request succeeds.</summary>
public sealed class ModelFailure
{
    /// <summary>Content hash of the request.</summary>
    public required string RequestKey { get; init; }

    /// <summary>When it was last tried.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>Name by which the model was called: a server's, or SERVER/MODEL.</summary>
    public required string Name { get; init; }

    /// <summary>Capacity of the model.</summary>
    public required ModelRole Role { get; init; }

    /// <summary>What it was for.</summary>
    public required string Purpose { get; init; }

    /// <summary>Version of the prompt.</summary>
    public required string PromptVersion { get; init; }

    /// <summary>Instructions of the prompt.</summary>
    public required string System { get; init; }

    /// <summary>Task of the prompt.</summary>
    public required string User { get; init; }

    /// <summary>Sampling options as JSON.</summary>
    public required string SamplingJson { get; init; }

    /// <summary>What kind of fault it was.</summary>
    public required CallOutcome Outcome { get; init; }

    /// <summary>What went wrong and what to do.</summary>
    public required string Error { get; init; }
}
