using CoScientist.Core.Storage;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Web.Accounts;

// The end of accounts. What was judged stays under a pseudonym, and all that is personal goes.
internal sealed partial class AccountStore
{
    /// <summary>What an account has left in the data.</summary>
    public async Task<AccountTraces> TracesAsync(string id, CancellationToken cancellationToken)
    {
        await using var scope = scopes.CreateAsyncScope();
        return await AccountTraces.OfAsync(scope.ServiceProvider.GetRequiredService<CoScientistDb>(), id, cancellationToken);
    }

    /// <summary>
    /// Ends an account for good: one that has left nothing is deleted, another closed, with a pseudonym in the place of its name.
    /// Password, second step, links, roles and sessions go; judgments stay.
    /// </summary>
    /// <param name="id">The account.</param>
    /// <param name="by">The administrator who asks; null for the command line, or the owner.</param>
    /// <param name="byOwner">Whether the owner asks.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <returns>The name that stands in its place from now on.</returns>
    /// <exception cref="AccountException">It is the last administrator, or closed already.</exception>
    public async Task<string> CloseAsync(string id, string? by, bool byOwner, CancellationToken cancellationToken)
    {
        var pseudonym = await ActAsync(by, async work =>
        {
            var account = await work.Manager.FindByIdAsync(id) ?? throw new AccountException("This account no longer exists. Reload the page.");
            RequireOpen(account);
            if (await IsLastAdministratorAsync(work.Manager, id))
            {
                throw new AccountException($"{account.UserName} is the only administrator. Make somebody else administrator first.");
            }

            var asker = await NameAsync(work.Manager, by);
            var name = await AccountClosing.CloseAsync(work.Db, account, work.Time.GetUtcNow(), cancellationToken);
            var closed = account.ClosedAt is null ? "deleted the account, which had left nothing" : "closed the account; what is personal was removed, judgments stay";
            work.Record(byOwner || by == id ? name : asker, name, closed, AuditKind.Deletion);
            return name;
        }, cancellationToken);
        sessions.Announce(id);
        return pseudonym;
    }

    private static void RequireOpen(Account account)
    {
        if (account.ClosedAt is not null)
        {
            throw new AccountException($"{account.UserName} was closed for good. Invite the person anew.");
        }
    }
}
