using System.Net;
using System.Reflection;
using System.Text.RegularExpressions;
using CoScientist.Core.Storage;
using CoScientist.Tests.Shared;
using Microsoft.AspNetCore.Components;

namespace CoScientist.Tests.Web.Access;

/// <summary>Scripts that somebody has put into every text that the application keeps stay text on every page that shows it.</summary>
[Collection(nameof(AccessCollection))]
[Trait("Database", "any")]
public sealed partial class StoredTextTests(AccessFixture access)
{
    private readonly ServerFixture server = access.Server;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task EveryPage_WithScriptsInEveryText_ShowsThemAsText()
    {
        var house = access.House;
        using var client = await server.SignInAsync();
        using var nobody = server.CreateClient();
        var shown = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var route in typeof(CoScientist.Web.Components.App).Assembly.GetTypes().SelectMany(type => type.GetCustomAttributes<RouteAttribute>()).Select(route => route.Template))
        {
            var address = house.Parameters.TryGetValue(route, out var value) ? route[..route.IndexOf('{', StringComparison.Ordinal)] + Uri.EscapeDataString(value) + route[(route.IndexOf('}', StringComparison.Ordinal) + 1)..] : route;
            foreach (var query in route switch { "/review" or "/library" or "/library/goals" or "/library/rubrics" => ["?data=real", "?q=lot"], "/runs/{Name}/files" => ["?file=log.jsonl", ""], "/admin/audit" => ["?q=stored", ""], _ => (string[])[""] })
            {
                using var answer = await (route.StartsWith("/account/join", StringComparison.Ordinal) ? nobody : client).GetAsync(address + query, Cancellation);
                var html = await answer.Content.ReadAsStringAsync(Cancellation);

                // As markup it would stand there as it was given; as text every bracket and quote is written out.
                Assert.False(html.Contains("<script>stored", StringComparison.OrdinalIgnoreCase), $"{address}{query}: a script");
                Assert.False(html.Contains("<img src=x", StringComparison.OrdinalIgnoreCase), $"{address}{query}: a picture");
                Assert.DoesNotMatch("""href="\s*javascript:""", html);
                Assert.DoesNotMatch("""<[a-z][^>]*\sonerror=""", AttributeValue().Replace(html, "=\"\""));
                shown[route] = shown.GetValueOrDefault(route) + WebUtility.HtmlDecode(html);
            }
        }

        // The pages do show what was put in, each what it is for; else the walk above would say nothing.
        Assert.All(
            (IEnumerable<(string Route, string Text)>)[
                ("/library", "Title"), ("/library/papers/{Id}", "Author"), ("/library/papers/{Id}", "Title"), ("/library/goals/{Id}", "Find out."), ("/library/goals/{Id}", "Draws by lot."),
                ("/library/goals/{Id}", "Reference"), ("/library/activity", "Fault"), ("/library/activity", "Message"), ("/studies", "Study"), ("/studies/{Id}", "Study"), ("/studies/{Id}", "Label"),
                ("/compare", "Study"), ("/compare/{Id}", "We plan as follows."), ("/compare/{Id}", "Guidelines"), ("/account/join/{Secret}", "Study"), ("/runs/{Name}", "Error"), ("/notices", "Notice"),
                ("/admin/servers", "model"), ("/admin/calls", "error"), ("/admin/calls", "purpose"), ("/admin/audit", "what"), ("/admin/audit", "account")],
            place => Assert.True(shown[place.Route].Contains($"{place.Text} \"'><script>stored()", StringComparison.Ordinal), $"{place.Route} does not show '{place.Text}' with what was put behind it"));
    }

    [GeneratedRegex("=\"[^\"]*\"")]
    private static partial Regex AttributeValue();
}
