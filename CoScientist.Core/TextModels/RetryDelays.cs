namespace CoScientist.Core.TextModels;

/// <summary>How long to wait before the next try: twice as long each time, spread at random so that callers do not come back together.</summary>
public static class RetryDelays
{
    /// <summary>The longest wait of our own choice.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromMinutes(1);

    /// <summary>The longest wait that a server may ask for; a job stops rather than wait longer.</summary>
    public static readonly TimeSpan LongestAsked = TimeSpan.FromMinutes(10);

    /// <summary>first · 2^(attempt − 1) · (0.5 + jitter), at most <see cref="Longest"/>, but never less than the server asks for.</summary>
    /// <param name="first">Wait before the second try.</param>
    /// <param name="attempt">The try that failed, from 1.</param>
    /// <param name="retryAfter">What the server asks for; null when it does not say.</param>
    /// <param name="jitter">Uniform in [0, 1).</param>
    public static TimeSpan After(TimeSpan first, int attempt, TimeSpan? retryAfter, double jitter)
    {
        var own = first * Math.Pow(2, attempt - 1) * (0.5 + jitter);
        own = own < Longest ? own : Longest;
        return retryAfter is { } asked && asked > TimeSpan.Zero ? asked + (first * jitter) : own;
    }
}
