using CoScientist.Core.Runs;
using CoScientist.Tests.Shared;
using CoScientist.Training.Engines;
using CoScientist.Training.Kernels;
using CoScientist.Training.Trainers;

namespace CoScientist.Tests.Training.Trainers;

/// <summary>Runs that cannot go on: they end with the cause and the remedy, and what they had stays.</summary>
public sealed class RunLimitsTests : IDisposable
{
    private static readonly RunSpec s_small = new()
    {
        Steps = 60,
        GoalsPerStep = 2,
        GroupSize = 2,
        WarmupSteps = 0,
        EvaluateEvery = 20,
        MaxNewTokens = 6,
        ValidationGoals = 2,
        TestGoals = 2,
        Threads = 1,
        Sft = new SftSpec { GoalsPerStep = 2, LearningRate = 1e-3 },
        Reward = new RewardSpec { MalformedPenalty = 0, OverlongPenalty = 0 },
    };

    private readonly string _folder = Directory.CreateTempSubdirectory("coscientist-limits-").FullName;

    public RunLimitsTests()
    {
        TinyPolicy.Write(Path.Combine(_folder, "base"));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Execute_LearningRateOfOne_EndsWithTheCauseAndKeepsTheCheckpoints()
    {
        var spec = s_small with { Method = "sft", EvaluateEvery = 1, Sft = s_small.Sft with { LearningRate = 1 } };

        var fault = await FailAsync("diverges", spec);

        Assert.Contains("has collapsed: for 5 steps the loss is", fault.Message, StringComparison.Ordinal);
        Assert.Contains("Lower the learning rate", fault.Message, StringComparison.Ordinal);
        Loads("diverges", new RunFolder(Path.Combine(_folder, "diverges")).CheckpointSteps()[0]);
    }

    [Fact]
    public async Task Execute_LearningRateThatTheModelBears_GoesOn()
    {
        var spec = s_small with { Method = "sequence", Stages = ["opsd:10", "sft:20"], Steps = 30, EvaluateEvery = 30 };

        var outcome = await TrainingRun.ExecuteAsync(Request("healthy", spec), _ => { }, () => false, TestContext.Current.CancellationToken);

        Assert.Equal(RunState.Finished, outcome.State);
    }

    [Fact]
    public async Task Execute_NoDifferenceInAnyGroup_EndsAfterFiftyStepsAndKeepsTheCheckpoints()
    {
        // An untrained grader passes nothing, and no plan ends: all earn the same.
        var fault = await FailAsync("silent", s_small);

        Assert.Contains("earned the same for 50 steps", fault.Message, StringComparison.Ordinal);
        Assert.Equal([20, 40], new RunFolder(Path.Combine(_folder, "silent")).CheckpointSteps());
        Loads("silent", 40);
    }

    [Theory]
    [InlineData("sft", "The gradient is not finite at step 4: lower the learning rate or look for broken inputs. The last checkpoint is intact.")]
    [InlineData("grpo", "training has diverged. Go back to an earlier checkpoint")]
    public async Task Execute_NumbersThatBreak_EndWithTheCauseAndKeepTheLastGoodCheckpoint(string method, string cause)
    {
        var spec = s_small with { Method = method, Steps = 8, EvaluateEvery = 2 };
        var steps = 0;
        await TrainingRun.ExecuteAsync(Request("breaks", spec), happened => steps += happened is RunMetrics { Step: > 0 } ? 1 : 0, () => steps >= 2, TestContext.Current.CancellationToken);
        SpoilMoments(Path.Combine(_folder, "breaks", "optimizer-000002.safetensors"));

        var fault = await FailAsync("breaks", spec);

        Assert.Contains(cause, fault.Message, StringComparison.Ordinal);
        Assert.Equal([2], new RunFolder(Path.Combine(_folder, "breaks")).CheckpointSteps());
        Loads("breaks", 2);
    }

    [Theory]
    [InlineData(RunMetricNames.Loss, double.NaN, "The loss is NaN at step 3")]
    [InlineData(RunMetricNames.GradNorm, double.PositiveInfinity, "The gradient's norm is Infinity at step 3")]
    public void Check_NoNumber_EndsTheRun(string metric, double value, string message)
    {
        var fault = Assert.Throws<InvalidDataException>(() => new RunLimits().Check(new RunMetrics(3, new Dictionary<string, double>(StringComparer.Ordinal) { [metric] = value })));

        Assert.StartsWith(message, fault.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(RunMetricNames.Entropy, 0.4, 1e-4, "one answer only")]
    [InlineData(RunMetricNames.ClippedRatio, 0.1, 1, "no plan ends any more")]
    [InlineData(RunMetricNames.Loss, 0.7, 2.5, "the loss is 2.5, and was 0.7 at first")]
    public void Check_FiveCollapsedStepsInARow_EndTheRun(string metric, double healthy, double broken, string message)
    {
        var limits = new RunLimits([new RunStage("sft", 0, 20), new RunStage("grpo", 20, 20)]);
        foreach (var step in Enumerable.Range(1, 15))
        {
            // One good step, then four that are not.
            limits.Check(Metrics(step, step % 5 == 1 ? healthy : broken));
        }

        Assert.Contains(message, Assert.Throws<InvalidDataException>(() => limits.Check(Metrics(16, broken))).Message, StringComparison.Ordinal);

        RunMetrics Metrics(int step, double value) => new(step, new Dictionary<string, double>(StringComparer.Ordinal) { [metric] = value, [RunMetricNames.LearningRate] = 1e-4 });
    }

    [Fact]
    public void Check_PartThatBeganSo_IsLeftAlone()
    {
        var limits = new RunLimits([new RunStage("opsd", 0, 3), new RunStage("sft", 3, 30)]);
        for (var step = 1; step <= 33; step++)
        {
            // The second part has another loss, and starts with every plan cut off.
            limits.Check(new RunMetrics(step, new Dictionary<string, double>(StringComparer.Ordinal)
            {
                [RunMetricNames.Loss] = step <= 3 ? 0.05 : 3,
                [RunMetricNames.ClippedRatio] = 1,
                [RunMetricNames.LearningRate] = 1e-4,
            }));
        }
    }

    /// <summary>All bits set are no number: the next step spreads it over the weights.</summary>
    private static void SpoilMoments(string file)
    {
        using var stream = new FileStream(file, FileMode.Open, FileAccess.ReadWrite);
        using var reader = new BinaryReader(stream);
        stream.Position = 8 + reader.ReadInt64();
        stream.Write([.. Enumerable.Repeat((byte)0xff, 4096)]);
    }

    private Task<InvalidDataException> FailAsync(string name, RunSpec spec) =>
        Assert.ThrowsAsync<InvalidDataException>(() => TrainingRun.ExecuteAsync(Request(name, spec), _ => { }, () => false, TestContext.Current.CancellationToken));

    private void Loads(string name, int step)
    {
        using var pool = new WorkerPool(1);
        using var engine = CpuEngine.Load(Path.Combine(_folder, name, RunFolder.CheckpointDirectory(step)), pool);
        Assert.Equal(TinyPolicy.Config.Layers, engine.Config.Layers);
    }

    private TrainingRunRequest Request(string name, RunSpec spec) => new()
    {
        Name = name,
        Directory = Path.Combine(_folder, name),
        Spec = spec,
        Data = TinyPolicy.Data(6, 2, 2),
        ModelDirectory = Path.Combine(_folder, "base"),
    };
}
