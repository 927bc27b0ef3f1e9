namespace CoScientist.Core.TextModels;

/// <summary>A model server that people have set up on its page.</summary>
public sealed class ModelServer : ModelServerSettings
{
    /// <summary>Longest name.</summary>
    public const int LongestName = 64;

    /// <summary>The key, encrypted; null for a server without one. Nothing shows it again.</summary>
    public string? EncryptedKey { get; set; }

    /// <summary>When it was set up.</summary>
    public DateTimeOffset CreatedAt { get; init; }

    /// <summary>Every fault of the settings, one sentence each; empty when there is none.</summary>
    public IEnumerable<string> Faults()
    {
        if (Name.Length is 0 or > LongestName || !Name.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '.' or '-' or '_'))
        {
            yield return $"The name must be 1 to {LongestName} letters, digits, dots, hyphens and underscores.";
        }

        if (AddressFault(Endpoint) is { } fault)
        {
            yield return fault;
        }

        if (string.IsNullOrWhiteSpace(Model))
        {
            yield return "Enter the model as the server calls it.";
        }

        foreach (var (what, value, least) in new (string, decimal?, decimal)[]
        {
            ("The time-out", TimeoutSeconds, 1), ("The number of calls at once", Concurrency, 1), ("Requests per minute", RequestsPerMinute, 1), ("Tokens per minute", TokensPerMinute, 1),
            ("The token budget", TokenBudget, 0), ("The money budget", MoneyBudget, 0), ("The price of tokens read", PriceIn, 0), ("The price of tokens written", PriceOut, 0),
        })
        {
            if (value < least)
            {
                yield return $"{what} must be at least {least}.";
            }
        }
    }

    /// <summary>What is wrong with an address; null when nothing is.</summary>
    public static string? AddressFault(string endpoint)
    {
        if (!Uri.TryCreate(endpoint, UriKind.Absolute, out var address) || address.Scheme is not ("http" or "https"))
        {
            return "The address must be an http or https address, such as http://localhost:8080/v1.";
        }

        return address.UserInfo.Length > 0 || address.Query.Length > 0 || address.Fragment.Length > 0
            ? "The address must hold neither a name and password nor anything after a question mark: addresses are shown. The key has a field of its own."
            : null;
    }
}

/// <summary>A role, the server that plays it, and how it samples. Jurors are several, told apart by their place.</summary>
public sealed class RoleAssignment
{
    /// <summary>The role.</summary>
    public required ModelRole Role { get; init; }

    /// <summary>Place among the players of the role, from 0.</summary>
    public int Place { get; init; }

    /// <summary>Name of the server.</summary>
    public required string Server { get; set; }

    /// <summary>Model as the server calls it; null for the server's usual one.</summary>
    public string? Model { get; set; }

    /// <summary>Temperature; null leaves it to what is being done.</summary>
    public double? Temperature { get; set; }

    /// <summary>Nucleus mass; null leaves it to what is being done.</summary>
    public double? TopP { get; set; }

    /// <summary>Most tokens of an answer; null leaves it to what is being done.</summary>
    public int? MaxTokens { get; set; }

    /// <summary>The sampling settings.</summary>
    public RoleSampling Sampling() => new(Temperature, TopP, MaxTokens);

    /// <summary>Name recorded with what it produces.</summary>
    public string Name => Model is null ? Server : $"{Server}/{Model}";
}
