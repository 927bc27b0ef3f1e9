using CoScientist.Core.TextModels;
using CoScientist.Tests.Shared;
using CoScientist.Web.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace CoScientist.Tests.Browser;

/// <summary>A model server set up in the browser: tried, given a role, and seen in the ledger with a failure that is retried.</summary>
[Collection(BrowserCollection.Name)]
[Trait("Database", "any")]
public sealed class ModelServerTests(BrowserFixture browser, ServerFixture server) : IClassFixture<BrowserFixture>, IClassFixture<ServerFixture>
{
    private const string Key = "sk-typed-into-the-browser-4711";

    [Fact]
    public async Task Server_AddedTriedAndGivenARole_IsInTheLedger()
    {
        var ill = true;
        await using var scripted = await ScriptedModelServer.StartAsync((request, _) =>
            request.GetProperty("messages")[1].GetProperty("content").GetString() == "hard" && ill ? (400, """{"error":{"message":"too hard for now"}}""") : (200, "ready"));
        var faults = new List<string>();
        var page = await browser.NewPageAsync(server.Address, faults);
        await BrowserFixture.SignInAsync(page, ServerFixture.Administrator, ServerFixture.Password);

        await page.GotoAsync("/admin/servers");
        await Expect(page.Locator("main[data-live]")).ToBeAttachedAsync();
        await page.GetByLabel("Name", new() { Exact = true }).FillAsync("scripted");
        await page.GetByLabel("Address").FillAsync(scripted.Endpoint.ToString());
        await page.GetByLabel("Model there").FillAsync("m1");
        await page.GetByLabel("Key", new() { Exact = true }).FillAsync(Key);
        await page.GetByRole(AriaRole.Button, new() { Name = "Add the server" }).ClickAsync();

        var row = page.Locator("table.servers tbody tr");
        await Expect(row).ToContainTextAsync("set");
        await row.GetByRole(AriaRole.Button, new() { Name = "Test" }).ClickAsync();
        await Expect(page.Locator(".trial")).ToContainTextAsync("“ready”, 11 tokens read and 7 written");
        await Expect(page.Locator(".trial pre").First).ToContainTextAsync("\"model\": \"m1\"");
        await Expect(page.Locator(".trial pre").Last).ToContainTextAsync("chat.completion");
        Assert.DoesNotContain(Key, await page.ContentAsync(), StringComparison.Ordinal);
        Assert.Equal("Bearer " + Key, Assert.Single(scripted.Authorizations));

        await page.GetByLabel("Server of Judge").SelectOptionAsync("scripted");
        await page.GetByLabel("Temperature of Judge").FillAsync("0.3");
        await page.GetByLabel("Temperature of Judge").BlurAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Save the roles" }).ClickAsync();
        await Expect(page.GetByText("Saved.")).ToBeVisibleAsync();

        var judge = server.Services.GetRequiredService<TextModels>().Of(ModelRole.Judge, "grade")!;
        Assert.Equal("scripted", judge.Name);
        await judge.CompleteAsync([new TextPrompt("Judge.", "easy"), new TextPrompt("Judge.", "hard") { Subject = "plan 2" }], new TextSamplingOptions(), TestContext.Current.CancellationToken);
        Assert.Equal(0.3f, scripted.Requests.Last().GetProperty("temperature").GetSingle());

        await page.GetByRole(AriaRole.Link, new() { Name = "Calls and cost" }).ClickAsync();
        await Expect(page.Locator("section[aria-label=Failures]")).ToContainTextAsync("too hard for now");
        await Expect(page.Locator("table.ledger")).ToContainTextAsync("grade plan 2");
        await Expect(page.Locator("tfoot")).ToContainTextAsync("22");
        ill = false;
        await page.GetByRole(AriaRole.Button, new() { Name = "Retry", Exact = true }).ClickAsync();
        await Expect(page.GetByText("1 of 1 answered now.")).ToBeVisibleAsync();
        await Expect(page.Locator("section[aria-label=Failures]")).ToHaveCountAsync(0);
        Assert.DoesNotContain(Key, await page.ContentAsync(), StringComparison.Ordinal);
        Assert.Empty(faults);
    }
}
