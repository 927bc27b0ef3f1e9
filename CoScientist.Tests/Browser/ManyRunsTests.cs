using System.Diagnostics;
using System.Globalization;
using CoScientist.Core.Storage;
using CoScientist.Tests.Shared;

namespace CoScientist.Tests.Browser;

/// <summary>
/// A library with many runs opens at once. What counts is the processor's time of the server, which other processes on the machine do not
/// stretch; what a browser shows when is told beside it. COSCIENTIST_RUNS and COSCIENTIST_STEPS set another size (200 and 500 are two
/// million points).
/// </summary>
[Collection(BrowserCollection.Name)]
public sealed class ManyRunsTests(BrowserFixture browser, ITestOutputHelper output) : IClassFixture<BrowserFixture>
{
    private const int Times = 9;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static int Runs => Setting("COSCIENTIST_RUNS", 40);

    private static int Steps => Setting("COSCIENTIST_STEPS", 500);

    [Fact]
    public async Task ListAndRun_OfALargeLibrary_OpenAtOnce()
    {
        await using var server = new ServerFixture();
        await server.InitializeAsync();
        var client = await server.ClientOfAsync(Roles.Researcher);
        await client.GetStringAsync("/runs", Token);
        await ManyRuns.AddAsync(server.Services, Runs, Steps, samplesPerStep: 64);
        output.WriteLine($"{Runs} runs of {Steps} steps: {Runs * Steps * ManyRuns.PointsPerStep:N0} points");

        var list = await MeasureAsync("list", client, _ => "/runs");
        var run = await MeasureAsync("run", client, time => $"/runs/many-{Runs - time}");

        await LookAsync(server, "list", _ => "/runs");
        await LookAsync(server, "run", time => $"/runs/many-{Runs - time}");
        Assert.InRange(list, 0, 300);
        Assert.InRange(run, 0, 500);
    }

    /// <summary>Median of processor time over openings, ms; the first, which no cache helps, is told beside it.</summary>
    private async Task<double> MeasureAsync(string what, HttpClient client, Func<int, string> address)
    {
        var (cpu, wall) = (new List<double>(), new List<double>());
        for (var time = 0; time < Times; time++)
        {
            using var process = Process.GetCurrentProcess();
            var (before, watch) = (process.TotalProcessorTime, Stopwatch.StartNew());
            var page = await client.GetStringAsync(address(time), Token);
            wall.Add(watch.Elapsed.TotalMilliseconds);
            process.Refresh();
            cpu.Add((process.TotalProcessorTime - before).TotalMilliseconds);
            Assert.Contains("many-", page, StringComparison.Ordinal);
        }

        var first = (Cpu: cpu[0], Wall: wall[0]);
        cpu.Sort();
        wall.Sort();
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{what}: first {first.Cpu:0} ms of processor, {first.Wall:0} ms; median {cpu[Times / 2]:0} and {wall[Times / 2]:0}; slowest of {Times} {cpu[^1]:0} and {wall[^1]:0}"));
        return cpu[Times / 2];
    }

    /// <summary>Tells how long a browser takes to show a page, and until it answers.</summary>
    private async Task LookAsync(ServerFixture server, string what, Func<int, string> address)
    {
        var faults = new List<string>();
        var page = await browser.NewPageAsync(server.Address, faults);
        await BrowserFixture.SignInAsync(page, ServerFixture.Administrator, ServerFixture.Password);
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

    private static int Setting(string name, int otherwise) => int.TryParse(Environment.GetEnvironmentVariable(name), NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : otherwise;
}
