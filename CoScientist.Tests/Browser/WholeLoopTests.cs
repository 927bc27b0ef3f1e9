using System.Text.RegularExpressions;
using CoScientist.Core.Goals;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Tests.Shared;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace CoScientist.Tests.Browser;

/// <summary>
/// The whole product in one sitting, in a browser against the real server with the shipped base model: first visit, a short
/// run, ten blind comparisons by keyboard, a rejected rubric item, the results, and a paper with its items in review; then a look
/// at every page there is.
/// </summary>
[Collection(BrowserCollection.Name)]
[Trait("Database", "any")]
public sealed partial class WholeLoopTests(BrowserFixture browser) : IClassFixture<BrowserFixture>
{
    private const string Paper = """
        # Reading mammograms twice

        ## Abstract

        Radiologists miss cancers in dense tissue. We aimed to find out whether a second reading by a colleague reduces missed cancers without raising recalls.

        ## Introduction

        Screening depends on a single reader in many regions. It is unknown whether a second reading is worth its cost where readers are scarce.

        ## Methods

        We randomised screening sites to one or two readings. Two readers who did not know the first result read every image in random order. We registered the primary outcome before the first image was read. Recall rates were compared with a mixed model that allowed for differences between sites. Images with missing views were excluded by a rule fixed in advance. We estimated the cost of each additional cancer found from staff time.

        ## Experiments

        We measured the share of missed cancers in both arms after two years. We recorded the waiting time of each woman. We tested whether the effect differs between dense and other tissue. We compared costs per woman between the arms. A blinded panel resolved disagreements between readers.

        ## Results

        Two readings found more cancers.
        """;

    [Fact(Timeout = 420_000)]
    public async Task FirstVisitToResults_ByHand_WorksThroughout()
    {
        await using var server = new ServerFixture();
        await server.StartAsync();
        var faults = new List<string>();
        var page = await browser.NewPageAsync(server.Address, faults);

        var walk = new PageWalk(page);

        await SetUpAsync(page, walk, server.SetupCode);
        await TrainAsync(page);
        await CompareAsync(page, walk);
        await RejectAsync(page);
        await ImportAsync(page);

        Assert.Empty(faults);
        var studies = server.Services.GetRequiredService<CoScientist.Core.Storage.StudyStore>();
        var invitation = await studies.InviteAsync((await studies.ListAsync(TestContext.Current.CancellationToken))[0].Id, "a reader", 1, TimeSpan.FromDays(1), "", TestContext.Current.CancellationToken);
        await walk.FollowAsync("/", "/account/password", "/account/security", "/account/link/none", "/account/denied", "/not-found", $"/account/join/{invitation}");
        Assert.True(walk.Faults.Count == 0, string.Join('\n', walk.Faults));
        Assert.Empty(PageWalk.Routes.Except(walk.Seen).Except(["/error", "/account/sign-in", "/account/code"]));
        await using var db = await server.Services.GetRequiredService<IDbContextFactory<CoScientistDb>>().CreateDbContextAsync(TestContext.Current.CancellationToken);
        var run = await db.Runs.SingleAsync(TestContext.Current.CancellationToken);
        Assert.Equal(RunState.Finished, run.State);
        Assert.Equal(10, await db.Preferences.CountAsync(preference => preference.UndoneAt == null, TestContext.Current.CancellationToken));
        Assert.Equal(1, await db.ReviewDecisions.CountAsync(decision => decision.Action == ReviewAction.Reject, TestContext.Current.CancellationToken));
        Assert.True(await db.RubricItems.CountAsync(item => item.IsDraft, TestContext.Current.CancellationToken) >= 5);
    }

