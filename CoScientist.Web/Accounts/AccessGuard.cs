using System.Security.Claims;
using Microsoft.AspNetCore.Components.Authorization;

namespace CoScientist.Web.Accounts;

/// <summary>
/// The check that every action of a page makes on the server, besides the page's own <c>[Authorize]</c>: the page may have been open
/// for hours. <code>var accountId = await Guard.RequireAsync(Roles.Reviewer, cancellationToken);</code>
/// </summary>
internal sealed class AccessGuard(AuthenticationStateProvider authentication, AccountStore accounts)
{
    /// <summary>The id of the account at work; throws unless it exists, is let in, and has the role now (administrators have all).</summary>
    /// <exception cref="UnauthorizedAccessException">It has not.</exception>
    public async Task<string> RequireAsync(string role, CancellationToken cancellationToken)
    {
        var id = await AccountIdAsync();
        return await accounts.MayAsync(id, role, cancellationToken)
            ? id
            : throw new UnauthorizedAccessException($"This needs the role '{role}', which your account does not have any more. Ask an administrator.");
    }

    /// <summary>The id of the account that is signed in.</summary>
    public async Task<string> AccountIdAsync() =>
        (await authentication.GetAuthenticationStateAsync()).User.FindFirstValue(ClaimTypes.NameIdentifier)
        ?? throw new UnauthorizedAccessException("You are signed out. Sign in again.");
}
