using System.Security.Claims;
using CoScientist.Core.Storage;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Options;

namespace CoScientist.Web.Accounts;

/// <summary>What a new cookie says about its owner: besides the account also which signing-in it is. Roles are asked of the database, see <see cref="Sessions"/>.</summary>
internal sealed class AccountClaims(UserManager<Account> users, IOptions<IdentityOptions> options) : UserClaimsPrincipalFactory<Account>(users, options)
{
    protected override async Task<ClaimsIdentity> GenerateClaimsAsync(Account user)
    {
        var identity = await base.GenerateClaimsAsync(user);
        identity.AddClaim(new Claim(Sessions.SessionClaim, Guid.NewGuid().ToString("N")));
        return identity;
    }
}
