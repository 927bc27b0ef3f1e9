using CoScientist.Core.Goals;
using CoScientist.Core.Plans;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Core.Studies;
using CoScientist.Tests.Core.Storage;
using CoScientist.Tests.Shared;
using CoScientist.Training.Engines;
using CoScientist.Training.Kernels;
using CoScientist.Training.Sampling;
using CoScientist.Training.Sandbox;
using CoScientist.Training.Trainers;

namespace CoScientist.Tests.Training.Trainers;

/// <summary>From a study's answers to a policy that has moved to their side.</summary>
[Trait("Database", "any")]
public sealed class PreferenceRunTests : IAsyncLifetime
{
    private TestDatabase _database = null!;
    private string _folder = "";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _database = await TestDatabase.CreateAsync();
        _folder = Path.Combine(_database.Folder, "runs");
        TinyPolicy.Write(Path.Combine(_folder, "base"));
    }

    public ValueTask DisposeAsync() => _database.DisposeAsync();

    [Fact]
    public async Task Execute_AnswersOfAClosedStudy_RaisesTheMarginOfWhatWasPreferred()
    {
        await AddGoalsAsync(tested: 6, validated: 3);
        var studies = _database.Store<StudyStore>();
        var study = await studies.CreateAsync(new StudyDraft { Name = "Blind", Arm1 = "reference", Arm2 = "lazy", IsSandbox = true, Goals = 4 }, Token);
        while (await studies.NextAsync(study, "ann", Token) is { } pair)
        {
            await studies.AnswerAsync(pair.Assignment, "ann", pair.PlanA == "we plan ." ? PreferenceChoice.B : PreferenceChoice.A, null, 1000, Token);
        }

        await studies.SetStateAsync(study, StudyState.Closed, Token);
        var spec = new RunSpec
        {
            Method = "dpo",
            Steps = 2,
            WarmupSteps = 1,
            EvaluateEvery = 1,
            MaxNewTokens = 20,
            ValidationGoals = 3,
            TestGoals = 2,
            Threads = 1,
            Dpo = new DpoSpec { PairsPerStep = 4, LearningRate = 1e-3 },
        };
        var data = await _database.Store<RunDataStore>().LoadAsync(spec, Token);
        var events = new List<RunEvent>();
        TrainingRunRequest Request(RunData given) => new()
        {
            Name = "answers",
            Directory = Path.Combine(_folder, "answers"),
            Spec = spec,
            Data = given,
            ModelDirectory = Path.Combine(_folder, "base"),
        };
        var paused = await TrainingRun.ExecuteAsync(Request(data), events.Add, () => events.OfType<RunMetrics>().Any(metrics => metrics.Step == 1), Token);
        // The study goes on meanwhile; a resumed run learns from what was written down.
        var outcome = await TrainingRun.ExecuteAsync(Request(data with { Preferences = [] }), events.Add, () => false, Token);

        Assert.Equal((RunState.Paused, RunState.Finished), (paused.State, outcome.State));
        Assert.Equal((4, 4, 2), (data.Preferences.Count, data.HeldBack, data.Test.Count));
        var margins = events.OfType<RunMetrics>().Where(metrics => metrics.Values.ContainsKey(RunMetricNames.PreferenceMargin)).Select(metrics => metrics.Values[RunMetricNames.PreferenceMargin]).ToList();
        Assert.Equal((2, 0), (margins.Count, margins[0]));
        Assert.True(margins[1] > 0, $"The margin is {margins[1]} after one step.");
        var (before, after) = (Margin("base", data), Margin(Path.Combine("answers", RunFolder.CheckpointDirectory(2)), data));
        Assert.True(after > before + margins[1], $"{before} → {after}");
        Assert.Contains(events.OfType<RunLog>(), line => line.Message.StartsWith("4 decided pairs from 4 answers in Blind; 0 pairs", StringComparison.Ordinal));
        Assert.Equal(data.PreferenceSource!.Studies, new RunFolder(Path.Combine(_folder, "answers")).ReadData()!.PreferenceSource!.Studies);
    }

    /// <summary>Mean over pairs of log p(chosen) − log p(rejected), by the checkpoint in a folder.</summary>
    private double Margin(string checkpoint, RunData data)
    {
        using var pool = new WorkerPool(1);
        using var engine = CpuEngine.Load(Path.Combine(_folder, checkpoint), pool);
        var protocol = new CompactProtocol(engine.Tokenizer);
        return data.Preferences.Average(pair =>
        {
            var group = new TrainingGroup(protocol.WritePrompt(pair.Goal), [new TrainingBranch(protocol.PlanTokens(pair.Chosen)), new TrainingBranch(protocol.PlanTokens(pair.Rejected))]);
            var sampling = new SamplingOptions { MaxNewTokens = 20, EndTokens = [protocol.EndToken], BannedTokens = protocol.NotInPlans };
            var logs = engine.LogProbabilities([group], sampling, Token)[0];
            return logs[0].Sum(log => (double)log) - logs[1].Sum(log => (double)log);
        });
    }

    private async Task AddGoalsAsync(int tested, int validated)
    {
        await using var db = _database.NewContext();
        foreach (var (split, count) in new[] { (GoalSplit.Test, tested), (GoalSplit.Validation, validated) })
        {
            foreach (var specification in SandboxLibrary.Goals.Where(goal => goal.Split == split).Take(count))
            {
                var (paper, goal) = SandboxLibrary.Build(specification, _database.Time.GetUtcNow());
                db.Papers.Add(paper);
                db.Goals.Add(goal);
                if (split == GoalSplit.Test)
                {
                    db.Plans.Add(new Plan { Id = _database.NewId<PlanId>(), GoalId = goal.Id, Writer = "lazy", Text = "we plan .", CreatedAt = _database.Time.GetUtcNow() });
                }
            }
        }

        await db.SaveChangesAsync(Token);
    }
}
