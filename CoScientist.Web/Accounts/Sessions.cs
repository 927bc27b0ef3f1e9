using System.Security.Claims;
using CoScientist.Core.Storage;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace CoScientist.Web.Accounts;

/// <summary>
/// Who is behind a cookie or an open page, and what they may do now. The cookie only says who signed in and when that was still
/// good; whether it is, and the roles, are asked of the database each time, so that a change holds from the next request or click on.
/// </summary>
internal sealed class Sessions(IDbContextFactory<CoScientistDb> factory, IOptions<IdentityOptions> options)
{
    /// <summary>Claim that tells one signing-in from another of the same account.</summary>
    public const string SessionClaim = "session";

    /// <summary>An account or a session, by its id, is not what it was. Open pages look again.</summary>
    public event Action<string>? Changed;

    /// <summary>This process has announced a change: others may want to know. Must return at once.</summary>
    public event Action<string>? Announced;

    /// <summary>Nobody.</summary>
    public static ClaimsPrincipal Nobody { get; } = new(new ClaimsIdentity());

    /// <summary>Tells open pages that an account was changed, or that a session ended.</summary>
    /// <param name="id">The account's or the session's.</param>
    public void Announce(string id)
    {
        Changed?.Invoke(id);
        Announced?.Invoke(id);
    }

    /// <summary>Tells open pages what another process has announced.</summary>
    public void Hear(string id) => Changed?.Invoke(id);

    /// <summary>The same person with the roles held now (administrators hold all); null when the account is gone or shut out, or has ended its sessions.</summary>
    public async Task<ClaimsPrincipal?> CurrentAsync(ClaimsPrincipal user, CancellationToken cancellationToken)
    {
        var names = options.Value.ClaimsIdentity;
        if (user.FindFirstValue(names.UserIdClaimType) is not { } id)
        {
            return null;
        }

        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        var account = await db.Users.Where(account => account.Id == id).Select(account => new { account.LockoutEnd, account.SecurityStamp }).FirstOrDefaultAsync(cancellationToken);
        if (account is null || account.LockoutEnd == DateTimeOffset.MaxValue || account.SecurityStamp is null || account.SecurityStamp != user.FindFirstValue(names.SecurityStampClaimType))
        {
            return null;
        }

        var held = await db.UserRoles.Where(held => held.UserId == id).Join(db.Roles, held => held.RoleId, role => role.Id, (_, role) => role.Name!).ToListAsync(cancellationToken);
        var roles = held.Contains(Roles.Administrator) ? Roles.All : held;
        var identity = new ClaimsIdentity(user.Claims.Where(claim => claim.Type != names.RoleClaimType), IdentityConstants.ApplicationScheme, names.UserNameClaimType, names.RoleClaimType);
        identity.AddClaims(roles.Select(role => new Claim(names.RoleClaimType, role)));
        return new ClaimsPrincipal(identity);
    }
}
