using CoScientist.Core.Goals;
using CoScientist.Core.Plans;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Core.Studies;
using CoScientist.Tests.Core.Storage;
using CoScientist.Tests.Shared;
using CoScientist.Training.Engines;
using CoScientist.Training.Objectives;
using CoScientist.Training.Protocols;
using CoScientist.Training.Trainers;

namespace CoScientist.Tests.Training.Trainers;

/// <summary>Experts' answers on real goals, and a chat model with an adapter that moves to their side by the paper's protocol.</summary>
[Trait("Database", "any")]
public sealed class PaperPreferenceTests : IAsyncLifetime
{
    private const string Careful = "Measure every batch twice and compare.";
    private const string Hasty = "Hope.";

    private static readonly RunSpec s_spec = new()
    {
        Method = "dpo",
        Data = new RunDataSpec { Sandbox = false },
        Judge = "other",
        Grading = new GradingSpec { Verdicts = VerdictReading.Likelihood },
        Steps = 4,
        WarmupSteps = 0,
        EvaluateEvery = 1,
        MaxNewTokens = 6,
        ValidationGoals = 2,
        TestGoals = 2,
        Threads = 1,
        Lora = new LoraSpec { Rank = 2, Alpha = 4 },
        Dpo = new DpoSpec { PairsPerStep = 4, LearningRate = 1e-2 },
    };

    private TestDatabase _database = null!;
    private string _folder = "";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private string Base => Path.Combine(_folder, "base");

    public async ValueTask InitializeAsync()
    {
        _database = await TestDatabase.CreateAsync();
        _folder = Path.Combine(_database.Folder, "runs");
        PaperPolicy.Write(Base, 1);
        PaperPolicy.Write(Path.Combine(_folder, "other"), 2);
    }

    public ValueTask DisposeAsync() => _database.DisposeAsync();

    [Fact]
    public async Task Execute_AnswersOfAClosedStudy_RaiseTheMarginOverTheAdapterSwitchedOff()
    {
        await AnswerAsync();
        Assert.Empty(RunSpecValidator.Check(s_spec));
        var data = await _database.Store<RunDataStore>().LoadAsync(s_spec, Cancellation);
        var initial = await File.ReadAllBytesAsync(Path.Combine(Base, "model.safetensors"), Cancellation);

        await TrainingRun.ExecuteAsync(Request("whole", data), _ => { }, () => false, Cancellation);
        var steps = 0;
        await TrainingRun.ExecuteAsync(Request("paused", data), happened => steps += happened is RunMetrics { Step: > 0 } ? 1 : 0, () => steps > 1, Cancellation);
        await TrainingRun.ExecuteAsync(Request("paused", data), _ => { }, () => false, Cancellation);

        Assert.Equal((4, 4), (data.Preferences.Count, data.HeldBack));
        var (losses, margins) = (Series("whole", RunMetricNames.Loss), Series("whole", RunMetricNames.PreferenceMargin));
        Assert.Equal((0, PreferenceObjective.Loss(0, s_spec.Dpo.Beta)), (margins[0], losses[0]));
        Assert.All(margins.Zip(margins.Skip(1)), pair => Assert.True(pair.Second > pair.First, string.Join(' ', margins)));
        Assert.All(losses.Zip(losses.Skip(1)), pair => Assert.True(pair.Second < pair.First, string.Join(' ', losses)));
        Assert.Equal(1, Series("whole", RunMetricNames.PreferenceAccuracy)[^1]);

        // The step after a checkpoint starts from its margins: the adapter against the base without it.
        Assert.All(Enumerable.Range(1, 3), step => Assert.Equal(Margin(data, step), margins[step], 1e-9));
        Assert.Equal(margins, Series("paused", RunMetricNames.PreferenceMargin));
        Assert.Equal(Weights("whole"), Weights("paused"));
        Assert.Equal(initial, await File.ReadAllBytesAsync(Path.Combine(Base, "model.safetensors"), Cancellation));
    }

    private TrainingRunRequest Request(string name, RunData data) => new()
    {
        Name = name,
        Directory = Path.Combine(_folder, name),
        Spec = s_spec,
        Data = data,
        ModelDirectory = Base,
        Judge = GradingModel.Checkpoint(Path.Combine(_folder, "other")),
    };

    /// <summary>Mean over pairs of what the adapter of a step adds to log p(chosen) − log p(rejected).</summary>
    private double Margin(RunData data, int step)
    {
        using var before = CpuEngine.Load(Base);
        using var now = CpuEngine.Load(Base);
        now.LoadAdapter(Path.Combine(_folder, "whole", RunFolder.AdapterDirectory(step)));
        var protocol = new PaperPlanProtocol(PaperPolicy.Chat(Base));
        var groups = data.Preferences.Select(pair => new TrainingGroup(protocol.WritePrompt(pair.Goal), [new(protocol.PlanTokens(pair.Chosen)), new(protocol.PlanTokens(pair.Rejected))])).ToArray();
        var (reference, policy) = (before.LogProbabilities(groups, protocol.Sampling, Cancellation), now.LogProbabilities(groups, protocol.Sampling, Cancellation));
        return Enumerable.Range(0, groups.Length).Average(g => PreferenceObjective.Margin(Sum(policy[g][0]), Sum(policy[g][1]), Sum(reference[g][0]), Sum(reference[g][1])));

        static double Sum(float[] values) => values.Sum(value => (double)value);
    }

    private double[] Series(string run, string name)
    {
        var history = new RunHistory(new RunFolder(Path.Combine(_folder, run)));
        history.Refresh();
        return [.. history.Series(name).Where(point => point.Step > 0).Select(point => point.Value)];
    }

    private byte[] Weights(string run) => File.ReadAllBytes(Path.Combine(_folder, run, RunFolder.CheckpointDirectory(4), "model.safetensors"));

    /// <summary>A blind study of two writers, whose careful one its expert prefers, and goals to evaluate on.</summary>
    private async Task AnswerAsync()
    {
        await _database.AddGoalAsync(sandbox: false);
        for (var g = 0; g < 8; g++)
        {
            var goal = await _database.AddGoalAsync(split: g < 6 ? GoalSplit.Test : GoalSplit.Validation, sandbox: false);
            await using var db = _database.NewContext();
            db.Plans.AddRange(new[] { ("careful", Careful), ("hasty", Hasty) }.Select(plan => new Plan { Id = _database.NewId<PlanId>(), GoalId = goal.Id, Writer = plan.Item1, Text = plan.Item2, CreatedAt = _database.Time.GetUtcNow() }));
            await db.SaveChangesAsync(Cancellation);
        }

        var studies = _database.Store<StudyStore>();
        var study = await studies.CreateAsync(new StudyDraft { Name = "Blind", Arm1 = "careful", Arm2 = "hasty", IsSandbox = false, Goals = 4 }, Cancellation);
        while (await studies.NextAsync(study, "ann", Cancellation) is { } pair)
        {
            await studies.AnswerAsync(pair.Assignment, "ann", pair.PlanA == Careful ? PreferenceChoice.A : PreferenceChoice.B, null, 1000, Cancellation);
        }

        await studies.SetStateAsync(study, StudyState.Closed, Cancellation);
    }
}
