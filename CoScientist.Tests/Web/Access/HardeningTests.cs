using System.Net;
using CoScientist.Core.Storage;
using CoScientist.Tests.Shared;
using CoScientist.Web.Configuration;

namespace CoScientist.Tests.Web.Access;

/// <summary>What answers say to browsers, and what is believed of proxies.</summary>
[Collection(nameof(AccessCollection))]
[Trait("Database", "any")]
public sealed class HardeningTests(AccessFixture access)
{
    private readonly ServerFixture server = access.Server;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("/account/sign-in", HttpStatusCode.OK)]
    [InlineData("/app.css", HttpStatusCode.OK)]
    [InlineData("/no/such/page", HttpStatusCode.NotFound)]
    [InlineData("/models/none/download", HttpStatusCode.NotFound)]
    public async Task Headers_OfEveryAnswer_AreStrict(string path, HttpStatusCode status)
    {
        var client = await server.ClientOfAsync(Roles.Researcher);
        using var answer = await client.GetAsync(path, Cancellation);
        Assert.Equal(status, answer.StatusCode);
        var policy = answer.Headers.GetValues("Content-Security-Policy").Single();
        Assert.Contains("script-src 'self'; script-src-attr 'none'; style-src 'self'; style-src-attr 'none'; ", policy, StringComparison.Ordinal);
        Assert.Contains("frame-ancestors 'none'", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("unsafe", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("http", policy, StringComparison.Ordinal);
        Assert.Equal("nosniff", answer.Headers.GetValues("X-Content-Type-Options").Single());
        Assert.Equal("DENY", answer.Headers.GetValues("X-Frame-Options").Single());
        Assert.Equal("same-origin", answer.Headers.GetValues("Referrer-Policy").Single());
        Assert.Contains("camera=()", answer.Headers.GetValues("Permissions-Policy").Single(), StringComparison.Ordinal);
        Assert.False(answer.Headers.Contains("Server"));
    }

    [Fact]
    public async Task ForwardedHeaders_OfTheConfiguredProxy_GiveSecureCookiesAndStrictTransport()
    {
        using var client = server.CreateClient();
        using var answer = await AskAsync(client);
        Assert.Contains("max-age=", answer.Headers.GetValues("Strict-Transport-Security").Single(), StringComparison.Ordinal);
        Assert.All(answer.Headers.GetValues("Set-Cookie"), cookie => Assert.Contains("secure", cookie, StringComparison.OrdinalIgnoreCase));
        Assert.All(answer.Headers.GetValues("Set-Cookie"), cookie => Assert.Contains("httponly", cookie, StringComparison.OrdinalIgnoreCase));
    }

    [Fact]
    public void Proxy_ThatIsNoAddress_IsRefusedAtTheStart() => Assert.Contains("proxy.example", Assert.Throws<InvalidDataException>(() =>
        Application.Build(new CoScientistOptions { DataDirectory = Path.GetTempPath() }, "http://127.0.0.1:0", settings: [KeyValuePair.Create(Hardening.ProxiesKey + ":0", (string?)"proxy.example")])).Message, StringComparison.Ordinal);

    [Fact]
    public async Task Body_LargerThanAnyForm_IsRefused()
    {
        using var client = server.CreateClient();
        using var content = new FormUrlEncodedContent([KeyValuePair.Create("Input.Name", new string('a', 5 << 20))]);
        try
        {
            using var answer = await client.PostAsync("/account/sign-in", content, Cancellation);
            Assert.False(answer.IsSuccessStatusCode);
        }
        catch (HttpRequestException)
        {
            // The server may close the connection before everything is sent.
        }
    }

    internal static async Task<HttpResponseMessage> AskAsync(HttpClient client)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/account/sign-in") { Headers = { { "X-Forwarded-Proto", "https" }, { "X-Forwarded-For", "203.0.113.7" } } };
        request.Headers.Host = "lab.example";
        return await client.SendAsync(request, Cancellation);
    }
}
