using System.Net;
using System.Security.Claims;
using CoScientist.Core.Storage;
using CoScientist.Tests.Shared;
using CoScientist.Web.Accounts;
using Microsoft.AspNetCore.Components.Authorization;
using Microsoft.AspNetCore.Components.Server;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.DependencyInjection;

namespace CoScientist.Tests.Web.Access;

/// <summary>What happens to who is signed in already, when the account changes; and who may change accounts.</summary>
[Collection(nameof(AccessCollection))]
[Trait("Database", "any")]
public sealed class SessionTests(AccessFixture access)
{
    private readonly ServerFixture server = access.Server;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private AccountStore Store => server.Services.GetRequiredService<AccountStore>();

    [Fact]
    public async Task RoleChange_OpenPageAndCookie_HaveTheNewRolesAtOnce()
    {
        var id = await MakeAsync("rosa", Roles.Researcher);
        using var client = await server.SignInAsync("rosa");
        await using var page = await OpenPageAsync("rosa");
        Assert.True((await page.UserAsync()).IsInRole(Roles.Researcher));

        var told = page.NextAsync();
        await Store.SetRolesAsync(id, [Roles.Expert], null, Cancellation);
        var user = await told;

        Assert.False(user.IsInRole(Roles.Researcher));
        Assert.True(user.IsInRole(Roles.Expert));
        using var runs = await client.GetAsync("/runs", Cancellation);
        Assert.Equal("/account/denied", runs.Headers.Location!.AbsolutePath);
        using var compare = await client.GetAsync("/compare", Cancellation);
        Assert.Equal(HttpStatusCode.OK, compare.StatusCode);
    }

    [Fact]
    public async Task SignOutEverywhere_EndsCookiesAndOpenPagesAtOnce()
    {
        var id = await MakeAsync("eva", Roles.Expert);
        using var client = await server.SignInAsync("eva");
        await using var page = await OpenPageAsync("eva");

        var told = page.NextAsync();
        await Store.SignOutEverywhereAsync(id, null, Cancellation);

        Assert.False((await told).Identity!.IsAuthenticated);
        await Assert.ThrowsAsync<UnauthorizedAccessException>(() => page.Guard.RequireAsync(Roles.Expert, Cancellation));
        using var answer = await client.GetAsync("/compare", Cancellation);
        Assert.Equal("/account/sign-in", answer.Headers.Location!.AbsolutePath);
    }

    [Fact]
    public async Task SignOut_OfOneBrowser_ClosesItsOpenPagesOnly()
    {
        await MakeAsync("udo", Roles.Expert);
        await using var here = await OpenPageAsync("udo");
        await using var elsewhere = await OpenPageAsync("udo");

        var told = here.NextAsync();
        server.Services.GetRequiredService<Sessions>().Announce((await here.UserAsync()).FindFirstValue(Sessions.SessionClaim)!);

        Assert.False((await told).Identity!.IsAuthenticated);
        Assert.True((await elsewhere.UserAsync()).Identity!.IsAuthenticated);
    }

    [Fact]
    public async Task ChangeByAnotherProcess_IsSeenByTheNextAction()
    {
        await MakeAsync("otto", Roles.Expert);
        await using var page = await OpenPageAsync("otto");
        await page.Guard.RequireAsync(Roles.Expert, Cancellation);

        await using (var scope = server.Services.CreateAsyncScope())
        {
            var manager = scope.ServiceProvider.GetRequiredService<UserManager<Account>>();
            await manager.UpdateSecurityStampAsync((await manager.FindByNameAsync("otto"))!);
        }

        await Assert.ThrowsAsync<UnauthorizedAccessException>(() => page.Guard.RequireAsync(Roles.Expert, Cancellation));
    }

    [Fact]
    public async Task ChangePassword_EndsOtherSessionsAndKeepsThisOne()
    {
        const string Next = "seven grey herons wading";
        await MakeAsync("ida", Roles.Expert);
        using var here = await server.SignInAsync("ida");
        using var elsewhere = await server.SignInAsync("ida");

        using var weak = await ServerFixture.PostFormAsync(here, "/account/password", Change("wrong", Next));
        Assert.Contains("Incorrect password", await weak.Content.ReadAsStringAsync(Cancellation), StringComparison.Ordinal);
        using var done = await ServerFixture.PostFormAsync(here, "/account/password", Change(ServerFixture.Password, Next));
        var html = await done.Content.ReadAsStringAsync(Cancellation);
        Assert.True(html.Contains("The password is changed", StringComparison.Ordinal), html[Math.Max(0, html.IndexOf("<main", StringComparison.Ordinal))..]);

        using var stays = await here.GetAsync("/compare", Cancellation);
        Assert.Equal(HttpStatusCode.OK, stays.StatusCode);
        using var gone = await elsewhere.GetAsync("/compare", Cancellation);
        Assert.Equal("/account/sign-in", gone.Headers.Location!.AbsolutePath);
        (await server.SignInAsync("ida", Next)).Dispose();

        static Dictionary<string, string> Change(string present, string next) => new(StringComparer.Ordinal) { ["Input.Present"] = present, ["Input.Password"] = next, ["Input.Again"] = next };
    }

