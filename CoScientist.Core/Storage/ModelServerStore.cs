using System.Security.Cryptography;
using CoScientist.Core.TextModels;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Core.Storage;

/// <summary>
/// Model servers and roles. Keys are encrypted with the data protection keys of the data directory (folder <c>keys</c>): a copy of
/// the database alone, such as one sent by mail or an export, gives none away; whoever reads the whole data directory can.
/// </summary>
/// <param name="factory">Opens the database.</param>
/// <param name="protection">Encrypts keys.</param>
/// <param name="time">The clock.</param>
public sealed class ModelServerStore(IDbContextFactory<CoScientistDb> factory, IDataProtectionProvider protection, TimeProvider time)
{
    private readonly IDataProtector protector = protection.CreateProtector("CoScientist.ModelServers.Key");

    /// <summary>All servers by name. Read at every use, so that what one process changes holds for all.</summary>
    public IReadOnlyList<ModelServer> List()
    {
        using var db = factory.CreateDbContext();
        return [.. db.ModelServers.AsNoTracking().OrderBy(server => server.Name)];
    }

    /// <summary>All assignments by role and place.</summary>
    public IReadOnlyList<RoleAssignment> Roles()
    {
        using var db = factory.CreateDbContext();
        return [.. db.ModelRoles.AsNoTracking().AsEnumerable().OrderBy(role => role.Role).ThenBy(role => role.Place)];
    }

    /// <summary>The key of a server; null when it has none. For calls only: never to be shown, logged or written.</summary>
    /// <exception cref="ArgumentException">It was encrypted with keys that are gone.</exception>
    public string? KeyOf(ModelServer server)
    {
        ArgumentNullException.ThrowIfNull(server);
        try
        {
            return server.EncryptedKey is null ? null : protector.Unprotect(server.EncryptedKey);
        }
        catch (CryptographicException fault)
        {
            throw new ArgumentException($"The key of the model server '{server.Name}' cannot be decrypted: the folder keys of the data directory is not the one it was saved with. Enter the key again on Admin, Model servers.", nameof(server), fault);
        }
    }

    /// <summary>Sets up a server, or changes one of the same name.</summary>
    /// <param name="server">Its settings; <see cref="ModelServer.EncryptedKey"/> is ignored.</param>
    /// <param name="key">A new key; null keeps the one there is, unless the address leads to another host: a key is only ever sent where it was entered for. Empty removes it.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="InvalidDataException">The settings have faults; the message names every one.</exception>
    public async Task SaveAsync(ModelServer server, string? key, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(server);
        if (server.Faults().ToList() is { Count: > 0 } faults)
        {
            throw new InvalidDataException(string.Join(' ', faults));
        }

        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        await using var transaction = await db.Database.BeginAloneAsync("model servers", cancellationToken);
        var same = await db.ModelServers.SingleOrDefaultAsync(other => other.Name.ToLower() == server.Name.ToLower(), cancellationToken);
        var keeps = key is null && same is not null && HostOf(same.Endpoint) == HostOf(server.Endpoint);
        var encrypted = keeps ? same!.EncryptedKey : string.IsNullOrWhiteSpace(key) ? null : protector.Protect(key.Trim());
        if (same is not null && same.Name != server.Name)
        {
            throw new InvalidDataException($"There is a model server {same.Name} already. Choose another name.");
        }

        var target = same ?? db.ModelServers.Add(new ModelServer { Name = server.Name, CreatedAt = time.GetUtcNow(), BudgetFrom = time.GetUtcNow() }).Entity;
        server.CopyTo(target);
        target.EncryptedKey = encrypted;
        await db.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
    }

    /// <summary>Starts the budgets of a server anew: what was spent before counts no more.</summary>
    public async Task StartBudgetAsync(string name, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        var now = time.GetUtcNow();
        await db.ModelServers.Where(server => server.Name == name).ExecuteUpdateAsync(set => set.SetProperty(server => server.BudgetFrom, now), cancellationToken);
    }

    /// <summary>Removes a server with its key; roles that it played are free. The ledger keeps its calls.</summary>
    public async Task RemoveAsync(string name, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        await using var transaction = await db.Database.BeginAloneAsync("model servers", cancellationToken);
        await db.ModelRoles.Where(role => role.Server == name).ExecuteDeleteAsync(cancellationToken);
        await db.ModelServers.Where(server => server.Name == name).ExecuteDeleteAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
    }

    /// <summary>Says who plays a role; several only as jurors.</summary>
    /// <param name="role">The role.</param>
    /// <param name="players">Its players, in order; places are numbered here. Empty frees the role.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="InvalidDataException">A sampling setting is out of range, or one server is two jurors.</exception>
    public async Task AssignAsync(ModelRole role, IReadOnlyList<RoleAssignment> players, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(players);
        foreach (var player in players)
        {
            if (player.Temperature is < 0 or > 2 || player.TopP is <= 0 or > 1 || player.MaxTokens < 1)
            {
                throw new InvalidDataException($"{role}: temperature must be 0 to 2, the nucleus above 0 and at most 1, and the most tokens at least 1.");
            }
        }

        if (players.DistinctBy(player => player.Name).Count() < players.Count)
        {
            throw new InvalidDataException($"{role}: the same model twice would have two votes. Choose another model for one of them.");
        }

        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        await using var transaction = await db.Database.BeginAloneAsync("model servers", cancellationToken);
        await db.ModelRoles.Where(other => other.Role == role).ExecuteDeleteAsync(cancellationToken);
        db.ModelRoles.AddRange(players.Select((player, place) => new RoleAssignment
        {
            Role = role,
            Place = place,
            Server = player.Server,
            Model = string.IsNullOrWhiteSpace(player.Model) ? null : player.Model.Trim(),
            Temperature = player.Temperature,
            TopP = player.TopP,
            MaxTokens = player.MaxTokens,
        }));
        await db.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
    }

    private static string HostOf(string endpoint) => new Uri(endpoint.Trim()).GetLeftPart(UriPartial.Authority);
}
