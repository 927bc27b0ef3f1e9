using System.CommandLine;
using System.Text.Json;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Tests.Shared;
using CoScientist.Training.Checkpoints;
using CoScientist.Web.Commands;
using CoScientist.Web.Configuration;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Tests.Web.Commands;

/// <summary>A researcher's way with goals and a model of their own, verb by verb, on a tiny model of random weights: it learns nothing from rewards, and references from SFT.</summary>
[Trait("Database", "any")]
public sealed class RealModelTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("coscientist-real-").FullName;
    private readonly StringWriter error = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private string Data => Path.Combine(folder, "data");

    public void Dispose()
    {
        error.Dispose();
        Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task TrainPlanGrade_OwnGoalsAndFolder_WorkFromEndToEnd()
    {
        await PrepareAsync();
        string[] small = ["--set", "validationGoals=1", "--set", "testGoals=1", "--set", "maxNewTokens=8", "--set", "grading.verdicts=likelihood", "--set", "threads=1", "--set", "model=own", "--set", "judge=other"];

        Assert.True(0 == await RunAsync(["train", "--preset", "grpo-lora", .. small, "--set", "steps=2", "--set", "evaluateEvery=1", "--set", "warmupSteps=1", "--set", "goalsPerStep=2", "--set", "groupSize=2"]), error.ToString());
        Assert.True(0 == await RunAsync(["train", "--preset", "sft", .. small, "--set", "steps=6", "--set", "warmupSteps=0", "--set", "evaluateEvery=6", "--set", "sft.goalsPerStep=4", "--set", "sft.learningRate=0.01"]), error.ToString());

        // Random weights write no plan, and a run says so of itself; references are learnt.
        var rewards = Metrics("grpo-lora-1", RunMetricNames.FormatViolation);
        var losses = Metrics("sft-1", RunMetricNames.Loss);
        Assert.Equal([1.0, 1.0], rewards);
        Assert.True(losses[^1] < losses[0] - 0.5, string.Join(' ', losses));
        Assert.True(Directory.Exists(Path.Combine(Data, "runs", "grpo-lora-1", RunFolder.AdapterDirectory(2))));
        Assert.Contains("Memory: about", string.Join('\n', new RunFolder(Path.Combine(Data, "runs", "sft-1")).ReadLog(50).Select(line => line.Message)), StringComparison.Ordinal);

        // The checkpoint on the way is an adapter until somebody asks for it by its name.
        var whole = Path.Combine(Data, "runs", "grpo-lora-1", RunFolder.CheckpointDirectory(1));
        Assert.False(Directory.Exists(whole));

        // Whether random weights write a plan is chance; when they do not, the verb says so.
        var planned = await RunAsync("plan", "--model", "sft-1@6", "--count", "2", "--max-tokens", "40", "--goals", "all");
        Assert.True(planned == 0 || error.ToString().Contains("no plan was stored, because", StringComparison.Ordinal), error.ToString());
        Assert.Equal(0, await RunAsync("import", "plans", Plans()));
        Assert.True(0 == await RunAsync("grade", "--grader", "other", "--writer", "somebody", "--verdicts", "likelihood"), error.ToString());
        Assert.True(0 == await RunAsync("grade", "--grader", "grpo-lora-1@1", "--writer", "somebody", "--verdicts", "likelihood"), error.ToString());
        Assert.Equal(("grpo-lora-1", "1"), (CheckpointManifest.Read(whole)!.Origin["run"], CheckpointManifest.Read(whole)!.Origin["step"]));
        await using var db = Open();
        var scores = await db.Gradings.Join(db.Plans.Where(plan => plan.Writer == "somebody"), grading => grading.PlanId, plan => plan.Id, (grading, _) => grading.Score).ToListAsync(Cancellation);
        Assert.Equal(4, scores.Count);
        Assert.DoesNotContain(null, scores);
    }

    [Fact]
    public async Task Import_FolderThatNobodyCouldUse_SaysWhyAndRegistersNothing()
    {
        Assert.Equal(0, await RunAsync("model", "random", Path.Combine(folder, "own"), "--like", "qwen3-tiny"));
        File.Delete(Path.Combine(folder, "own", CheckpointManifest.FileName));
        File.Move(Path.Combine(folder, "own", "chat_template.jinja"), Path.Combine(folder, "template"));

        Assert.Equal(1, await RunAsync("model", "import", Path.Combine(folder, "own")));
        Assert.Contains("chat_template", error.ToString(), StringComparison.Ordinal);
        File.Move(Path.Combine(folder, "template"), Path.Combine(folder, "own", "chat_template.jinja"));
        Assert.Equal(1, await RunAsync("model", "import", Path.Combine(folder, "own"), "--name", "initial"));
        Assert.Equal(1, await RunAsync("model", "import", Path.Combine(folder, "own"), "--name", "a b"));
        Assert.Equal(1, await RunAsync("model", "import", Path.Combine(folder, "missing")));
        await using var db = Open();
        Assert.False(await db.Checkpoints.AnyAsync(checkpoint => !checkpoint.IsSandbox, Cancellation));

        Assert.Equal(0, await RunAsync("model", "import", Path.Combine(folder, "own")));
        Assert.Equal(0, await RunAsync("model", "import", Path.Combine(folder, "own") + Path.DirectorySeparatorChar));
        Assert.Equal(0, await RunAsync("model", "random", Path.Combine(folder, "second"), "--like", "qwen3-tiny", "--seed", "2"));
        Assert.Equal(1, await RunAsync("model", "import", Path.Combine(folder, "second"), "--name", "own"));
        Assert.Contains("There is a checkpoint \"own\" already", error.ToString(), StringComparison.Ordinal);
    }

    private async Task PrepareAsync()
    {
        foreach (var (name, seed) in new[] { ("own", "1"), ("other", "2") })
        {
            Assert.Equal(0, await RunAsync("model", "random", Path.Combine(folder, name), "--like", "qwen3-tiny", "--seed", seed));
            Assert.Equal(0, await RunAsync("model", "import", Path.Combine(folder, name)));
        }

        var rows = Enumerable.Range(0, 40).Select(i => JsonSerializer.Serialize(new Dictionary<string, object>(StringComparer.Ordinal)
        {
            ["Goal"] = $"{Subjects[i % 8]} {Settings[i / 8]}.",
            ["Rubric"] = new[] { "controls for the batch", $"repeats measurement {i}" },
            ["Reference solution"] = "We measure each batch twice, because laboratories differ.",
            ["article_id"] = $"article-{i}",
            ["Category"] = "ml",
        }));
        await File.WriteAllLinesAsync(Path.Combine(folder, "goals.jsonl"), rows, Cancellation);
        Assert.True(0 == await RunAsync("import", "dataset", Path.Combine(folder, "goals.jsonl")), error.ToString());
    }

    // So different that no two goals count as one, which would put them all into one split.
    private static string[] Subjects { get; } =
    [
        "Find out why measured effects vary", "Learn what makes dense tissue hide tumours", "Explain the late flowering of orchards", "Predict which bridges corrode early",
        "Show how sleep changes recall of faces", "Separate noise from signal in faint spectra", "Test whether warm rivers lose their trout", "Decide when compilers should inline calls",
    ];

    private static string[] Settings { get; } =
        ["between laboratories of one country", "among children under twelve years", "where records are kept by hand", "once budgets have been halved", "without any access to earlier samples"];

    private string Plans()
    {
        using var db = Open();
        var goals = db.Goals.Where(goal => !goal.IsSandbox).Take(2).AsEnumerable().Select(goal => goal.Id.ToString()).ToArray();
        var file = Path.Combine(folder, "plans.jsonl");
        File.WriteAllLines(file, goals.Select(goal => JsonSerializer.Serialize(new { goal_id = goal, writer = "somebody", text = "We measure each batch twice." })));
        return file;
    }

    private double[] Metrics(string run, string name)
    {
        var history = new RunHistory(new RunFolder(Path.Combine(Data, "runs", run)));
        history.Refresh();
        return [.. history.Series(name).Where(point => point.Step > 0).Select(point => point.Value)];
    }

    private Task<int> RunAsync(params string[] arguments)
    {
        var root = new RootCommand { CommandContext.Data, DatabaseSetting.Option, CommandContext.Json, ModelCommand.Create(), ImportCommand.Create(), TrainCommand.Create(), PlanCommand.Create(), GradeCommand.Create() };
        return CommandRunner.RunAsync(root, [.. arguments, .. TestData.Arguments(Data)], error);
    }

    private CoScientistDb Open()
    {
        var options = new DbContextOptionsBuilder<CoScientistDb>();
        options.UseDatabase(TestData.Database(Data));
        return new CoScientistDb(options.Options);
    }
}
