using System.Net;
using CoScientist.Core.Storage;
using CoScientist.Tests.Shared;
using CoScientist.Web.Accounts;
using Microsoft.Extensions.DependencyInjection;

namespace CoScientist.Tests.Web;

/// <summary>Accounts over HTTP and through the store: the one-time code, signing in, and what administrators may change.</summary>
[Trait("Database", "any")]
public sealed class AccountTests(ServerFixture server) : IClassFixture<ServerFixture>
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private AccountStore Store => server.Services.GetRequiredService<AccountStore>();

    [Fact]
    public async Task Setup_WrongCodeThenRightThenAgain_WorksOnce()
    {
        await using var fresh = new ServerFixture();
        await fresh.StartAsync();
        using var client = fresh.CreateClient();

        using var home = await client.GetAsync("/account/sign-in", Cancellation);
        Assert.Equal("/setup", home.Headers.Location!.AbsolutePath);

        using var wrong = await ServerFixture.PostFormAsync(client, "/setup", Form("AAAA-AAAA-AAAA", "eve"));
        Assert.Contains("This is not the code", await wrong.Content.ReadAsStringAsync(Cancellation), StringComparison.Ordinal);
        Assert.False(await fresh.Services.GetRequiredService<AccountStore>().AnyAsync(Cancellation));

        using var weak = await ServerFixture.PostFormAsync(client, "/setup", Form(fresh.SetupCode, "ada", "short"));
        Assert.Contains("15 to 256 characters", await weak.Content.ReadAsStringAsync(Cancellation), StringComparison.Ordinal);

        // Typed as people type: lower case, without hyphens.
        using var right = await ServerFixture.PostFormAsync(client, "/setup", Form(fresh.SetupCode.Replace("-", "", StringComparison.Ordinal).ToLowerInvariant(), "ada"));
        Assert.Equal(HttpStatusCode.Redirect, right.StatusCode);
        using var start = await client.GetAsync("/", Cancellation);
        Assert.Equal(HttpStatusCode.OK, start.StatusCode);

        using var again = await client.GetAsync("/setup", Cancellation);
        Assert.Equal("/account/sign-in", again.Headers.Location!.AbsolutePath);
        Assert.Equal(Roles.All, Assert.Single(await fresh.Services.GetRequiredService<AccountStore>().ListAsync(Cancellation)).Roles);
    }

    [Fact]
    public async Task Setup_TwoAtOnce_MakesOneAdministrator()
    {
        await using var fresh = new ServerFixture();
        await fresh.StartAsync();
        await Task.WhenAll(new[] { "ada", "eve" }.Select(async name =>
        {
            using var client = fresh.CreateClient();
            (await ServerFixture.PostFormAsync(client, "/setup", Form(fresh.SetupCode, name))).Dispose();
        }));
        Assert.Single(await fresh.Services.GetRequiredService<AccountStore>().ListAsync(Cancellation));
    }

    [Fact]
    public async Task SignIn_FiveWrongPasswords_LocksEvenTheRightOne()
    {
        await server.CreateAccountAsync("lea", Roles.Expert);
        using var client = server.CreateClient();
        for (var attempt = 0; attempt < 5; attempt++)
        {
            (await ServerFixture.PostFormAsync(client, "/account/sign-in", SignIn("lea", "not this one"))).Dispose();
        }

        using var right = await ServerFixture.PostFormAsync(client, "/account/sign-in", SignIn("lea", ServerFixture.Password));
        Assert.Equal(HttpStatusCode.OK, right.StatusCode);
        Assert.Contains("locked", await right.Content.ReadAsStringAsync(Cancellation), StringComparison.Ordinal);
    }

    [Fact]
    public async Task SignIn_WithoutTheFormsToken_IsRefused()
    {
        using var client = server.CreateClient();
        using var content = new FormUrlEncodedContent(new Dictionary<string, string>(StringComparer.Ordinal) { ["_handler"] = "sign-in", ["Input.Name"] = ServerFixture.Administrator, ["Input.Password"] = ServerFixture.Password });
        using var answer = await client.PostAsync("/account/sign-in", content, Cancellation);
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
    }

    [Theory]
    [InlineData("//elsewhere.example/")]
    [InlineData("/\\elsewhere.example")]
    [InlineData("https://elsewhere.example/")]
    [InlineData("/\t/elsewhere.example")]
    [InlineData(null)]
    public void LocalAddress_OfAnotherServer_IsTheStartPage(string? address) => Assert.Equal("/", AccountSetup.LocalAddress(address));

    [Fact]
    public async Task SetDisabled_SignedInAccount_LosesItsRightsAtOnceAndItsSignIn()
    {
        await server.CreateAccountAsync("ron", Roles.Reviewer);
        var id = (await Store.ListAsync(Cancellation)).Single(account => account.Name == "ron").Id;
        Assert.True(await Store.MayAsync(id, Roles.Reviewer, Cancellation));
        Assert.False(await Store.MayAsync(id, Roles.Researcher, Cancellation));

        await Store.SetDisabledAsync(id, disabled: true, null, Cancellation);

        Assert.False(await Store.MayAsync(id, Roles.Reviewer, Cancellation));
        using var client = server.CreateClient();
        using var answer = await ServerFixture.PostFormAsync(client, "/account/sign-in", SignIn("ron", ServerFixture.Password));
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    [Fact]
    public async Task LastAdministrator_DisabledOrWithoutTheRole_IsRefused()
    {
        var id = (await Store.ListAsync(Cancellation)).Single(account => account.Roles.Contains(Roles.Administrator)).Id;
        await Assert.ThrowsAsync<AccountException>(() => Store.SetDisabledAsync(id, disabled: true, null, Cancellation));
        await Assert.ThrowsAsync<AccountException>(() => Store.SetRolesAsync(id, [Roles.Expert], null, Cancellation));
        Assert.True(await Store.MayAsync(id, Roles.Administrator, Cancellation));
    }

    [Theory]
    [InlineData("fourteen chars")]
    [InlineData("aaaaaaaaaaaaaaaaaaaa")]
    [InlineData("moritz is my name")]
    [InlineData("123456789012345678")]
    [InlineData("P@ssw0rdP@ssw0rd1!")]
    [InlineData("qwertyuiopasdfghjkl")]
    [InlineData("AdminAdmin2026!2026")]
    public async Task Create_WeakPassword_IsRefusedAndMakesNothing(string password)
    {
        await Assert.ThrowsAsync<AccountException>(() => Store.CreateAsync("moritz", password, [Roles.Expert], Cancellation));
        Assert.DoesNotContain(await Store.ListAsync(Cancellation), account => account.Name == "moritz");
    }

    private static Dictionary<string, string> Form(string code, string name, string password = ServerFixture.Password) =>
        new(StringComparer.Ordinal) { ["Input.Code"] = code, ["Input.Name"] = name, ["Input.Password"] = password, ["Input.Again"] = password };

    private static Dictionary<string, string> SignIn(string name, string password) =>
        new(StringComparer.Ordinal) { ["Input.Name"] = name, ["Input.Password"] = password };
}
