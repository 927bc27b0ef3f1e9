using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Tests.Core.Storage;
using CoScientist.Tests.Shared;
using CoScientist.Web.Configuration;
using CoScientist.Web.Runs;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.DependencyInjection;

namespace CoScientist.Tests.Web.Operation;

/// <summary>The server as a process of its own, asked to end as service managers do.</summary>
[Trait("Database", "any")]
public sealed partial class ShutdownTests : IDisposable
{
    private const int Terminate = 15;

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

        using var process = Start();
        var output = process.StandardOutput.ReadToEndAsync(Token);
        var errors = process.StandardError.ReadToEndAsync(Token);
        while (Steps(folder).Count < 3)
        {
            Assert.False(process.HasExited, process.HasExited ? await errors : "");
            await Task.Delay(20, Token);
        }

        var asked = Stopwatch.GetTimestamp();
        Assert.Equal(0, Signal(process.Id, Terminate));
        await process.WaitForExitAsync(Token);
        TestContext.Current.TestOutputHelper?.WriteLine(FormattableString.Invariant($"It ended {Stopwatch.GetElapsedTime(asked).TotalSeconds:0.00} s after the signal."));

        Assert.True(process.ExitCode == 0, await output + await errors);
        var stopped = await services.GetRequiredService<RunStore>().FindAsync(run.Name, Token);
        // On a server's database it waits for the instance that follows.
        Assert.Equal(TestPostgres.IsOn ? RunState.Pending : RunState.Interrupted, stopped!.State);
        var last = Steps(folder).Max();
        Assert.Equal(last, stopped.Step);
        Assert.Equal(last, folder.CheckpointSteps()[^1]);
        Assert.True(File.Exists(folder.File(string.Create(CultureInfo.InvariantCulture, $"optimizer-{last:D6}.safetensors"))));
        Assert.Null(DataDirectoryLock.OtherHolder(data));
    }

    private static List<int> Steps(RunFolder folder)
    {
        var history = new RunHistory(folder);
        history.Refresh();
        return [.. history.Steps.Select(step => step.Step)];
    }

    private Process Start()
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        foreach (var argument in (string[])["exec", typeof(CoScientistOptions).Assembly.Location, "serve", "--urls", "http://127.0.0.1:0", .. TestData.Arguments(data)])
        {
            start.ArgumentList.Add(argument);
        }

        return Process.Start(start)!;
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Signal(int process, int signal);
}
