using System.Security.Claims;
using Microsoft.AspNetCore.Components.Authorization;
using Microsoft.AspNetCore.Components.Server;
using Microsoft.AspNetCore.Components.Server.Circuits;

namespace CoScientist.Web.Accounts;

/// <summary>
/// Who is behind an open page, which outlives the request whose cookie was checked. A change made in this process acts at once;
/// one made by another process, such as a command, is found within <see cref="RevalidationInterval"/>, and by every action anyway.
/// </summary>
internal sealed class AccountRevalidation : RevalidatingServerAuthenticationStateProvider
{
    private readonly Sessions _sessions;

    public AccountRevalidation(ILoggerFactory logs, Sessions sessions)
        : base(logs) => _sessions = sessions;

    /// <summary>From here on changes act at once. Not for the short life of a request, which may change its own account.</summary>
    public void Listen() => _sessions.Changed += LookAgain;

    protected override TimeSpan RevalidationInterval => TimeSpan.FromSeconds(20);

    protected override async Task<bool> ValidateAuthenticationStateAsync(AuthenticationState authenticationState, CancellationToken cancellationToken)
    {
        if (await _sessions.CurrentAsync(authenticationState.User, cancellationToken) is not { } now)
        {
            return false;
        }

        if (!RolesOf(now).SetEquals(RolesOf(authenticationState.User)))
        {
            Become(now);
        }

        return true;
    }

    protected override void Dispose(bool disposing)
    {
        _sessions.Changed -= LookAgain;
        base.Dispose(disposing);
    }

    private static HashSet<string> RolesOf(ClaimsPrincipal user) => [.. user.FindAll(ClaimTypes.Role).Select(claim => claim.Value)];

    private void LookAgain(string id) => _ = LookAgainAsync(id);

    private async Task LookAgainAsync(string id)
    {
        ClaimsPrincipal user;
        try
        {
            user = (await GetAuthenticationStateAsync()).User;
        }
        catch (InvalidOperationException)
        {
            // Nobody has come yet.
            return;
        }

        if (user.FindFirstValue(Sessions.SessionClaim) == id)
        {
            Become(Sessions.Nobody);
        }
        else if (user.FindFirstValue(ClaimTypes.NameIdentifier) == id)
        {
            Become(await _sessions.CurrentAsync(user, CancellationToken.None) ?? Sessions.Nobody);
        }
    }

    /// <summary>Begins to listen when a connection stands.</summary>
    internal sealed class Opening(AuthenticationStateProvider authentication) : CircuitHandler
    {
        public override Task OnCircuitOpenedAsync(Circuit circuit, CancellationToken cancellationToken)
        {
            (authentication as AccountRevalidation)?.Listen();
            return Task.CompletedTask;
        }
    }

    private void Become(ClaimsPrincipal user) => SetAuthenticationState(Task.FromResult(new AuthenticationState(user)));
}
