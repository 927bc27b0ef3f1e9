namespace CoScientist.Core.TextModels;

/// <summary>What a model server is and how much of it may be used, wherever it was set up: on its page or in the configuration.</summary>
public abstract class ModelServerSettings
{
    /// <summary>From the end of a call until it stands in the ledger, on a slow disk.</summary>
    private static readonly TimeSpan Margin = TimeSpan.FromMinutes(1);

    /// <summary>Name by which pages and verbs call it.</summary>
    public string Name { get; set; } = "";

    /// <summary>Base address, usually ending with /v1.</summary>
    public string Endpoint { get; set; } = "";

    /// <summary>Model as the server calls it.</summary>
    public string Model { get; set; } = "";

    /// <summary>Longest wait for one answer in seconds. Default 300.</summary>
    public int TimeoutSeconds { get; set; } = 300;

    /// <summary>Calls under way at once. Default 4.</summary>
    public int Concurrency { get; set; } = 4;

    /// <summary>Most calls begun within a minute; null for any number.</summary>
    public int? RequestsPerMinute { get; set; }

    /// <summary>Most tokens of calls begun within a minute; null for any number.</summary>
    public int? TokensPerMinute { get; set; }

    /// <summary>Most tokens since <see cref="BudgetFrom"/>; null for any number.</summary>
    public long? TokenBudget { get; set; }

    /// <summary>Most money since <see cref="BudgetFrom"/>, in the currency of the prices; null for any sum.</summary>
    public decimal? MoneyBudget { get; set; }

    /// <summary>Price of a million tokens read. Default 0.</summary>
    public decimal PriceIn { get; set; }

    /// <summary>Price of a million tokens written. Default 0.</summary>
    public decimal PriceOut { get; set; }

    /// <summary>When the budgets began. Default: with the first call.</summary>
    public DateTimeOffset BudgetFrom { get; set; } = DateTimeOffset.UnixEpoch;

    /// <summary>Its limits.</summary>
    public ServerLimits Limits() => new()
    {
        Concurrency = Concurrency,
        RequestsPerMinute = RequestsPerMinute,
        TokensPerMinute = TokensPerMinute,
        TokenBudget = TokenBudget,
        MoneyBudget = MoneyBudget,
        PriceIn = PriceIn,
        PriceOut = PriceOut,
        BudgetFrom = BudgetFrom,
        LongestCall = TimeSpan.FromSeconds(TimeoutSeconds) + Margin,
    };

    /// <summary>Gives another server the same address, model, limits and prices; name and beginning of the budgets stay its own.</summary>
    /// <param name="other">The other server.</param>
    public void CopyTo(ModelServerSettings other)
    {
        ArgumentNullException.ThrowIfNull(other);
        (other.Endpoint, other.Model) = (Endpoint.Trim(), Model.Trim());
        (other.TimeoutSeconds, other.Concurrency, other.RequestsPerMinute, other.TokensPerMinute) = (TimeoutSeconds, Concurrency, RequestsPerMinute, TokensPerMinute);
        (other.TokenBudget, other.MoneyBudget, other.PriceIn, other.PriceOut) = (TokenBudget, MoneyBudget, PriceIn, PriceOut);
    }
}
