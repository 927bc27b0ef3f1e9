using System.Net;
using System.Text.RegularExpressions;
using CoScientist.Core.Storage;
using CoScientist.Tests.Shared;

namespace CoScientist.Tests.Web;

/// <summary>The real server over HTTP: static files, who may open what, and that nothing but the server itself is called.</summary>
[Trait("Database", "any")]
public sealed partial class ServerTests(ServerFixture server) : IClassFixture<ServerFixture>
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("/_framework/blazor.web.js", "text/javascript")]
    [InlineData("/_content/Radzen.Blazor/Radzen.Blazor.min.js", "text/javascript")]
    [InlineData("/_content/Radzen.Blazor/css/material-base.css", "text/css")]
    [InlineData("/_content/Radzen.Blazor/css/material-dark-base.css", "text/css")]
    [InlineData("/_content/Radzen.Blazor/fonts/MaterialSymbolsOutlined.woff2", "font/woff2")]
    [InlineData("/app.css", "text/css")]
    [InlineData("/library.css", "text/css")]
    [InlineData("/runs.css", "text/css")]
    [InlineData("/studies.css", "text/css")]
    [InlineData("/icon.svg", "image/svg+xml")]
    [InlineData("/js/page.js", "text/javascript")]
    [InlineData("/js/keys.js", "text/javascript")]
    [InlineData("/js/drafts.js", "text/javascript")]
    [InlineData("/js/zone.js", "text/javascript")]
    public async Task StaticFile_Anonymous_IsServed(string path, string type)
    {
        using var client = server.CreateClient();
        using var answer = await client.GetAsync(path, Cancellation);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(type, answer.Content.Headers.ContentType?.MediaType);
        Assert.NotEmpty(await answer.Content.ReadAsByteArrayAsync(Cancellation));
    }

    [Fact]
    public async Task ClientScript_WithItsHash_IsCompressedAndKeptForGood()
    {
        using var client = server.CreateClient();
        var address = ScriptAddress().Match(await client.GetStringAsync("/account/sign-in", Cancellation)).Groups[1].Value;
        using var request = new HttpRequestMessage(HttpMethod.Get, address) { Headers = { { "Accept-Encoding", "gzip" } } };
        using var answer = await client.SendAsync(request, Cancellation);
        Assert.Equal("gzip", answer.Content.Headers.ContentEncoding.Single());
        Assert.Contains("immutable", answer.Headers.CacheControl!.ToString(), StringComparison.Ordinal);
        Assert.True((await answer.Content.ReadAsByteArrayAsync(Cancellation)).Length < 100_000);
    }

    public static TheoryData<string, string[]> Pages => new()
    {
        { "/", [Roles.Expert, Roles.Reviewer, Roles.Researcher, Roles.Administrator] },
        { "/library", [Roles.Reviewer, Roles.Researcher, Roles.Administrator] },
        { "/library/goals?data=sandbox", [Roles.Reviewer, Roles.Researcher, Roles.Administrator] },
        { "/review", [Roles.Reviewer, Roles.Administrator] },
        { "/studies/new", [Roles.Researcher, Roles.Administrator] },
        { "/studies/together", [Roles.Researcher, Roles.Administrator] },
        { "/review?data=sandbox", [Roles.Reviewer, Roles.Administrator] },
        { "/runs", [Roles.Researcher, Roles.Administrator] },
        { "/runs/new", [Roles.Researcher, Roles.Administrator] },
        { "/studies", [Roles.Researcher, Roles.Administrator] },
        { "/compare", [Roles.Expert, Roles.Administrator] },
        { "/models", [Roles.Researcher, Roles.Administrator] },
        { "/admin", [Roles.Administrator] },
        { "/admin/servers", [Roles.Researcher, Roles.Administrator] },
        { "/admin/calls", [Roles.Researcher, Roles.Administrator] },
        { "/account/password", [Roles.Expert, Roles.Reviewer, Roles.Researcher, Roles.Administrator] },
    };

    [Theory]
    [MemberData(nameof(Pages))]
    public async Task Page_AsEveryRole_OpensForItsRolesOnly(string page, string[] allowed)
    {
        foreach (var role in Roles.All)
        {
            var client = await server.ClientOfAsync(role);
            using var answer = await client.GetAsync(page, Cancellation);
            if (allowed.Contains(role))
            {
                Assert.True(answer.StatusCode == HttpStatusCode.OK, $"{page} as {role}: {answer.StatusCode}");
                Assert.Contains("<h1", await answer.Content.ReadAsStringAsync(Cancellation), StringComparison.Ordinal);
            }
            else
            {
                Assert.True(answer.StatusCode == HttpStatusCode.Redirect, $"{page} as {role}: {answer.StatusCode}");
                Assert.StartsWith("/account/denied", answer.Headers.Location!.AbsolutePath, StringComparison.Ordinal);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Pages))]
    public async Task Page_Anonymous_AsksToSignIn(string page, string[] allowed)
    {
        Assert.NotEmpty(allowed);
        using var client = server.CreateClient();
        using var answer = await client.GetAsync(page, Cancellation);
        Assert.Equal(HttpStatusCode.Redirect, answer.StatusCode);
        Assert.Equal("/account/sign-in", answer.Headers.Location!.AbsolutePath);
    }

    [Theory]
    [MemberData(nameof(Pages))]
    public async Task Page_AsAdministrator_NamesNoOtherHostAndRunsNoInlineScript(string page, string[] allowed)
    {
        Assert.Contains(Roles.Administrator, allowed);
        var client = await server.ClientOfAsync(Roles.Administrator);
        using var answer = await client.GetAsync(page, Cancellation);
        var html = await answer.Content.ReadAsStringAsync(Cancellation);
        Assert.DoesNotMatch("""(src|href|action)="(https?:)?//""", html);
        Assert.DoesNotMatch("""<script(?![^>]*\bsrc=)[^>]*>""", html);
        Assert.DoesNotMatch("""\son[a-z]+="[^"]""", html);
        Assert.Contains("default-src 'self'", answer.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task UnknownAddress_SignedIn_AnswersNotFoundWithAWayBack()
    {
        using var client = await server.SignInAsync();
        using var answer = await client.GetAsync("/no/such/page", Cancellation);
        Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
        Assert.Contains("There is no such page", await answer.Content.ReadAsStringAsync(Cancellation), StringComparison.Ordinal);
    }

    [Fact]
    public async Task ForwardedHeaders_OfAnUnknownProxy_AreNotBelieved()
    {
        using var client = server.CreateClient();
        using var answer = await Access.HardeningTests.AskAsync(client);
        Assert.False(answer.Headers.Contains("Strict-Transport-Security"));
        Assert.All(answer.Headers.GetValues("Set-Cookie"), cookie => Assert.DoesNotContain("secure", cookie, StringComparison.OrdinalIgnoreCase));
    }

    [GeneratedRegex("src=\"(/_framework/blazor[^\"]+)")]
    private static partial Regex ScriptAddress();
}
