using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Tests.Shared;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace CoScientist.Tests.Browser;

/// <summary>Models in a browser: import with its report, promote, tag, download, compare, playground, delete.</summary>
[Collection(BrowserCollection.Name)]
[Trait("Database", "any")]
public sealed class ModelsTests(BrowserFixture browser) : IClassFixture<BrowserFixture>
{
    [Fact(Timeout = 240_000)]
    public async Task Models_ByHand_AreImportedPromotedTaggedComparedTriedAndDeleted()
    {
        await using var server = new ServerFixture();
        await server.InitializeAsync();
        var own = TinyPolicy.Write(Path.Combine(server.DataDirectory, "imports", "mine"), seed: 4);
        await File.WriteAllTextAsync(Path.Combine(server.DataDirectory, "imports", "nothing.txt"), "", TestContext.Current.CancellationToken);
        var faults = new List<string>();
        var page = await browser.NewPageAsync(server.Address, faults);
        var walk = new PageWalk(page);
        await BrowserFixture.SignInAsync(page, ServerFixture.Administrator, ServerFixture.Password);

        // A folder that is none says what is wrong; a good one is reported on, then imported.
        await BrowserFixture.OpenAsync(page, "/models");
        await page.GetByLabel("Folder on the server", new() { Exact = true }).FillAsync(Path.Combine(server.DataDirectory, "imports"));
        await page.GetByRole(AriaRole.Button, new() { Name = "Check it" }).ClickAsync();
        await Expect(page.GetByText("It was not imported")).ToContainTextAsync("config.json");
        await page.GetByLabel("Folder on the server", new() { Exact = true }).FillAsync(own);
        await page.GetByRole(AriaRole.Button, new() { Name = "Check it" }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Table, new() { Name = "Check report" })).ToContainTextAsync("none missing");
        await walk.LookAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Import it" }).ClickAsync();
        await page.GetByText("Imported as").GetByRole(AriaRole.Link, new() { Name = "mine" }).ClickAsync();

        await page.GetByRole(AriaRole.Button, new() { Name = "Promote" }).ClickAsync();
        await Expect(page.Locator("h1")).ToContainTextAsync("promoted");
        await page.GetByLabel("Tags").FillAsync("Try later");
        await page.GetByRole(AriaRole.Button, new() { Name = "Save the tags" }).ClickAsync();
        await Expect(page.Locator("h1")).ToContainTextAsync("later");
        var download = await page.RunAndWaitForDownloadAsync(() => page.GetByRole(AriaRole.Link, new() { Name = "Download as zip" }).ClickAsync());
        Assert.Equal("mine.zip", download.SuggestedFilename);
        await walk.LookAsync();

        await page.GetByRole(AriaRole.Link, new() { Name = "Try it" }).ClickAsync();
        await Expect(page.Locator("h1")).ToHaveTextAsync("Playground");
        await Expect(page.GetByLabel("First model")).ToHaveValueAsync("mine");
        await page.GetByLabel("Second model").SelectOptionAsync("sandbox-base");
        await page.GetByRole(AriaRole.Button, new() { Name = "Write and grade" }).ClickAsync();
        await Expect(page.GetByText("Share of items met")).ToBeVisibleAsync(new() { Timeout = 120_000 });
        await Expect(page.Locator(".duo article")).ToHaveCountAsync(2);
        await walk.LookAsync();

        await BrowserFixture.OpenAsync(page, "/models/compare?left=mine&right=sandbox-base");
        await Expect(page.GetByText("entries differ")).ToBeVisibleAsync();
        await walk.LookAsync();

        // While a run could still ask for it, it stays.
        var runs = server.Services.GetRequiredService<RunStore>();
        var run = await runs.CreateAsync(new RunSpec { Name = "wants", Model = "mine" }, null, _ => false, TestContext.Current.CancellationToken);
        await runs.HoldAsync(run.Id, TestContext.Current.CancellationToken);
        await BrowserFixture.OpenAsync(page, "/models/mine");
        await page.GetByRole(AriaRole.Button, new() { Name = "Delete …" }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Alert)).ToContainTextAsync("wants-1 needs it");
        await runs.CancelAsync(run.Id, TestContext.Current.CancellationToken);
        await BrowserFixture.OpenAsync(page, "/models/mine");
        await page.GetByRole(AriaRole.Button, new() { Name = "Delete …" }).ClickAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Delete mine" }).ClickAsync();
        await Expect(page.GetByText("Its files were deleted")).ToBeVisibleAsync();
        Assert.False(Directory.Exists(own));

        await BrowserFixture.OpenAsync(page, "/admin");
        await Expect(page.GetByText("free of")).ToBeVisibleAsync();
        Assert.Empty(faults);
        Assert.True(walk.Faults.Count == 0, string.Join('\n', walk.Faults));
    }
}
