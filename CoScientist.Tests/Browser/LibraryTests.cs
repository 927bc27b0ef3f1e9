using System.Text;
using CoScientist.Tests.Shared;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace CoScientist.Tests.Browser;

/// <summary>A paper of one's own: uploaded, read, turned into a goal and found in review.</summary>
[Collection(BrowserCollection.Name)]
[Trait("Database", "any")]
public sealed class LibraryTests(BrowserFixture browser, ServerFixture server) : IClassFixture<BrowserFixture>, IClassFixture<ServerFixture>
{
    private const string Paper = """
        # Reading images twice in small hospitals

        ## Abstract
        We ask whether a second reading of images by a colleague reduces missed fractures in hospitals with few radiologists.

        ## Introduction
        Missed fractures are common at night. It is unknown whether a second reading helps where readers are few. We aim to find out how much a second reading lowers the share of missed fractures without delaying care.

        ## Methods
        We randomised twelve wards to single or double reading for six months. The second reader did not see the first reading. We estimated the required sample before the study began. Missed fractures were confirmed by a follow-up visit after two weeks. We compared waiting times between the arms. The analysis followed the intention to treat. A blinded panel resolved disagreements between readers.

        ## Experiments
        We measured the share of missed fractures in both arms. We recorded the waiting time of each patient. We tested whether the effect differs between night and day. We compared costs per patient between the arms.
        """;

    [Fact]
    public async Task Upload_MarkdownAndJunk_ReportsBothAndExtractsIntoReview()
    {
        var faults = new List<string>();
        var page = await browser.NewPageAsync(server.Address, faults);
        await BrowserFixture.SignInAsync(page, ServerFixture.Administrator, ServerFixture.Password);

        await page.GotoAsync("/library");
        await Expect(page.Locator("main[data-live]")).ToBeAttachedAsync();
        await page.GetByLabel("Files").SetInputFilesAsync(
        [
            new FilePayload { Name = "reading.md", MimeType = "text/markdown", Buffer = Encoding.UTF8.GetBytes(Paper) },
            new FilePayload { Name = "photo.bin", MimeType = "application/octet-stream", Buffer = [0, 1, 2, 3, 255] },
        ]);
        await Expect(page.GetByText("reading.md: imported")).ToBeVisibleAsync();
        await Expect(page.Locator(".report .error")).ToContainTextAsync("photo.bin");

        // What went wrong is still there after a reload, and can be tried again.
        await page.ReloadAsync();
        await Expect(page.Locator("main[data-live]")).ToBeAttachedAsync();
        await Expect(page.Locator(".job .badge")).ToHaveTextAsync("finished, 1 failed");
        await Expect(page.Locator(".report .error")).ToContainTextAsync("photo.bin");
        var spooled = Assert.Single(Directory.EnumerateFiles(Path.Combine(server.DataDirectory, "imports"), "*", SearchOption.AllDirectories));
        await File.WriteAllTextAsync(spooled, "# Another paper\n\n## Abstract\n\nWe ask what helps.\n\n## Methods\n\nWe measured it.\n", TestContext.Current.CancellationToken);
        await page.GetByRole(AriaRole.Button, new() { Name = "Try the failed again" }).ClickAsync();
        await Expect(page.Locator(".report .error")).ToContainTextAsync("photo.bin");
        await page.GetByRole(AriaRole.Link, new() { Name = "Activity" }).ClickAsync();
        await Expect(page.Locator(".job")).ToHaveCountAsync(1);
        await page.GetByRole(AriaRole.Button, new() { Name = "Take off the list" }).ClickAsync();
        await Expect(page.GetByText("Nothing has been imported")).ToBeVisibleAsync();
        Assert.False(File.Exists(spooled));

        await page.GotoAsync("/library");
        await Expect(page.Locator("main[data-live]")).ToBeAttachedAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Extract" }).ClickAsync();
        await Expect(page.GetByText("\"Reading images twice in small hospitals\": 1 goal")).ToBeVisibleAsync();

        // Search finds it by the beginnings of words; a filter that does not fit finds nothing.
        await page.Locator("input[name=q]").FillAsync("imag hospit");
        await page.GetByRole(AriaRole.Button, new() { Name = "Show" }).ClickAsync();
        // The one row was there before; what can be cleared is there once the form has taken the search over.
        await Expect(page.GetByRole(AriaRole.Link, new() { Name = "Clear" })).ToBeVisibleAsync();
        await Expect(page.Locator("table.plain tbody tr")).ToHaveCountAsync(1);
        await page.Locator("select[name=source]").SelectOptionAsync("pdf");
        await page.GetByRole(AriaRole.Button, new() { Name = "Show" }).ClickAsync();
        await Expect(page.GetByText("No paper matches.")).ToBeVisibleAsync();
        await page.GetByRole(AriaRole.Link, new() { Name = "Clear" }).ClickAsync();

        // The paper shows what rests on its text, the goal shows where it comes from.
        await page.GetByRole(AriaRole.Link, new() { Name = "Reading images twice in small hospitals" }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "Goals drawn from it" })).ToBeVisibleAsync();
        await Expect(page.Locator(".reading mark").First).ToBeVisibleAsync();
        await page.Locator(".reading .cite-label").First.ClickAsync();
        await Expect(page.Locator(".rubric > li").First).ToBeVisibleAsync();
        await page.Locator(".rubric .passage summary").First.ClickAsync();
        await Expect(page.Locator(".rubric .passage mark").First).ToBeVisibleAsync();
        await page.Locator(".provenance summary").ClickAsync();
        await Expect(page.Locator(".provenance")).ToContainTextAsync("reading.md");

        await page.GotoAsync("/library/rubrics?q=plan");
        await Expect(page.Locator("table.plain tbody tr").First).ToContainTextAsync("The plan should");

        await page.GotoAsync("/library/goals");
        await page.Locator("table a").First.ClickAsync();
        await page.GetByRole(AriaRole.Link, new() { Name = "Review it" }).ClickAsync();
        await Expect(page.Locator("[aria-current=true] .wording")).ToBeVisibleAsync();
        await Expect(page.Locator(".source")).ToContainTextAsync("Reading images twice in small hospitals");
        Assert.Empty(faults);
    }
}
