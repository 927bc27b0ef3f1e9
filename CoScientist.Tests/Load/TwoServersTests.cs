using System.Diagnostics;
using System.Net;
using System.Security.Cryptography;
using CoScientist.Core.Runs;
using CoScientist.Tests.Core.Storage;
using CoScientist.Tests.Shared;

namespace CoScientist.Tests.Load;

/// <summary>
/// Two servers on one PostgreSQL database and one data folder behind nginx, with experts on both and a run at work: the one that works on the
/// run is killed. By the variables of <see cref="LoadPlan"/> with as many experts as are asked for, and as many kills: what was killed comes
/// back, then the other is killed, and so on. The figures are printed.
/// </summary>
[Trait("Database", "any")]
public sealed class TwoServersTests(ITestOutputHelper output) : IAsyncDisposable
{
    // Of a run: the state is saved at every fourth.
    private const int Steps = 12;
    private const int SavedEvery = 4;

    private readonly string _folder = Directory.CreateTempSubdirectory("coscientist-two-").FullName;
    private readonly LoadPlan _plan = LoadPlan.Read() is { IsAsked: true } asked ? asked : new LoadPlan { Experts = 4, Kills = 1, Cuts = 0, Slow = 0, Pace = 0.5, Goals = 300 };
    private readonly List<double> _takeovers = [];

