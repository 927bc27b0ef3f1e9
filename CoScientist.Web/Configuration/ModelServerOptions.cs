using CoScientist.Core.TextModels;

namespace CoScientist.Web.Configuration;

/// <summary>A model server as configured in <c>CoScientist:ModelServers</c> (appsettings.json, or CoScientist__ModelServers__0__Name and so on). What is not set has the default of <see cref="ModelServer"/>.</summary>
public sealed record ModelServerOptions
{
    /// <summary>Name by which pages and verbs call it.</summary>
    public string Name { get; init; } = "";

    /// <summary>Base address, usually ending with /v1.</summary>
    public string Endpoint { get; init; } = "";

    /// <summary>Model as the server calls it.</summary>
    public string Model { get; init; } = "";

    /// <summary>Environment variable that holds the key; empty for servers without keys. The key itself is never written into a file.</summary>
    public string KeyVariable { get; init; } = "";

    /// <summary>Longest wait for one answer in seconds. Default 300.</summary>
    public int TimeoutSeconds { get; init; } = 300;

    /// <summary>Calls under way at once. Default 4.</summary>
    public int Concurrency { get; init; } = 4;

    /// <summary>Most calls begun within a minute; unset for any number.</summary>
    public int? RequestsPerMinute { get; init; }

    /// <summary>Most tokens of calls begun within a minute; unset for any number.</summary>
    public int? TokensPerMinute { get; init; }

    /// <summary>Most tokens since <see cref="BudgetFrom"/>; unset for any number.</summary>
    public long? TokenBudget { get; init; }

    /// <summary>Most money since <see cref="BudgetFrom"/>, in the currency of the prices; unset for any sum.</summary>
    public decimal? MoneyBudget { get; init; }

    /// <summary>Price of a million tokens read. Default 0.</summary>
    public decimal PriceIn { get; init; }

    /// <summary>Price of a million tokens written. Default 0.</summary>
    public decimal PriceOut { get; init; }

    /// <summary>When the budgets begin. Default: with the first call.</summary>
    public DateTimeOffset BudgetFrom { get; init; } = DateTimeOffset.UnixEpoch;

    /// <summary>The same as a page would have it.</summary>
    public ModelServer ToServer() => new()
    {
        Name = Name,
        Endpoint = Endpoint,
        Model = Model,
        TimeoutSeconds = TimeoutSeconds,
        Concurrency = Concurrency,
        RequestsPerMinute = RequestsPerMinute,
        TokensPerMinute = TokensPerMinute,
        TokenBudget = TokenBudget,
        MoneyBudget = MoneyBudget,
        PriceIn = PriceIn,
        PriceOut = PriceOut,
        BudgetFrom = BudgetFrom,
    };
}
