using System.Diagnostics;
using CoScientist.Core.Storage;
using CoScientist.Core.Studies;
using CoScientist.Tests.Shared;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace CoScientist.Tests.Browser;

/// <summary>An expert answers a whole study by keyboard, in a browser against the real server.</summary>
[Collection(BrowserCollection.Name)]
[Trait("Database", "any")]
public sealed class CompareTests(BrowserFixture browser, ServerFixture server) : IClassFixture<BrowserFixture>, IClassFixture<ServerFixture>
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact(Timeout = 120_000)]
    public async Task Study_TenPairsByKeyboard_EveryAnswerIsStoredBeforeItIsSaved()
    {
        var watch = Stopwatch.StartNew();
        var study = await StudySeed.AddAsync(server.Services, StudySeed.Draft("Ten", 10));
        await server.CreateAccountAsync("expert", Roles.Expert);
        var faults = new List<string>();
        await using var wire = new CutWire(server.Address);
        var page = await browser.NewPageAsync(wire.Address, faults);
        await BrowserFixture.SignInAsync(page, "expert", ServerFixture.Password);

        await page.GotoAsync("/compare");
        await Expect(page.Locator("main[data-live]")).ToBeAttachedAsync();
        await page.GetByRole(AriaRole.Link, new() { Name = "Start" }).ClickAsync();
        await Expect(page.Locator(".hotkeys[data-ready]")).ToBeVisibleAsync();
        string[] keys = ["a", "b", "e", "n", "a", "b", "a", "a", "b"];
        for (var i = 0; i < keys.Length; i++)
        {
            await ExpectPairAsync(page, i + 1);
            // What comes after an answer and before the next pair was not meant for it.
            if (i == 0)
            {
                await BrowserFixture.PressTwiceAsync(page, keys[i]);
            }
            else if (i == 1)
            {
                await page.Locator(".choice-buttons").EvaluateAsync("group => { group.querySelector('[aria-keyshortcuts=B]').click(); group.querySelector('[aria-keyshortcuts=A]').click(); }");
            }
            else
            {
                await page.Keyboard.PressAsync(keys[i]);
            }
        }

        // Taken back, then answered with a reason that is full of keys.
        await ExpectPairAsync(page, 10);
        await page.Keyboard.PressAsync("z");
        await ExpectPairAsync(page, 9);
        await Expect(page.GetByRole(AriaRole.Button, new() { Name = "Plan B is better" })).ToHaveAttributeAsync("aria-pressed", "true");
        await page.Keyboard.PressAsync("r");
        await Expect(page.GetByLabel("Reason (optional)")).ToBeFocusedAsync();
        await page.Keyboard.TypeAsync("a better baseline, n = 9, eh?");
        await page.Keyboard.PressAsync("Control+Enter");
        await ExpectPairAsync(page, 10);
        await Expect(page.Locator(".saved")).ToContainTextAsync("Saved");
        Assert.Equal((9, 1), await CountAsync(study));

        // The network is gone while a reason is being written: the page says so, and once it is back the reason is stored without another key.
        wire.Cut();
        await Expect(page.Locator("#components-reconnect-modal")).ToBeVisibleAsync();
        await page.GetByLabel("Reason (optional)").EvaluateAsync("field => { field.value = 'half a'; field.dispatchEvent(new Event('input', { bubbles: true })); }");
        wire.Mend();
        await Expect(page.Locator("#components-reconnect-modal")).ToBeHiddenAsync();
        await StoredAsync("half a");
        faults.Clear();

        // A reason that was typed but not submitted survives the loss of the page.
        await page.GetByLabel("Reason (optional)").FillAsync("half a thought");
        await page.ReloadAsync();
        await Expect(page.GetByLabel("Reason (optional)")).ToHaveValueAsync("half a thought");
        await Expect(page.Locator(".hotkeys[data-ready]")).ToBeVisibleAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Equally good" }).ClickAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Submit" }).ClickAsync();
        await Expect(page.GetByText("All 10 pairs answered. Thank you.")).ToBeVisibleAsync();

        Assert.Empty(faults);
        Assert.Equal((10, 1), await CountAsync(study));
        Assert.All(await TimesAtWorkAsync(), time => Assert.InRange(time, 1, watch.ElapsedMilliseconds));
        var results = await server.Services.GetRequiredService<StudyStore>().ResultsAsync(study, Token);
        Assert.Equal(
            [PreferenceChoice.A, PreferenceChoice.B, PreferenceChoice.Tie, PreferenceChoice.BothBad, PreferenceChoice.A, PreferenceChoice.B, PreferenceChoice.A, PreferenceChoice.A, PreferenceChoice.B, PreferenceChoice.Tie],
            results.PerGoal.Select(g => g.Answers.Single().Choice));
        Assert.Equal("a better baseline, n = 9, eh?", results.PerGoal[8].Answers[0].Reason);
        Assert.Equal("half a thought", results.PerGoal[9].Answers[0].Reason);
    }

    private static Task ExpectPairAsync(IPage page, int number) => Expect(page.Locator("[role=status]", new() { HasText = $"Pair {number} of 10" })).ToHaveCountAsync(1);

    private async Task StoredAsync(string reason)
    {
        await using var db = await server.Services.GetRequiredService<IDbContextFactory<CoScientistDb>>().CreateDbContextAsync(Token);
        for (var look = 0; look < 500; look++)
        {
            if (await db.AnswerEvents.AnyAsync(e => e.Field == AnswerField.Reason && e.Value == reason, Token))
            {
                return;
            }

            await Task.Delay(20, Token);
        }

        Assert.Fail("The reason was not stored.");
    }

    private async Task<List<long>> TimesAtWorkAsync()
    {
        await using var db = await server.Services.GetRequiredService<IDbContextFactory<CoScientistDb>>().CreateDbContextAsync(Token);
        return await db.Preferences.Select(p => p.ActiveMilliseconds).ToListAsync(Token);
    }

    private async Task<(int Counting, int TakenBack)> CountAsync(StudyId study)
    {
        await using var db = await server.Services.GetRequiredService<IDbContextFactory<CoScientistDb>>().CreateDbContextAsync(Token);
        var preferences = await db.Preferences.Where(p => db.Assignments.Any(a => a.Id == p.AssignmentId && db.Comparisons.Any(c => c.Id == a.ComparisonId && c.StudyId == study))).ToListAsync(Token);
        return (preferences.Count(p => p.UndoneAt is null), preferences.Count(p => p.UndoneAt is not null));
    }
}
