namespace CoScientist.Core.TextModels;

/// <summary>Who calls which model, and how patiently.</summary>
public sealed record MeteredModelOptions
{
    /// <summary>Name recorded with everything the model produces: the server's, or SERVER/MODEL.</summary>
    public required string Name { get; init; }

    /// <summary>Name of the server.</summary>
    public required string Server { get; init; }

    /// <summary>Model as the server calls it.</summary>
    public required string Model { get; init; }

    /// <summary>Capacity.</summary>
    public required ModelRole Role { get; init; }

    /// <summary>What it is called for, such as the name of a job; a prompt's subject is added.</summary>
    public string Purpose { get; init; } = "";

    /// <summary>Sampling settings of the role; they go before those that the caller asks for.</summary>
    public RoleSampling Sampling { get; init; } = new();

    /// <summary>Whether to ask even where the answer is known. Default false.</summary>
    public bool Fresh { get; init; }

    /// <summary>Tries in all. Default 4.</summary>
    public int Attempts { get; init; } = 4;

    /// <summary>Wait before the second try, on average; it doubles with each. Default 1 second.</summary>
    public TimeSpan RetryDelay { get; init; } = TimeSpan.FromSeconds(1);
}

/// <summary>Sampling settings of a role; null leaves a setting to the caller.</summary>
/// <param name="Temperature">Temperature, 0 to 2.</param>
/// <param name="TopP">Nucleus mass in (0, 1].</param>
/// <param name="MaxTokens">Most tokens of an answer.</param>
public sealed record RoleSampling(double? Temperature = null, double? TopP = null, int? MaxTokens = null)
{
    /// <summary>The caller's options with these settings in their place.</summary>
    public TextSamplingOptions Apply(TextSamplingOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return options with { Temperature = Temperature ?? options.Temperature, TopP = TopP ?? options.TopP, MaxTokens = MaxTokens ?? options.MaxTokens };
    }
}