    private static async Task SetUpAsync(IPage page, PageWalk walk, string code)
    {
        await page.GotoAsync("/");
        await page.WaitForURLAsync("**/setup");
        await walk.LookAsync();
        await page.GetByLabel("One-time code").FillAsync(code);
        await page.GetByLabel("Name to sign in with").FillAsync(ServerFixture.Administrator);
        await page.GetByLabel("Password, at least 15 characters").FillAsync(ServerFixture.Password);
        await page.GetByLabel("The password again").FillAsync(ServerFixture.Password);
        await page.GetByRole(AriaRole.Button, new() { Name = "Create the administrator" }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "What is waiting for you" })).ToBeVisibleAsync();
    }

    private static async Task TrainAsync(IPage page)
    {
        await BrowserFixture.OpenAsync(page, "/runs/new");
        await page.GetByRole(AriaRole.Radio, new() { NameRegex = QuickPreset() }).CheckAsync();
        await Expect(page.Locator("pre[aria-label='Command line']")).ToContainTextAsync("sandbox-quick");
        await page.GetByRole(AriaRole.Button, new() { Name = "Start the run" }).ClickAsync();
        await page.WaitForURLAsync("**/runs/sandbox-quick-1");
        await Expect(page.GetByRole(AriaRole.Link, new() { Name = "Compare blind" })).ToBeVisibleAsync(new() { Timeout = 240_000 });
        await Expect(page.Locator("svg").First).ToBeVisibleAsync();
    }

    private static async Task CompareAsync(IPage page, PageWalk walk)
    {
        await page.GetByRole(AriaRole.Link, new() { Name = "Compare blind" }).ClickAsync();
        await page.WaitForURLAsync("**/studies/new*");
        await page.GetByLabel("Number of goals").FillAsync("10");
        await page.GetByRole(AriaRole.Button, new() { Name = "Open the study" }).ClickAsync();
        await page.GetByRole(AriaRole.Link, new() { Name = "Answer it" }).ClickAsync();
        await Expect(page.Locator(".hotkeys[data-ready]")).ToBeVisibleAsync();
        await walk.LookAsync();
        for (var answered = 0; answered < 10; answered++)
        {
            await Expect(page.Locator("[role=status]", new() { HasText = $"Pair {answered + 1} of 10" })).ToHaveCountAsync(1);
            Assert.DoesNotContain("sandbox-quick", await page.Locator(".compare").InnerHTMLAsync(), StringComparison.Ordinal);
            await page.Keyboard.PressAsync("abena"[answered % 5].ToString());
            await Expect(page.GetByText($"{answered + 1} of 10 answered")).ToBeVisibleAsync();
            await Expect(page.Locator(".saved")).ToContainTextAsync("Saved");
        }

        await Expect(page.GetByText("All 10 pairs answered")).ToBeVisibleAsync();
        await BrowserFixture.OpenAsync(page, "/studies");
        await page.Locator("main table a[href^='studies/']").First.ClickAsync();
        await Expect(page.GetByText("is the win rate of")).ToBeVisibleAsync();
        await Expect(page.GetByText("People, judge and self-grade on the same goals")).ToBeVisibleAsync();
    }

    private static async Task RejectAsync(IPage page)
    {
        await page.GotoAsync("/review?data=sandbox");
        await Expect(page.Locator(".hotkeys[data-ready]")).ToBeVisibleAsync();
        var wording = await page.Locator("[aria-current=true] .wording").TextContentAsync();
        await page.Keyboard.PressAsync("x");
        await Expect(page.GetByRole(AriaRole.List, new() { Name = "Reasons" })).ToBeVisibleAsync();
        await page.Keyboard.PressAsync("3");
        await Expect(page.Locator("[aria-current=true] .wording")).Not.ToHaveTextAsync(wording!);
        await Expect(page.Locator(".saved")).ToContainTextAsync("Saved");
    }

    private static async Task ImportAsync(IPage page)
    {
        await BrowserFixture.OpenAsync(page, "/library");
        await page.GetByLabel("Files").SetInputFilesAsync(new FilePayload { Name = "twice.md", MimeType = "text/markdown", Buffer = System.Text.Encoding.UTF8.GetBytes(Paper) });
        await Expect(page.GetByText("twice.md: imported")).ToBeVisibleAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Extract" }).ClickAsync();
        await Expect(page.GetByText("1 goal,")).ToBeVisibleAsync();
        await page.GotoAsync("/review");
        await Expect(page.Locator("[aria-current=true] .wording")).ToContainTextAsync("plan");
        await Expect(page.Locator(".source")).ToContainTextAsync("Reading mammograms twice");
    }

    [GeneratedRegex("^sandbox-quick")]
    private static partial Regex QuickPreset();
}
