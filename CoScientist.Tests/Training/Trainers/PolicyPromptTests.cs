using CoScientist.Core.Runs;
using CoScientist.Tests.Shared;
using CoScientist.Training.Engines;
using CoScientist.Training.Kernels;
using CoScientist.Training.Protocols;
using CoScientist.Training.Sandbox;
using CoScientist.Training.Trainers;

namespace CoScientist.Tests.Training.Trainers;

/// <summary>
/// Everything that makes the policy write or learn in a run, in both protocols: the four trainers, the looks on the way and the
/// closing evaluation. The policy is never given a rubric or a reference; only the teacher of self-distillation, which writes
/// nothing, is given the rubric.
/// </summary>
public sealed class PolicyPromptTests : IDisposable
{
    private static readonly RunSpec s_spec = new()
    {
        Steps = 2,
        GoalsPerStep = 2,
        GroupSize = 2,
        WarmupSteps = 0,
        EvaluateEvery = 1,
        MaxNewTokens = 6,
        ValidationGoals = 2,
        TestGoals = 2,
        LearningRate = 1e-3,
        Reward = new RewardSpec { SpecificWeight = 0.5 },
        Grading = new GradingSpec { Reference = true, Verdicts = VerdictReading.Likelihood },
        Grpo = new GrpoSpec { KlCoefficient = 0.1, ResampleRounds = 1, Epochs = 2 },
        Sft = new SftSpec { GoalsPerStep = 2 },
        Opsd = new OpsdSpec { PlansPerGoal = 2 },
        Dpo = new DpoSpec { PairsPerStep = 2 },
    };

    private readonly string _folder = Directory.CreateTempSubdirectory("coscientist-prompts-").FullName;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Run_EveryTrainerAndEvaluation_ShowsThePolicyGoalsOnly(bool sandbox)
    {
        using var pool = new WorkerPool(1);
        var directory = PaperPolicy.Write(Path.Combine(_folder, "model"), 1);
        using var engine = sandbox ? TinyPolicy.Create(pool) : CpuEngine.Load(directory, pool);
        using var frozen = engine.FreezeCopy();
        using var policy = new RecordingPolicy(engine);
        using var baseline = new RecordingPolicy(frozen);
        var spec = s_spec with { Data = new RunDataSpec { Sandbox = sandbox } };
        var data = sandbox ? TinyPolicy.Data(4, 2, 2) : PaperPolicy.Data(4, 2, 2);
        RunPreference[] preferences = [.. data.Train.Select(goal => new RunPreference(goal.Id, goal.Text, goal.ReferenceSolution!, "we plan ."))];
        IPlanProtocol protocol = sandbox ? new CompactProtocol(engine.Tokenizer) : new PaperPlanProtocol(PaperPolicy.Chat(directory));
        IPlanGrader grader = sandbox ? new CompactGrader(frozen, 0.5, showReference: true) : new LikelihoodGrader(frozen, PaperPolicy.Chat(directory), showReference: true);
        IPlanGrader judge = sandbox ? new OracleGrader(SandboxWorld.Default) : grader;

        RunStage stage = new("any", 0, spec.Steps);
        Trainer[] trainers =
        [
            new GrpoTrainer(policy, protocol, grader, frozen.LogProbabilities, spec, stage, data.Train),
            new OpsdTrainer(policy, protocol, spec, stage, data.Train),
            new SftTrainer(policy, protocol, spec, stage, data.Train),
            new DpoTrainer(policy, protocol, frozen.LogProbabilities, spec, stage, preferences),
        ];
        foreach (var trainer in trainers)
        {
            trainer.Step(0, 0, Cancellation);
            trainer.Step(1, 0, Cancellation);
        }

        var evaluator = new RunEvaluator(spec, data, protocol, grader, judge);
        evaluator.Validate(policy, 1, Cancellation);
        evaluator.Close("run", 1, evaluator.By(baseline), evaluator.By(policy), Cancellation);

        // To the token: the goal's prompt and nothing else, for writing and for learning.
        var allowed = data.Train.Concat(data.Validation).Concat(data.Test).Select(goal => protocol.WritePrompt(goal.Text)).ToArray();
        Assert.All(policy.Prompts.Concat(baseline.Prompts).Concat(policy.Learned), prompt => Assert.Contains(allowed, goal => goal.SequenceEqual(prompt)));
        Assert.True(policy.Prompts.Count >= (2 * 2) + (2 * 2) + 2 + 4, $"Only {policy.Prompts.Count} prompts were looked at.");
        Assert.Equal(4, baseline.Prompts.Count);
        Assert.Equal(4, policy.Taught.Count);
        Assert.DoesNotContain(policy.Taught, prompt => allowed.Any(goal => goal.SequenceEqual(prompt)));
        if (!sandbox)
        {
            var read = policy.Prompts.Concat(baseline.Prompts).Concat(policy.Learned).Select(prompt => engine.Tokenizer.Decode(prompt)).ToArray();
            Assert.All(read, prompt => Assert.DoesNotContain(PaperPolicy.RubricWord, prompt, StringComparison.Ordinal));
            Assert.All(read, prompt => Assert.DoesNotContain(PaperPolicy.ReferenceWord, prompt, StringComparison.Ordinal));
            Assert.All(policy.Taught, prompt => Assert.DoesNotContain(PaperPolicy.ReferenceWord, engine.Tokenizer.Decode(prompt), StringComparison.Ordinal));
        }
    }
}
