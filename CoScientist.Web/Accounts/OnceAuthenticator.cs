using CoScientist.Core.Storage;
using Microsoft.AspNetCore.Identity;

namespace CoScientist.Web.Accounts;

/// <summary>Authenticators' codes, of which each is good once (RFC 6238, section 5.2): who reads one over a shoulder has nothing.</summary>
internal sealed class OnceAuthenticator : AuthenticatorTokenProvider<Account>
{
    private const string Owner = "CoScientist";
    private const string LastCode = "LastCode";

    public override async Task<bool> ValidateAsync(string purpose, string token, UserManager<Account> manager, Account user) =>
        await base.ValidateAsync(purpose, token, manager, user)
        && await manager.GetAuthenticationTokenAsync(user, Owner, LastCode) != token
        && (await manager.SetAuthenticationTokenAsync(user, Owner, LastCode, token)).Succeeded;
}
