using System.Security.Claims;
using CoScientist.Core.Storage;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Options;

namespace CoScientist.Web.Accounts;

/// <summary>What a cookie says about its owner. An administrator's says all roles, so that pages need to name only the role they are for.</summary>
internal sealed class AccountClaims(UserManager<Account> users, RoleManager<IdentityRole> roles, IOptions<IdentityOptions> options)
    : UserClaimsPrincipalFactory<Account, IdentityRole>(users, roles, options)
{
    protected override async Task<ClaimsIdentity> GenerateClaimsAsync(Account user)
    {
        var identity = await base.GenerateClaimsAsync(user);
        var roleClaim = Options.ClaimsIdentity.RoleClaimType;
        if (identity.HasClaim(roleClaim, Roles.Administrator))
        {
            identity.AddClaims(Roles.All.Where(role => !identity.HasClaim(roleClaim, role)).Select(role => new Claim(roleClaim, role)));
        }

        return identity;
    }
}
