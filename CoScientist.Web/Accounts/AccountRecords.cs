using System.Security.Cryptography;
using CoScientist.Core.Storage;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.Identity;
using Microsoft.AspNetCore.Identity.EntityFrameworkCore;

namespace CoScientist.Web.Accounts;

/// <summary>Identity's records, where the keys and codes of the second step are encrypted with the keys in the data folder: a copy of the database alone gives none away.</summary>
internal sealed class AccountRecords(CoScientistDb db, IDataProtectionProvider protection, IdentityErrorDescriber? describer = null) : UserStore<Account, IdentityRole, CoScientistDb>(db, describer)
{
    private readonly IDataProtector _protector = protection.CreateProtector("CoScientist.SecondStep");

    public override Task SetTokenAsync(Account user, string loginProvider, string name, string? value, CancellationToken cancellationToken) =>
        base.SetTokenAsync(user, loginProvider, name, value is null ? null : _protector.Protect(value), cancellationToken);

    public override async Task<string?> GetTokenAsync(Account user, string loginProvider, string name, CancellationToken cancellationToken)
    {
        try
        {
            return await base.GetTokenAsync(user, loginProvider, name, cancellationToken) is { } value ? _protector.Unprotect(value) : null;
        }
        catch (CryptographicException)
        {
            // The keys in the data folder are others: there is no second step that could be passed, and an administrator can remove it.
            return null;
        }
    }
}
