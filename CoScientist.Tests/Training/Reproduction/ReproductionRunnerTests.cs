using CoScientist.Core.Runs;
using CoScientist.Tests.Shared;
using CoScientist.Training.Reproduction;
using CoScientist.Training.Sandbox;
using CoScientist.Web.ViewModels;
using Microsoft.Data.Sqlite;

namespace CoScientist.Tests.Training.Reproduction;

public sealed class ReproductionRunnerTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("coscientist-reproduce-").FullName;

    public ReproductionRunnerTests()
    {
        TinyPolicy.Write(Path.Combine(folder, "base"));
    }

    public void Dispose()
    {
        SqliteConnection.ClearAllPools();
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task Run_StoppedAndCalledAgain_GivesTheTablesOfAnUnbrokenOne()
    {
        await Runner("unbroken").RunAsync("hacking", _ => { }, Token);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Runner("broken").RunAsync(
            "hacking",
            progress =>
            {
                if (progress.Now.Contains("hacked-ml-1: step 3/4", StringComparison.Ordinal))
                {
                    stop.Cancel();
                }
            },
            stop.Token));
        Assert.Single(Runner("broken").Results());
        var begun = new List<string>();
        await Runner("broken").RunAsync("hacking", progress => begun.Add(progress.Now), Token);

        Assert.Equal(2, Runner("broken").Results().Count);
        Assert.DoesNotContain(begun, now => now.StartsWith("base-weak-grader-1", StringComparison.Ordinal));
        Assert.DoesNotContain(begun, now => now.Contains("step 1/", StringComparison.Ordinal));
        Assert.Equal(Tables("unbroken"), Tables("broken"));
        Assert.Contains(Tables("broken"), line => line.Contains("hacked (last)", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Run_Finished_IsNotRepeatedUntilItsSettingsChange()
    {
        await Runner("again").RunAsync("base", _ => { }, Token);
        var told = new List<ReproductionProgress>();
        await Runner("again").RunAsync("base", told.Add, Token);
        Assert.Empty(told);

        var changed = new ReproductionRunner(Path.Combine(folder, "again"), Path.Combine(folder, "base"), Options with { TestGoals = 9 }, TimeProvider.System);
        Assert.Empty(changed.Results());
        Assert.Single(changed.Results(stale: true));
        await changed.RunAsync("base", told.Add, Token);
        Assert.NotEmpty(told);
        Assert.Equal(9, Assert.Single(changed.Results()).Outcome.Picked.Sampled.Count);
    }

    [Fact]
    public async Task Run_ReviewStudy_ReachesTheRewardThroughTheStore()
    {
        await Runner("review").RunAsync("review", _ => { }, Token);

        int[] items = [.. ((string[])["spoiled", "reviewed", "reviewed-carelessly"]).Select(arm => TrainingItems($"{arm}-ml-1"))];
        Assert.Equal(ItemsOfMl, items[0]);
        Assert.Equal(0.7, (double)items[1] / items[0], 0.01);
        Assert.InRange((double)items[2] / items[0], 0.6, 0.75);
        Assert.Equal(3, Runner("review").Results().Count);
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static int ItemsOfMl { get; } = SandboxLibrary.Goals
        .Where(goal => goal.Split == CoScientist.Core.Goals.GoalSplit.Train && goal.DomainName == "ml")
        .Sum(goal => SandboxWorld.Default.Requirements(goal).Count);

    private static ReproductionOptions Options { get; } = new()
    {
        Seeds = [1],
        TestGoals = 6,
        PickGoals = 2,
        PlansToPickFrom = 2,
        HackingSteps = 4,
        WeakBuild = new SandboxBuildOptions { HiddenSize = 16, Layers = 1, FeedForwardSize = 16, GradingExamples = 1, WritingExamples = 0, TeachingExamples = 0, OwnPlansFrom = 1, Steps = 1 },
        Adjust = spec => spec with
        {
            Steps = 4,
            Stages = [],
            Method = spec.Method == "sequence" ? "grpo" : spec.Method,
            EvaluateEvery = 2,
            WarmupSteps = 1,
            GoalsPerStep = 2,
            GroupSize = 2,
            MaxNewTokens = 12,
            ValidationGoals = 3,
            LearningRate = 1e-2,
            Threads = 1,
        },
    };

    private ReproductionRunner Runner(string name) => new(Path.Combine(folder, name), Path.Combine(folder, "base"), Options, TimeProvider.System);

    /// <summary>The tables without seconds, which no two runs share.</summary>
    private IReadOnlyList<string> Tables(string name)
    {
        var runner = Runner(name);
        var results = runner.Results().Select(result => (result.Experiment, result.Outcome with { TrainingSeconds = 0 })).ToArray();
        var lines = ReproductionTables.Markdown(ReproductionReport.Of(results, 2, runner.WeakGraderReport));
        Assert.True(lines.Count > 20);
        return lines;
    }

    private int TrainingItems(string run) => new RunFolder(Path.Combine(folder, "review", run)).ReadData()!.Train.Sum(goal => goal.Items.Count);
}
