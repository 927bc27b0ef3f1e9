using System.Security.Claims;
using Microsoft.AspNetCore.Components.Authorization;

namespace CoScientist.Web.Accounts;

/// <summary>
/// The check that every action of a page makes on the server, besides the page's own <c>[Authorize]</c>: the page may have been open
/// for hours. <code>var accountId = await Guard.RequireAsync(Roles.Reviewer, cancellationToken);</code>
/// </summary>
internal sealed class AccessGuard(AuthenticationStateProvider authentication, Sessions sessions)
{
    /// <summary>The id of the account at work; throws unless it exists, is let in, is still signed in, and has the role now (administrators have all).</summary>
    /// <exception cref="UnauthorizedAccessException">It has not.</exception>
    public async Task<string> RequireAsync(string role, CancellationToken cancellationToken)
    {
        var now = await RequireAsync(cancellationToken);
        return now.IsInRole(role)
            ? now.FindFirstValue(ClaimTypes.NameIdentifier)!
            : throw new UnauthorizedAccessException($"This needs the role '{role}', which your account does not have any more. Ask an administrator.");
    }

    /// <summary>The id of the account that is signed in, whatever its roles.</summary>
    /// <exception cref="UnauthorizedAccessException">Nobody is.</exception>
    public async Task<string> AccountIdAsync() => (await RequireAsync(CancellationToken.None)).FindFirstValue(ClaimTypes.NameIdentifier)!;

    private async Task<ClaimsPrincipal> RequireAsync(CancellationToken cancellationToken) =>
        await sessions.CurrentAsync((await authentication.GetAuthenticationStateAsync()).User, cancellationToken)
        ?? throw new UnauthorizedAccessException("You are signed out. Sign in again.");
}
