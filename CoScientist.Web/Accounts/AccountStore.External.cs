using CoScientist.Core.Storage;
using Microsoft.AspNetCore.Identity;

namespace CoScientist.Web.Accounts;

/// <summary>Somebody whom a provider of single sign-on vouches for.</summary>
/// <param name="Provider">The provider.</param>
/// <param name="Key">Who it is there; never changes.</param>
/// <param name="Name">Name that a new account would like.</param>
/// <param name="Roles">Roles by the provider's word; null where it does not decide.</param>
/// <param name="DefaultRoles">Roles of a new account that has none by the provider's word.</param>
internal sealed record ExternalPerson(string Provider, string Key, string Name, IReadOnlyCollection<string>? Roles, IReadOnlyCollection<string> DefaultRoles);

// Accounts of people who sign in elsewhere. They have no password here, and are never tied to an account that was there by its name: names can be chosen.
internal sealed partial class AccountStore
{
    private const int LongestName = 60;

    /// <summary>Makes the account of somebody who comes for the first time; brings the roles of others up to date where the provider decides on them.</summary>
    /// <exception cref="AccountException">The person has no role.</exception>
    public async Task MeetAsync(ExternalPerson person, CancellationToken cancellationToken)
    {
        var id = await ActAsync(null, async work =>
        {
            var roles = person.Roles is { Count: > 0 } given ? given : person.DefaultRoles;
            if (await work.Manager.FindByLoginAsync(person.Provider, person.Key) is { } known)
            {
                return person.Roles is null ? null : await FollowAsync(work, known, roles);
            }

            if (roles.Count == 0)
            {
                throw new AccountException("The provider of single sign-on gives you no role here. Ask an administrator.");
            }

            var name = await FreeNameAsync(work.Manager, person.Name);
            var account = await CreateAsync(work, name, password: null, roles);
            Check(await work.Manager.AddLoginAsync(account, new UserLoginInfo(person.Provider, person.Key, person.Name)));
            work.Record("", name, $"came by single sign-on for the first time, {Words(roles)}");
            return null;
        }, cancellationToken);
        if (id is not null)
        {
            sessions.Announce(id);
        }
    }

    private static async Task<string?> FollowAsync(Work work, Account account, IReadOnlyCollection<string> roles)
    {
        // The last administrator stays one, whatever the provider says.
        if (!roles.Contains(Roles.Administrator) && await IsLastAdministratorAsync(work.Manager, account.Id))
        {
            roles = [.. roles, Roles.Administrator];
        }

        if (new HashSet<string>(await work.Manager.GetRolesAsync(account), StringComparer.Ordinal).SetEquals(roles))
        {
            return null;
        }

        await SetRolesAsync(work.Manager, account, roles);
        work.Record("", account.UserName!, $"roles by single sign-on: {Words(roles)}");
        return account.Id;
    }

    private static async Task<string> FreeNameAsync(UserManager<Account> manager, string wanted)
    {
        var name = string.Concat(wanted.Where(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '_' or '@'));
        name = name.Length == 0 ? "somebody" : name[..Math.Min(name.Length, LongestName)];
        for (var number = 1; ; number++)
        {
            var free = number == 1 ? name : FormattableString.Invariant($"{name}-{number}");
            if (await manager.FindByNameAsync(free) is null)
            {
                return free;
            }
        }
    }
}
