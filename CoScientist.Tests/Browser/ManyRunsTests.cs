using System.Diagnostics;
using System.Globalization;
using CoScientist.Core.Storage;
using CoScientist.Tests.Shared;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace CoScientist.Tests.Browser;

/// <summary>
/// A library with many runs, and ten long ones on one page, stay small for the server and for the browser. How fast they are is told on
/// request: COSCIENTIST_RUNS and COSCIENTIST_STEPS set the size (200 and 500 are two million points; 10 and 10000 a comparison of ten long
/// runs), and what counts then is the processor's time of the server, which other processes on the machine do not stretch.
/// </summary>
[Collection(BrowserCollection.Name)]
[Trait("Database", "any")]
public sealed class ManyRunsTests(BrowserFixture browser, ITestOutputHelper output) : IClassFixture<BrowserFixture>
{
    /// <summary>Most characters of a page, however many runs there are and however long they are.</summary>
    private const int MostCharacters = 700_000;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static bool Measures => Runs != 60 || Steps != 300;

    private static int Runs => Setting("COSCIENTIST_RUNS", 60);

    private static int Steps => Setting("COSCIENTIST_STEPS", 300);

    private static int Times => Measures ? 9 : 1;

    [Fact(Timeout = 600_000)]
    public async Task ListRunAndComparison_OfALargeLibrary_StaySmall()
    {
        await using var server = new ServerFixture();
        await server.InitializeAsync();
        var client = await server.ClientOfAsync(Roles.Researcher);
        await client.GetStringAsync("/runs", Token);
        await ManyRuns.AddAsync(server.Services, Runs, Steps, samplesPerStep: Measures ? 64 : 8);
        output.WriteLine($"{Runs} runs of {Steps} steps: {Runs * Steps * ManyRuns.PointsPerStep:N0} points");
        var compared = string.Join('&', Enumerable.Range(1, 10).Select(number => $"run=many-{number}"));

        var list = await MeasureAsync("list", client, _ => "/runs");
        var run = await MeasureAsync("run", client, time => $"/runs/many-{Runs - (time % Runs)}");
        await MeasureAsync("comparison", client, _ => "/runs/compare?" + compared);
        await MeasureAsync("form", client, _ => "/runs/new");
        Assert.Equal(Math.Min(Runs, 50), Count(await client.GetStringAsync("/runs", Token), "aria-label=\"Steps of many-"));

        await LookAsync(server, "list", _ => "/runs");
        await LookAsync(server, "run", time => $"/runs/many-{Runs - (time % Runs)}");
        await FollowAsync(server, "/runs/compare?" + compared);
        if (Measures)
        {
            Assert.InRange(list, 0, 300);
            Assert.InRange(run, 0, 500);
        }
    }

    /// <summary>Median of processor time over openings, ms; the first, which no cache helps, is told beside it.</summary>
    private async Task<double> MeasureAsync(string what, HttpClient client, Func<int, string> address)
    {
        var (cpu, wall, characters) = (new List<double>(), new List<double>(), 0);
        for (var time = 0; time < Times; time++)
        {
            var (before, watch) = (Processor(), Stopwatch.StartNew());
            var page = await client.GetStringAsync(address(time), Token);
            wall.Add(watch.Elapsed.TotalMilliseconds);
            cpu.Add(Processor() - before);
            characters = page.Length;
            Assert.Contains("many", page, StringComparison.Ordinal);
            Assert.InRange(page.Length, 1, MostCharacters);
        }

        var first = (Cpu: cpu[0], Wall: wall[0]);
        cpu.Sort();
        wall.Sort();
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{what}: {characters:N0} characters; first {first.Cpu:0} ms of processor, {first.Wall:0} ms; median {cpu[Times / 2]:0} and {wall[Times / 2]:0}; slowest of {Times} {cpu[^1]:0} and {wall[^1]:0}"));
        return cpu[Times / 2];
    }

