using System.Net;
using CoScientist.Core.Storage;
using CoScientist.Tests.Shared;
using CoScientist.Web.Accounts;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace CoScientist.Tests.Web.Access;

/// <summary>Links that make accounts and give new passwords, and how often one may guess.</summary>
[Collection(nameof(AccessCollection))]
[Trait("Database", "any")]
public sealed class LinkTests(AccessFixture access)
{
    private readonly ServerFixture server = access.Server;

    private const string Chosen = "five quiet lanterns swim";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private AccountStore Store => server.Services.GetRequiredService<AccountStore>();

    [Fact]
    public async Task Invitation_Followed_MakesTheAccountWithItsRolesOnce()
    {
        var secret = await Store.InviteAsync("lin", [Roles.Reviewer], TimeSpan.FromHours(1), null, Cancellation);
        using var client = server.CreateClient();
        using var weak = await FollowAsync(client, secret, "lin", "too short");
        Assert.Contains("15 to 256 characters", await weak.Content.ReadAsStringAsync(Cancellation), StringComparison.Ordinal);
        using var made = await FollowAsync(client, secret, "lin", Chosen);
        Assert.Equal(HttpStatusCode.Redirect, made.StatusCode);
        using var review = await client.GetAsync("/review", Cancellation);
        Assert.Equal(HttpStatusCode.OK, review.StatusCode);

        using var second = server.CreateClient();
        Assert.Contains("does not hold", await second.GetStringAsync(AccountStore.LinkPath(secret), Cancellation), StringComparison.Ordinal);
        Assert.Equal([Roles.Reviewer], (await Store.ListAsync(Cancellation)).Single(account => account.Name == "lin").Roles);
    }

    [Fact]
    public async Task Invitation_UsedTwiceAtOnce_MakesOneAccount()
    {
        var secret = await Store.InviteAsync("one", [Roles.Expert], TimeSpan.FromHours(1), null, Cancellation);
        var outcomes = await Task.WhenAll(new[] { "one", "two" }.Select(name => Task.Run(async () =>
        {
            try
            {
                return await Store.UseLinkAsync(secret, name, Chosen, Cancellation);
            }
            catch (AccountException)
            {
                return null;
            }
        }, Cancellation)));

        Assert.Single(outcomes, name => name is not null);
        Assert.Single(await Store.ListAsync(Cancellation), account => account.Name is "one" or "two");
    }

    [Fact]
    public async Task ResetLink_Used_GivesThePasswordEndsSessionsAndUnlocks()
    {
        await server.CreateAccountAsync("ben", Roles.Expert);
        var id = (await Store.ListAsync(Cancellation)).Single(account => account.Name == "ben").Id;
        using var before = await server.SignInAsync("ben");
        var first = await Store.ResetLinkAsync(id, TimeSpan.FromHours(1), null, Cancellation);
        var second = await Store.ResetLinkAsync(id, TimeSpan.FromHours(1), null, Cancellation);
        Assert.Null(await Store.FindLinkAsync(first, Cancellation));

        using var client = server.CreateClient();
        using var done = await FollowAsync(client, second, null, Chosen);
        Assert.Equal(HttpStatusCode.Redirect, done.StatusCode);
        using var old = await before.GetAsync("/compare", Cancellation);
        Assert.Equal("/account/sign-in", old.Headers.Location!.AbsolutePath);
        (await server.SignInAsync("ben", Chosen)).Dispose();
        await Assert.ThrowsAsync<AccountException>(() => Store.UseLinkAsync(second, "", Chosen, Cancellation));
    }

    [Fact]
    public async Task Link_OutOfTime_DoesNotHold()
    {
        var secret = await Store.InviteAsync("late", [Roles.Expert], TimeSpan.FromHours(-1), null, Cancellation);
        Assert.Null(await Store.FindLinkAsync(secret, Cancellation));
        await Assert.ThrowsAsync<AccountException>(() => Store.UseLinkAsync(secret, "late", Chosen, Cancellation));
    }

    [Fact]
    public async Task Link_Made_IsKeptAsAHashOnly()
    {
        var secret = await Store.InviteAsync("hash", [Roles.Expert], TimeSpan.FromHours(1), null, Cancellation);
        await using var db = await server.Services.GetRequiredService<IDbContextFactory<CoScientistDb>>().CreateDbContextAsync(Cancellation);
        Assert.DoesNotContain(await db.AccountLinks.ToListAsync(Cancellation), link => link.SecretHash == secret);
    }

    [Fact]
    public async Task Link_Page_IsKeptFromCachesAndReferrers()
    {
        var secret = await Store.InviteAsync("ref", [Roles.Expert], TimeSpan.FromHours(1), null, Cancellation);
        using var client = server.CreateClient();
        using var answer = await client.GetAsync(AccountStore.LinkPath(secret), Cancellation);
        Assert.Equal("no-referrer", answer.Headers.GetValues("Referrer-Policy").Single());
        Assert.True(answer.Headers.CacheControl!.NoStore);
    }

    [Theory]
    [InlineData("/account/link/{0}")]
    [InlineData("/account/join/{0}")]
    public async Task Guesses_TooMany_AreRefusedWithoutLooking(string path)
    {
        // From an address of its own, since the limit holds for one address.
        using var client = server.CreateClient();
        client.DefaultRequestHeaders.Add("X-Forwarded-For", FormattableString.Invariant($"2001:db8:0:{(int)path[9]:x}::1"));
        var answers = new List<HttpStatusCode>();

        // A minute may begin in between, so that a second lot of guesses is let through, no more.
        while (answers.Count <= 2 * AttemptLimits.Failures && !answers.Contains(HttpStatusCode.TooManyRequests))
        {
            using var answer = await client.GetAsync(string.Format(System.Globalization.CultureInfo.InvariantCulture, path, answers.Count), Cancellation);
            answers.Add(answer.StatusCode);
        }

        Assert.Equal(HttpStatusCode.TooManyRequests, answers[^1]);
        Assert.True(answers.Count > AttemptLimits.Failures);
    }

    [Fact]
    public async Task SignIn_FailingTooOften_IsRefusedForThatAddressOnly()
    {
        using var client = server.CreateClient();
        client.DefaultRequestHeaders.Add("X-Forwarded-For", "2001:db8:0:5::1");
        HttpStatusCode status;
        var tries = 0;
        do
        {
            using var guess = await ServerFixture.PostFormAsync(client, "/account/sign-in", new(StringComparer.Ordinal) { ["Input.Name"] = "nobody", ["Input.Password"] = "guess" });
            status = guess.StatusCode;
            tries++;
        }
        while (status == HttpStatusCode.OK && tries <= 2 * AttemptLimits.Failures);

        Assert.Equal(HttpStatusCode.TooManyRequests, status);
        using var elsewhere = server.CreateClient();
        elsewhere.DefaultRequestHeaders.Add("X-Forwarded-For", "2001:db8:0:6::1");
        using var right = await ServerFixture.PostFormAsync(elsewhere, "/account/sign-in", new(StringComparer.Ordinal) { ["Input.Name"] = ServerFixture.Administrator, ["Input.Password"] = ServerFixture.Password });
        Assert.Equal(HttpStatusCode.Redirect, right.StatusCode);
    }

    private static Task<HttpResponseMessage> FollowAsync(HttpClient client, string secret, string? name, string password)
    {
        var form = new Dictionary<string, string>(StringComparer.Ordinal) { ["Input.Password"] = password, ["Input.Again"] = password };
        if (name is not null)
        {
            form["Input.Name"] = name;
        }

        return ServerFixture.PostFormAsync(client, AccountStore.LinkPath(secret), form);
    }
}
