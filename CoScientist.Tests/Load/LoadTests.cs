using System.Diagnostics;
using CoScientist.Core;
using CoScientist.Core.Runs;

namespace CoScientist.Tests.Load;

/// <summary>
/// Experts over real circuits against the built server, with kills, network cuts and slow machines: no answer that an expert saw taken is lost
/// or stored twice. In the suite a little of it; COSCIENTIST_LOAD_EXPERTS=200 COSCIENTIST_LOAD_SECONDS=600 and the others of
/// <see cref="LoadPlan"/> ask for as much as the machine bears, and the figures are printed.
/// </summary>
[Trait("Database", "any")]
public sealed class LoadTests(ITestOutputHelper output) : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("coscientist-load-").FullName;
    private readonly LoadPlan _plan = LoadPlan.Read();

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Load_ExpertsAtOnceWithFaults_LosesAndDoublesNoAnswer()
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(TimeSpan.FromSeconds(240 + _plan.CutSeconds + (2 * _plan.Seconds) + (20 * _plan.Kills) + _plan.Experts));
        var token = patience.Token;

        await using var data = new LoadData(_folder);
        var study = await data.SeedAsync(_plan, token);
        if (_plan.Trains)
        {
            await data.KeepTrainingAsync(token);
        }

        await using var server = new ServerProcess(_folder);
        await server.StartAsync(token);
        var experts = Enumerable.Range(0, _plan.Experts).Select(number => new SimulatedExpert(number, _plan, () => server.Address, $"/compare/{study}")).ToList();
        try
        {
            var report = await MeasureAsync(data, server, experts, token);
            output.WriteLine(report.ToString());
            Assert.Equal((0, 0), (report.Kept.Lost, report.Kept.Doubled));
            // Between a fault and what an expert sees of it lies one answer at most.
            Assert.InRange(report.Kept.Unseen, 0, experts.Sum(expert => expert.Cuts + expert.Reloads + expert.Again));
            Assert.Equal("ok", await data.IntegrityAsync(token));
            Assert.All(report.Runs, run => Assert.EndsWith("finished", run, StringComparison.Ordinal));
            if (_plan.IsAsked)
            {
                await server.KillAsync();
                Assert.Equal(0, await server.DoctorAsync(token));
            }
        }
        finally
        {
            await Task.WhenAll(experts.Select(expert => expert.LeaveAsync()));
            experts.ForEach(expert => expert.Dispose());
        }
    }

    private async Task<LoadReport> MeasureAsync(LoadData data, ServerProcess server, List<SimulatedExpert> experts, CancellationToken cancellationToken)
    {
        var pace = TimeSpan.FromSeconds(_plan.Pace);
        // One expert alone, so that code is compiled and caches are filled; then all the others.
        await experts[0].ArriveAsync(cancellationToken);
        await experts[0].WorkAsync(TimeSpan.Zero, TimeSpan.FromSeconds(Math.Min(_plan.Pace, 0.1)), _plan.Alone, CancellationToken.None, cancellationToken);
        var memoryOfOne = server.Memory;
        await Parallel.ForEachAsync(experts.Skip(1), new ParallelOptions { MaxDegreeOfParallelism = 4, CancellationToken = cancellationToken }, async (expert, token) => await expert.ArriveAsync(token));
        await Task.WhenAll(experts.Skip(1).Select((expert, i) => expert.WorkAsync(Phase(i + 1), pace, LoadPlan.WarmUp, CancellationToken.None, cancellationToken)));

        var (memory, earlier) = (new List<long> { server.Memory }, experts.Sum(expert => expert.Answers.Count));
        var (from, serverBefore, ownBefore) = (Stopwatch.GetTimestamp(), server.Processor, Environment.CpuUsage.TotalTime);
        using var stop = new CancellationTokenSource();
        var work = Task.WhenAll(experts.Select((expert, i) => expert.WorkAsync(Phase(i), pace, int.MaxValue, stop.Token, cancellationToken)));
        var faults = await KillAsync(data, server, experts, cancellationToken);
        while (!work.IsCompleted && (Stopwatch.GetElapsedTime(from).TotalSeconds < _plan.Seconds || experts.Exists(expert => expert.Answers.Count < 2 * LoadPlan.WarmUp)))
        {
            await Task.WhenAny(work, Task.Delay(TimeSpan.FromSeconds(_plan.IsAsked ? 1 : 0.02), cancellationToken));
            memory.Add(server.Memory);
        }

        await stop.CancelAsync();
        await work;
        var (lasted, serverProcessor, ownProcessor) = (Stopwatch.GetElapsedTime(from), server.Processor - serverBefore, Environment.CpuUsage.TotalTime - ownBefore);
        memory.Add(server.Memory);
        var runs = _plan.Trains ? await data.EndedRunsAsync(cancellationToken) : [];
        return new LoadReport
        {
            Plan = _plan,
            Experts = experts,
            Kept = await data.CheckAsync(Seen(experts), cancellationToken),
            Lasted = lasted,
            Earlier = earlier,
            ServerProcessor = serverProcessor,
            OwnProcessor = ownProcessor,
            MemoryOfOne = memoryOfOne,
            Memory = memory,
            Faults = faults,
            Runs = [.. runs.Select(run => $"{run.Name} {(run.State == RunState.Finished ? "" : run.Error + " ")}{run.State.ToString().ToLowerInvariant()}")],
            Said = server.Said,
        };
    }

    // Experts do not answer in step.
    private TimeSpan Phase(int expert) => TimeSpan.FromSeconds(_plan.Pace * expert / _plan.Experts);

    private static List<SeenAnswer> Seen(IEnumerable<SimulatedExpert> experts) => [.. experts.SelectMany(expert => expert.Answers)];

    /// <summary>Kills the server at random moments, but never before somebody has worked; looks each time what is left, and starts it again.</summary>
    private async Task<(int Kills, int Resumed)> KillAsync(LoadData data, ServerProcess server, List<SimulatedExpert> experts, CancellationToken cancellationToken)
    {
        var random = new SeededRandom(8);
        var resumed = 0;
        for (var kill = 1; kill <= _plan.Kills; kill++)
        {
            var before = Seen(experts).Count;
            while (Seen(experts).Count == before)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(5), cancellationToken);
            }

            await Task.Delay(TimeSpan.FromSeconds(2 * random.NextDouble() * _plan.Seconds / _plan.Kills), cancellationToken);
            await server.KillAsync();
            Assert.Equal("ok", await data.IntegrityAsync(cancellationToken));
            Assert.Equal(0, (await data.CheckAsync(Seen(experts), cancellationToken)).Lost);
            if (_plan.Trains)
            {
                resumed += await data.ResumeRunAsync(cancellationToken) ? 1 : 0;
                await data.KeepTrainingAsync(cancellationToken);
            }

            await server.StartAsync(cancellationToken);
        }

        return (_plan.Kills, resumed);
    }
}
