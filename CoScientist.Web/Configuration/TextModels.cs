using System.Collections.Concurrent;
using CoScientist.Core.Storage;
using CoScientist.Core.TextModels;
using CoScientist.Training.Protocols;

namespace CoScientist.Web.Configuration;

/// <summary>A model server that can be called.</summary>
/// <param name="Settings">Its settings.</param>
public sealed record KnownServer(ModelServerSettings Settings)
{
    /// <summary>The entry of the configuration that it comes from; null when it was set up on its page.</summary>
    public ModelServerOptions? Configured => Settings as ModelServerOptions;

    /// <summary>The server of the page; null when it comes from the configuration.</summary>
    public ModelServer? OfPage => Settings as ModelServer;

    /// <summary>Its name.</summary>
    public string Name => Settings.Name;

    /// <summary>Whether a key is sent.</summary>
    public bool HasKey => Configured?.KeyVariable.Length > 0 || OfPage?.EncryptedKey is not null;
}

/// <summary>
/// The model servers, from the configuration and from their page, as text models: by name (SERVER, or SERVER/MODEL for another
/// model of the same server) or by the role they play. Whatever is called through here keeps to the server's limits and stands in the ledger.
/// </summary>
public sealed class TextModels : IDisposable
{
    private readonly IReadOnlyList<ModelServerOptions> configured;
    private readonly ModelServerStore store;
    private readonly ICallRecords records;
    private readonly TimeProvider time;
    private readonly ConcurrentDictionary<OpenAiTextModelOptions, OpenAiTextModel> wires = [];
    private readonly ConcurrentDictionary<string, FileTextModel> files = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ServerGate> gates = new(StringComparer.Ordinal);

    /// <summary>Reads the configuration; faults are found when a model is asked for.</summary>
    public TextModels(IConfiguration configuration, ModelServerStore store, ICallRecords records, TimeProvider time)
    {
        configured = configuration.GetSection("CoScientist:ModelServers").Get<List<ModelServerOptions>>() ?? [];
        (this.store, this.records, this.time) = (store, records, time);
    }

    /// <summary>Whether servers are asked even where the answer is known: <c>--fresh</c>.</summary>
    public bool Fresh { get; set; }

    /// <summary>All servers, complete or not: those of the configuration in their order, then those of the page by name. Where both have a name, the configuration's holds.</summary>
    public IReadOnlyList<KnownServer> Servers
    {
        get
        {
            var first = configured.Select(entry => new KnownServer(entry)).ToList();
            return [.. first, .. store.List().Where(server => !first.Exists(other => Same(other.Name, server.Name))).Select(server => new KnownServer(server))];
        }
    }

    /// <summary>Names of all servers.</summary>
    public IReadOnlyList<string> Names => [.. Servers.Select(server => server.Name)];

    /// <summary>Names of those who play a role, in order: one at most, save for jurors. Empty when nobody does.</summary>
    public IReadOnlyList<string> NamesOf(ModelRole role) => [.. store.Roles().Where(player => player.Role == role).Select(player => player.Name)];

    /// <summary>The server that a name stands for, and the model of it.</summary>
    /// <param name="name">SERVER or SERVER/MODEL.</param>
    /// <exception cref="ArgumentException">No such server; the message says what to do.</exception>
    public (KnownServer Server, string Model) Named(string name) => Find(name) ?? throw Unknown(name);

    /// <summary>Whether there is such a server, or such a model of one.</summary>
    public bool Knows(string name) => Find(name) is not null;

    /// <summary>The model of a name.</summary>
    /// <param name="name">SERVER or SERVER/MODEL. Where the named one plays the role, it samples as the role says.</param>
    /// <param name="role">In what capacity it is called, for the ledger.</param>
    /// <param name="purpose">What for, for the ledger.</param>
    /// <exception cref="ArgumentException">No such server, or its settings are incomplete; the message says what to do.</exception>
    public ITextModel Get(string name, ModelRole role, string purpose = "") => Metered(name, role, purpose);

