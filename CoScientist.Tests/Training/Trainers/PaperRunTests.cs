using CoScientist.Core.Runs;
using CoScientist.Tests.Shared;
using CoScientist.Training.Checkpoints;
using CoScientist.Training.Checkpoints.Adapters;
using CoScientist.Training.Engines;
using CoScientist.Training.Trainers;

namespace CoScientist.Tests.Training.Trainers;

/// <summary>Real goals, the paper's protocol and a Hugging Face folder: every method runs and resumes to the bit.</summary>
public sealed class PaperRunTests : IDisposable
{
    private static readonly RunSpec s_small = new()
    {
        Data = new RunDataSpec { Sandbox = false },
        Judge = "other",
        Grading = new GradingSpec { Verdicts = VerdictReading.Likelihood, Reference = true },
        Steps = 2,
        GoalsPerStep = 2,
        GroupSize = 3,
        WarmupSteps = 0,
        EvaluateEvery = 1,
        MaxNewTokens = 6,
        ValidationGoals = 2,
        TestGoals = 2,
        Threads = 1,
        LearningRate = 1e-2,
        // An untrained grader passes nothing, but does not always name the same guideline: rewards differ by the general part.
        Reward = new RewardSpec { SpecificWeight = 0.5 },
        Sft = new SftSpec { GoalsPerStep = 2, LearningRate = 1e-2 },
        Opsd = new OpsdSpec { LearningRate = 1e-2, PlansPerGoal = 1 },
    };

    private static readonly Dictionary<string, RunSpec> s_specs = new(StringComparer.Ordinal)
    {
        ["grpo"] = s_small with { Grpo = new GrpoSpec { KlCoefficient = 0.1 } },
        ["adapter"] = s_small with { Lora = new LoraSpec { Rank = 2, Alpha = 4 }, Grpo = new GrpoSpec { KlCoefficient = 0.1 } },
        ["opsd"] = s_small with { Method = "opsd" },
        ["sft"] = s_small with { Method = "sft" },
        ["bf16"] = s_small with { Method = "sft", Engine = new EngineSpec { Precision = RunPrecision.Bf16, GradientCheckpointing = true, MicroBatchTokens = 64 } },
    };

    private readonly string _folder = Directory.CreateTempSubdirectory("coscientist-paper-").FullName;

    public PaperRunTests()
    {
        PaperPolicy.Write(Path.Combine(_folder, "base"), 1);
        PaperPolicy.Write(Path.Combine(_folder, "other"), 2);
    }

