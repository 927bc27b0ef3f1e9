using CoScientist.Core.Storage;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Options;

namespace CoScientist.Web.Accounts;

/// <summary>Signing in, which stands in the audit trail whether it succeeds or fails. A name that nobody has is not written down: it may be a password.</summary>
internal sealed partial class RecordedSignIn(
    UserManager<Account> users,
    IHttpContextAccessor http,
    IUserClaimsPrincipalFactory<Account> claims,
    IOptions<IdentityOptions> options,
    ILogger<SignInManager<Account>> logger,
    IAuthenticationSchemeProvider schemes,
    IUserConfirmation<Account> confirmation,
    AuditTrail trail)
    : SignInManager<Account>(users, http, claims, options, logger, schemes, confirmation)
{
    /// <inheritdoc/>
    public override async Task<SignInResult> PasswordSignInAsync(string userName, string password, bool isPersistent, bool lockoutOnFailure)
    {
        if (await UserManager.FindByNameAsync(userName) is not { } account)
        {
            await RecordAsync(null, SignInResult.Failed, "", "tried to sign in by a name that nobody has");
            return SignInResult.Failed;
        }

        return await PasswordSignInAsync(account, password, isPersistent, lockoutOnFailure);
    }

    /// <inheritdoc/>
    public override async Task<SignInResult> PasswordSignInAsync(Account user, string password, bool isPersistent, bool lockoutOnFailure) =>
        await RecordAsync(user, await base.PasswordSignInAsync(user, password, isPersistent, lockoutOnFailure), "signed in", "gave a wrong password");

    /// <inheritdoc/>
    public override async Task<SignInResult> ExternalLoginSignInAsync(string loginProvider, string providerKey, bool isPersistent, bool bypassTwoFactor) =>
        await RecordAsync(await UserManager.FindByLoginAsync(loginProvider, providerKey), await base.ExternalLoginSignInAsync(loginProvider, providerKey, isPersistent, bypassTwoFactor), "signed in by single sign-on", "was refused by single sign-on");

    /// <inheritdoc/>
    public override async Task<SignInResult> TwoFactorAuthenticatorSignInAsync(string code, bool isPersistent, bool rememberClient) =>
        await RecordAsync(await GetTwoFactorAuthenticationUserAsync(), await base.TwoFactorAuthenticatorSignInAsync(code, isPersistent, rememberClient), "signed in by a code of the authenticator", "gave a wrong code");

    /// <inheritdoc/>
    public override async Task<SignInResult> TwoFactorRecoveryCodeSignInAsync(string recoveryCode) =>
        await RecordAsync(await GetTwoFactorAuthenticationUserAsync(), await base.TwoFactorRecoveryCodeSignInAsync(recoveryCode), "signed in by a recovery code", "gave a wrong recovery code");

    private async Task<SignInResult> RecordAsync(Account? account, SignInResult result, string succeeded, string failed)
    {
        if (result.RequiresTwoFactor)
        {
            return result;
        }

        var what = result.Succeeded ? succeeded : result.IsLockedOut ? "was kept out: locked or disabled" : failed;
        await trail.RecordAsync(result.Succeeded ? account?.Id : null, AuditKind.SignIn, account?.UserName ?? "", what, account is null ? null : "admin", CancellationToken.None);
        if (!result.Succeeded)
        {
            Refused(Logger, account?.Id, Context.Connection.RemoteIpAddress?.ToString(), what);
        }

        return result;
    }

    [LoggerMessage(LogLevel.Warning, "Signing in failed: account {Account} from {Address} {What}.")]
    private static partial void Refused(ILogger logger, string? account, string? address, string what);
}
