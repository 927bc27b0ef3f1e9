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
/// Pages answer while a run of the same server uses the processor: from a key press to the change that it makes on the page. What other
/// processes do to the machine is seen before the run starts; where that alone is slow, the run must at least not make it much slower.
/// </summary>
[Collection(BrowserCollection.Name)]
public sealed class InteractionTests(BrowserFixture browser, ITestOutputHelper output) : IClassFixture<BrowserFixture>
{
    private const int Presses = 100;
    private const int PressesBefore = 40;

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
    public async Task KeyPresses_WhileARunUsesTheProcessor_ChangeThePageAtOnce()
    {
        await using var server = new ServerFixture();
        await server.InitializeAsync();
        var faults = new List<string>();
        var page = await browser.NewPageAsync(server.Address, faults);
        await BrowserFixture.SignInAsync(page, ServerFixture.Administrator, ServerFixture.Password);
        var (usual, usuallyLate, _) = await PressAsync(page, PressesBefore);
        var run = await server.Services.GetRequiredService<RunLauncher>().StartAsync(RunPresets.Find("sandbox-grpo")!.Spec, "test", null, TestContext.Current.CancellationToken);
        server.Services.GetRequiredService<RunWorker>().Wake();
        await BrowserFixture.OpenAsync(page, "/runs/" + run.Name);
        await Expect(page.Locator(".steps").First).ToContainTextAsync("1 / ", new() { Timeout = 120_000 });

        var (median, late, slowest) = await PressAsync(page, Presses);
        var stillRunning = (await server.Services.GetRequiredService<RunStore>().FindAsync(run.Name, TestContext.Current.CancellationToken))!;
        await server.Services.GetRequiredService<RunWorker>().CancelAsync(run.Id, TestContext.Current.CancellationToken);

        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{Presses} key presses during steps up to {stillRunning.Step}: median {median:0.0} ms, p95 {late:0.0} ms, slowest {slowest:0.0} ms; before the run: median {usual:0.0} ms, p95 {usuallyLate:0.0} ms"));
        Assert.Equal(RunState.Running, stillRunning.State);
        Assert.Empty(faults);
        Assert.InRange(median, 0, Math.Max(100, 2 * usual));
        Assert.InRange(late, 0, Math.Max(250, 3 * usuallyLate));
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