    public async ValueTask DisposeAsync()
    {
        await TestData.ReturnAsync(_folder);
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task Kill_OfTheServerThatWorks_AgainAndAgain_IsNotNoticedAtTheOther_LosesNoAnswer_AndRunsEndAsIfUnbroken()
    {
        if (!TestPostgres.IsOn)
        {
            return; // One server owns an SQLite file.
        }

        var token = TestContext.Current.CancellationToken;
        await using var data = new LoadData(_folder);
        var study = await data.SeedAsync(_plan, token);
        await using ServerProcess first = new(_folder, LoopbackPort.Take()), second = new(_folder, LoopbackPort.Take());
        ServerProcess[] servers = [first, second];
        var experts = new List<SimulatedExpert>();
        var wait = new BoundedWait(TimeSpan.FromSeconds(120), async () => experts.Select(expert => expert.Standing).Concat(await data.StandingAsync()).Concat(servers.SelectMany(server => server.Said.TakeLast(20))), token);
        foreach (var server in servers)
        {
            await wait.ForAsync("a server to start", server.StartAsync(token));
        }

        var homes = await Task.WhenAll(servers.Select(server => server.Address));
        await using var proxy = await NginxProxy.StartAsync(homes, Path.Combine(_folder, "nginx"), wait);
        await IsBelievedAsync(proxy, servers, wait);
        var seats = new List<Cookie>();
        for (var number = 0; number < _plan.Experts; number++)
        {
            seats.Add(await proxy.SeatAsync(homes[number % 2], wait));
            experts.Add(new SimulatedExpert(number, _plan, () => Task.FromResult(proxy.Address), $"/compare/{study}", seats[number]));
        }

        try
        {
            await Parallel.ForEachAsync(experts, new ParallelOptions { MaxDegreeOfParallelism = 4, CancellationToken = token }, async (expert, each) => await expert.ArriveAsync(each));
            using var stop = new CancellationTokenSource();
            var pace = TimeSpan.FromSeconds(_plan.Pace);
            var work = Task.WhenAll(experts.Select((expert, i) => expert.WorkAsync(pace * i / _plan.Experts, pace, int.MaxValue, stop.Token, token)));
            for (var kill = 1; kill <= Kills; kill++)
            {
                await Task.Delay(TimeSpan.FromSeconds(_plan.Seconds / Kills), token);
                var (victim, there) = await KillAsync(data, proxy, servers, experts, seats, work, wait);
                if (kill < Kills)
                {
                    await ComeBackAsync(proxy, victim, homes[Array.IndexOf(servers, victim)], there, seats[experts.IndexOf(there[0])], work, wait);
                }
            }

            await stop.CancelAsync();
            await wait.ForAsync("experts to end their work", work);
            var kept = await data.CheckAsync([.. experts.SelectMany(expert => expert.Answers)], token);
            Print(experts, kept);
            Assert.Equal((0, 0), (kept.Lost, kept.Doubled));

            // Of who was at a killed server an answer may be stored that was not seen taken: it is there once, and not asked again.
            Assert.InRange(kept.Unseen, 0, experts.Sum(expert => expert.Reloads));
            await AreAsUnbrokenAsync(data, wait);
        }
        finally
        {
            await Task.WhenAll(experts.Select(expert => expert.LeaveAsync()));
            experts.ForEach(expert => expert.Dispose());
        }
    }

    private int Kills => Math.Max(1, _plan.Kills);

    /// <summary>Kills the server that works, and looks who notices.</summary>
    /// <returns>The server, and its experts, who are at the other now.</returns>
    private async Task<(ServerProcess Victim, List<SimulatedExpert> There)> KillAsync(LoadData data, NginxProxy proxy, ServerProcess[] servers, List<SimulatedExpert> experts, List<Cookie> seats, Task work, BoundedWait wait)
    {
        await TrainAsync(data, wait);
        Run? before = null;
        await wait.UntilAsync("a run to go on from what it has saved", async () =>
            (before = (await data.RunsAsync(wait.Token)).FirstOrDefault(run => run.State == RunState.Running && run.Step > SavedEvery)) is not null || await NoneIsLeftAsync(data, wait));
        var victim = servers.Single(server => server.Worker == before!.Worker);
        var home = await victim.Address;
        var there = experts.Where((_, i) => i % 2 == Array.IndexOf(servers, victim)).ToList();
        var here = experts.Except(there).ToList();
        await AnsweredAsync(experts, experts.ConvertAll(_ => 2), work, wait);

        var (seen, breaks, requests) = (experts.ConvertAll(expert => expert.Answers.Count), here.ConvertAll(Breaks), proxy.Requests().Count);
        await victim.KillAsync();
        var killed = Stopwatch.GetTimestamp();
        Run? after = null;
        await wait.UntilAsync("the other server to take the run over", async () =>
            (after = (await data.RunsAsync(wait.Token)).Single(run => run.Id == before!.Id)) is var run && (run.State.IsFinal() || (run.State == RunState.Running && run.Worker != before!.Worker)));
        if (!after!.State.IsFinal())
        {
            _takeovers.Add(Stopwatch.GetElapsedTime(killed).TotalSeconds);
        }

        await AnsweredAsync(experts, seen.ConvertAll(count => count + 2), work, wait);
        await wait.UntilAsync("the experts of the killed server to come back", () => there.TrueForAll(expert => expert.Reloads > 0 || expert.IsDone));

        // The others: no circuit was found again, no page loaded anew, no request failed or went elsewhere, every answer was taken at the first key.
        Assert.Equal(breaks, here.ConvertAll(Breaks));
        var theirs = here.ConvertAll(expert => seats[experts.IndexOf(expert)].Value);
        Assert.DoesNotContain(proxy.Requests().Skip(requests), request => theirs.Contains(request.Instance) && (request.Status >= 400 || request.Servers.Contains(home.Authority)));
        return (victim, there);
    }

    /// <summary>Starts a killed server again; its experts are with it again when they next open a page.</summary>
    private static async Task ComeBackAsync(NginxProxy proxy, ServerProcess victim, Uri home, List<SimulatedExpert> there, Cookie seat, Task work, BoundedWait wait)
    {
        await wait.ForAsync("the killed server to start again", victim.StartAsync(wait.Token));
        await proxy.LeadsToAsync(seat, home, wait);
        var visits = there.ConvertAll(expert => expert.Visits + 1);
        there.ForEach(expert => expert.GoAndComeBack());
        await wait.UntilAsync("experts to open their page again", async () => await IsGoingOnAsync(work) && there.Zip(visits).All(pair => pair.First.Visits >= pair.Second || pair.First.IsDone));
    }

    // One expert's breaks, of whatever kind.
    private static (int Reconnects, int Reloads, int Again, int Faults, int Disturbed) Breaks(SimulatedExpert expert) =>
        (expert.Reconnects, expert.Reloads, expert.Again, expert.Faults.Count, expert.Answers.Count(answer => answer.Milliseconds is null));

    private static Task AnsweredAsync(List<SimulatedExpert> experts, List<int> counts, Task work, BoundedWait wait) =>
        wait.UntilAsync("every expert to answer twice", async () => await IsGoingOnAsync(work) && experts.Zip(counts).All(pair => pair.First.IsDone || pair.First.Answers.Count >= pair.Second));

    // An expert that met a fault says so at once.
    private static async Task<bool> IsGoingOnAsync(Task work)
    {
        if (work.IsCompleted)
        {
            await work;
        }

        return true;
    }

    /// <summary>Behind the proxy, too, a server knows where browsers are: a wrong password is logged with the address that it came from.</summary>
    private static async Task IsBelievedAsync(NginxProxy proxy, ServerProcess[] servers, BoundedWait wait)
    {
        var stranger = IPAddress.Parse("127.0.0.77");
        using var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            ConnectCallback = async (context, cancellationToken) =>
            {
                var socket = new System.Net.Sockets.Socket(System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Tcp);
                socket.Bind(new IPEndPoint(stranger.MapToIPv6(), 0));
                await socket.ConnectAsync(context.DnsEndPoint, cancellationToken);
                return new System.Net.Sockets.NetworkStream(socket, ownsSocket: true);
            },
        };
        using var http = new HttpClient(handler) { BaseAddress = proxy.Address, Timeout = TimeSpan.FromSeconds(60) };
        using var answer = await ServerFixture.PostFormAsync(http, "/account/sign-in", new() { ["Input.Name"] = SimulatedExpert.NameOf(0), ["Input.Password"] = "not this" });
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        await wait.UntilAsync("a server to log the address of a stranger", () => servers.Any(server => server.Said.Any(line => line.Contains($"from {stranger} ", StringComparison.Ordinal))));
    }

