using System.Security.Cryptography;
using CoScientist.Core.Storage;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Web.Accounts;

/// <summary>An account as the administrator sees it.</summary>
/// <param name="Id">Key.</param>
/// <param name="Name">Name to sign in with.</param>
/// <param name="Roles">Roles, in the order of <see cref="Core.Storage.Roles.All"/>.</param>
/// <param name="IsDisabled">Whether it is shut out.</param>
internal sealed record AccountRow(string Id, string Name, IReadOnlyList<string> Roles, bool IsDisabled);

/// <summary>What people are told when an account cannot be made or changed.</summary>
internal sealed class AccountException(string message) : Exception(message);

/// <summary>Creating and changing accounts. Every operation works in a scope of its own, because a page lives longer than a database context should.</summary>
internal sealed class AccountStore(IServiceScopeFactory scopes)
{
    /// <summary>Whether anybody has an account.</summary>
    public async Task<bool> AnyAsync(CancellationToken cancellationToken)
    {
        await using var scope = scopes.CreateAsyncScope();
        return await scope.ServiceProvider.GetRequiredService<UserManager<Account>>().Users.AnyAsync(cancellationToken);
    }

    /// <summary>All accounts by name.</summary>
    public async Task<IReadOnlyList<AccountRow>> ListAsync(CancellationToken cancellationToken)
    {
        await using var scope = scopes.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<CoScientistDb>();
        var accounts = await db.Users.AsNoTracking().OrderBy(account => account.UserName).ToListAsync(cancellationToken);
        var roles = await db.UserRoles.Join(db.Roles, held => held.RoleId, role => role.Id, (held, role) => new { held.UserId, role.Name }).ToListAsync(cancellationToken);
        var byAccount = roles.ToLookup(held => held.UserId, held => held.Name);
        return [.. accounts.Select(account => new AccountRow(
            account.Id,
            account.UserName!,
            [.. Roles.All.Where(role => byAccount[account.Id].Contains(role, StringComparer.Ordinal))],
            account.LockoutEnd == DateTimeOffset.MaxValue))];
    }

    /// <summary>Creates an account with a password of the owner's choice.</summary>
    /// <exception cref="AccountException">Name or password is not acceptable.</exception>
    public async Task CreateAsync(string name, string password, IReadOnlyCollection<string> roles, CancellationToken cancellationToken)
    {
        await using var scope = scopes.CreateAsyncScope();
        var services = scope.ServiceProvider;
        await using var transaction = await services.GetRequiredService<CoScientistDb>().Database.BeginTransactionAsync(cancellationToken);
        await EnsureRolesAsync(services.GetRequiredService<RoleManager<IdentityRole>>());
        var manager = services.GetRequiredService<UserManager<Account>>();
        var account = new Account { UserName = name, DisplayName = name };
        Check(await manager.CreateAsync(account, password));
        Check(await manager.AddToRolesAsync(account, Known(roles)));
        await transaction.CommitAsync(cancellationToken);
    }

    /// <summary>Creates an account with a password drawn here, which is returned and kept nowhere.</summary>
    /// <exception cref="AccountException">The name is not acceptable.</exception>
    public async Task<string> CreateAsync(string name, IReadOnlyCollection<string> roles, CancellationToken cancellationToken)
    {
        var password = DrawPassword();
        await CreateAsync(name, password, roles, cancellationToken);
        return password;
    }

    /// <summary>Replaces the roles of an account.</summary>
    /// <exception cref="AccountException">It is the last administrator.</exception>
    public Task SetRolesAsync(string id, IReadOnlyCollection<string> roles, CancellationToken cancellationToken) =>
        ChangeAsync(id, keepsAdministrator: roles.Contains(Roles.Administrator), async (manager, account) =>
        {
            var held = await manager.GetRolesAsync(account);
            Check(await manager.RemoveFromRolesAsync(account, held.Except(roles, StringComparer.Ordinal)));
            Check(await manager.AddToRolesAsync(account, Known(roles).Except(held, StringComparer.Ordinal)));
        }, cancellationToken);

    /// <summary>Shuts an account out, or lets it in again. What it decided stays.</summary>
    /// <exception cref="AccountException">It is the last administrator.</exception>
    public Task SetDisabledAsync(string id, bool disabled, CancellationToken cancellationToken) =>
        ChangeAsync(id, keepsAdministrator: !disabled, async (manager, account) =>
            Check(await manager.SetLockoutEndDateAsync(account, disabled ? DateTimeOffset.MaxValue : null)), cancellationToken);

    /// <summary>Gives an account a new password, which is returned and kept nowhere.</summary>
    public async Task<string> ResetPasswordAsync(string id, CancellationToken cancellationToken)
    {
        var password = DrawPassword();
        await ChangeAsync(id, keepsAdministrator: true, async (manager, account) =>
        {
            Check(await manager.ResetPasswordAsync(account, await manager.GeneratePasswordResetTokenAsync(account), password));
        }, cancellationToken);
        return password;
    }

    /// <summary>Whether the account exists, is let in, and has the role; administrators have all. Asked of the database, not of the cookie.</summary>
    public async Task<bool> MayAsync(string id, string role, CancellationToken cancellationToken)
    {
        await using var scope = scopes.CreateAsyncScope();
        var manager = scope.ServiceProvider.GetRequiredService<UserManager<Account>>();
        cancellationToken.ThrowIfCancellationRequested();
        return await manager.FindByIdAsync(id) is { } account
            && account.LockoutEnd != DateTimeOffset.MaxValue
            && (await manager.IsInRoleAsync(account, role) || await manager.IsInRoleAsync(account, Roles.Administrator));
    }

    private async Task ChangeAsync(string id, bool keepsAdministrator, Func<UserManager<Account>, Account, Task> change, CancellationToken cancellationToken)
    {
        await using var scope = scopes.CreateAsyncScope();
        var manager = scope.ServiceProvider.GetRequiredService<UserManager<Account>>();
        await using var transaction = await scope.ServiceProvider.GetRequiredService<CoScientistDb>().Database.BeginTransactionAsync(cancellationToken);
        var account = await manager.FindByIdAsync(id) ?? throw new AccountException("This account no longer exists. Reload the page.");
        if (!keepsAdministrator)
        {
            var administrators = await manager.GetUsersInRoleAsync(Roles.Administrator);
            if (!administrators.Any(other => other.Id != id && other.LockoutEnd != DateTimeOffset.MaxValue))
            {
                throw new AccountException($"{account.UserName} is the only administrator. Make somebody else administrator first.");
            }
        }

        await change(manager, account);
        // Cookies and open pages of the account lose their validity at their next check.
        Check(await manager.UpdateSecurityStampAsync(account));
        await transaction.CommitAsync(cancellationToken);
    }

    private static async Task EnsureRolesAsync(RoleManager<IdentityRole> manager)
    {
        foreach (var role in Roles.All)
        {
            if (!await manager.RoleExistsAsync(role))
            {
                Check(await manager.CreateAsync(new IdentityRole(role)));
            }
        }
    }

    private static IEnumerable<string> Known(IEnumerable<string> roles) => Roles.All.Intersect(roles, StringComparer.Ordinal);

    private static string DrawPassword() => RandomNumberGenerator.GetString("ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789", 16);

    private static void Check(IdentityResult result)
    {
        if (!result.Succeeded)
        {
            throw new AccountException(string.Join(' ', result.Errors.Select(error => error.Description)));
        }
    }
}