    /// <summary>Tells how long a browser takes to show a page, and until it answers.</summary>
    private async Task LookAsync(ServerFixture server, string what, Func<int, string> address)
    {
        var faults = new List<string>();
        var page = await OpenAsync(server, faults);
        var (shown, live) = (new List<double>(), new List<double>());
        for (var time = 0; time < Times; time++)
        {
            var watch = Stopwatch.StartNew();
            await BrowserFixture.OpenAsync(page, address(time));
            live.Add(watch.Elapsed.TotalMilliseconds);
            shown.Add(await page.EvaluateAsync<double>("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd"));
        }

        shown.Sort();
        live.Sort();
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{what} in a browser: shown after {shown[Times / 2]:0} ms (median) and {shown[^1]:0} ms (slowest of {Times}), answers after {live[Times / 2]:0} and {live[^1]:0} ms"));
        Assert.Empty(faults);
    }

    /// <summary>Ten runs on one page, one of them at work: its lines grow, the axes and the other lines stay.</summary>
    private async Task FollowAsync(ServerFixture server, string address)
    {
        var faults = new List<string>();
        var page = await OpenAsync(server, faults);
        var id = await ManyRuns.SetToWorkAsync(server.Services, "many-10", 2 * Steps);
        var (before, received) = (Processor(), 0L);
        page.WebSocket += (_, socket) => socket.FrameReceived += (_, frame) => received += frame.Binary?.Length ?? frame.Text?.Length ?? 0;
        await BrowserFixture.OpenAsync(page, address);
        var chart = page.GetByRole(AriaRole.Figure).Filter(new() { HasText = "Entropy" });
        // By name: runs of the same millisecond stand in any order.
        var (own, others) = (chart.Locator("path.line[data-name='many-10']"), chart.Locator("path.line:not([data-name='many-10'])"));
        await Expect(own).ToHaveCountAsync(1);
        await Expect(others).ToHaveCountAsync(9);
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"comparison in a browser: {Processor() - before:0} ms of processor, {received:N0} bytes received"));
        Assert.InRange(received, 1, MostCharacters);
        await Expect(chart.Locator(".chart-x span").Last).ToHaveTextAsync($"{2 * Steps}");
        var (grown, still) = ((await own.GetAttributeAsync("d"))!, await LinesAsync());
        Assert.All(still.Append(grown), line => Assert.InRange(Count(line, "L"), 10, 240));

        var (cost, sizes) = (new List<double>(), new List<long>());
        for (var step = 1; step <= Times; step++)
        {
            (before, received) = (Processor(), 0);
            await ManyRuns.AddStepAsync(server.Services, id, "many-10", Steps + step);
            await Expect(own).Not.ToHaveAttributeAsync("d", grown);
            await Expect(page.GetByRole(AriaRole.Cell, new() { Name = $"{Steps + step} of {2 * Steps}" })).ToBeVisibleAsync();
            Assert.Equal(still, await LinesAsync());
            grown = (await own.GetAttributeAsync("d"))!;
            cost.Add(Processor() - before);
            sizes.Add(received);
        }

        cost.Sort();
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"a step arrives on the comparison: {cost[Times / 2]:0} ms of processor (median), {cost[^1]:0} ms (most), {sizes.Max():N0} bytes"));
        Assert.Empty(faults);

        Task<string[]> LinesAsync() => others.EvaluateAllAsync<string[]>("lines => lines.map(line => line.getAttribute('d'))");
    }

    private async Task<IPage> OpenAsync(ServerFixture server, List<string> faults)
    {
        var page = await browser.NewPageAsync(server.Address, faults);
        await BrowserFixture.SignInAsync(page, ServerFixture.Administrator, ServerFixture.Password);
        return page;
    }

    private static int Count(string text, string part) => text.Split(part).Length - 1;

    /// <summary>Processor time of this process so far, ms.</summary>
    private static double Processor()
    {
        using var process = Process.GetCurrentProcess();
        return process.TotalProcessorTime.TotalMilliseconds;
    }

    private static int Setting(string name, int otherwise) => int.TryParse(Environment.GetEnvironmentVariable(name), NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : otherwise;
}
