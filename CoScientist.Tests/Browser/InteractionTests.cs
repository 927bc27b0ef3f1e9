using System.Globalization;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Tests.Shared;
using CoScientist.Web.Runs;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace CoScientist.Tests.Browser;

/// <summary>
/// Pages answer while a run of the same server uses the processor. How fast is told on request: COSCIENTIST_PRESSES is the number of key
/// presses whose time to the change on the page is taken (100 is a good number), before a run of the sandbox preset and during its steps.
/// </summary>
[Collection(BrowserCollection.Name)]
[Trait("Database", "any")]
public sealed class InteractionTests(BrowserFixture browser, ITestOutputHelper output) : IClassFixture<BrowserFixture>
{
    private const int Usual = 6;

    private static int? Asked => int.TryParse(Environment.GetEnvironmentVariable("COSCIENTIST_PRESSES"), NumberStyles.None, CultureInfo.InvariantCulture, out var presses) && presses > 0 ? presses : null;

    /// <summary>Waits for keys and notes how long the page takes to change after each, in the browser's own time.</summary>
    private const string Watch = """
        () => {
          window.answers = [];
          let pressed = null;
          addEventListener('keydown', event => { pressed = event.timeStamp; }, true);
          new MutationObserver(() => {
            if (pressed !== null) {
              window.answers.push(performance.now() - pressed);
              pressed = null;
            }
          }).observe(document.querySelector('main'), { subtree: true, childList: true, attributes: true, characterData: true });
        }
        """;

    [Fact(Timeout = 300_000)]
    public async Task KeyPresses_WhileARunUsesTheProcessor_ChangeThePage()
    {
        await using var server = new ServerFixture();
        await server.InitializeAsync();
        var faults = new List<string>();
        var page = await browser.NewPageAsync(server.Address, faults);
        await BrowserFixture.SignInAsync(page, ServerFixture.Administrator, ServerFixture.Password);
        var before = Asked is { } presses ? await PressAsync(page, presses) : default;
        // Unless it is measured, small steps will do: what counts is that they are being done.
        var preset = RunPresets.Find(Asked is null ? "sandbox-quick" : "sandbox-grpo")!.Spec;
        var spec = Asked is null ? preset with { Steps = 1000, EvaluateEvery = 1000, ValidationGoals = 2 } : preset;
        var run = await server.Services.GetRequiredService<RunLauncher>().StartAsync(spec, "test", null, TestContext.Current.CancellationToken);
        server.Services.GetRequiredService<RunWorker>().Wake();
        await BrowserFixture.OpenAsync(page, "/runs/" + run.Name);
        await Expect(page.Locator(".steps").First).ToContainTextAsync("1 / ", new() { Timeout = 120_000 });

        var during = await PressAsync(page, Asked ?? Usual);
        var stillRunning = (await server.Services.GetRequiredService<RunStore>().FindAsync(run.Name, TestContext.Current.CancellationToken))!;
        await server.Services.GetRequiredService<RunWorker>().CancelAsync(run.Id, TestContext.Current.CancellationToken);

        Assert.Equal(RunState.Running, stillRunning.State);
        Assert.Empty(faults);
        if (Asked is not null)
        {
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{Asked} key presses during steps up to {stillRunning.Step}: median {during.Median:0.0} ms, p95 {during.Late:0.0} ms, slowest {during.Slowest:0.0} ms; before the run: median {before.Median:0.0} ms, p95 {before.Late:0.0} ms"));
        }
    }

    /// <summary>Median, 95th percentile and slowest answer to so many keys, ms.</summary>
    private static async Task<(double Median, double Late, double Slowest)> PressAsync(IPage page, int presses)
    {
        await BrowserFixture.OpenAsync(page, "/review?data=sandbox");
        await Expect(page.Locator(".hotkeys[data-ready]")).ToBeVisibleAsync();
        await page.EvaluateAsync(Watch);
        for (var press = 1; press <= presses; press++)
        {
            await page.Keyboard.PressAsync(press % 2 == 0 ? "ArrowUp" : "ArrowDown");
            await page.WaitForFunctionAsync("count => window.answers.length >= count", press);
        }

        var answers = await page.EvaluateAsync<double[]>("window.answers");
        Array.Sort(answers);
        return (answers[answers.Length / 2], answers[answers.Length * 95 / 100], answers[^1]);
    }
}