    /// <summary>The model that plays a role; null when nobody does. Of several jurors the first.</summary>
    /// <param name="role">The role.</param>
    /// <param name="purpose">What it is called for, for the ledger.</param>
    /// <exception cref="ArgumentException">The server of the role is gone or incomplete; the message says what to do.</exception>
    public ITextModel? Of(ModelRole role, string purpose = "") => NamesOf(role) is [var name, ..] ? Get(name, role, purpose) : null;

    /// <summary>The server that has the weights of a checkpoint: the first whose model is called like it. Null when there is none.</summary>
    /// <param name="checkpoint">Name of the checkpoint.</param>
    /// <param name="role">In what capacity it is called, for the ledger.</param>
    /// <param name="purpose">What for, for the ledger.</param>
    /// <exception cref="ArgumentException">Its settings are incomplete; the message says what to do.</exception>
    public ITextModel? Serving(string checkpoint, ModelRole role, string purpose = "") =>
        Servers.FirstOrDefault(server => server.Settings.Model == checkpoint) is { } server ? Get(server.Name, role, purpose) : null;

    /// <summary>Sends a request again that had failed.</summary>
    /// <exception cref="ArgumentException">Its server is gone or incomplete.</exception>
    /// <exception cref="TextModelException">The server as a whole fails, or its budget is spent.</exception>
    public Task<TextCompletion> RetryAsync(ModelFailure failure, CancellationToken cancellationToken) => Metered(failure.Name, failure.Role, failure.Purpose).RetryAsync(failure, cancellationToken);

    /// <summary>Tries a server with one short question, once, and shows all that went over the wire.</summary>
    /// <exception cref="ArgumentException">No such server, or its settings are incomplete.</exception>
    public async Task<ServerTrial> TryAsync(string name, CancellationToken cancellationToken)
    {
        var (server, model) = Find(name) ?? throw Unknown(name);
        using var wire = FileOf(server) is null ? new OpenAiTextModel(WireOptions(server, model)) : null;
        var asked = new MeteredModelOptions { Name = name, Server = server.Name, Model = model, Role = ModelRole.Test, Purpose = "test", Fresh = true, Attempts = 1 };
        var begun = time.GetTimestamp();
        try
        {
            var prompt = new TextPrompt("You are asked whether you can be reached.", "Answer with the one word: ready");
            var answers = await new MeteredModel(asked, wire ?? Wire(server, model), Gate(server.Settings), records, time).CompleteAsync([prompt], new TextSamplingOptions { Temperature = 0, MaxTokens = 256 }, cancellationToken);
            return new ServerTrial(answers[0].Failure is null ? answers[0] : null, answers[0].Failure, time.GetElapsedTime(begun), wire?.LastExchange);
        }
        catch (TextModelException fault)
        {
            return new ServerTrial(null, fault.Reason, time.GetElapsedTime(begun), wire?.LastExchange);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var wire in wires.Values)
        {
            wire.Dispose();
        }

        foreach (var file in files.Values)
        {
            file.Dispose();
        }

        foreach (var gate in gates.Values)
        {
            gate.Dispose();
        }
    }

    /// <summary>The configuration that verbs use: appsettings.json beside the program and in the working directory, then the environment.</summary>
    public static IConfiguration ReadConfiguration() => new ConfigurationBuilder()
        .AddJsonFile(Path.Combine(AppContext.BaseDirectory, "appsettings.json"), optional: true)
        .AddJsonFile(Path.GetFullPath("appsettings.json"), optional: true)
        .AddEnvironmentVariables()
        .Build();

    private MeteredModel Metered(string name, ModelRole role, string purpose)
    {
        var (server, model) = Find(name) ?? throw Unknown(name);
        var options = new MeteredModelOptions
        {
            Name = model == server.Settings.Model ? server.Name : $"{server.Name}/{model}",
            Server = server.Name,
            Model = model,
            Role = role,
            Purpose = purpose,
            Sampling = store.Roles().FirstOrDefault(player => player.Role == role && Same(player.Name, name))?.Sampling() ?? new RoleSampling(),
            Fresh = Fresh,
        };
        return new MeteredModel(options, Wire(server, model), Gate(server.Settings), records, time);
    }

