using System.Net;
using System.Text.RegularExpressions;
using CoScientist.Core.Storage;
using CoScientist.Tests.Shared;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace CoScientist.Tests.Web.Access;

/// <summary>Every address that the server answers, asked as every role and as nobody. A new one fails here until it is said who may have it.</summary>
[Collection(nameof(AccessCollection))]
[Trait("Database", "any")]
public sealed partial class EndpointWalkTests(AccessFixture access)
{
    private readonly ServerFixture server = access.Server;

    private static readonly string[] s_everybody = ["", .. Roles.All];
    private static readonly string[] s_signedIn = [.. Roles.All];
    private static readonly string[] s_library = [Roles.Reviewer, Roles.Researcher, Roles.Administrator];
    private static readonly string[] s_research = [Roles.Researcher, Roles.Administrator];
    private static readonly string[] s_review = [Roles.Reviewer, Roles.Administrator];
    private static readonly string[] s_compare = [Roles.Expert, Roles.Administrator];
    private static readonly string[] s_administration = [Roles.Administrator];

    private static readonly Dictionary<string, string[]> s_access = new(StringComparer.OrdinalIgnoreCase)
    {
        // What belongs to everybody: signing in, links, and the client's script.
        ["/_framework/blazor.web.js"] = s_everybody,
        ["/account/sign-in"] = s_everybody,
        ["/account/code"] = s_everybody,
        ["/account/denied"] = s_everybody,
        ["/account/join/{Secret}"] = s_everybody,
        ["/account/link/{Secret}"] = s_everybody,
        ["/account/theme"] = s_everybody,
        ["/setup"] = s_everybody,
        ["/error"] = s_everybody,
        ["/not-found"] = s_everybody,
        ["/healthz"] = s_everybody,
        ["/readyz"] = s_everybody,

        // Connections, and what everybody with an account has.
        ["/_blazor"] = s_signedIn,
        ["/_blazor/negotiate"] = s_signedIn,
        ["/_blazor/disconnect/"] = s_signedIn,
        ["/_blazor/initializers/"] = s_signedIn,
        ["/_framework/opaque-redirect"] = s_signedIn,
        ["/"] = s_signedIn,
        ["/account/password"] = s_signedIn,
        ["/account/security"] = s_signedIn,
        ["/account/sign-out"] = s_signedIn,

        ["/compare"] = s_compare,
        ["/compare/{Id}"] = s_compare,
        ["/review"] = s_review,
        ["/review/second"] = s_review,
        ["/library"] = s_library,
        ["/library/activity"] = s_library,
        ["/library/goals"] = s_library,
        ["/library/goals/{Id}"] = s_library,
        ["/library/leakage"] = s_library,
        ["/library/papers/{Id}"] = s_library,
        ["/library/rubrics"] = s_library,
        ["/models"] = s_research,
        ["/models/compare"] = s_research,
        ["/models/playground"] = s_research,
        ["/models/{Name}"] = s_research,
        ["/models/{name}/download"] = s_research,
        ["/notices"] = s_research,
        ["/runs"] = s_research,
        ["/runs/compare"] = s_research,
        ["/runs/new"] = s_research,
        ["/runs/{Name}"] = s_research,
        ["/runs/{Name}/files"] = s_research,
        ["/runs/{name}/files/{file}"] = s_research,
        ["/runs/{name}/charts/{key}.csv"] = s_research,
        ["/runs/{name}/charts/{key}.svg"] = s_research,
        ["/studies"] = s_research,
        ["/studies/new"] = s_research,
        ["/studies/{Id}"] = s_research,
        ["/studies/{id}/figures/{file}"] = s_research,
        ["/studies/together"] = s_research,
        ["/studies/together/figures/{file}"] = s_research,
        ["/admin/calls"] = s_research,
        ["/admin/servers"] = s_research,
        ["/admin"] = s_administration,
        ["/admin/operation"] = s_administration,
        ["/admin/audit"] = s_administration,
        ["/admin/audit.csv"] = s_administration,
        ["/metrics"] = s_administration,
    };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task EveryEndpoint_AsEveryRoleAndAsNobody_OpensForItsRolesOnly()
    {
        var endpoints = server.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            .SelectMany(endpoint => (endpoint.Metadata.GetMetadata<IHttpMethodMetadata>()?.HttpMethods ?? ["GET", "POST"]).Select(method => (Method: method, Pattern: "/" + endpoint.RoutePattern.RawText!.TrimStart('/'))))
            .Where(endpoint => endpoint.Method is not ("HEAD" or "OPTIONS"))
            .Distinct().ToList();
        Assert.Equal("", string.Join('\n', endpoints.Select(endpoint => endpoint.Pattern).Except(s_access.Keys, StringComparer.OrdinalIgnoreCase)));
        Assert.Equal("", string.Join('\n', s_access.Keys.Except(endpoints.Select(endpoint => endpoint.Pattern), StringComparer.OrdinalIgnoreCase)));

        var faults = new List<string>();
        using var nobody = server.CreateClient();
        foreach (var (method, pattern) in endpoints)
        {
            var address = Parameter().Replace(pattern, "none-such");

            // What answers to GET and POST alike has one rule for both.
            var isSecond = method == "POST" && endpoints.Contains(("GET", pattern));
            foreach (var role in isSecond ? [""] : s_everybody)
            {
                var client = role.Length == 0 ? nobody : await server.ClientOfAsync(role);
                using var request = new HttpRequestMessage(new HttpMethod(method), address) { Content = method == "GET" ? null : new FormUrlEncodedContent([]) };
                using var answer = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancellation);
                var let = answer.StatusCode is not (HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden)
                    && !(answer.Headers.Location is { AbsolutePath: "/account/sign-in" } asked && asked.Query.Contains("returnUrl", StringComparison.Ordinal))
                    && answer.Headers.Location?.AbsolutePath != "/account/denied";
                // Signing out without the form's token is refused, so that the clients stay who they are.
                if (let != s_access[pattern].Contains(role))
                {
                    faults.Add($"{method} {address} as {(role.Length == 0 ? "nobody" : role)}: {(int)answer.StatusCode} {answer.Headers.Location}");
                }
            }
        }

        Assert.True(faults.Count == 0, string.Join('\n', faults));
    }

    [GeneratedRegex(@"\{[^}]+\}")]
    private static partial Regex Parameter();
}