    [Fact]
    public async Task TwoAdministrators_DemotingEachOtherAtOnce_LeaveOne()
    {
        await using var fresh = await AccountData.MakeAsync();
        var store = fresh.Store;
        await store.CreateAsync("ada", ServerFixture.Password, [Roles.Administrator], Cancellation);
        await store.CreateAsync("bob", ServerFixture.Password, [Roles.Administrator], Cancellation);
        for (var round = 0; round < 5; round++)
        {
            var both = (await store.ListAsync(Cancellation)).ToList();
            using var start = new Barrier(2);
            await Task.WhenAll(Demote(both[0].Id, both[1].Id, disable: false), Demote(both[1].Id, both[0].Id, disable: round % 2 == 1));

            var left = Assert.Single(await store.ListAsync(Cancellation), account => account.Roles.Contains(Roles.Administrator) && !account.IsDisabled);
            foreach (var account in both.Where(account => account.Id != left.Id))
            {
                await store.SetRolesAsync(account.Id, Roles.All.ToList(), left.Id, Cancellation);
                await store.SetDisabledAsync(account.Id, disabled: false, left.Id, Cancellation);
            }

            Task Demote(string by, string whom, bool disable) => Task.Run(async () =>
            {
                start.SignalAndWait(Cancellation);
                try
                {
                    await (disable ? store.SetDisabledAsync(whom, disabled: true, by, Cancellation) : store.SetRolesAsync(whom, [Roles.Expert], by, Cancellation));
                }
                catch (Exception refused) when (refused is AccountException or UnauthorizedAccessException)
                {
                    // One of them comes too late.
                }
            }, Cancellation);
        }
    }

    [Fact]
    public async Task Change_AskedByWhoIsNoAdministrator_IsRefusedByTheStore()
    {
        var eve = await MakeAsync("evelyn", Roles.Researcher);
        var victim = await MakeAsync("vic", Roles.Expert);

        await Assert.ThrowsAsync<UnauthorizedAccessException>(() => Store.SetRolesAsync(eve, [Roles.Administrator], eve, Cancellation));
        await Assert.ThrowsAsync<UnauthorizedAccessException>(() => Store.SetDisabledAsync(victim, disabled: true, eve, Cancellation));
        await Assert.ThrowsAsync<UnauthorizedAccessException>(() => Store.SignOutEverywhereAsync(victim, eve, Cancellation));
        await Assert.ThrowsAsync<UnauthorizedAccessException>(() => Store.RemoveSecondStepAsync(victim, eve, Cancellation));
        await Assert.ThrowsAsync<UnauthorizedAccessException>(() => Store.InviteAsync("x", [Roles.Administrator], TimeSpan.FromDays(1), eve, Cancellation));
        await Assert.ThrowsAsync<UnauthorizedAccessException>(() => Store.ResetLinkAsync(victim, TimeSpan.FromDays(1), eve, Cancellation));
        Assert.Equal([Roles.Expert], (await Store.ListAsync(Cancellation)).Single(account => account.Id == victim).Roles);
    }

    [Fact]
    public async Task Trail_OfChanges_SaysWhoDidWhat()
    {
        var id = await MakeAsync("tom", Roles.Expert);
        var ada = (await Store.ListAsync(Cancellation)).Single(account => account.Name == ServerFixture.Administrator).Id;
        await Store.SetRolesAsync(id, [Roles.Reviewer], ada, Cancellation);

        var (entries, _) = await server.Services.GetRequiredService<AuditTrail>().PageAsync(new AuditFilter("tom"), 0, 100, Cancellation);
        var entry = entries[0];
        Assert.Equal(("ada", "set the roles to reviewer"), (entry.By, entry.What));
    }

    private async Task<string> MakeAsync(string name, string role)
    {
        await server.CreateAccountAsync(name, role);
        return (await Store.ListAsync(Cancellation)).Single(account => account.Name == name).Id;
    }

    private async Task<OpenPage> OpenPageAsync(string name)
    {
        var scope = server.Services.CreateAsyncScope();
        var account = await scope.ServiceProvider.GetRequiredService<UserManager<Account>>().FindByNameAsync(name);
        var cookie = await scope.ServiceProvider.GetRequiredService<IUserClaimsPrincipalFactory<Account>>().CreateAsync(account!);
        var user = await server.Services.GetRequiredService<Sessions>().CurrentAsync(cookie, Cancellation);
        var page = new OpenPage(scope);
        ((AccountRevalidation)page.State).Listen();
        ((IHostEnvironmentAuthenticationStateProvider)page.State).SetAuthenticationState(Task.FromResult(new AuthenticationState(user!)));
        return page;
    }

    /// <summary>What a circuit has of its person.</summary>
    private sealed class OpenPage(AsyncServiceScope scope) : IAsyncDisposable
    {
        public AuthenticationStateProvider State { get; } = scope.ServiceProvider.GetRequiredService<AuthenticationStateProvider>();

        public AccessGuard Guard { get; } = scope.ServiceProvider.GetRequiredService<AccessGuard>();

        public async Task<ClaimsPrincipal> UserAsync() => (await State.GetAuthenticationStateAsync()).User;

        public Task<ClaimsPrincipal> NextAsync()
        {
            var next = new TaskCompletionSource<ClaimsPrincipal>(TaskCreationOptions.RunContinuationsAsynchronously);
            State.AuthenticationStateChanged += async state => next.TrySetResult((await state).User);
            return next.Task.WaitAsync(Cancellation);
        }

        public ValueTask DisposeAsync() => scope.DisposeAsync();
    }
}
