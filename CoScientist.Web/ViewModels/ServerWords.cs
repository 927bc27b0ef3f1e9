using System.Globalization;
using CoScientist.Core.TextModels;
using CoScientist.Web.Configuration;

namespace CoScientist.Web.ViewModels;

/// <summary>Model servers and their calls in words.</summary>
internal static class ServerWords
{
    private const double Micros = 1e6;

    /// <summary>Where its key comes from; never the key.</summary>
    public static string Key(KnownServer server) => server switch
    {
        { HasKey: false } => "none",
        { Configured: { } entry } => $"from {entry.KeyVariable}",
        _ => "set",
    };

    /// <summary>Its limits in a line.</summary>
    public static string Limits(ModelServerSettings server)
    {
        var parts = new List<string> { $"{server.Concurrency} at once" };
        if (server.RequestsPerMinute is { } requests)
        {
            parts.Add($"{requests:N0} requests/min");
        }

        if (server.TokensPerMinute is { } tokens)
        {
            parts.Add($"{tokens:N0} tokens/min");
        }

        return string.Join(", ", parts);
    }

    /// <summary>What it has used, beside the budgets where there are any.</summary>
    public static string Used(ModelServerSettings server, Spending spent)
    {
        var tokens = server.TokenBudget is { } most ? $"{spent.Tokens:N0} of {most:N0} tokens" : $"{spent.Tokens:N0} tokens";
        return server switch
        {
            { MoneyBudget: { } money } => $"{tokens}, {Money(spent.CostMicros)} of {money.ToString("0.######", CultureInfo.InvariantCulture)}",
            _ when spent.CostMicros > 0 => $"{tokens}, {Money(spent.CostMicros)}",
            _ => tokens,
        };
    }

    /// <summary>A sum of money, without its currency.</summary>
    public static string Money(long micros) => (micros / Micros).ToString(micros == 0 ? "0" : "0.00####", CultureInfo.InvariantCulture);

    /// <summary>What a role does.</summary>
    public static string Task(ModelRole role) => role switch
    {
        ModelRole.Creator => "proposes goals and rubric items from papers",
        ModelRole.Selector => "chooses the best of them",
        ModelRole.Grader => "grades plans for the reward",
        ModelRole.Judge => "grades plans independently of the reward",
        ModelRole.Juror => "one more judge, for a vote",
        ModelRole.Policy => "writes plans",
        _ => "tries a server",
    };

    /// <summary>What became of a call.</summary>
    public static string Outcome(CallOutcome outcome) => outcome switch
    {
        CallOutcome.Answered => "answered",
        CallOutcome.Cached => "known",
        CallOutcome.Busy => "too busy",
        CallOutcome.ServerError => "server failed",
        CallOutcome.TimedOut => "timed out",
        CallOutcome.Dropped => "connection lost",
        CallOutcome.Truncated => "cut off",
        CallOutcome.Malformed => "unreadable",
        CallOutcome.Refused => "refused",
        CallOutcome.Unreachable => "not reached",
        CallOutcome.Denied => "denied",
        CallOutcome.OverBudget => "over budget",
        _ => "cancelled",
    };
}
