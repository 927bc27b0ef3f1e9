using CoScientist.Core.TextModels;

namespace CoScientist.Web.Configuration;

/// <summary>A model server as configured in <c>CoScientist:ModelServers</c> (appsettings.json, or CoScientist__ModelServers__0__Name and so on).</summary>
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
}

/// <summary>The configured model servers as text models, by name.</summary>
public sealed class TextModels
{
    private readonly IReadOnlyList<ModelServerOptions> servers;
    private readonly TimeProvider time;

    /// <summary>Reads the section; faults are found when a model is asked for.</summary>
    public TextModels(IConfiguration configuration, TimeProvider time)
    {
        servers = configuration.GetSection("CoScientist:ModelServers").Get<List<ModelServerOptions>>() ?? [];
        this.time = time;
    }

    /// <summary>Names of the configured servers, in their order.</summary>
    public IReadOnlyList<string> Names => [.. servers.Select(server => server.Name)];

    /// <summary>The entries of the configuration, complete or not, in their order.</summary>
    public IReadOnlyList<ModelServerOptions> Servers => servers;

    /// <summary>The model of a server.</summary>
    /// <exception cref="ArgumentException">No such server, or its settings are incomplete; the message says what to do.</exception>
    public ITextModel Get(string name)
    {
        var server = servers.FirstOrDefault(server => server.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
            ?? throw new ArgumentException($"There is no model server '{name}' ({(servers.Count == 0 ? "none is configured" : "there are: " + string.Join(", ", Names))}). Add it to CoScientist:ModelServers with Name, Endpoint and Model.", nameof(name));
        if (!Uri.TryCreate(server.Endpoint, UriKind.Absolute, out var endpoint) || endpoint.Scheme is not ("http" or "https") || server.Model.Length == 0)
        {
            throw new ArgumentException($"The model server '{name}' needs an Endpoint (an http address) and a Model. Complete its entry in CoScientist:ModelServers.", nameof(name));
        }

        var key = server.KeyVariable.Length == 0 ? null : Environment.GetEnvironmentVariable(server.KeyVariable)
            ?? throw new ArgumentException($"The model server '{name}' takes its key from the environment variable {server.KeyVariable}, which is not set. Set it and start again.", nameof(name));
        return new OpenAiTextModel(
            new OpenAiTextModelOptions { Name = server.Name, Endpoint = endpoint, Model = server.Model, Key = key ?? "none", Timeout = TimeSpan.FromSeconds(server.TimeoutSeconds) },
            time);
    }

    /// <summary>The configuration that verbs use: appsettings.json beside the program and in the working directory, then the environment.</summary>
    public static IConfiguration ReadConfiguration() => new ConfigurationBuilder()
        .AddJsonFile(Path.Combine(AppContext.BaseDirectory, "appsettings.json"), optional: true)
        .AddJsonFile(Path.GetFullPath("appsettings.json"), optional: true)
        .AddEnvironmentVariables()
        .Build();
}
