using CoScientist.Core.Runs;
using CoScientist.Tests.Core.Runs;
using CoScientist.Tests.Shared;
using CoScientist.Training.Trainers;

namespace CoScientist.Tests.Training.Trainers;

public sealed class TrainingRunTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("coscientist-run-").FullName;

    public TrainingRunTests()
    {
        TinyPolicy.Write(Path.Combine(folder, "base"));
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public async Task Execute_ShortRun_WritesMetricsSamplesCheckpointsAndEvaluation()
    {
        var events = new List<RunEvent>();
        var outcome = await RunAsync("whole", events);

        Assert.Equal(RunState.Finished, outcome.State);
        var result = Assert.IsType<RunResult>(outcome.Result);
        Assert.Equal(4, result.Steps);
        Assert.InRange(result.WinRate, 0, 1);
        Assert.True(result.WinRateLow <= result.WinRate && result.WinRate <= result.WinRateHigh);
        var run = new RunFolder(Path.Combine(folder, "whole"));
        Assert.Equal([2, 4], run.CheckpointSteps());
        var history = new RunHistory(run);
        history.Refresh();
        Assert.Equal([0, 1, 2, 3, 4], history.Steps.Select(step => step.Step));
        Assert.Equal([0, 2, 4], history.Series(RunMetricNames.JudgeScore).Select(point => point.Step));
        Assert.All(history.Steps.Skip(1), step => Assert.Equal(
            1,
            step.Values[RunMetricNames.ProfileProducts] + step.Values[RunMetricNames.ProfileAttention] + step.Values[RunMetricNames.ProfileOther] + step.Values[RunMetricNames.ProfileWaiting],
            0.05));
        Assert.All(history.Steps.Skip(1), step => Assert.InRange(step.Values[RunMetricNames.ProfilePeak], double.Epsilon, 1.5));
        Assert.Equal(2 * 6, run.ReadEvaluation().Count);
        Assert.Equal(2 * 4 + 4, run.ReadSamples(2).Count);
        Assert.Equal(2, events.OfType<RunCheckpoint>().Count());
    }

    [Fact]
    public async Task Execute_PausedAfterEveryStep_EndsWithTheSameNumbers()
    {
        await RunAsync("unbroken", []);
        RunOutcome outcome;
        var executions = 0;
        do
        {
            var steps = 0;
            outcome = await TrainingRun.ExecuteAsync(Request("broken"), happened => steps += happened is RunMetrics { Step: > 0 } ? 1 : 0, () => steps > 0, TestContext.Current.CancellationToken);
            executions++;
        }
        while (outcome.State == RunState.Paused && executions < 20);

        Assert.Equal(RunState.Finished, outcome.State);
        Assert.True(executions > 2, $"{executions} executions are too few to show that pausing works.");
        AssertSameNumbers("unbroken", "broken");
    }

    [Fact]
    public async Task Execute_CancelledMidStep_ResumesFromTheLastCheckpointToTheSameNumbers()
    {
        await RunAsync("unbroken", []);
        using var source = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var cancelled = await TrainingRun.ExecuteAsync(
            Request("cancelled"),
            happened =>
            {
                if (happened is RunMetrics { Step: 3 })
                {
                    source.Cancel();
                }
            },
            () => false,
            source.Token);
        Assert.Equal(RunState.Cancelled, cancelled.State);
        // What a crash in the middle of a write leaves behind.
        await File.AppendAllTextAsync(Path.Combine(folder, "cancelled", RunFolder.MetricsFile), "{\"step\":4,\"rew", TestContext.Current.CancellationToken);

        var outcome = await RunAsync("cancelled", []);

        Assert.Equal(RunState.Finished, outcome.State);
        AssertSameNumbers("unbroken", "cancelled");
        Assert.Equal(Scalars("unbroken"), Scalars("cancelled"));
    }

    [Fact]
    public async Task Execute_DiskFullMidRun_SaysSoKeepsTheCheckpointAndGoesOnWhenThereIsRoom()
    {
        Assert.SkipUnless(File.Exists("/dev/full"), "This system has no /dev/full to stand for a full disk.");
        await RunAsync("unbroken", []);
        var samples = Path.Combine(folder, "full", RunFolder.SamplesFile);

        var fault = await Assert.ThrowsAsync<IOException>(() => TrainingRun.ExecuteAsync(
            Request("full"),
            happened =>
            {
                if (happened is RunMetrics { Step: 3 } && !File.Exists(samples + ".kept"))
                {
                    File.Move(samples, samples + ".kept");
                    File.CreateSymbolicLink(samples, "/dev/full");
                }
            },
            () => false,
            TestContext.Current.CancellationToken));

        Assert.Contains("space", fault.Message, StringComparison.OrdinalIgnoreCase);
        Assert.Equal([2], new RunFolder(Path.Combine(folder, "full")).CheckpointSteps());
        File.Delete(samples);
        File.Move(samples + ".kept", samples);
        Assert.Equal(RunState.Finished, (await RunAsync("full", [])).State);
        AssertSameNumbers("unbroken", "full");
        Assert.Equal(Scalars("unbroken"), Scalars("full"));
    }

    [Fact]
    public async Task Execute_OtherThreadCount_GivesTheSameNumbers()
    {
        await RunAsync("one", []);
        await TrainingRun.ExecuteAsync(Request("three") with { Spec = Spec with { Threads = 3 } }, _ => { }, () => false, TestContext.Current.CancellationToken);
        AssertSameNumbers("one", "three");
    }

    [Fact]
    public async Task Execute_RealGoalsWithoutAChatTemplate_IsRefusedWithTheRemedy()
    {
        var request = Request("real") with { Spec = Spec with { Judge = "initial", Data = new RunDataSpec { Sandbox = false } } };
        var fault = await Assert.ThrowsAsync<InvalidDataException>(() => TrainingRun.ExecuteAsync(request, _ => { }, () => false, TestContext.Current.CancellationToken));
        Assert.Contains("eos_token_id", fault.Message, StringComparison.Ordinal);
    }

    private static RunSpec Spec { get; } = new()
    {
        Steps = 4,
        GoalsPerStep = 2,
        GroupSize = 4,
        EvaluateEvery = 2,
        MaxNewTokens = 20,
        ValidationGoals = 4,
        TestGoals = 6,
        Threads = 1,
        LearningRate = 1e-2,
    };

    private TrainingRunRequest Request(string name) => new()
    {
        Name = name,
        Directory = Path.Combine(folder, name),
        Spec = Spec,
        Data = TinyPolicy.Data(10, 4, 6),
        ModelDirectory = Path.Combine(folder, "base"),
    };

    private Task<RunOutcome> RunAsync(string name, List<RunEvent> events) =>
        TrainingRun.ExecuteAsync(Request(name), events.Add, () => false, TestContext.Current.CancellationToken);

    private void AssertSameNumbers(string expected, string actual)
    {
        Assert.Equal(Numbers(expected), Numbers(actual));
        Assert.Equal(
            File.ReadAllText(Path.Combine(folder, expected, RunFolder.EvaluationFile)),
            File.ReadAllText(Path.Combine(folder, actual, RunFolder.EvaluationFile)));
        Assert.Equal(
            File.ReadAllText(Path.Combine(folder, expected, RunFolder.SamplesFile)),
            File.ReadAllText(Path.Combine(folder, actual, RunFolder.SamplesFile)));
    }

    /// <summary>What TensorBoard sees: every step of every metric once.</summary>
    private List<(long Step, string Tag)> Scalars(string name)
    {
        List<(long, string)> scalars = [.. TensorBoardFileTests.Read(Path.Combine(folder, name, RunFolder.EventsFile)).Select(value => (value.Step, value.Tag))];
        Assert.Equal(scalars.Distinct(), scalars);
        return scalars;
    }

    /// <summary>Every metric to the bit, but for the clock's.</summary>
    private List<string> Numbers(string name)
    {
        var history = new RunHistory(new RunFolder(Path.Combine(folder, name)));
        history.Refresh();
        return [.. history.Steps.SelectMany(step => step.Values
            .Where(value => !RunMetricNames.IsTiming(value.Key))
            .OrderBy(value => value.Key, StringComparer.Ordinal)
            .Select(value => $"{step.Step} {value.Key} {BitConverter.DoubleToInt64Bits(value.Value):x16}"))];
    }
}