    public static TheoryData<string> Methods => [.. s_specs.Keys];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [MemberData(nameof(Methods))]
    public async Task Execute_LocalCheckpoint_LearnsResumesAndLeavesItsGraderAlone(string method)
    {
        var spec = s_specs[method];
        Assert.Empty(RunSpecValidator.Check(spec));
        var initial = File.ReadAllBytes(Path.Combine(_folder, "base", "model.safetensors"));

        var outcome = await TrainingRun.ExecuteAsync(Request("whole", spec), _ => { }, () => false, Cancellation);
        RunOutcome paused;
        var executions = 0;
        do
        {
            var steps = 0;
            paused = await TrainingRun.ExecuteAsync(Request("paused", spec with { Threads = 2 }), happened => steps += happened is RunMetrics { Step: > 0 } ? 1 : 0, () => steps > 0, Cancellation);
        }
        while (paused.State == RunState.Paused && ++executions < 5);

        Assert.Equal((RunState.Finished, RunState.Finished, true), (outcome.State, paused.State, executions > 0));
        if (spec.Lora.Rank > 0)
        {
            // On the way the adapter alone is kept, with the base by name and hash.
            var run = new RunFolder(Path.Combine(_folder, "whole"));
            Assert.Equal([1, 2], run.CheckpointSteps());
            var origin = CheckpointManifest.Read(run.File(RunFolder.AdapterDirectory(1)))!.Origin;
            Assert.Equal((Path.Combine(_folder, "base"), AdapterCheckpoint.Fingerprint(Path.Combine(_folder, "base"))), (origin[AdapterCheckpoint.BaseKey], origin[AdapterCheckpoint.BaseHashKey]));
            Assert.Equal(outcome.Result!.BestStep == 1, Directory.Exists(run.File(RunFolder.CheckpointDirectory(1))));
        }

        var checkpoint = Path.Combine(_folder, "whole", RunFolder.CheckpointDirectory(2));
        var trained = File.ReadAllBytes(Path.Combine(checkpoint, "model.safetensors"));
        Assert.NotEqual(initial, trained);
        Assert.Equal(trained, File.ReadAllBytes(Path.Combine(_folder, "paused", RunFolder.CheckpointDirectory(2), "model.safetensors")));
        Assert.Equal(initial, File.ReadAllBytes(Path.Combine(_folder, "base", "model.safetensors")));

        if (spec.Lora.Rank > 0)
        {
            // The base with the saved adapter, merged by the code that merges anybody's, is the checkpoint.
            using var whole = CpuEngine.Load(checkpoint);
            using var added = CpuEngine.Load(Path.Combine(_folder, "base"));
            using var adapter = AdapterFolder.Open(Path.Combine(_folder, "whole", RunFolder.AdapterDirectory(2)));
            AdapterMerge.Apply(added.Weights.Tensors(), adapter);
            added.WeightsChanged();
            Assert.Equal(whole.Logits([1, 2, 3], 0), added.Logits([1, 2, 3], 0));
        }

        // The checkpoint can be spoken to as the model it came from.
        Assert.Equal(PaperPolicy.Chat(Path.Combine(_folder, "base")).EndTokens, PaperPolicy.Chat(checkpoint).EndTokens);
    }

    [Fact]
    public async Task Execute_AdapterWhoseBaseChanged_IsRefusedWithTheRemedy()
    {
        var spec = s_specs["adapter"];
        var steps = 0;
        await TrainingRun.ExecuteAsync(Request("moved", spec), happened => steps += happened is RunMetrics { Step: > 0 } ? 1 : 0, () => steps > 0, Cancellation);
        Directory.Delete(Path.Combine(_folder, "base"), recursive: true);
        PaperPolicy.Write(Path.Combine(_folder, "base"), 3);

        var fault = await Assert.ThrowsAsync<InvalidDataException>(() => TrainingRun.ExecuteAsync(Request("moved", spec), _ => { }, () => false, Cancellation));

        Assert.Contains("is not the model that the adapter in", fault.Message, StringComparison.Ordinal);
        Assert.Contains("put the original files back", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Execute_WrittenGradings_ThatNobodyCanRead_AreNoReward()
    {
        var judge = new AnsweringModel(AnsweringModel.Grading);
        var spec = s_small with { Judge = "server:big", Grading = new GradingSpec { MaxNewTokens = 6 } };

        var outcome = await TrainingRun.ExecuteAsync(Request("unread", spec) with { Judge = GradingModel.Of(judge) }, _ => { }, () => false, Cancellation);

        Assert.Equal((RunState.Finished, (double?)null), (outcome.State, outcome.Result!.SelfGrade));
        Assert.Equal(File.ReadAllBytes(Path.Combine(_folder, "base", "model.safetensors")), File.ReadAllBytes(Path.Combine(_folder, "unread", RunFolder.CheckpointDirectory(2), "model.safetensors")));
        Assert.All(judge.Prompts, prompt => Assert.DoesNotContain(PaperPolicy.ReferenceWord, prompt.User, StringComparison.Ordinal));
    }

    private TrainingRunRequest Request(string name, RunSpec spec) => new()
    {
        Name = name,
        Directory = Path.Combine(_folder, name),
        Spec = spec,
        Data = PaperPolicy.Data(4, 2, 2),
        ModelDirectory = Path.Combine(_folder, "base"),
        Judge = GradingModel.Checkpoint(Path.Combine(_folder, "other")),
    };
}
