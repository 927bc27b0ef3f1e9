using System.Security.Cryptography;
using System.Text;
using CoScientist.Core.Storage;
using CoScientist.Training.Engines;
using CoScientist.Training.Kernels.Mixed;
using CoScientist.Training.Protocols;
using CoScientist.Web.Runs;

namespace CoScientist.Web.Serving;

/// <summary>The checkpoints that are served to other programs, and the key that they must have.</summary>
internal sealed class ModelServing(ModelCatalog catalog, RunCheckpointStore checkpoints) : IDisposable
{
    /// <summary>Environment variable of the key. Without it a key is drawn at every start and printed.</summary>
    public const string KeyVariable = "COSCIENTIST_SERVE_KEY";

    private const int ShortestKey = 16;
    private readonly Dictionary<string, ServedModel> models = new(StringComparer.Ordinal);
    private byte[] keyHash = [];

    /// <summary>The models.</summary>
    public IReadOnlyCollection<ServedModel> Models => models.Values;

    /// <summary>Loads the checkpoints.</summary>
    /// <param name="names">Their names.</param>
    /// <param name="key">The key; null draws one.</param>
    /// <param name="precision">Numbers of the matrices.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <returns>The key, when it was drawn; null when it was given.</returns>
    /// <exception cref="InvalidDataException">There is no such checkpoint, it cannot be spoken to, or the key is too short.</exception>
    public async Task<string?> StartAsync(IReadOnlyList<string> names, string? key, Precision precision, CancellationToken cancellationToken)
    {
        if (key is { Length: < ShortestKey })
        {
            throw new InvalidDataException($"The key in {KeyVariable} has fewer than {ShortestKey} characters: choose a longer one, or unset it to have one drawn.");
        }

        var drawn = key is null ? "cs-" + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(24)) : null;
        keyHash = Hash(key ?? drawn!);
        await catalog.RegisterBuiltInsAsync(cancellationToken);
        foreach (var name in names.Distinct(StringComparer.Ordinal))
        {
            var folder = await catalog.ResolveAsync(name, cancellationToken);
            var sandbox = await checkpoints.FindAsync(name, cancellationToken) is { IsSandbox: true };
            var engine = CpuEngine.LoadReadOnly(folder, precision);
            try
            {
                models.Add(name, new ServedModel(name, engine, sandbox ? null : ChatFormat.Load(folder, engine.Tokenizer, engine.Config.VocabularySize)));
            }
            catch
            {
                engine.Dispose();
                throw;
            }
        }

        return drawn;
    }

    /// <summary>The model of a name; null when it is not served.</summary>
    public ServedModel? Find(string name) => models.GetValueOrDefault(name);

    /// <summary>Whether a request's authorization is the key.</summary>
    public bool IsAllowed(string? authorization)
    {
        const string Scheme = "Bearer ";
        return keyHash.Length > 0
            && authorization?.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) == true
            && CryptographicOperations.FixedTimeEquals(Hash(authorization[Scheme.Length..].Trim()), keyHash);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var model in models.Values)
        {
            model.Dispose();
        }
    }

    private static byte[] Hash(string key) => SHA256.HashData(Encoding.UTF8.GetBytes(key));
}