    private ITextModel Wire(KnownServer server, string model) => FileOf(server) is { } file
        ? files.GetOrAdd(file, path => new FileTextModel(server.Name, path))
        : wires.GetOrAdd(WireOptions(server, model), settings => new OpenAiTextModel(settings));

    /// <summary>The GGUF file that a server of the configuration stands for; null for an address. Pages name no files of this machine.</summary>
    private static string? FileOf(KnownServer server) =>
        server.Configured is { Endpoint: var path } && path.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase) && !path.Contains("://", StringComparison.Ordinal) ? Path.GetFullPath(path) : null;

    private OpenAiTextModelOptions WireOptions(KnownServer server, string model)
    {
        if (ModelServer.AddressFault(server.Settings.Endpoint) is { } fault)
        {
            throw new ArgumentException($"The model server '{server.Name}' needs an Endpoint. {fault} Complete its entry in {Place(server)}.", nameof(server));
        }

        if (model.Length == 0)
        {
            throw new ArgumentException($"The model server '{server.Name}' needs a Model. Complete its entry in {Place(server)}.", nameof(server));
        }

        return new OpenAiTextModelOptions
        {
            Name = server.Name,
            Endpoint = new Uri(server.Settings.Endpoint),
            Model = model,
            Key = Key(server) ?? OpenAiTextModelOptions.NoKey,
            Timeout = TimeSpan.FromSeconds(server.Settings.TimeoutSeconds),
        };
    }

    private string? Key(KnownServer server)
    {
        if (server.OfPage is { } own)
        {
            return store.KeyOf(own);
        }

        var entry = server.Configured!;
        return entry.KeyVariable.Length == 0 ? null : Environment.GetEnvironmentVariable(entry.KeyVariable)
            ?? throw new ArgumentException($"The model server '{server.Name}' takes its key from the environment variable {entry.KeyVariable}, which is not set. Set it and start again.", nameof(server));
    }

    /// <summary>The gate through which all calls of a server go; changed limits make a new one.</summary>
    private ServerGate Gate(ModelServerSettings server)
    {
        var limits = server.Limits();
        lock (gates)
        {
            if (!gates.TryGetValue(server.Name, out var gate) || gate.Limits != limits)
            {
                gates[server.Name] = gate = new ServerGate(server.Name, limits, time, records);
            }

            return gate;
        }
    }

    private (KnownServer Server, string Model)? Find(string name)
    {
        var servers = Servers;
        if (servers.FirstOrDefault(server => Same(server.Name, name)) is { } named)
        {
            return (named, named.Settings.Model);
        }

        // Models of hosted services often have slashes in their names; names of servers set up here have none.
        return name.Split('/', 2) is [var first, { Length: > 0 } model] && servers.FirstOrDefault(server => Same(server.Name, first)) is { } owner ? (owner, model) : null;
    }

    private ArgumentException Unknown(string name) =>
        new($"There is no model server '{name}' ({(Names is { Count: > 0 } names ? "there are: " + string.Join(", ", names) : "none is set up")}). Add it on Admin, Model servers, or to CoScientist:ModelServers with Name, Endpoint and Model.", nameof(name));

    private static string Place(KnownServer server) => server.Configured is null ? "Admin, Model servers" : "CoScientist:ModelServers";

    private static bool Same(string left, string right) => left.Equals(right, StringComparison.OrdinalIgnoreCase);
}

/// <summary>What a trial of a server showed.</summary>
/// <param name="Answer">The answer with its tokens; null when there was none.</param>
/// <param name="Fault">What went wrong and what to do; null when nothing did.</param>
/// <param name="Duration">How long it took, waiting for the server's limits included.</param>
/// <param name="Exchange">What went over the wire, without the key; null when nothing did.</param>
public sealed record ServerTrial(TextCompletion? Answer, string? Fault, TimeSpan Duration, HttpExchange? Exchange);
