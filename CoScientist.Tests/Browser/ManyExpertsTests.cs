using System.Collections.Concurrent;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Core.Studies;
using CoScientist.Tests.Shared;
using CoScientist.Web.Runs;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using static Microsoft.Playwright.Assertions;

namespace CoScientist.Tests.Browser;

/// <summary>
/// Experts who answer a study at once through the real pages: every answer stored once, the overlap exact, the sides balanced, the results those
/// of a computation of its own. How long a key takes to show its effect is printed. Small in the suite; COSCIENTIST_GOALS=100 COSCIENTIST_EXPERTS=20
/// is the size of a real study, COSCIENTIST_THINK the seconds that an expert thinks before each answer, COSCIENTIST_TRAIN=1 trains meanwhile.
/// </summary>
[Collection(BrowserCollection.Name)]
[Trait("Database", "any")]
public sealed class ManyExpertsTests(BrowserFixture browser, ServerFixture server) : IClassFixture<BrowserFixture>, IClassFixture<ServerFixture>
{
    private const int Overlap = 3;
    private static readonly int Goals = (int)TestSize.Of("COSCIENTIST_GOALS", 6);
    private static readonly int Experts = (int)TestSize.Of("COSCIENTIST_EXPERTS", 4);
    private static readonly TimeSpan Think = TimeSpan.FromSeconds(TestSize.Of("COSCIENTIST_THINK", 0));

    /// <summary>Far longer than any key takes on a busy machine: a page itself has no end of waiting.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact(Timeout = 900_000)]
    public async Task Study_ManyExpertsAtOnce_EveryAnswerOnceOverlapExactResultsIndependentlyTheSame()
    {
        var study = await StudySeed.AddAsync(server.Services, StudySeed.Draft("Many", Goals) with { Overlap = Overlap });
        var trains = TestSize.Of("COSCIENTIST_TRAIN", 0) > 0;
        if (trains)
        {
            await server.Services.GetRequiredService<RunLauncher>().StartAsync(RunPresets.Find("sandbox-grpo")!.Spec, "test", null, Token);
            server.Services.GetRequiredService<RunWorker>().Wake();
        }

        for (var i = 0; i < Experts; i++)
        {
            await server.CreateAccountAsync($"expert{i}", Roles.Expert);
        }

        var (pressed, effects) = (new ConcurrentBag<string>(), new ConcurrentBag<double>());
        await Task.WhenAll(Enumerable.Range(0, Experts).Select(expert => AnswerAllAsync(study, expert, pressed, effects)));

        await using var db = await server.Services.GetRequiredService<IDbContextFactory<CoScientistDb>>().CreateDbContextAsync(Token);
        var answers = await (
            from p in db.Preferences
            join a in db.Assignments on p.AssignmentId equals a.Id
            where p.UndoneAt == null
            select new { a.ComparisonId, a.ExpertId, a.Arm1IsLeft, p.Choice }).ToListAsync(Token);
        Assert.Equal(Goals * Overlap, answers.Count);
        Assert.Equal(pressed.Count, answers.Count);
        Assert.Equal(answers.Count, answers.Select(a => (a.ComparisonId, a.ExpertId)).Distinct().Count());
        Assert.All(answers.GroupBy(a => a.ComparisonId), goal => Assert.Equal((Overlap, true), (goal.Count(), goal.Count(a => a.Arm1IsLeft) is 1 or 2)));
        Assert.Equal(Goals, answers.Select(a => a.ComparisonId).Distinct().Count());

        // An independent computation of the headline and of the position.
        var points = answers.GroupBy(a => a.ComparisonId).Select(goal => goal.Where(a => a.Choice != PreferenceChoice.BothBad).Select(a => a.Choice == PreferenceChoice.Tie ? 0.5 : a.Choice == PreferenceChoice.A == a.Arm1IsLeft ? 1.0 : 0.0).ToList())
            .Where(goal => goal.Count > 0).Select(goal => goal.Sum() / goal.Count).ToList();
        var results = await server.Services.GetRequiredService<StudyStore>().ResultsAsync(study, Token);
        Assert.Equal(points.Sum() / points.Count, results.WinRate!.Value.Value, 12);
        Assert.Equal((points.Count(p => p > 0.5), points.Count(p => p == 0.5), points.Count(p => p < 0.5), Goals - points.Count), (results.Goals.Wins, results.Goals.Ties, results.Goals.Losses, results.Goals.BothBad));
        Assert.Equal((answers.Count(a => a.Choice == PreferenceChoice.A), answers.Count(a => a.Choice == PreferenceChoice.B)), (results.Position.Left, results.Position.Right));
        Assert.All("abe".Zip(new[] { PreferenceChoice.A, PreferenceChoice.B, PreferenceChoice.Tie }), key => Assert.Equal(pressed.Count(p => p == key.First.ToString()), answers.Count(a => a.Choice == key.Second)));

        var sorted = effects.Order().ToList();
        TestContext.Current.TestOutputHelper?.WriteLine(FormattableString.Invariant($"from the key to the next pair on the screen, {Experts} experts at once, {Think.TotalSeconds} s to think{(trains ? ", a run trains" : "")}: median {sorted[sorted.Count / 2]:0} ms, 95% {sorted[(int)(sorted.Count * 0.95)]:0} ms; answers by experts with the left plan of arm 1: {answers.Count(a => a.Arm1IsLeft)} of {answers.Count}"));
    }

    private async Task AnswerAllAsync(StudyId study, int expert, ConcurrentBag<string> pressed, ConcurrentBag<double> effects)
    {
        var page = await browser.NewPageAsync(server.Address, []);
        await BrowserFixture.SignInAsync(page, $"expert{expert}", ServerFixture.Password);
        await page.GotoAsync($"/compare/{study}");
        await Expect(page.Locator(".hotkeys[data-ready]")).ToBeVisibleAsync();
        for (var answered = 0; await page.Locator(".compare-plan").CountAsync() > 0; answered++)
        {
            var key = "abaeb"[(expert + answered) % 5].ToString();
            // The page itself measures, from the key to the count that the answer raised; it does before the key is pressed.
            await page.EvaluateAsync(
                """
                text => {
                  let pressed = 0;
                  document.addEventListener('keydown', () => pressed = performance.now(), { capture: true, once: true });
                  window.effect = new Promise(resolve => {
                    const watch = new MutationObserver(() => {
                      if (document.querySelector('.progress-line span')?.textContent.startsWith(text)) {
                        watch.disconnect();
                        resolve(performance.now() - pressed);
                      }
                    });
                    watch.observe(document.body, { childList: true, subtree: true, characterData: true });
                  });
                }
                """,
                $"{answered + 1} of ");
            await Task.Delay(Think, Token);
            await page.Keyboard.PressAsync(key);
            try
            {
                effects.Add(await page.EvaluateAsync<double>("window.effect").WaitAsync(Patience, Token));
            }
            catch (TimeoutException)
            {
                Assert.Fail($"The key {key} of expert{expert} on pair {answered + 1} had no effect within {Patience}: {await page.Locator("main").InnerTextAsync()}");
            }

            pressed.Add(key);
        }

        await page.Context.CloseAsync();
    }
}
