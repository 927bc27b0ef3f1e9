using CoScientist.Core.Storage;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Web.Accounts;

/// <summary>An account as the administrator sees it.</summary>
/// <param name="Id">Key.</param>
/// <param name="Name">Name to sign in with.</param>
/// <param name="Roles">Roles, in the order of <see cref="Core.Storage.Roles.All"/>.</param>
/// <param name="IsDisabled">Whether it is shut out.</param>
/// <param name="HasSecondStep">Whether signing in takes a code besides the password.</param>
/// <param name="IsClosed">Whether it was closed for good; the name is a pseudonym then.</param>
internal sealed record AccountRow(string Id, string Name, IReadOnlyList<string> Roles, bool IsDisabled, bool HasSecondStep, bool IsClosed);

/// <summary>What people are told when an account cannot be made or changed.</summary>
internal sealed class AccountException(string message) : Exception(message);

/// <summary>
/// Creating and changing accounts. Every operation works in a scope of its own, because a page lives longer than a database context
/// should. Where an operation takes <c>by</c>, that account must be an administrator at the moment of the change; null stands for the
/// command line of the server itself.
/// </summary>
internal sealed partial class AccountStore(IServiceScopeFactory scopes, Sessions sessions, TimeProvider time)
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
        var accounts = await db.Users.AsNoTracking().OrderBy(account => account.ClosedAt != null).ThenBy(account => account.UserName).ToListAsync(cancellationToken);
        var roles = await db.UserRoles.Join(db.Roles, held => held.RoleId, role => role.Id, (held, role) => new { held.UserId, role.Name }).ToListAsync(cancellationToken);
        var byAccount = roles.ToLookup(held => held.UserId, held => held.Name);
        return [.. accounts.Select(account => new AccountRow(
            account.Id,
            account.UserName!,
            [.. Roles.All.Where(role => byAccount[account.Id].Contains(role, StringComparer.Ordinal))],
            account.LockoutEnd == DateTimeOffset.MaxValue,
            account.TwoFactorEnabled,
            account.ClosedAt is not null))];
    }

    /// <summary>Creates the first account, which has all roles.</summary>
    /// <exception cref="AccountException">There is one already, or name or password is not acceptable.</exception>
    public Task CreateFirstAsync(string name, string password, CancellationToken cancellationToken) => ActAsync(null, async work =>
    {
        if (await work.Manager.Users.AnyAsync(cancellationToken))
        {
            throw new AccountException("The administrator exists already: the code has been used.");
        }

        await CreateAsync(work, name, password, Roles.All);
        work.Record("", name, $"made the account, {Words(Roles.All)}");
        return name;
    }, cancellationToken);

    /// <summary>Creates an account with a password of the owner's choice.</summary>
    /// <exception cref="AccountException">Name or password is not acceptable.</exception>
    public Task CreateAsync(string name, string password, IReadOnlyCollection<string> roles, CancellationToken cancellationToken) => ActAsync(null, async work =>
    {
        await CreateAsync(work, name, password, roles);
        work.Record("", name, $"made the account, {Words(roles)}");
        return name;
    }, cancellationToken);

    /// <summary>Replaces the roles of an account.</summary>
    /// <exception cref="AccountException">It is the last administrator.</exception>
    public Task SetRolesAsync(string id, IReadOnlyCollection<string> roles, string? by, CancellationToken cancellationToken) =>
        ChangeAsync(id, keepsAdministrator: roles.Contains(Roles.Administrator), by, async work =>
        {
            await SetRolesAsync(work.Manager, work.Account, roles);
            return $"set the roles to {Words(roles)}";
        }, endsSessions: false, cancellationToken);

    /// <summary>Shuts an account out, or lets it in again. What it decided stays.</summary>
    /// <exception cref="AccountException">It is the last administrator.</exception>
    public Task SetDisabledAsync(string id, bool disabled, string? by, CancellationToken cancellationToken) =>
        ChangeAsync(id, keepsAdministrator: !disabled, by, async work =>
        {
            Check(await work.Manager.SetLockoutEndDateAsync(work.Account, disabled ? DateTimeOffset.MaxValue : null));
            return disabled ? "disabled the account" : "let the account in again";
        }, endsSessions: true, cancellationToken);

    /// <summary>Ends all sessions of an account, on every computer.</summary>
    public Task SignOutEverywhereAsync(string id, string? by, CancellationToken cancellationToken) =>
        ChangeAsync(id, keepsAdministrator: true, by, _ => Task.FromResult("signed the account out everywhere"), endsSessions: true, cancellationToken);

    /// <summary>Takes the second step of signing in away from who has lost the phone.</summary>
    public Task RemoveSecondStepAsync(string id, string? by, CancellationToken cancellationToken) =>
        ChangeAsync(id, keepsAdministrator: true, by, async work =>
        {
            await RemoveSecondStepAsync(work.Manager, work.Account);
            return "removed the second step of signing in";
        }, endsSessions: true, cancellationToken);

    /// <summary>What the owner of an account does to it; its other sessions end.</summary>
    /// <param name="id">The account.</param>
    /// <param name="what">What is done, for the audit trail.</param>
    /// <param name="change">Does it.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="AccountException">It was refused; nothing is changed.</exception>
    public Task ChangeOwnAsync(string id, string what, Func<UserManager<Account>, Account, Task<IdentityResult>> change, CancellationToken cancellationToken) =>
        ChangeAsync(id, keepsAdministrator: true, by: null, async work =>
        {
            Check(await change(work.Manager, work.Account));
            return what;
        }, endsSessions: true, cancellationToken, byOwner: true);

    /// <summary>Whether the account exists, is let in, and has the role; administrators have all.</summary>
    public async Task<bool> MayAsync(string id, string role, CancellationToken cancellationToken)
    {
        await using var scope = scopes.CreateAsyncScope();
        cancellationToken.ThrowIfCancellationRequested();
        return await MayAsync(scope.ServiceProvider.GetRequiredService<UserManager<Account>>(), id, role);
    }

    /// <summary>Forgets the second step of an account: the key and the recovery codes with it.</summary>
    public static async Task RemoveSecondStepAsync(UserManager<Account> manager, Account account)
    {
        // Where Identity keeps them.
        const string Provider = "[AspNetUserStore]";
        Check(await manager.SetTwoFactorEnabledAsync(account, enabled: false));
        Check(await manager.RemoveAuthenticationTokenAsync(account, Provider, "AuthenticatorKey"));
        Check(await manager.RemoveAuthenticationTokenAsync(account, Provider, "RecoveryCodes"));
    }

    private static async Task<bool> MayAsync(UserManager<Account> manager, string id, string role) =>
        await manager.FindByIdAsync(id) is { } account
        && account.LockoutEnd != DateTimeOffset.MaxValue
        && (await manager.IsInRoleAsync(account, role) || await manager.IsInRoleAsync(account, Roles.Administrator));

    private async Task ChangeAsync(string id, bool keepsAdministrator, string? by, Func<(UserManager<Account> Manager, Account Account), Task<string>> change, bool endsSessions, CancellationToken cancellationToken, bool byOwner = false)
    {
        await ActAsync(by, async work =>
        {
            var account = await work.Manager.FindByIdAsync(id) ?? throw new AccountException("This account no longer exists. Reload the page.");
            RequireOpen(account);
            if (!keepsAdministrator && await IsLastAdministratorAsync(work.Manager, id))
            {
                throw new AccountException($"{account.UserName} is the only administrator. Make somebody else administrator first.");
            }

            var what = await change((work.Manager, account));
            if (endsSessions)
            {
                Check(await work.Manager.UpdateSecurityStampAsync(account));
            }

            work.Record(byOwner ? account.UserName! : await NameAsync(work.Manager, by), account.UserName!, what);
            return id;
        }, cancellationToken);
        sessions.Announce(id);
    }

    /// <summary>Does something in one transaction, which begins with the writer's lock: two administrators who demote each other come one after the other.</summary>
    private async Task<T> ActAsync<T>(string? by, Func<Work, Task<T>> act, CancellationToken cancellationToken)
    {
        await using var scope = scopes.CreateAsyncScope();
        var services = scope.ServiceProvider;
        var db = services.GetRequiredService<CoScientistDb>();
        var manager = services.GetRequiredService<UserManager<Account>>();
        await using var transaction = await db.Database.BeginAloneAsync("accounts", cancellationToken);
        if (by is not null && !await MayAsync(manager, by, Roles.Administrator))
        {
            throw new UnauthorizedAccessException("Only administrators change accounts, and yours is none any more.");
        }

        var result = await act(new Work(services, db, manager, time));
        await db.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return result;
    }

    private static async Task<Account> CreateAsync(Work work, string name, string? password, IReadOnlyCollection<string> roles)
    {
        await EnsureRolesAsync(work.Services.GetRequiredService<RoleManager<IdentityRole>>());
        var account = new Account { UserName = name, DisplayName = name };
        Check(password is null ? await work.Manager.CreateAsync(account) : await work.Manager.CreateAsync(account, password));
        Check(await work.Manager.AddToRolesAsync(account, Known(roles)));
        return account;
    }

    private static async Task<bool> IsLastAdministratorAsync(UserManager<Account> manager, string id)
    {
        var active = (await manager.GetUsersInRoleAsync(Roles.Administrator)).Where(account => account.LockoutEnd != DateTimeOffset.MaxValue).ToList();
        return active.Count == 1 && active[0].Id == id;
    }

    private static async Task SetRolesAsync(UserManager<Account> manager, Account account, IReadOnlyCollection<string> roles)
    {
        var held = await manager.GetRolesAsync(account);
        Check(await manager.RemoveFromRolesAsync(account, held.Except(roles, StringComparer.Ordinal)));
        Check(await manager.AddToRolesAsync(account, Known(roles).Except(held, StringComparer.Ordinal)));
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

    private static async Task<string> NameAsync(UserManager<Account> manager, string? id) => id is not null && await manager.FindByIdAsync(id) is { } account ? account.UserName! : "";

    private static IEnumerable<string> Known(IEnumerable<string> roles) => Roles.All.Intersect(roles, StringComparer.Ordinal);

    private static string Words(IReadOnlyCollection<string> roles) => roles.Count == 0 ? "no role" : string.Join(", ", Known(roles));

    private static void Check(IdentityResult result)
    {
        if (!result.Succeeded)
        {
            throw new AccountException(string.Join(' ', result.Errors.Select(error => error.Description)));
        }
    }

    /// <summary>What an operation works with.</summary>
    private sealed record Work(IServiceProvider Services, CoScientistDb Db, UserManager<Account> Manager, TimeProvider Time)
    {
        public void Record(string by, string account, string what, AuditKind kind = AuditKind.Account) => Db.AuditEntries.Add(new AuditEntry { At = Time.GetUtcNow(), By = by, Kind = kind, About = account, What = what, Link = "admin" });
    }
}
