using System.Security.Claims;
using CoScientist.Core.Storage;
using Microsoft.AspNetCore.Components.Authorization;
using Microsoft.AspNetCore.Components.Server;
using Microsoft.AspNetCore.Identity;

namespace CoScientist.Web.Accounts;

/// <summary>Signs open pages out when their account is disabled or changed: a page outlives the request whose cookie was checked.</summary>
internal sealed class AccountRevalidation(ILoggerFactory logs, IServiceScopeFactory scopes) : RevalidatingServerAuthenticationStateProvider(logs)
{
    protected override TimeSpan RevalidationInterval => TimeSpan.FromMinutes(1);

    protected override async Task<bool> ValidateAuthenticationStateAsync(AuthenticationState authenticationState, CancellationToken cancellationToken)
    {
        await using var scope = scopes.CreateAsyncScope();
        var manager = scope.ServiceProvider.GetRequiredService<UserManager<Account>>();
        var account = await manager.GetUserAsync(authenticationState.User);
        return account is not null
            && account.LockoutEnd != DateTimeOffset.MaxValue
            && authenticationState.User.FindFirstValue(manager.Options.ClaimsIdentity.SecurityStampClaimType) == await manager.GetSecurityStampAsync(account);
    }
}
