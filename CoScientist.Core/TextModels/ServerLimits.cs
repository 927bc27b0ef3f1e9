using System.Text;

namespace CoScientist.Core.TextModels;

/// <summary>How much of a server may be used, and what it costs. What is not limited is null.</summary>
public sealed record ServerLimits
{
    /// <summary>Calls under way at once, at least 1. Default 4.</summary>
    public int Concurrency { get; init; } = 4;

    /// <summary>Most calls begun within any minute.</summary>
    public int? RequestsPerMinute { get; init; }

    /// <summary>Most tokens, read and written, of calls begun within any minute.</summary>
    public int? TokensPerMinute { get; init; }

    /// <summary>Most tokens in all since <see cref="BudgetFrom"/>.</summary>
    public long? TokenBudget { get; init; }

    /// <summary>Most money in all since <see cref="BudgetFrom"/>, in the currency of the prices.</summary>
    public decimal? MoneyBudget { get; init; }

    /// <summary>Price of a million tokens read. Default 0.</summary>
    public decimal PriceIn { get; init; }

    /// <summary>Price of a million tokens written. Default 0.</summary>
    public decimal PriceOut { get; init; }

    /// <summary>When the budgets began. Default: with the first call.</summary>
    public DateTimeOffset BudgetFrom { get; init; } = DateTimeOffset.UnixEpoch;

    /// <summary>Longest that a call can take, with all that belongs to it: what it reserved counts no more after that. Default 6 minutes.</summary>
    public TimeSpan LongestCall { get; init; } = TimeSpan.FromMinutes(6);

    /// <summary>What tokens cost in millionths of the currency (a price per million tokens is millionths per token), rounded up.</summary>
    public long CostMicros(long promptTokens, long completionTokens) => (long)decimal.Ceiling((promptTokens * PriceIn) + (completionTokens * PriceOut));

    /// <summary>
    /// About how many tokens a text has: a third of its UTF-8 bytes, which is more than tokenizers make of most texts, so that
    /// what is reserved before a call is seldom less than what it takes.
    /// </summary>
    public static int EstimateTokens(string text) => (Encoding.UTF8.GetByteCount(text) + 2) / 3;
}
