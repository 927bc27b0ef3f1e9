using CoScientist.Core.Runs;
using CoScientist.Core.TextModels;
using CoScientist.Tests.Shared;
using CoScientist.Training.Kernels;
using CoScientist.Training.Sandbox;
using CoScientist.Training.Trainers;

namespace CoScientist.Tests.Training.Trainers;

/// <summary>Runs with graders and judges other than the sandbox's own, on the sandbox's goals.</summary>
public sealed class GraderRunTests : IDisposable
{
    private static readonly RunSpec s_spec = new()
    {
        Steps = 6,
        GoalsPerStep = 2,
        GroupSize = 4,
        WarmupSteps = 1,
        EvaluateEvery = 2,
        MaxNewTokens = 12,
        ValidationGoals = 3,
        TestGoals = 3,
        Threads = 1,
        LearningRate = 1e-2,
        Grader = "server:big",
    };

    private readonly string _folder = Directory.CreateTempSubdirectory("coscientist-grader-").FullName;

    public GraderRunTests()
    {
        TinyPolicy.Write(Path.Combine(_folder, "base"));
        TinyPolicy.Write(Path.Combine(_folder, "other"), seed: 2);
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private RunFolder Run => new(Path.Combine(_folder, "run"));

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Execute_ServerGrader_RewardsByItsVerdicts(bool reference)
    {
        var server = new AnsweringModel(AnsweringModel.Grading);
        var outcome = await ExecuteAsync(s_spec with { Grading = new GradingSpec { Reference = reference } }, server);

        Assert.Equal(RunState.Finished, outcome.State);
        var steps = Metrics();
        Assert.All(steps.Where(step => step.Step > 0), step => Assert.Equal(0, step.Values[RunMetricNames.GraderFailure]));
        Assert.Contains(steps, step => step.Values.GetValueOrDefault(RunMetricNames.RewardStd) > 0);
        Assert.InRange(outcome.Result!.SelfGrade!.Value, 0.01, 0.99);
        var references = TinyPolicy.Data(6, 3, 3).Train.Select(goal => goal.ReferenceSolution!).ToArray();
        Assert.Equal(reference, server.Prompts.Any(prompt => references.Any(text => prompt.User.Contains(text, StringComparison.Ordinal))));
    }

    [Fact]
    public async Task Execute_ServerOverHttp_IsAGraderToo()
    {
        await using var server = await ScriptedModelServer.StartAsync((request, _) => (200, AnsweringModel.Grading(new TextPrompt("", request.GetProperty("messages")[1].GetProperty("content").GetString()!))));
        using var model = new OpenAiTextModel(new OpenAiTextModelOptions { Name = "big", Endpoint = server.Endpoint, Model = "m" });

        var outcome = await ExecuteAsync(s_spec with { Steps = 2 }, model);

        Assert.Equal(RunState.Finished, outcome.State);
        Assert.All(Metrics().Where(step => step.Step > 0), step => Assert.Equal(0, step.Values[RunMetricNames.GraderFailure]));
    }

    [Fact]
    public async Task Execute_NonsenseForEveryPlan_StopsWithTheRemedyAndKeepsTheCheckpoint()
    {
        var fault = await Assert.ThrowsAsync<InvalidDataException>(() => ExecuteAsync(s_spec, new AnsweringModel(_ => "A fine plan.")));

        Assert.Contains("no readable verdict in 5 steps: choose another grader", fault.Message, StringComparison.Ordinal);
        Assert.Equal([2, 4], Run.CheckpointSteps());
        Assert.All(Metrics().Where(step => step.Step > 0), step => Assert.Equal(1, step.Values[RunMetricNames.GraderFailure]));
        Assert.All(Run.ReadSamples(2), sample => Assert.Equal((null, null), (sample.Reward, sample.SelfGrade)));
    }

    [Fact]
    public async Task Execute_SomeItemsUnreadable_AreMaskedAndCounted()
    {
        var bad = TinyPolicy.Data(6, 3, 3).Train.SelectMany(goal => goal.Items.Take(2)).Select(item => $"1. {item.Text}").ToHashSet(StringComparer.Ordinal);
        var server = new AnsweringModel(prompt => bad.Any(text => prompt.User.Contains(text, StringComparison.Ordinal)) ? "?" : AnsweringModel.Grading(prompt));

        var outcome = await ExecuteAsync(s_spec with { Grading = new GradingSpec { Items = ItemQuestions.Separately } }, server);

        Assert.Equal(RunState.Finished, outcome.State);
        Assert.All(Metrics().Where(step => step.Step > 0), step => Assert.InRange(step.Values[RunMetricNames.GraderFailure], 0.1, 0.9));
        var samples = Run.ReadSamples(1);
        Assert.All(samples, sample => Assert.NotNull(sample.Reward));
        Assert.Contains(samples.SelectMany(sample => sample.Items), item => item.Met is null);
        Assert.Contains(samples.SelectMany(sample => sample.Items), item => item.Met is not null);
    }

    [Fact]
    public async Task Execute_ServerGoesAway_FailsWithItsNameAndResumes()
    {
        // Asked from several threads: the count alone says whether it is there.
        var gradings = 0;
        var server = new AnsweringModel(prompt => Interlocked.Increment(ref gradings) > 3 + (3 * 8) ? throw new TextModelException("big", "cannot be reached.") : AnsweringModel.Grading(prompt));

        await Assert.ThrowsAsync<TextModelException>(() => ExecuteAsync(s_spec, server));
        Assert.Equal([2], Run.CheckpointSteps());

        gradings = -1000;
        var outcome = await ExecuteAsync(s_spec, server);
        Assert.Equal(RunState.Finished, outcome.State);
        Assert.Equal([0, 2, 4, 6], Metrics().Where(step => step.Values.ContainsKey(RunMetricNames.JudgeScore)).Select(step => step.Step));
    }

    [Theory]
    [InlineData("initial", "initial", true)]
    [InlineData("initial", "other", false)]
    [InlineData("oracle", "oracle", true)]
    [InlineData("other", "server:big", false)]
    public async Task Execute_AnyJudge_WatchesPicksAndReports_AndIsWarnedOfWhenItGrades(string grader, string judge, bool warned)
    {
        var log = new List<RunLog>();
        var outcome = await ExecuteAsync(s_spec with { Steps = 2, Grader = grader, Judge = judge }, new AnsweringModel(AnsweringModel.Grading), log.Add);

        Assert.Equal(RunState.Finished, outcome.State);
        Assert.Equal(judge, outcome.Result!.Judge);
        Assert.Equal(warned, log.Any(line => line.Message.StartsWith("Warning: judge is the grader", StringComparison.Ordinal)));
        Assert.Equal([0, 2], Metrics().Where(step => step.Values.ContainsKey(RunMetricNames.JudgeScore)).Select(step => step.Step));
        Assert.All(Run.ReadEvaluation(), row => Assert.Equal(judge == "oracle" ? (true, false) : (false, true), (row.Oracle?.Score is not null, row.Judge?.Score is not null)));
        Assert.Equal(File.ReadAllBytes(Path.Combine(_folder, "base", "model.safetensors")), File.ReadAllBytes(Path.Combine(_folder, "untouched")));
    }

    [Fact]
    public async Task Execute_JudgeBreaksDown_KeepsTheStepsAndJudgesThemWhenResumed()
    {
        var judged = 0;
        var judge = new AnsweringModel(prompt => Interlocked.Increment(ref judged) > 3 ? "Fine." : AnsweringModel.Grading(prompt));
        var spec = s_spec with { Grader = "initial", Judge = "server:big" };

        var fault = await Assert.ThrowsAsync<InvalidDataException>(() => ExecuteAsync(spec, judge));
        Assert.Contains("The judge \"server:big\" gave no readable verdict", fault.Message, StringComparison.Ordinal);
        Assert.Equal([2], Run.CheckpointSteps());

        judged = -1000;
        var outcome = await ExecuteAsync(spec, judge);
        Assert.Equal(RunState.Finished, outcome.State);
        Assert.Equal([0, 2, 4, 6], Metrics().Where(step => step.Values.ContainsKey(RunMetricNames.JudgeScore)).Select(step => step.Step));
    }

    [Fact]
    public void Grade_CompactWithReferenceShown_ReadsItBesideTheGoal()
    {
        using var pool = new WorkerPool(1);
        using var engine = TinyPolicy.Create(pool);
        var goal = TinyPolicy.Data(1, 1, 1).Train[0];
        using var policy = new RecordingPolicy(engine) { AllowsBranches = true };
        var plan = new CoScientist.Training.Protocols.PlanToGrade(goal, "we plan .");

        new CompactGrader(policy, 0.5).Grade([plan], Cancellation);
        new CompactGrader(policy, 0.5, showReference: true).Grade([plan], Cancellation);

        var protocol = new CompactProtocol(engine.Tokenizer);
        Assert.Equal([protocol.GradePrompt(goal.Text, "we plan ."), protocol.GradePrompt(goal.Text, "we plan .", goal.ReferenceSolution)], policy.Prompts);
    }

    private async Task<RunOutcome> ExecuteAsync(RunSpec spec, ITextModel? server, Action<RunLog>? log = null)
    {
        Assert.Empty(RunSpecValidator.Check(spec));
        File.Copy(Path.Combine(_folder, "base", "model.safetensors"), Path.Combine(_folder, "untouched"), overwrite: true);
        GradingModel Model(string name) => name switch
        {
            RunSpec.InitialGrader or RunSpec.Oracle => GradingModel.BuiltIn,
            "other" => GradingModel.Checkpoint(Path.Combine(_folder, "other")),
            _ => GradingModel.Of(server!),
        };
        return await TrainingRun.ExecuteAsync(
            new TrainingRunRequest
            {
                Name = "run",
                Directory = Run.Path,
                Spec = spec,
                Data = TinyPolicy.Data(6, 3, 3),
                ModelDirectory = Path.Combine(_folder, "base"),
                Grader = Model(spec.Grader),
                Judge = Model(spec.Judge),
            },
            happened =>
            {
                if (happened is RunLog line)
                {
                    log?.Invoke(line);
                }
            },
            () => false,
            Cancellation);
    }

    private IReadOnlyList<RunMetrics> Metrics()
    {
        var history = new RunHistory(Run);
        history.Refresh();
        return history.Steps;
    }
}
