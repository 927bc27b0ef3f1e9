using CoScientist.Core.Runs;
using CoScientist.Tests.Shared;
using CoScientist.Training.Trainers;

namespace CoScientist.Tests.Training.Trainers;

/// <summary>Every method as a run: it resumes and spreads over threads without a different bit.</summary>
public sealed class MethodTests : IDisposable
{
    private static readonly RunSpec s_small = new()
    {
        Steps = 4,
        GoalsPerStep = 2,
        GroupSize = 4,
        WarmupSteps = 1,
        EvaluateEvery = 2,
        MaxNewTokens = 20,
        ValidationGoals = 4,
        TestGoals = 3,
        Threads = 1,
        LearningRate = 1e-2,
        // An untrained grader passes nothing, but does not always name the same guideline: rewards differ by the general part.
        Reward = new RewardSpec { SpecificWeight = 0.5 },
        Sft = new SftSpec { GoalsPerStep = 3, LearningRate = 1e-2 },
        Opsd = new OpsdSpec { LearningRate = 1e-2 },
        Dpo = new DpoSpec { PairsPerStep = 3, LearningRate = 1e-2 },
    };

    private static readonly Dictionary<string, RunSpec> s_specs = new(StringComparer.Ordinal)
    {
        ["sft"] = s_small with { Method = "sft" },
        ["sft realistic"] = s_small with { Method = "sft", Data = new RunDataSpec { References = ReferenceKind.Realistic } },
        ["opsd"] = s_small with { Method = "opsd" },
        ["dpo"] = s_small with { Method = "dpo" },
        ["grpo k3"] = s_small with { Grpo = new GrpoSpec { KlCoefficient = 0.1, Epochs = 2, EntropyBonus = 0.01, ResampleRounds = 1, Scaling = AdvantageScaling.Group, Normalisation = LossNormalisation.Constant } },
        ["grpo k1"] = s_small with { Grpo = new GrpoSpec { KlCoefficient = 0.1, Kl = KlEstimator.K1, Ratio = RatioLevel.Sequence, Epochs = 2, Normalisation = LossNormalisation.SequenceMean, Scaling = AdvantageScaling.Batch } },
        ["adapter"] = s_small with { Lora = new LoraSpec { Rank = 4, Alpha = 8, Dropout = 0.1 }, Grpo = new GrpoSpec { KlCoefficient = 0.1 } },
        ["sequence"] = s_small with { Method = "sequence", Stages = ["opsd:1", "sft:1", "grpo:2"] },
    };

    private readonly string _folder = Directory.CreateTempSubdirectory("coscientist-method-").FullName;

    public MethodTests()
    {
        TinyPolicy.Write(Path.Combine(_folder, "base"));
    }

    public static TheoryData<string> Methods => [.. s_specs.Keys];

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [MemberData(nameof(Methods))]
    public async Task Execute_EveryMethod_IsTheSameWhenPausedAndOnThreeThreads(string method)
    {
        var spec = s_specs[method];
        Assert.Empty(RunSpecValidator.Check(spec));
        var grader = File.ReadAllBytes(Path.Combine(_folder, "base", "model.safetensors"));

        var outcome = await TrainingRun.ExecuteAsync(Request("whole", spec), _ => { }, () => false, TestContext.Current.CancellationToken);
        RunOutcome paused;
        var executions = 0;
        do
        {
            var steps = 0;
            paused = await TrainingRun.ExecuteAsync(Request("paused", spec with { Threads = 3 }), happened => steps += happened is RunMetrics { Step: > 0 } ? 1 : 0, () => steps > 0, TestContext.Current.CancellationToken);
        }
        while (paused.State == RunState.Paused && ++executions < 10);

        Assert.Equal((RunState.Finished, RunState.Finished), (outcome.State, paused.State));
        Assert.True(executions > 2, "It was never paused: the case shows nothing.");
        Assert.Equal(Numbers("whole"), Numbers("paused"));
        Assert.Equal(File.ReadAllText(Path.Combine(_folder, "whole", RunFolder.EvaluationFile)), File.ReadAllText(Path.Combine(_folder, "paused", RunFolder.EvaluationFile)));
        var trained = File.ReadAllBytes(Path.Combine(_folder, "whole", RunFolder.CheckpointDirectory(4), "model.safetensors"));
        Assert.NotEqual(grader, trained);
        Assert.Equal(trained, File.ReadAllBytes(Path.Combine(_folder, "paused", RunFolder.CheckpointDirectory(4), "model.safetensors")));
        Assert.Equal(grader, File.ReadAllBytes(Path.Combine(_folder, "base", "model.safetensors")));
    }

