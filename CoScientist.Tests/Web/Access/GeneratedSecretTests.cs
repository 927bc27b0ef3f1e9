using System.Text;
using CoScientist.Core.Storage;
using CoScientist.Tests.Core.Fuzzing;
using CoScientist.Tests.Shared;
using CoScientist.Web.Accounts;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.DependencyInjection;

namespace CoScientist.Tests.Web.Access;

/// <summary>Damaged secrets of links and codes of authenticators: none opens anything, none is a fault. A few; COSCIENTIST_FUZZ_INPUTS says how many.</summary>
[Collection(nameof(AccessCollection))]
[Trait("Database", "any")]
public sealed class GeneratedSecretTests(AccessFixture access)
{
    private static readonly int s_inputs = (int)TestSize.Of("COSCIENTIST_FUZZ_INPUTS", 30);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Link_SecretDamaged_OpensNothing()
    {
        var store = access.Server.Services.GetRequiredService<AccountStore>();
        var secret = await store.InviteAsync("nia", [Roles.Expert], TimeSpan.FromHours(1), null, Cancellation);
        var generator = new InputGenerator([Encoding.UTF8.GetBytes(secret)], seed: 1);

        for (var i = 0; i < s_inputs; i++)
        {
            var damaged = Encoding.UTF8.GetString(generator.Next());
            Assert.True(damaged == secret || await store.FindLinkAsync(damaged, Cancellation) is null, damaged);
        }

        Assert.NotNull(await store.FindLinkAsync(secret, Cancellation));
    }

    [Fact]
    public async Task Code_ThatIsNone_OpensNothing()
    {
        await access.Server.CreateAccountAsync("theo", Roles.Expert);
        await using var scope = access.Server.Services.CreateAsyncScope();
        var accounts = scope.ServiceProvider.GetRequiredService<UserManager<Account>>();
        var theo = (await accounts.FindByNameAsync("theo"))!;
        await accounts.ResetAuthenticatorKeyAsync(theo);
        var generator = new InputGenerator([.. new[] { "123456", "000 000" }.Select(Encoding.UTF8.GetBytes)], seed: 1);

        for (var i = 0; i < s_inputs; i++)
        {
            // Six digits could be the code by chance; the page asks for one.
            var damaged = Encoding.UTF8.GetString(generator.Next());
            if (damaged.Length > 0 && damaged.Count(char.IsDigit) != 6)
            {
                Assert.False(await accounts.VerifyTwoFactorTokenAsync(theo, TokenOptions.DefaultAuthenticatorProvider, damaged), damaged);
                Assert.False((await accounts.RedeemTwoFactorRecoveryCodeAsync(theo, damaged)).Succeeded, damaged);
            }
        }
    }
}
