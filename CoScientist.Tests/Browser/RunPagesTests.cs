using System.Diagnostics;
using System.Globalization;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Tests.Core.Storage;
using CoScientist.Tests.Shared;
using CoScientist.Web.Accounts;
using CoScientist.Web.Configuration;
using CoScientist.Web.Runs;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace CoScientist.Tests.Browser;

/// <summary>Runs as researchers meet them: the first one from the start page, and one whose browser, circuit and server go away.</summary>
[Collection(BrowserCollection.Name)]
[Trait("Database", "any")]
public sealed class RunPagesTests(BrowserFixture browser) : IClassFixture<BrowserFixture>
{
    // So many that the run is at work when the server is killed, however fast the machine; afterwards fewer are asked for.
    private const int Asked = 2000;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact(Timeout = 300_000)]
    public async Task StartPage_ResearcherWhoNeverSawIt_StartsTheSandboxRunInUnderAMinuteByVisibleLabels()
    {
        await using var server = new ServerFixture();
        await server.InitializeAsync();
        await server.CreateAccountAsync("rita", Roles.Researcher);
        var page = await browser.NewPageAsync(server.Address, []);
        await BrowserFixture.SignInAsync(page, "rita", ServerFixture.Password);

        var watch = Stopwatch.StartNew();
        await page.GetByRole(AriaRole.Link, new() { Name = "Start a run" }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "New run" })).ToBeVisibleAsync();
        await Expect(page.Locator("main[data-live]")).ToBeAttachedAsync();
        await Expect(page.GetByRole(AriaRole.Radio, new() { Name = "The paper's method in the sandbox" })).ToBeCheckedAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Start the run" }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "sandbox-grpo-1" })).ToContainTextAsync("running");
        watch.Stop();
        Assert.True(watch.Elapsed < TimeSpan.FromMinutes(1), $"It took {watch.Elapsed}.");

        await page.GetByRole(AriaRole.Button, new() { Name = "Cancel …" }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Alert)).ToContainTextAsync("Checkpoints, metrics and samples so far are kept");
        await page.GetByRole(AriaRole.Button, new() { Name = "Cancel the run" }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "sandbox-grpo-1" })).ToContainTextAsync("cancelled");
        await Expect(page.GetByRole(AriaRole.Link, new() { Name = "Notices 1 new" })).ToBeVisibleAsync();

        // What ends while somebody looks is said on the page they look at, until they have read it.
        var toast = page.GetByRole(AriaRole.Status).Filter(new() { HasText = "It was cancelled." });
        await Expect(toast.GetByRole(AriaRole.Link, new() { Name = "sandbox-grpo-1" })).ToBeVisibleAsync();
        await toast.GetByRole(AriaRole.Button, new() { Name = "Close" }).ClickAsync();
        await Expect(toast).ToHaveCountAsync(0);

        // Cloning opens the form as the run was.
        await page.GetByRole(AriaRole.Link, new() { Name = "Clone" }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Radio, new() { Name = "As sandbox-grpo-1" })).ToBeCheckedAsync();
        await Expect(page.GetByLabel("Family")).ToHaveValueAsync("sandbox-grpo");

        await page.Context.GrantPermissionsAsync(["clipboard-read", "clipboard-write"]);
        await page.GetByText("Specification and command line").ClickAsync();
        await CopyAsync(page, "Copy the command", await page.Locator("pre[aria-label='Command line']").TextContentAsync());
        await CopyAsync(page, "Copy", await page.GetByLabel("Specification, JSON").InputValueAsync());
    }

    [Fact(Timeout = 600_000)]
    public async Task Run_BrowserClosedCircuitCutServerKilled_ChartsAreCompleteAfterwards()
    {
        var data = Directory.CreateTempSubdirectory("coscientist-runs-").FullName;
        try
        {
            await SeedAsync(data);
            using (var first = Serve(data))
            {
                try
                {
                    var page = await SignInAsync(first);
                    await BrowserFixture.OpenAsync(page, "/runs/kept-1");
                    await WaitForStepAsync(page, 2);
                    await page.Context.CloseAsync();

                    page = await SignInAsync(first);
                    var connection = await CircuitConnection.OfAsync(page);
                    await BrowserFixture.OpenAsync(page, "/runs/kept-1");
                    await page.RouteAsync("**/_blazor/**", route => route.AbortAsync());
                    await connection.CutAsync();
                    await Expect(page.GetByText("The connection is lost.")).ToBeVisibleAsync();
                    await page.UnrouteAsync("**/_blazor/**");
                    await page.ReloadAsync();
                    await WaitForStepAsync(page, 4);
                    await page.Context.CloseAsync();
                }
                finally
                {
                    first.Kill();
                    await first.WaitForExitAsync(CancellationToken.None);
                }
            }

            using var second = Serve(data);
            try
            {
                await LookAfterwardsAsync(await SignInAsync(second), data);
            }
            finally
            {
                second.Kill();
                await second.WaitForExitAsync(CancellationToken.None);
            }
        }
        finally
        {
            Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
            await TestData.ReturnAsync(data);
            Directory.Delete(data, recursive: true);
        }
    }

    private static async Task LookAfterwardsAsync(IPage page, string data)
    {
        await BrowserFixture.OpenAsync(page, "/runs/kept-1");
        var heading = page.GetByRole(AriaRole.Heading, new() { Name = "kept-1" });
        if (TestPostgres.IsOn)
        {
            // Where servers share a database, the one that follows goes on by itself.
            await Expect(heading).ToContainTextAsync("running", new() { Timeout = 120_000 });
            await page.GetByRole(AriaRole.Button, new() { Name = "Pause" }).ClickAsync();
        }

        await Expect(heading).ToContainTextAsync(TestPostgres.IsOn ? "paused" : "interrupted", new() { Timeout = 120_000 });
        var done = await page.EvaluateAsync<int>("parseInt(document.querySelector('.run-progress .steps').textContent)");
        var steps = done + 3;
        await page.GetByLabel("Steps in all").FillAsync($"{steps}");
        await page.GetByRole(AriaRole.Button, new() { Name = "Change the budget" }).ClickAsync();
        await Expect(page.Locator(".run-progress .steps")).ToContainTextAsync($"/ {steps} steps");
        await page.GetByRole(AriaRole.Button, new() { Name = "Resume" }).ClickAsync();
        await Expect(heading).ToContainTextAsync("finished", new() { Timeout = 240_000 });

        var chart = page.GetByRole(AriaRole.Figure).Filter(new() { HasText = "Reward and self-grade" });
        await chart.GetByText("Values").ClickAsync();
        await Expect(chart.GetByRole(AriaRole.Rowheader)).ToHaveCountAsync(steps);
        var shown = await chart.GetByRole(AriaRole.Rowheader).AllTextContentsAsync();
        var file = await (await page.Context.APIRequest.GetAsync("/runs/kept-1/charts/reward.csv")).TextAsync();
        var all = Enumerable.Range(1, steps).Select(step => $"{step}").ToArray();
        Assert.Equal(all, shown);
        Assert.Equal(all, file.Split('\n', StringSplitOptions.RemoveEmptyEntries).Skip(1).Select(line => line.Split(',')[0]));
        Assert.Contains("<svg", await (await page.Context.APIRequest.GetAsync("/runs/kept-1/charts/score.svg")).TextAsync(), StringComparison.Ordinal);
        Assert.Equal(steps, File.ReadLines(new RunFolder(Path.Combine(data, "runs", "kept-1")).File(RunFolder.MetricsFile)).Count(line => line.Contains("\"reward\":", StringComparison.Ordinal)));

        // The values under the pointer, at the last step, are those of the table.
        var last = await chart.GetByRole(AriaRole.Row).Last.GetByRole(AriaRole.Cell).AllTextContentsAsync();
        var plot = chart.Locator(".chart-plot");
        await plot.ScrollIntoViewIfNeededAsync();
        var box = (await plot.BoundingBoxAsync())!;
        await page.Mouse.MoveAsync(box.X + box.Width - 1, box.Y + (box.Height / 2));
        var tip = page.Locator(".chart-tip");
        await Expect(tip).ToContainTextAsync($"step {steps}");
        await Expect(tip).ToContainTextAsync("reward");
        var values = await tip.Locator("span").EvaluateAllAsync<double[]>("rows => rows.map(row => Number(row.textContent.match(/-?[\\d.e-]+$/)[0]))");
        Assert.Equal(last.Count, values.Length);
        Assert.All(last.Zip(values), pair => Assert.Equal(double.Parse(pair.First, CultureInfo.InvariantCulture), pair.Second, 0.002));
        await page.Mouse.MoveAsync(0, 0);
        await Expect(tip).ToBeHiddenAsync();

        var walk = new PageWalk(page);
        await walk.LookAsync();
        await BrowserFixture.OpenAsync(page, "/notices");
        await Expect(page.GetByText(TestPostgres.IsOn ? "another goes on from what was saved last" : "Its process ended.")).ToBeVisibleAsync();
        await BrowserFixture.OpenAsync(page, "/runs/kept-2");
        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "kept-2" })).ToContainTextAsync("finished", new() { Timeout = 120_000 });
        await BrowserFixture.OpenAsync(page, "/runs/compare?run=kept-1&run=kept-2");
        await Expect(page.GetByRole(AriaRole.Row, new() { Name = "kept-2" }).First).ToBeVisibleAsync();
        await Expect(page.GetByRole(AriaRole.Row, new() { Name = "Seed 1 2" })).ToBeVisibleAsync();
        var pin = page.GetByRole(AriaRole.Button, new() { Name = "Pin Seconds per step" });
        await pin.ClickAsync();
        await Expect(pin).ToHaveAttributeAsync("aria-pressed", "true");
        Assert.Contains("pin=pace", page.Url, StringComparison.Ordinal);
        await walk.LookAsync();
        Assert.True(walk.Faults.Count == 0, string.Join('\n', walk.Faults));
    }

    private static async Task CopyAsync(IPage page, string button, string? text)
    {
        await page.GetByRole(AriaRole.Button, new() { Name = button, Exact = true }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Button, new() { Name = "Copied" })).ToBeVisibleAsync();
        Assert.Equal(text, await page.EvaluateAsync<string>("navigator.clipboard.readText()"));
        await Expect(page.GetByRole(AriaRole.Button, new() { Name = "Copied" })).ToHaveCountAsync(0);
    }

    private static Task WaitForStepAsync(IPage page, int step) =>
        page.WaitForFunctionAsync("step => parseInt(document.querySelector('.run-progress .steps')?.textContent) >= step", step, new() { Timeout = 120_000 });

    private async Task<IPage> SignInAsync(Process server)
    {
        var address = server.StartInfo.Environment["TEST_ADDRESS"];
        if (string.IsNullOrEmpty(address))
        {
            address = await AddressAsync(server);
            server.StartInfo.Environment["TEST_ADDRESS"] = address;
        }

        var page = await browser.NewPageAsync(address, []);
        await BrowserFixture.SignInAsync(page, "rita", ServerFixture.Password);
        return page;
    }

    private static Process Serve(string data)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, UseShellExecute = false };
        foreach (var argument in (string[])["exec", typeof(CoScientistOptions).Assembly.Location, "serve", .. TestData.Arguments(data), "--urls", "http://127.0.0.1:0"])
        {
            start.ArgumentList.Add(argument);
        }

        start.Environment["TEST_ADDRESS"] = "";
        return Process.Start(start)!;
    }

    private static async Task<string> AddressAsync(Process server)
    {
        const string Mark = "CoScientist is at ";
        while (await server.StandardOutput.ReadLineAsync(Token) is { } line)
        {
            if (line.StartsWith(Mark, StringComparison.Ordinal))
            {
                return line[Mark.Length..].Trim();
            }
        }

        throw new InvalidOperationException("The server ended before it said where it is.");
    }

    /// <summary>A researcher, and two short runs that wait.</summary>
    private static async Task SeedAsync(string data)
    {
        await using var app = Application.Build(TestData.Options(data), "http://127.0.0.1:0");
        await DataDirectory.PrepareAsync(app.Services, Token);
        await app.Services.GetRequiredService<AccountStore>().CreateAsync("rita", ServerFixture.Password, [Roles.Researcher], Token);
        await app.Services.GetRequiredService<ModelCatalog>().RegisterBuiltInsAsync(Token);
        var runs = app.Services.GetRequiredService<RunStore>();
        var spec = RunPresets.Find("sandbox-quick")!.Spec with { Name = "kept", Steps = Asked, GoalsPerStep = 2, EvaluateEvery = 4, ValidationGoals = 4, TestGoals = 4 };
        await runs.CreateAsync(spec, null, _ => false, Token);
        await runs.CreateAsync(spec with { Steps = 1, WarmupSteps = 1, Seed = 2, TestGoals = 2 }, null, _ => false, Token);
    }
}
