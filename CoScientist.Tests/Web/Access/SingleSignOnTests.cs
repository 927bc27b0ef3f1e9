using System.Net;
using System.Security.Claims;
using CoScientist.Core.Storage;
using CoScientist.Tests.Shared;
using CoScientist.Web.Accounts;
using CoScientist.Web.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace CoScientist.Tests.Web.Access;

/// <summary>Single sign-on against a provider in this process.</summary>
[Trait("Database", "any")]
public sealed class SingleSignOnTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task SingleSignOn_ByClaims_MakesAccountsGivesRolesAndRefusesOthers()
    {
        await using var provider = await StandInProvider.StartAsync();
        await using var server = new ServerFixture();
        const string Section = "CoScientist:SingleSignOn:";
        await server.StartAsync(
            Section + "Authority", provider.Authority,
            Section + "ClientId", StandInProvider.ClientId,
            Section + "Label", "Sign in at the institute",
            Section + "Roles:researcher:0", "lab-members",
            Section + "Roles:administrator:0", "lab-heads");
        await server.CreateAccountAsync("ada", Roles.Administrator);
        var store = server.Services.GetRequiredService<AccountStore>();

        // The first time: an account of its own, even though somebody here has the same name.
        provider.Person = [new("sub", "17"), new("preferred_username", "ada"), new("roles", "lab-members"), new("roles", "choir")];
        using var client = server.CreateClient();
        Assert.Contains("Sign in at the institute", await client.GetStringAsync("/account/sign-in", Cancellation), StringComparison.Ordinal);
        Assert.Equal("/runs", await ComeAsync(client, "/runs"));
        using var runs = await client.GetAsync("/runs", Cancellation);
        Assert.Equal(HttpStatusCode.OK, runs.StatusCode);
        using var admin = await client.GetAsync("/admin", Cancellation);
        Assert.Equal("/account/denied", admin.Headers.Location!.AbsolutePath);
        Assert.Equal([Roles.Researcher], (await store.ListAsync(Cancellation)).Single(account => account.Name == "ada-2").Roles);

        // Later: the same account, with the roles that the provider gives now.
        provider.Person = [new("sub", "17"), new("preferred_username", "countess"), new("roles", "lab-heads")];
        using var later = server.CreateClient();
        Assert.Equal("/", await ComeAsync(later, "/"));
        Assert.Equal(2, (await store.ListAsync(Cancellation)).Count);
        using var now = await later.GetAsync("/admin", Cancellation);
        Assert.Equal(HttpStatusCode.OK, now.StatusCode);

        // Nobody whom the claim gives no role, nobody who is shut out, and no token that is for another application.
        provider.Person = [new("sub", "18"), new("preferred_username", "stranger"), new("roles", "choir")];
        Assert.Equal("/account/sign-in?fault=refused", await ComeAsync(server.CreateClient(), "/"));
        provider.Person = [new("sub", "17"), new("preferred_username", "ada"), new("roles", "lab-members")];
        await store.SetDisabledAsync((await store.ListAsync(Cancellation)).Single(account => account.Name == "ada-2").Id, disabled: true, null, Cancellation);
        Assert.Equal("/account/sign-in?fault=refused", await ComeAsync(server.CreateClient(), "/"));
        provider.Audience = "another";
        Assert.Equal("/account/sign-in?fault=failed", await ComeAsync(server.CreateClient(), "/"));
        Assert.Equal(2, (await store.ListAsync(Cancellation)).Count);
    }

    [Fact]
    public async Task SingleSignOn_LastAdministratorWithoutTheClaim_StaysOne()
    {
        await using var data = await AccountData.MakeAsync();
        var store = data.Store;
        await store.MeetAsync(new ExternalPerson("p", "1", "Zoe Meier!", [Roles.Administrator], []), Cancellation);
        await store.MeetAsync(new ExternalPerson("p", "1", "Zoe Meier!", [Roles.Expert], []), Cancellation);

        var account = Assert.Single(await store.ListAsync(Cancellation));
        Assert.Equal("ZoeMeier", account.Name);
        Assert.Equal([Roles.Expert, Roles.Administrator], account.Roles);
    }

    [Theory]
    [InlineData("http://elsewhere.example", "x", "must be an https address")]
    [InlineData("https://elsewhere.example", "", "needs a ClientId")]
    public void Configuration_ThatCannotWork_IsRefusedAtTheStart(string authority, string clientId, string fault)
    {
        var refused = Assert.Throws<InvalidDataException>(() => Application.Build(new CoScientistOptions { DataDirectory = Path.GetTempPath() }, "http://127.0.0.1:0", settings: new Dictionary<string, string?>(StringComparer.Ordinal)
        {
            ["CoScientist:SingleSignOn:Authority"] = authority,
            ["CoScientist:SingleSignOn:ClientId"] = clientId,
        }));
        Assert.Contains(fault, refused.Message, StringComparison.Ordinal);
    }

    // To the provider, back with the code, and where one wanted to go.
    private static async Task<string> ComeAsync(HttpClient client, string returnUrl)
    {
        var address = new Uri(client.BaseAddress!, $"/account/single-sign-on?returnUrl={Uri.EscapeDataString(returnUrl)}");
        for (var step = 0; step < 4; step++)
        {
            using var answer = await client.GetAsync(address, Cancellation);
            Assert.Equal(HttpStatusCode.Redirect, answer.StatusCode);
            address = new Uri(address, answer.Headers.Location!);
            if (address.AbsolutePath is "/account/sign-in")
            {
                break;
            }
        }

        return address.PathAndQuery;
    }
}
