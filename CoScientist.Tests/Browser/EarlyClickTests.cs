using CoScientist.Core.Storage;
using CoScientist.Tests.Shared;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace CoScientist.Tests.Browser;

/// <summary>
/// People do not wait until a page is connected. What they follow in that moment must not lead back: the circuit has been started for the
/// address of then, and is told about others only from the message on that puts it in charge of the page. That one is held back here until
/// the click is done.
/// </summary>
[Collection(BrowserCollection.Name)]
[Trait("Database", "any")]
public sealed class EarlyClickTests(BrowserFixture browser) : IClassFixture<BrowserFixture>
{
    [Fact(Timeout = 120_000)]
    public async Task LinkAndBack_WhileThePageIsConnecting_LeadWhereTheyPoint()
    {
        await using var server = new ServerFixture();
        await server.InitializeAsync();
        await server.CreateAccountAsync("rita", Roles.Researcher);
        var page = await browser.NewPageAsync(server.Address, []);
        await BrowserFixture.SignInAsync(page, "rita", ServerFixture.Password);
        var connection = await CircuitConnection.OfAsync(page);

        var connecting = connection.Hold();
        await page.GotoAsync("/");
        await connecting.WaitAsync(TestContext.Current.CancellationToken);
        await page.GetByRole(AriaRole.Link, new() { Name = "Start a run" }).ClickAsync();
        await page.WaitForURLAsync("**/runs/new");
        connection.Release();
        await Expect(page.Locator("main[data-live]")).ToBeAttachedAsync();
        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "New run" })).ToBeVisibleAsync();

        // From one page to another without loading, then loaded anew, and back before that is connected.
        await page.GetByRole(AriaRole.Link, new() { Name = "Models", Exact = true }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "Models", Exact = true })).ToBeVisibleAsync();
        connecting = connection.Hold();
        await page.ReloadAsync();
        await connecting.WaitAsync(TestContext.Current.CancellationToken);
        await page.EvaluateAsync("history.back()");
        await page.WaitForURLAsync("**/runs/new");
        connection.Release();
        await Expect(page.Locator("main[data-live]")).ToBeAttachedAsync();
        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "New run" })).ToBeVisibleAsync();
        await Expect(page).ToHaveURLAsync($"{server.Address}/runs/new");
    }
}
