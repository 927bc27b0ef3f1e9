using System.CommandLine;
using System.Text.Json;
using CoScientist.Core.Evaluations;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Tests.Shared;
using CoScientist.Training.Sandbox;
using CoScientist.Web.Commands;
using CoScientist.Web.Configuration;
using CoScientist.Web.Jobs;
using CoScientist.Web.ViewModels;
using Microsoft.Extensions.DependencyInjection;

namespace CoScientist.Tests.Web.Commands;

[Trait("Database", "any")]
public sealed class EvaluateCommandTests : IDisposable
{
    private readonly string data = Directory.CreateTempSubdirectory("coscientist-").FullName;
    private readonly StringWriter error = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        error.Dispose();
        Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
        Directory.Delete(data, recursive: true);
    }

    [Fact]
    public async Task Evaluate_TwoCheckpoints_WritesScoresAndReportsEveryTable()
    {
        await RegisterTwinAsync();
        string[] command = ["evaluate", "--model", "sandbox-base", "--model", "twin", "--jury", "oracle", "twin", "--plans", "2", "--goals", "3", "--greedy", "--name", "look"];
        Assert.Equal(0, await RunAsync(command));
        var folder = new EvaluationFolder(Path.Combine(data, "evaluations", "look"));
        var plans = File.ReadAllText(folder.File(EvaluationFolder.PlansFile));
        Assert.Equal(0, await RunAsync(command));
        Assert.Equal(plans, File.ReadAllText(folder.File(EvaluationFolder.PlansFile)));

        var result = EvaluationResult.Read(folder);
        Assert.Equal(0, result.Missing);
        Assert.Equal(2 * 3 * 3, folder.ReadPlans().Count);
        Assert.Equal(3 * 2 * 3 * 3, folder.ReadGradings().Count);

        // The twin has the same weights and draws from the same seeds.
        Assert.All(result.Comparisons, row => Assert.Equal((0.5, 0), (row.WinRate.Value, row.Gain.Value)));
        Assert.True(result.Scores.First(row => row.Scorer == EvaluationResult.Judge).Score.Value > 0.1);
        Assert.Equal(6, folder.ReadPlans().Where(plan => plan.Sample is not null).Select(plan => (plan.Goal, plan.Text)).Distinct().Count());

        var report = EvaluationReport.Of("look", result, []);
        var markdown = string.Join('\n', report.Markdown);
        Assert.All(
            ["# look", Report.SandboxNote, "## Scores, sampled plans", "## Scores, greedy plans", "## Against sandbox-base, sampled plans", "## At equal lengths", "## By domain", "## Best of N, sandbox-base", "## Best of N, twin", "## Jury", "twin judges its own plans"],
            part => Assert.Contains(part, markdown, StringComparison.Ordinal));
        Assert.Equal(18, report.Rows.Count);
        Assert.All(report.Rows, row => Assert.Equal(report.Header.Count, row.Count));
        var json = JsonSerializer.SerializeToElement(report.Document, RunSpec.JsonOptions);
        Assert.Equal(2, json.GetProperty("bestOfN")[0].GetProperty("points").GetArrayLength());
        Assert.Equal("oracle", json.GetProperty("spec").GetProperty("judge").GetString());
        Assert.Equal(0, await RunAsync("report", "--evaluation", "look", "--csv"));
    }

    [Fact]
    public async Task Evaluate_StoppedAndGoneOn_ComesToTheSameAsUnbroken()
    {
        await using var services = await ServicesAsync();
        var job = services.GetRequiredService<EvaluationJob>();
        var spec = new EvaluationSpec { Models = ["sandbox-base"], Grader = "sandbox-base", Judge = "oracle", Plans = 2, Goals = 3 };
        await job.RunAsync("unbroken", spec, NoProgress, Cancellation);

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => job.RunAsync("stopped", spec, (_, _, _) => stop.Cancel(), stop.Token));
        var folder = job.Folder("stopped");
        Assert.Equal(3, folder.ReadPlans().Count);
        Assert.Contains("Not finished", string.Join('\n', EvaluationReport.Of("stopped", EvaluationResult.Read(folder), []).Markdown), StringComparison.Ordinal);

        // What a kill leaves of the line it was writing.
        await File.AppendAllTextAsync(folder.File(EvaluationFolder.PlansFile), "{\"model\":\"sandb", Cancellation);
        await job.RunAsync("stopped", spec, NoProgress, Cancellation);

        foreach (var file in new[] { EvaluationFolder.PlansFile, EvaluationFolder.GradingsFile })
        {
            Assert.Equal(File.ReadAllLines(job.Folder("unbroken").File(file)), File.ReadAllLines(folder.File(file)));
        }
    }

    [Fact]
    public async Task Evaluate_OtherSettingsOrAnotherProcess_IsRefused()
    {
        await using var services = await ServicesAsync();
        var job = services.GetRequiredService<EvaluationJob>();
        var spec = new EvaluationSpec { Models = ["sandbox-base"], Judge = "oracle", Plans = 1, Goals = 1 };
        await job.RunAsync("one", spec, NoProgress, Cancellation);

        var other = await Assert.ThrowsAsync<InvalidDataException>(() => job.RunAsync("one", spec with { Plans = 2, Domains = ["ml"] }, NoProgress, Cancellation));
        Assert.Contains("was started with other settings (plans was 1; domains was [])", other.Message, StringComparison.Ordinal);

        using var held = EvaluationJournal.Open(job.Folder("one"));
        var busy = await Assert.ThrowsAsync<InvalidDataException>(() => job.RunAsync("one", spec, NoProgress, Cancellation));
        Assert.Contains("Another process is working on", busy.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Evaluate_GoalsThatAModelTrainedOn_AreLeftOut()
    {
        await using var services = await ServicesAsync();
        var (runs, checkpoints, goals) = (services.GetRequiredService<RunStore>(), services.GetRequiredService<RunCheckpointStore>(), services.GetRequiredService<EvaluationGoals>());
        var test = await services.GetRequiredService<RunDataStore>().TestGoalsAsync(sandbox: true, Cancellation);
        var run = await runs.CreateAsync(new RunSpec { Method = "dpo" }, null, _ => false, Cancellation);
        await checkpoints.RegisterAsync(run, new RunCheckpoint(1, RunFolder.CheckpointDirectory(1), null, false), Cancellation);
        var name = RunCheckpointStore.NameOf(run.Name, 1);
        var spec = new EvaluationSpec { Models = ["sandbox-base", name], Judge = "oracle", Goals = 10 };

        await WriteDataAsync(services, run, [.. test.Take(2)]);
        var some = await goals.FindAsync(spec, sandbox: true, Cancellation);
        await WriteDataAsync(services, run, test);
        var fault = await Assert.ThrowsAsync<InvalidDataException>(() => goals.FindAsync(spec, sandbox: true, Cancellation));

        Assert.Equal((10, 2), (some.Goals.Count, some.LeftOut));
        Assert.Equal(test.Skip(2).Take(10).Select(goal => goal.Id), some.Goals.Select(goal => goal.Id));
        Assert.Equal([new KeyValuePair<string, string>(name, "ml")], some.TrainedOn);
        Assert.Contains("No test goal is left", fault.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("There is no checkpoint or model server \"nobody\"", "--model", "nobody")]
    [InlineData("There is no checkpoint or model server \"nobody\"", "--model", "sandbox-base", "--judge", "nobody")]
    [InlineData("There is no checkpoint or model server \"nobody\"", "--model", "sandbox-base", "--jury", "nobody")]
    [InlineData("--plans 0", "--model", "sandbox-base", "--plans", "0")]
    [InlineData("--temperature 0", "--model", "sandbox-base", "--temperature", "0")]
    [InlineData("is given twice", "--model", "sandbox-base", "sandbox-base")]
    [InlineData("no sandbox test goals in law: choose --domains among", "--model", "sandbox-base", "--domains", "law")]
    [InlineData("--name \"../x\"", "--model", "sandbox-base", "--name", "../x")]
    [InlineData("--pairwise", "--model", "sandbox-base", "--pairwise")]
    public async Task Evaluate_BadChoice_IsOneSentenceWithTheRemedyAndChangesNothing(string message, params string[] arguments)
    {
        var code = await RunAsync(["evaluate", .. arguments]);

        Assert.Equal(1, code);
        Assert.Contains(message, Assert.Single(error.ToString().Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(data, "evaluations")));
    }

    [Theory]
    [InlineData("nothing")]
    [InlineData("../x")]
    public async Task Report_UnknownEvaluation_SaysWhatIsThere(string name)
    {
        Assert.Equal(1, await RunAsync("report", "--evaluation", name));
        Assert.Contains($"no evaluation named \"{name}\". There is none", error.ToString(), StringComparison.Ordinal);
    }

    private static void NoProgress(string what, int done, int all)
    {
    }

    private static RootCommand Root() => new() { CommandContext.Data, DatabaseSetting.Option, CommandContext.Json, EvaluateCommand.Create(), ReportCommand.Create() };

    private static async Task WriteDataAsync(ServiceProvider services, Run run, IReadOnlyList<RunGoal> seen)
    {
        var folder = new RunFolder(services.GetRequiredService<CoScientistOptions>().RunDirectory(run.Name));
        Directory.CreateDirectory(folder.Path);
        var train = seen[0] with { Id = "elsewhere", Domain = "ml" };
        var written = new RunData([train], [], []) { Preferences = [.. seen.Select(goal => new RunPreference(goal.Id, goal.Text, "a", "b"))] };
        await File.WriteAllTextAsync(folder.File(RunFolder.DataFile), JsonSerializer.Serialize(written, RunFolder.LineOptions), Cancellation);
    }

    private Task<int> RunAsync(params string[] arguments) => CommandRunner.RunAsync(Root(), [.. arguments, .. TestData.Arguments(data)], error);

    private Task<ServiceProvider> ServicesAsync() => CommandContext.OpenAsync(Root().Parse(["report", .. TestData.Arguments(data)]), DataUse.Reads, Cancellation);

    private async Task RegisterTwinAsync()
    {
        await using var services = await ServicesAsync();
        await services.GetRequiredService<RunCheckpointStore>().RegisterBaseAsync("twin", SandboxBaseModel.Directory, isSandbox: true, Cancellation);
    }
}
