using System.Buffers.Binary;
using System.Net;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using CoScientist.Core.Storage;
using CoScientist.Tests.Shared;
using CoScientist.Web.Accounts;
using CoScientist.Web.ViewModels;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace CoScientist.Tests.Web.Access;

/// <summary>The second step of signing in, with an authenticator as RFC 6238 describes it.</summary>
[Collection(nameof(AccessCollection))]
[Trait("Database", "any")]
public sealed partial class SecondStepTests(AccessFixture access)
{
    private readonly ServerFixture server = access.Server;

    private const string Page = "/account/security";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task SecondStep_FromSetUpToRecovery_WorksAsAnAuthenticatorDoes()
    {
        await server.CreateAccountAsync("tilda", Roles.Expert);
        using var client = await server.SignInAsync("tilda");

        // Set up: the key is shown, and counts only once a code of it was given.
        using var begun = await PostAsync(client, "start", []);
        var html = await begun.Content.ReadAsStringAsync(Cancellation);
        var key = Key().Match(html).Groups[1].Value;
        Assert.Contains($"otpauth://totp/CoScientist:tilda?secret={key}", WebUtility.HtmlDecode(html), StringComparison.Ordinal);
        // The first corner of the code, behind the margin that cameras need.
        Assert.Matches("<svg class=\"qr\".*<path class=\"qr-ink\" d=\"M4 4h1v1h-1zM5 4h1v1h-1z", html.ReplaceLineEndings(""));
        using var wrong = await PostAsync(client, "confirm", new() { ["Input.Code"] = "000000" });
        Assert.Contains("does not hold", await wrong.Content.ReadAsStringAsync(Cancellation), StringComparison.Ordinal);
        using var on = await PostAsync(client, "confirm", new() { ["Input.Code"] = CodeOf(key, 0) });
        html = await on.Content.ReadAsStringAsync(Cancellation);
        Assert.Contains("The second step is on", html, StringComparison.Ordinal);
        var recovery = RecoveryCode().Matches(html).Select(match => match.Groups[1].Value).ToList();
        Assert.Equal(10, recovery.Count);

        // Neither key nor codes can be read from a copy of the database.
        await using (var db = await server.Services.GetRequiredService<IDbContextFactory<CoScientistDb>>().CreateDbContextAsync(Cancellation))
        {
            var tilda = await db.Users.Where(user => user.UserName == "tilda").Select(user => user.Id).SingleAsync(Cancellation);
            var kept = await db.UserTokens.Where(token => token.UserId == tilda).Select(token => token.Value).ToListAsync(Cancellation);
            Assert.Equal(3, kept.Count);
            Assert.DoesNotContain(kept, value => value!.Contains(key, StringComparison.Ordinal) || value.Contains(recovery[0], StringComparison.Ordinal));
        }

        // The password alone opens nothing.
        using var again = server.CreateClient();
        Assert.Equal("/account/code", await StepAsync(again));
        using var half = await again.GetAsync("/compare", Cancellation);
        Assert.Equal("/account/sign-in", half.Headers.Location!.AbsolutePath);
        var code = CodeOf(key, 1);
        using var bad = await ServerFixture.PostFormAsync(again, "/account/code", new(StringComparer.Ordinal) { ["Input.Code"] = "12345" });
        Assert.Equal(HttpStatusCode.OK, bad.StatusCode);
        using var good = await ServerFixture.PostFormAsync(again, "/account/code", new(StringComparer.Ordinal) { ["Input.Code"] = code });
        Assert.Equal(HttpStatusCode.Redirect, good.StatusCode);
        using var whole = await again.GetAsync("/compare", Cancellation);
        Assert.Equal(HttpStatusCode.OK, whole.StatusCode);

        // The same code does not do it again.
        using (var replay = server.CreateClient())
        {
            await StepAsync(replay);
            using var twice = await ServerFixture.PostFormAsync(replay, "/account/code", new(StringComparer.Ordinal) { ["Input.Code"] = code });
            Assert.Equal(HttpStatusCode.OK, twice.StatusCode);
        }

        // A recovery code does it once.
        foreach (var expected in (HttpStatusCode[])[HttpStatusCode.Redirect, HttpStatusCode.OK])
        {
            using var lost = server.CreateClient();
            await StepAsync(lost);
            using var used = await ServerFixture.PostFormAsync(lost, "/account/code", new(StringComparer.Ordinal) { ["Input.Code"] = recovery[0] });
            Assert.Equal(expected, used.StatusCode);
        }

        // Who has lost everything asks an administrator.
        var store = server.Services.GetRequiredService<AccountStore>();
        var account = (await store.ListAsync(Cancellation)).Single(account => account.Name == "tilda");
        Assert.True(account.HasSecondStep);
        await store.RemoveSecondStepAsync(account.Id, null, Cancellation);
        (await server.SignInAsync("tilda")).Dispose();
    }

    [Fact]
    public async Task Code_WithoutThePassword_LeadsBackToSigningIn()
    {
        using var client = server.CreateClient();
        using var answer = await client.GetAsync("/account/code", Cancellation);
        Assert.Equal("/account/sign-in", answer.Headers.Location!.AbsolutePath);
    }

    private async Task<string> StepAsync(HttpClient client)
    {
        using var answer = await ServerFixture.PostFormAsync(client, "/account/sign-in", new(StringComparer.Ordinal) { ["Input.Name"] = "tilda", ["Input.Password"] = ServerFixture.Password });
        return new Uri(new Uri(server.Address), answer.Headers.Location!).AbsolutePath;
    }

    // A page with several forms: the one that is meant.
    private static async Task<HttpResponseMessage> PostAsync(HttpClient client, string form, Dictionary<string, string> fields)
    {
        var html = await client.GetStringAsync(Page, Cancellation);
        fields["_handler"] = form;
        fields["__RequestVerificationToken"] = Token().Match(html[html.IndexOf("<main", StringComparison.Ordinal)..]).Groups[1].Value;
        using var content = new FormUrlEncodedContent(fields);
        return await client.PostAsync(Page, content, Cancellation);
    }

    // RFC 6238 over HMAC-SHA-1, six digits, thirty seconds; one step ahead is still taken, for clocks that differ.
    private static string CodeOf(string key, int ahead)
    {
        const string Base32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        var bits = string.Concat(key.Select(letter => Convert.ToString(Base32.IndexOf(letter, StringComparison.Ordinal), 2).PadLeft(5, '0')));
        var secret = bits.Chunk(8).Where(part => part.Length == 8).Select(part => Convert.ToByte(new string(part), 2)).ToArray();
        var counter = new byte[8];
        BinaryPrimitives.WriteInt64BigEndian(counter, (DateTimeOffset.UtcNow.ToUnixTimeSeconds() / 30) + ahead);
#pragma warning disable CA5350 // The standard of authenticators says so.
        var hash = HMACSHA1.HashData(secret, counter);
#pragma warning restore CA5350
        var number = BinaryPrimitives.ReadInt32BigEndian(hash.AsSpan(hash[^1] & 15)) & 0x7FFFFFFF;
        return (number % 1_000_000).ToString("D6", System.Globalization.CultureInfo.InvariantCulture);
    }

    [GeneratedRegex("<code class=\"secret-link\">([A-Z2-7]+)</code>")]
    private static partial Regex Key();

    [GeneratedRegex("<li><code>([^<]+)</code></li>")]
    private static partial Regex RecoveryCode();

    [GeneratedRegex("name=\"__RequestVerificationToken\" value=\"([^\"]+)\"")]
    private static partial Regex Token();
}
