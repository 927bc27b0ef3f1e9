using System.Diagnostics;
using System.Globalization;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Tests.Core.Storage;
using CoScientist.Tests.Load;
using CoScientist.Tests.Shared;
using CoScientist.Web.Configuration;
using CoScientist.Web.Runs;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.DependencyInjection;

namespace CoScientist.Tests.Web.Operation;

/// <summary>The server as a process of its own, asked to end as service managers do.</summary>
[Trait("Database", "any")]
public sealed class ShutdownTests : IDisposable
{
    private readonly string data = Path.Combine(Directory.CreateTempSubdirectory("coscientist-stop-").FullName, "data");

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        SqliteConnection.ClearAllPools();
        Directory.Delete(Path.GetDirectoryName(data)!, recursive: true);
    }

    [Fact]
    public async Task Terminate_WhileARunTrains_SavesItAtItsLastStepAndEndsWithoutFault()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Signals are sent as Linux does.");
        await using var services = new ServiceCollection().AddLogging().AddCoScientist(TestData.Options(data)).BuildServiceProvider();
        await CoScientist.Web.Configuration.DataDirectory.PrepareAsync(services, Token);
        await services.GetRequiredService<ModelCatalog>().RegisterBuiltInsAsync(Token);
        var spec = RunPresets.Find("sandbox-quick")!.Spec with { Steps = 500, EvaluateEvery = 500, ValidationGoals = 2, TestGoals = 2 };
        var run = await services.GetRequiredService<RunLauncher>().StartAsync(spec, "test", null, Token);
        var folder = new RunFolder(Path.Combine(data, "runs", run.Name));

        await using var server = new ServerProcess(data);
        await server.StartAsync(Token);
        while (Steps(folder).Count < 3)
        {
            Assert.False(server.HasEnded, string.Join('\n', server.Said));
            await Task.Delay(20, Token);
        }

        await TerminateAsync(server);
        var stopped = await services.GetRequiredService<RunStore>().FindAsync(run.Name, Token);
        // On a server's database it waits for the instance that follows.
        Assert.Equal(TestPostgres.IsOn ? RunState.Pending : RunState.Interrupted, stopped!.State);
        var last = Steps(folder).Max();
        Assert.Equal(last, stopped.Step);
        Assert.Equal(last, folder.CheckpointSteps()[^1]);
        Assert.True(File.Exists(folder.File(string.Create(CultureInfo.InvariantCulture, $"optimizer-{last:D6}.safetensors"))));
        Assert.Null(DataDirectoryLock.OtherHolder(data));
    }

    [Fact]
    public async Task Terminate_WithPagesOpen_EndsWithoutFault()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Signals are sent as Linux does.");
        var plan = new LoadPlan { Kills = 0, Cuts = 0, Slow = 0 };
        await using var load = new LoadData(data);
        var study = await load.SeedAsync(plan, Token);
        await using var server = new ServerProcess(data);
        await server.StartAsync(Token);
        var experts = Enumerable.Range(0, plan.Experts).Select(number => new SimulatedExpert(number, plan, () => server.Address, $"/compare/{study}")).ToList();
        foreach (var expert in experts)
        {
            await expert.ArriveAsync(Token);
            await expert.WorkAsync(TimeSpan.Zero, TimeSpan.Zero, most: 2, CancellationToken.None, Token);
        }

        await TerminateAsync(server);

        var kept = await load.CheckAsync([.. experts.SelectMany(expert => expert.Answers)], Token);
        Assert.Equal((2 * plan.Experts, 0, 0), (kept.Stored, kept.Lost, kept.Doubled));
        Assert.Equal("ok", await load.IntegrityAsync(Token));
        await Task.WhenAll(experts.Select(expert => expert.LeaveAsync()));
        experts.ForEach(expert => expert.Dispose());
    }

    private static async Task TerminateAsync(ServerProcess server)
    {
        var asked = Stopwatch.GetTimestamp();
        var code = await server.TerminateAsync(Token);
        TestContext.Current.TestOutputHelper?.WriteLine(FormattableString.Invariant($"It ended {Stopwatch.GetElapsedTime(asked).TotalSeconds:0.00} s after the signal."));
        Assert.DoesNotContain(server.Said, line => !line.Contains("Nobody has an account yet", StringComparison.Ordinal));
        Assert.Equal(0, code);
    }

    private static List<int> Steps(RunFolder folder)
    {
        var history = new RunHistory(folder);
        history.Refresh();
        return [.. history.Steps.Select(step => step.Step)];
    }
}