    private static Task TrainAsync(LoadData data, BoundedWait wait) => data.KeepTrainingAsync(
        wait.Token, "seed=7", "threads=1", $"steps={Steps}", $"evaluateEvery={SavedEvery}", "goalsPerStep=2", "groupSize=2", "validationGoals=1", "testGoals=1");

    // One that ended before it could be caught is followed by another.
    private static async Task<bool> NoneIsLeftAsync(LoadData data, BoundedWait wait)
    {
        await TrainAsync(data, wait);
        return false;
    }

    /// <summary>The same run once more, unbroken: those that were handed over did each of their steps, with the same numbers, and made the same weights.</summary>
    private async Task AreAsUnbrokenAsync(LoadData data, BoundedWait wait)
    {
        await EndedAsync();
        await TrainAsync(data, wait);
        await EndedAsync();
        var runs = await data.RunsAsync(wait.Token);
        var broken = (await data.NoticesAsync(wait.Token)).Where(notice => notice.Kind == RunNoticeKind.Interrupted && notice.Text.Contains("another goes on", StringComparison.Ordinal)).Select(notice => notice.Run).ToHashSet(StringComparer.Ordinal);
        Assert.NotEmpty(_takeovers);
        Assert.NotEmpty(broken);
        Assert.All(runs, run => Assert.Equal(RunState.Finished, run.State));
        var unbroken = runs.Single(run => run.Id.Value == runs.Max(other => other.Id.Value));
        Assert.DoesNotContain(unbroken.Name, broken);
        var (numbers, weights) = (Numbers(unbroken), Weights(unbroken));
        Assert.Equal(Steps, numbers.Count(line => line.Contains("reward", StringComparison.Ordinal)));
        Assert.All(runs, run => Assert.Equal(numbers, Numbers(run)));
        Assert.All(runs, run => Assert.Equal(weights, Weights(run)));
        output.WriteLine($"{runs.Count} runs, {broken.Count} of them handed over: the same numbers at every step, and the same weights ({weights[..12]})");

        Task EndedAsync() => wait.UntilAsync("runs to end", async () => !(await data.RunsAsync(wait.Token)).Any(run => run.State is RunState.Pending or RunState.Running));
    }

    /// <summary>What was measured at each step, but for the time it took.</summary>
    private List<string> Numbers(Run run)
    {
        var history = new RunHistory(new RunFolder(Path.Combine(_folder, "runs", run.Name)));
        history.Refresh();
        return [.. history.Steps.Select(step => RunHistory.Format(step with { Values = step.Values.Where(value => !value.Key.StartsWith("profile/", StringComparison.Ordinal) && value.Key is not (RunMetricNames.StepTime or RunMetricNames.TokensPerSecond)).OrderBy(value => value.Key, StringComparer.Ordinal).ToDictionary() }))];
    }

    private string Weights(Run run) =>
        Convert.ToHexStringLower(SHA256.HashData(Directory.EnumerateFiles(Path.Combine(_folder, "runs", run.Name, RunFolder.CheckpointDirectory(Steps)), "*.safetensors").Order(StringComparer.Ordinal).SelectMany(File.ReadAllBytes).ToArray()));

    private void Print(List<SimulatedExpert> experts, Kept kept)
    {
        var waits = experts.SelectMany(expert => expert.Answers).Select(answer => answer.Milliseconds).OfType<double>().Order().ToList();
        output.WriteLine(FormattableString.Invariant($"{experts.Count} experts, {Kills} kills: {experts.Sum(expert => expert.Answers.Count)} answers, {experts.Sum(expert => expert.Reloads - expert.Visits)} pages loaded anew after a kill; answers without a fault took {waits[waits.Count / 2]:0} ms (median), {waits[^1]:0} ms (longest)"));
        output.WriteLine(FormattableString.Invariant($"{kept.Stored} answers stored, {kept.Lost} lost, {kept.Doubled} doubled, {kept.Unseen} stored but not seen; runs were taken over {string.Join(", ", _takeovers.Select(seconds => seconds.ToString("0.0", System.Globalization.CultureInfo.InvariantCulture)))} s after the kills"));
    }
}