    [Fact]
    public async Task Execute_EveryPlanCutOffAndMasked_LearnsNothing()
    {
        var spec = s_small with { Grpo = new GrpoSpec { Truncated = TruncatedPlans.Mask } };
        await TrainingRun.ExecuteAsync(Request("masked", spec), _ => { }, () => false, TestContext.Current.CancellationToken);

        var history = new RunHistory(new RunFolder(Path.Combine(_folder, "masked")));
        history.Refresh();
        Assert.All(history.Steps.Skip(1), step => Assert.Equal((1, 0), (step.Values[RunMetricNames.ClippedRatio], step.Values[RunMetricNames.GradNorm])));
        Assert.Equal(File.ReadAllBytes(Path.Combine(_folder, "base", "model.safetensors")), File.ReadAllBytes(Path.Combine(_folder, "masked", RunFolder.CheckpointDirectory(4), "model.safetensors")));
    }

    [Fact]
    public async Task Execute_NoPreferences_IsRefusedWithTheRemedy()
    {
        var request = Request("none", s_specs["dpo"]) with { Data = TinyPolicy.Data(4, 4, 3) };
        var fault = await Assert.ThrowsAsync<InvalidDataException>(() => TrainingRun.ExecuteAsync(request, _ => { }, () => false, TestContext.Current.CancellationToken));
        Assert.Contains("Run a study first", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Execute_StopAsked_EndsWhenTheWatchSeesThemPart()
    {
        // A threshold of nothing: any growth with statistical support is too much, and plans that change show one soon or never.
        var spec = s_small with { Steps = 30, Method = "sft", EvaluateEvery = 1, ValidationGoals = 8, Watch = new WatchSpec { Gap = 0, Stop = true } };
        var events = new List<RunEvent>();
        var outcome = await TrainingRun.ExecuteAsync(Request("watched", spec) with { Data = TinyPolicy.Data(6, 8, 3) }, events.Add, () => false, TestContext.Current.CancellationToken);

        Assert.Equal(RunState.Finished, outcome.State);
        var parted = events.OfType<RunMetrics>().FirstOrDefault(metrics => metrics.Values.GetValueOrDefault(RunMetricNames.WatchGrowthLow) > 0);
        var last = events.OfType<RunMetrics>().Max(metrics => metrics.Step);
        Assert.Equal(parted?.Step ?? 30, last);
        Assert.Equal(parted is not null, events.OfType<RunLog>().Any(line => line.Message.StartsWith("Stopped", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData(RunMetricNames.GraderFailure, RunLimits.UngradedSteps, "another grader")]
    [InlineData(RunMetricNames.ZeroStd, RunLimits.SilentSteps, "raise the temperature")]
    public void Check_NothingToLearnFor_SoManySteps_EndsTheRunWithTheRemedy(string metric, int steps, string remedy)
    {
        var limits = new RunLimits();
        RunMetrics Metrics(int step, double value) => new(step, new Dictionary<string, double>(StringComparer.Ordinal) { [RunMetricNames.GraderFailure] = 0, [metric] = value });
        limits.Check(Metrics(1, 1));
        limits.Check(Metrics(2, 0.5));
        for (var i = 1; i < steps; i++)
        {
            limits.Check(Metrics(2 + i, 1));
        }

        Assert.Contains(remedy, Assert.Throws<InvalidDataException>(() => limits.Check(Metrics(2 + steps, 1))).Message, StringComparison.Ordinal);
    }

    private TrainingRunRequest Request(string name, RunSpec spec) => new()
    {
        Name = name,
        Directory = Path.Combine(_folder, name),
        Spec = spec,
        Data = TinyPolicy.Data(10, 4, 3) with { Preferences = [.. TinyPolicy.Data(5, 4, 3).Train.Select(goal => new RunPreference(goal.Id, goal.Text, goal.ReferenceSolution!, "we plan ."))] },
        ModelDirectory = Path.Combine(_folder, "base"),
    };

    private List<string> Numbers(string name)
    {
        var history = new RunHistory(new RunFolder(Path.Combine(_folder, name)));
        history.Refresh();
        return [.. history.Steps.SelectMany(step => step.Values
            .Where(value => !RunMetricNames.IsTiming(value.Key))
            .OrderBy(value => value.Key, StringComparer.Ordinal)
            .Select(value => $"{step.Step} {value.Key} {BitConverter.DoubleToInt64Bits(value.Value):x16}"))];
    }
}
