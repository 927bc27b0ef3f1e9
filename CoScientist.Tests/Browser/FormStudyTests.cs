using System.Text;
using CoScientist.Core.Storage;
using CoScientist.Core.Studies;
using CoScientist.Tests.Shared;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace CoScientist.Tests.Browser;

/// <summary>A study with the whole form, answered by keyboard alone; the tab is closed in the middle, and all that went over the wire is searched for the arms.</summary>
[Collection(BrowserCollection.Name)]
[Trait("Database", "any")]
public sealed class FormStudyTests(BrowserFixture browser, ServerFixture server) : IClassFixture<BrowserFixture>, IClassFixture<ServerFixture>
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Form_ByKeyboard_IsSavedFieldByFieldAndTellsNothingOfTheArms()
    {
        var study = await SeedAsync();
        await server.CreateAccountAsync("expert", Roles.Expert);
        var (faults, traffic) = (new List<string>(), new List<string>());
        var page = await browser.NewPageAsync(server.Address, faults);
        Record(page, traffic);
        await BrowserFixture.SignInAsync(page, "expert", ServerFixture.Password);
        await OpenAsync(page, study);

        // Items wait for the preference; it is saved at once.
        await Expect(page.GetByText("The rubric items come after the overall preference")).ToBeVisibleAsync();
        await Expect(page.Locator(".answer-item")).ToHaveCountAsync(0);
        await page.Keyboard.PressAsync("a");
        await Expect(page.Locator(".answer-item")).ToHaveCountAsync(2);
        await Expect(page.Locator(".saved")).ToContainTextAsync("Saved");

        // Strength, both scores, five criteria, three marks for each of two items: 14 questions.
        foreach (var key in new[] { "3", "7", "0", "1", "2", "3", "1", "1", "1", "1", "2", "1", "3" })
        {
            await page.Keyboard.PressAsync(key);
            await page.Keyboard.PressAsync("ArrowDown");
        }

        await page.Keyboard.PressAsync("2");
        await page.Keyboard.PressAsync("ArrowLeft");
        await page.Keyboard.PressAsync("r");
        await Expect(page.Locator("#reason")).ToBeFocusedAsync();
        await page.Keyboard.TypeAsync("sound, and it can be done: ∑xᵢ");
        await Expect(page.Locator(".answer-options .chosen")).ToHaveCountAsync(14);
        await WaitForAsync(async db => await db.AnswerEvents.AnyAsync(e => e.Field == AnswerField.Reason && e.Value == "sound, and it can be done: ∑xᵢ", Token));

        // What axe, a dark room and a phone say of the whole form.
        var walk = new PageWalk(page);
        await walk.LookAsync();
        Assert.True(walk.Faults.Count == 0, string.Join('\n', walk.Faults));

        // The tab is closed: another one shows all of it.
        var values = await page.Locator(".answer-options .chosen").AllTextContentsAsync();
        await page.CloseAsync();
        page = await browser.NewPageAsync(server.Address, faults);
        Record(page, traffic);
        await BrowserFixture.SignInAsync(page, "expert", ServerFixture.Password);
        await OpenAsync(page, study);
        Assert.Equal(values, await page.Locator(".answer-options .chosen").AllTextContentsAsync());
        await Expect(page.GetByLabel("Reason", new() { Exact = true })).ToHaveValueAsync("sound, and it can be done: ∑xᵢ");
        await page.Keyboard.PressAsync("Control+Enter");
        await Expect(page.GetByText("1 of 2 answered")).ToBeVisibleAsync();

        // The next pair is passed over, taken back, flagged, and lacks most of the form.
        await page.Keyboard.PressAsync("s");
        await Expect(page.Locator("#aside")).ToBeFocusedAsync();
        await page.Keyboard.TypeAsync("not my field");
        await page.Keyboard.PressAsync("Enter");
        await Expect(page.GetByText("All 1 pairs answered")).ToBeVisibleAsync();
        await page.Keyboard.PressAsync("z");
        await Expect(page.GetByText("1 of 2 answered")).ToBeVisibleAsync();
        await page.Keyboard.PressAsync("f");
        await Expect(page.Locator("#aside")).ToBeFocusedAsync();
        await page.Keyboard.TypeAsync("a plan is cut off");
        await page.Keyboard.PressAsync("Enter");
        await Expect(page.GetByRole(AriaRole.Button, new() { Name = "Flagged" })).ToBeVisibleAsync();
        await page.Locator("h1").ClickAsync();
        await page.Keyboard.PressAsync("n");
        await page.Keyboard.PressAsync("Control+Enter");
        await Expect(page.GetByRole(AriaRole.Alert)).ToContainTextAsync("Still missing: the score of both plans, 5 criteria");
        Assert.Contains(traffic, frame => frame.Contains("We plan", StringComparison.Ordinal)); // the traffic was seen
        traffic.Add(await page.ContentAsync());

        Assert.Empty(faults);
        await using (var db = await ContextAsync())
        {
            var stored = await db.Preferences.SingleAsync(Token);
            var details = stored.Details;
            Assert.Equal((PreferenceChoice.A, 3, 7, 10, 5, 2), (stored.Choice, details.Strength!.Value, details.ScoreA!.Value, details.ScoreB!.Value, details.Criteria.Count, details.Items.Count));
            Assert.Equal([(ItemMark.Met, ItemMark.Met, false), (ItemMark.Met, ItemMark.Not, true)], details.Items.Select(i => (i.A!.Value, i.B!.Value, i.Needed!.Value)));
            var wire = string.Concat(traffic);
            Assert.DoesNotContain("tuned", wire, StringComparison.OrdinalIgnoreCase);
            Assert.DoesNotContain("starter", wire, StringComparison.OrdinalIgnoreCase);
            Assert.DoesNotContain("Arm1", wire, StringComparison.Ordinal);
            var secrets = (await db.Plans.Select(p => p.Id).ToListAsync(Token)).Select(p => p.Value).Concat((await db.Comparisons.Select(c => c.Id).ToListAsync(Token)).Select(c => c.Value));
            Assert.All(secrets, secret => Assert.DoesNotContain(secret.ToString("N"), wire.Replace("-", "", StringComparison.Ordinal), StringComparison.OrdinalIgnoreCase));
        }
    }

    // Every frame of the circuit, both ways, and every response that is text.
    private static void Record(IPage page, List<string> traffic)
    {
        page.WebSocket += (_, socket) =>
        {
            socket.FrameReceived += (_, frame) => traffic.Add(frame.Text ?? Encoding.UTF8.GetString(frame.Binary ?? []));
            socket.FrameSent += (_, frame) => traffic.Add(frame.Text ?? Encoding.UTF8.GetString(frame.Binary ?? []));
        };
        page.Response += (_, response) => traffic.Add(response.Url);
    }

    private static async Task OpenAsync(IPage page, StudyId study)
    {
        await page.GotoAsync($"/compare/{study}");
        await Expect(page.Locator("main[data-live]")).ToBeAttachedAsync();
        await Expect(page.Locator(".hotkeys[data-ready]")).ToBeVisibleAsync();
    }

    private async Task WaitForAsync(Func<CoScientistDb, Task<bool>> holds)
    {
        for (var i = 0; i < 200; i++)
        {
            await using var db = await ContextAsync();
            if (await holds(db))
            {
                return;
            }

            await Task.Delay(50, Token);
        }

        Assert.Fail("The database did not get there.");
    }

    private Task<CoScientistDb> ContextAsync() => server.Services.GetRequiredService<IDbContextFactory<CoScientistDb>>().CreateDbContextAsync(Token);

    private Task<StudyId> SeedAsync() => StudySeed.AddAsync(
        server.Services,
        StudySeed.Draft("Whole form", 2) with { Form = new StudyForm { Strength = true, Scores = true, Criteria = true, Items = true, ReasonRequired = true }, Overlap = 2 },
        items: 2,
        plan: (i, writer) => $"# Aim {writer.Length}\n\nWe plan {i}, says {writer}.");
}
