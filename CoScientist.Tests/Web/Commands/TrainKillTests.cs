using System.Diagnostics;
using CoScientist.Core;
using CoScientist.Core.Runs;

namespace CoScientist.Tests.Web.Commands;

/// <summary>Kills the training process ten times, as a power cut would, and compares with a run that nobody disturbed.</summary>
public sealed class TrainKillTests : IDisposable
{
    private const string Run = "sandbox-quick-1";
    private static readonly string[] s_start = ["train", "--preset", "sandbox-quick", "--set", "steps=12", "--set", "evaluateEvery=1", "--set", "validationGoals=6", "--set", "testGoals=6"];
    private readonly string _folder = Directory.CreateTempSubdirectory("coscientist-kill-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Train_KilledTenTimes_ResumesToTheSameNumbers()
    {
        Assert.Equal(0, await RunAsync("calm", killAfter: null, s_start));

        var random = new SeededRandom(7);
        var kills = 0;
        var arguments = s_start;
        for (var attempt = 0; attempt < 10; attempt++)
        {
            // From before the database is open to well into the steps.
            var code = await RunAsync("rough", TimeSpan.FromMilliseconds(500 + random.Next(4000)), arguments);
            kills += code == 0 ? 0 : 1;
            if (Directory.Exists(Path.Combine(_folder, "rough", "runs", Run)))
            {
                arguments = ["train", "--resume", Run];
            }

            if (code == 0)
            {
                break;
            }
        }

        if (Numbers("rough").Count < Numbers("calm").Count || !File.Exists(Path.Combine(_folder, "rough", "runs", Run, RunFolder.EvaluationFile)))
        {
            Assert.Equal(0, await RunAsync("rough", killAfter: null, arguments));
        }

        Assert.True(kills >= 3, $"Only {kills} kills hit the process.");
        Assert.Equal(Numbers("calm"), Numbers("rough"));
        foreach (var file in new[] { RunFolder.EvaluationFile, RunFolder.SamplesFile })
        {
            // Goals have keys of their own in each library; everything that was written about them is the same.
            Assert.Equal(File.ReadAllLines(Path.Combine(_folder, "calm", "runs", Run, file)).Length, File.ReadAllLines(Path.Combine(_folder, "rough", "runs", Run, file)).Length);
        }
    }

    private async Task<int> RunAsync(string data, TimeSpan? killAfter, string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        foreach (var argument in (string[])["exec", typeof(CoScientist.Web.Configuration.CoScientistOptions).Assembly.Location, .. arguments, "--data", Path.Combine(_folder, data)])
        {
            start.ArgumentList.Add(argument);
        }

        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        var errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        if (killAfter is { } delay)
        {
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
            patience.CancelAfter(delay);
            try
            {
                await process.WaitForExitAsync(patience.Token);
            }
            catch (OperationCanceledException) when (!TestContext.Current.CancellationToken.IsCancellationRequested)
            {
                process.Kill();
            }
        }

        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        await output;
        if (killAfter is null && process.ExitCode != 0)
        {
            Assert.Fail(await errors);
        }

        return process.ExitCode;
    }

    private List<string> Numbers(string data)
    {
        var history = new RunHistory(new RunFolder(Path.Combine(_folder, data, "runs", Run)));
        history.Refresh();
        return [.. history.Steps.SelectMany(step => step.Values
            .Where(value => value.Key != RunMetricNames.StepTime)
            .OrderBy(value => value.Key, StringComparer.Ordinal)
            .Select(value => $"{step.Step} {value.Key} {BitConverter.DoubleToInt64Bits(value.Value):x16}"))];
    }
}
