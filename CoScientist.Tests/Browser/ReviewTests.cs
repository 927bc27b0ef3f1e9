using CoScientist.Core;
using CoScientist.Core.Goals;
using CoScientist.Core.Papers;
using CoScientist.Core.Storage;
using CoScientist.Tests.Shared;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace CoScientist.Tests.Browser;

/// <summary>From the first visit to a rubric decided by keyboard, in a browser against the real server.</summary>
[Collection(BrowserCollection.Name)]
[Trait("Database", "any")]
public sealed class ReviewTests(BrowserFixture browser) : IClassFixture<BrowserFixture>
{
    private const string Method = "We randomised the wards. A second reader saw every image without the label. Costs were kept.";

    [Fact]
    public async Task FirstVisit_SetupThenReviewByKeyboard_DecidesAndTakesBack()
    {
        await using var server = new ServerFixture();
        await server.StartAsync();
        var goal = await SeedAsync(server.Services);
        var faults = new List<string>();
        var page = await browser.NewPageAsync(server.Address, faults);

        await page.GotoAsync("/");
        await page.WaitForURLAsync("**/setup");
        await page.GetByLabel("One-time code").FillAsync(server.SetupCode);
        await page.GetByLabel("Name to sign in with").FillAsync(ServerFixture.Administrator);
        await page.GetByLabel("Password, at least 15 characters").FillAsync(ServerFixture.Password);
        await page.GetByLabel("The password again").FillAsync(ServerFixture.Password);
        await page.GetByRole(AriaRole.Button, new() { Name = "Create the administrator" }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "What is waiting for you" })).ToBeVisibleAsync();

        await page.GotoAsync("/review");
        var current = page.Locator("[aria-current=true] .wording");
        await Expect(current).ToHaveTextAsync("randomises the wards");
        await Expect(page.Locator("mark")).ToHaveTextAsync("We randomised the wards.");
        await Expect(page.Locator(".hotkeys[data-ready]")).ToBeVisibleAsync();

        // Twice in a hurry: the second was not meant for the item that the first brings.
        await BrowserFixture.PressTwiceAsync(page, "a");
        await Expect(current).ToHaveTextAsync("mentions images");
        await Expect(page.Locator(".saved")).ToContainTextAsync("Saved");

        await page.Keyboard.PressAsync("x");
        await Expect(page.GetByRole(AriaRole.List, new() { Name = "Reasons" })).ToBeVisibleAsync();
        await page.GetByRole(AriaRole.List, new() { Name = "Reasons" }).GetByRole(AriaRole.Button).Nth(2).EvaluateAsync("button => { button.click(); button.click(); }");
        await Expect(current).ToHaveTextAsync("keeps the costs");

        await page.Keyboard.PressAsync("e");
        var wording = page.GetByLabel("New wording");
        await Expect(wording).ToBeFocusedAsync();
        // Letters that are keys elsewhere are text here.
        await wording.FillAsync("keeps the costs per ward and says axe");
        await page.Keyboard.TypeAsync(" z");
        await Expect(page.Locator("ins")).ToHaveTextAsync("per ward and says axe z");
        // A key pressed the moment the edited item leaves the screen is not lost.
        await page.EvaluateAsync(
            """
            () => {
              const watch = new MutationObserver(() => {
                if (!document.querySelector('[aria-current=true]')) {
                  watch.disconnect();
                  document.body.dispatchEvent(new KeyboardEvent('keydown', { key: 'z', bubbles: true }));
                }
              });
              watch.observe(document.body, { childList: true, subtree: true });
            }
            """);
        await page.Keyboard.PressAsync("Control+Enter");
        await Expect(page.Locator(".saved")).ToContainTextAsync("Taken back");
        await Expect(current).ToHaveTextAsync("keeps the costs");

        Assert.Empty(faults);
        await using var db = await server.Services.GetRequiredService<IDbContextFactory<CoScientistDb>>().CreateDbContextAsync(TestContext.Current.CancellationToken);
        var items = await db.RubricItems.Where(item => item.GoalId == goal).OrderBy(item => item.Order).ToListAsync(TestContext.Current.CancellationToken);
        Assert.Equal([RubricItemState.Approved, RubricItemState.Rejected, RubricItemState.Proposed], items.Select(item => item.State));
        Assert.Equal(RejectionReason.Trivial, (await db.ReviewDecisions.SingleAsync(decision => decision.Action == ReviewAction.Reject, TestContext.Current.CancellationToken)).Reason);
        Assert.Equal(5, (await db.Goals.SingleAsync(row => row.Id == goal, TestContext.Current.CancellationToken)).RubricVersion);
    }

    /// <summary>A paper with one goal and three items, the first pointing to its passage.</summary>
    private static async Task<GoalId> SeedAsync(IServiceProvider services)
    {
        var time = TimeProvider.System;
        await using var db = await services.GetRequiredService<IDbContextFactory<CoScientistDb>>().CreateDbContextAsync(TestContext.Current.CancellationToken);
        var paper = new Paper { Id = TypedId.New<PaperId>(time), Title = "Wards", Format = "text", SourceName = "wards.txt", ContentHash = new string('0', 64), ImportedAt = time.GetUtcNow(), Domain = "medicine" };
        paper.Sections.Add(new PaperSection { Order = 0, Heading = "Methods", Role = SectionRole.Method, Text = Method });
        var goal = new Goal { Id = TypedId.New<GoalId>(time), PaperId = paper.Id, Domain = "medicine", Text = "Find out whether reading twice helps.", Origin = "drafter", CreatedAt = time.GetUtcNow() };
        foreach (var (text, order) in new[] { "randomises the wards", "mentions images", "keeps the costs" }.Select((text, order) => (text, order)))
        {
            goal.Items.Add(new RubricItem { Id = TypedId.New<RubricItemId>(time), GoalId = goal.Id, Order = order, Text = text, ProposedText = text, IsDraft = true, SourceSection = 0, SourceStart = order == 0 ? 0 : null, SourceLength = order == 0 ? 24 : null });
        }

        db.AddRange(paper, goal);
        await db.SaveChangesAsync(TestContext.Current.CancellationToken);
        return goal.Id;
    }
}
