using System.Security.Cryptography;
using System.Text;
using CoScientist.Core.Storage;
using CoScientist.Web.Configuration;

namespace CoScientist.Web.Accounts;

/// <summary>
/// The code that proves that who creates the administrator can read the server's console. New at every start; good for one account. Instances
/// behind one address have one code, whichever of them is asked.
/// </summary>
internal sealed class SetupCode : IDisposable
{
    /// <summary>Letters and digits that are not mistaken for each other.</summary>
    private const string Alphabet = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

    private readonly SemaphoreSlim _gate = new(1, 1);
    private string? _shared;

    /// <summary>Twelve characters (60 bits) in groups of four.</summary>
    public string Value { get; private set; } = string.Join('-', Enumerable.Range(0, 3).Select(_ => RandomNumberGenerator.GetString(Alphabet, 4)));

    /// <summary>Takes the code that another instance has left beside the keys of the data directory, where only their owner may look, or leaves this one there.</summary>
    public async Task ShareAsync(string dataDirectory, CancellationToken cancellationToken)
    {
        using var alone = await DataDirectoryLock.AcquireForPreparingAsync(dataDirectory, TimeProvider.System, cancellationToken);
        _shared = Path.Combine(dataDirectory, "keys", "setup-code");
        if (File.Exists(_shared))
        {
            Value = await File.ReadAllTextAsync(_shared, cancellationToken);
        }
        else
        {
            AtomicFile.WriteAllText(_shared, Value);
        }
    }

    /// <summary>Runs an action that the code proves the right to, one at a time; false when the code is wrong.</summary>
    public async Task<bool> TryUseAsync(string? entered, Func<Task> action, CancellationToken cancellationToken)
    {
        var given = SHA256.HashData(Encoding.UTF8.GetBytes(Normalize(entered ?? "")));
        if (!CryptographicOperations.FixedTimeEquals(given, SHA256.HashData(Encoding.UTF8.GetBytes(Normalize(Value)))))
        {
            return false;
        }

        await _gate.WaitAsync(cancellationToken);
        try
        {
            await action();
            if (_shared is not null)
            {
                File.Delete(_shared);
            }
        }
        finally
        {
            _gate.Release();
        }

        return true;
    }

    public void Dispose() => _gate.Dispose();

    private static string Normalize(string code) => code.Replace("-", "").Replace(" ", "").ToUpperInvariant();
}
