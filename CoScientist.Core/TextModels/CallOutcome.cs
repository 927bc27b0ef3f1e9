namespace CoScientist.Core.TextModels;

/// <summary>What became of one call of a model server.</summary>
public enum CallOutcome
{
    /// <summary>It was answered.</summary>
    Answered,

    /// <summary>The answer was known from an earlier call; nothing was sent.</summary>
    Cached,

    /// <summary>The server is too busy (429).</summary>
    Busy,

    /// <summary>The server failed (408, 5xx).</summary>
    ServerError,

    /// <summary>No answer came in time.</summary>
    TimedOut,

    /// <summary>The connection ended within the answer.</summary>
    Dropped,

    /// <summary>The answer stopped at the token limit.</summary>
    Truncated,

    /// <summary>The answer is empty or no chat completion.</summary>
    Malformed,

    /// <summary>The server does not take this request (400, 413, 422, content filters).</summary>
    Refused,

    /// <summary>No connection could be made.</summary>
    Unreachable,

    /// <summary>The server refuses every request: wrong key, no such model or path, quota used up, redirection.</summary>
    Denied,

    /// <summary>The server's budget is spent; nothing was sent.</summary>
    OverBudget,

    /// <summary>The caller gave up.</summary>
    Cancelled,
}

/// <summary>What follows from an outcome.</summary>
public static class CallOutcomes
{
    /// <summary>Whether the same call may come out better a little later.</summary>
    public static bool IsTransient(this CallOutcome outcome) => outcome is CallOutcome.Busy or CallOutcome.ServerError or CallOutcome.TimedOut
        or CallOutcome.Dropped or CallOutcome.Truncated or CallOutcome.Malformed or CallOutcome.Unreachable;

    /// <summary>Whether other prompts would fail in the same way, so that a job had better stop.</summary>
    public static bool ConcernsServer(this CallOutcome outcome) => outcome is CallOutcome.Unreachable or CallOutcome.Denied or CallOutcome.OverBudget;

    /// <summary>Whether a call came to nothing.</summary>
    public static bool IsFailure(this CallOutcome outcome) => outcome is not (CallOutcome.Answered or CallOutcome.Cached);
}
