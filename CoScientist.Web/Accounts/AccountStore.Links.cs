using System.Security.Cryptography;
using System.Text;
using CoScientist.Core.Storage;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Web.Accounts;

/// <summary>A link that holds, as who follows it sees it.</summary>
/// <param name="Name">The account's name, or the one proposed.</param>
/// <param name="MakesAccount">Whether it makes an account; else it gives one a new password.</param>
internal sealed record AccountLinkView(string Name, bool MakesAccount);

// Links by which people make their own account or choose a new password, so that nobody else ever knows one.
internal sealed partial class AccountStore
{
    /// <summary>How long links hold unless said otherwise.</summary>
    public static readonly TimeSpan LinkLifetime = TimeSpan.FromDays(3);

    private const int SecretBytes = 32;

    /// <summary>Path of the page that a secret opens.</summary>
    public static string LinkPath(string secret) => $"/account/link/{secret}";

    /// <summary>Makes a link that makes one account; returns its secret, of which only the hash is kept.</summary>
    /// <param name="name">Name that is proposed; its owner may take another.</param>
    /// <param name="roles">Roles of the account.</param>
    /// <param name="lifetime">How long the link holds.</param>
    /// <param name="by">Who asks.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="AccountException">Somebody has that name.</exception>
    public Task<string> InviteAsync(string name, IReadOnlyCollection<string> roles, TimeSpan lifetime, string? by, CancellationToken cancellationToken) => ActAsync(by, async work =>
    {
        if (await work.Manager.FindByNameAsync(name) is not null)
        {
            throw new AccountException($"There is an account '{name}' already. Choose another name.");
        }

        work.Record(await NameAsync(work.Manager, by), name, $"made an invitation, {Words(roles)}");
        return MakeLink(work, null, name, string.Join(' ', Known(roles)), lifetime, by);
    }, cancellationToken);

    /// <summary>Makes a link by which the owner of an account chooses a new password; links made for it before stop working. Returns its secret, of which only the hash is kept.</summary>
    /// <exception cref="AccountException">The account does not exist.</exception>
    public Task<string> ResetLinkAsync(string id, TimeSpan lifetime, string? by, CancellationToken cancellationToken) => ActAsync(by, async work =>
    {
        var account = await work.Manager.FindByIdAsync(id) ?? throw new AccountException("This account no longer exists. Reload the page.");
        RequireOpen(account);
        await work.Db.AccountLinks.Where(link => link.AccountId == id && link.UsedAt == null).ExecuteDeleteAsync(cancellationToken);
        work.Record(await NameAsync(work.Manager, by), account.UserName!, "made a link for a new password");
        return MakeLink(work, id, account.UserName!, "", lifetime, by);
    }, cancellationToken);

    /// <summary>What a link is for; null when it is not known, has been used or has expired.</summary>
    public async Task<AccountLinkView?> FindLinkAsync(string secret, CancellationToken cancellationToken)
    {
        await using var scope = scopes.CreateAsyncScope();
        return await OpenLinkAsync(scope.ServiceProvider.GetRequiredService<CoScientistDb>(), secret, cancellationToken) is { } link ? new AccountLinkView(link.Name, link.AccountId is null) : null;
    }

    /// <summary>Uses a link up: makes the account, or gives it the password and ends its sessions. A refused name or password leaves the link as it was.</summary>
    /// <param name="secret">The secret.</param>
    /// <param name="name">Name to sign in with; counts only where an account is made.</param>
    /// <param name="password">The password that its owner chose.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <returns>The account's name.</returns>
    /// <exception cref="AccountException">The link does not hold, or name or password is not acceptable.</exception>
    public async Task<string> UseLinkAsync(string secret, string name, string password, CancellationToken cancellationToken)
    {
        var account = await ActAsync(null, async work =>
        {
            var link = await OpenLinkAsync(work.Db, secret, cancellationToken) ?? throw new AccountException("This link has been used or has expired. Ask an administrator for a new one.");
            link.UsedAt = work.Time.GetUtcNow();
            if (link.AccountId is not { } id)
            {
                work.Record("", name, "made the account by an invitation");
                return await CreateAsync(work, name, password, link.Roles.Split(' ', StringSplitOptions.RemoveEmptyEntries));
            }

            var account = await work.Manager.FindByIdAsync(id) ?? throw new AccountException("This account no longer exists.");
            Check(await work.Manager.ResetPasswordAsync(account, await work.Manager.GeneratePasswordResetTokenAsync(account), password));
            Check(await work.Manager.ResetAccessFailedCountAsync(account));
            if (account.LockoutEnd != DateTimeOffset.MaxValue)
            {
                Check(await work.Manager.SetLockoutEndDateAsync(account, null));
            }

            work.Record(account.UserName!, account.UserName!, "chose a new password by a link");
            return account;
        }, cancellationToken);
        sessions.Announce(account.Id);
        return account.UserName!;
    }

    private string MakeLink(Work work, string? id, string name, string roles, TimeSpan lifetime, string? by)
    {
        var secret = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(SecretBytes));
        var now = time.GetUtcNow();
        work.Db.AccountLinks.Add(new AccountLink { SecretHash = Hash(secret), AccountId = id, Name = name, Roles = roles, CreatedBy = by ?? "", CreatedAt = now, ExpiresAt = now + lifetime });
        return secret;
    }

    private async Task<AccountLink?> OpenLinkAsync(CoScientistDb db, string secret, CancellationToken cancellationToken)
    {
        var hash = Hash(secret);
        return await db.AccountLinks.FirstOrDefaultAsync(link => link.SecretHash == hash, cancellationToken) is { UsedAt: null } link && link.ExpiresAt > time.GetUtcNow() ? link : null;
    }

    private static string Hash(string secret) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(secret)));
}
