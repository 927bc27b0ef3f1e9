using System.Security.Cryptography;
using System.Text;

namespace CoScientist.Web.Accounts;

/// <summary>The code that proves that who creates the administrator can read the server's console. New at every start; good for one account.</summary>
internal sealed class SetupCode : IDisposable
{
    /// <summary>Letters and digits that are not mistaken for each other.</summary>
    private const string Alphabet = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

    private readonly SemaphoreSlim _gate = new(1, 1);

    /// <summary>Twelve characters (60 bits) in groups of four.</summary>
    public string Value { get; } = string.Join('-', Enumerable.Range(0, 3).Select(_ => RandomNumberGenerator.GetString(Alphabet, 4)));

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
