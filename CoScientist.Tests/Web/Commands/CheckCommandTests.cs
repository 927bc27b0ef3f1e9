using System.CommandLine;
using System.Text.Json;
using CoScientist.Core.Storage;
using CoScientist.Core.TextModels;
using CoScientist.Tests.Core.Papers;
using CoScientist.Tests.Shared;
using CoScientist.Web.Commands;
using CoScientist.Web.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace CoScientist.Tests.Web.Commands;

/// <summary>Tests that read what a verb prints: no other verb may print meanwhile.</summary>
[CollectionDefinition(nameof(CheckCommandTests), DisableParallelization = true)]
public sealed class PrintedAnswers;

[Collection(nameof(CheckCommandTests))]
[Trait("Database", "any")]
public sealed class CheckCommandTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("coscientist-").FullName;
    private readonly StringWriter error = new();

    public void Dispose()
    {
        error.Dispose();
        Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
        Directory.Delete(folder, recursive: true);
    }

    private async Task<(int Code, string Output)> RunAsync(params string[] arguments)
    {
        var root = new RootCommand { CommandContext.Data, DatabaseSetting.Option, CommandContext.Json, ImportCommand.Create(), ExtractCommand.Create(), CheckCommand.Create(), ReportCommand.Create() };
        using var output = new StringWriter();
        var console = Console.Out;
        Console.SetOut(output);
        try
        {
            return (await CommandRunner.RunAsync(root, [.. arguments, .. TestData.Arguments(Path.Combine(folder, "data"))], error), output.ToString());
        }
        finally
        {
            Console.SetOut(console);
        }
    }

    private string Write(string name, byte[] content)
    {
        var path = Path.Combine(folder, name);
        File.WriteAllBytes(path, content);
        return path;
    }

    [Fact]
    public async Task Report_leakage_of_papers_and_datasets_stands_by_pipeline_beside_the_published_rates()
    {
        var rows = Write("d.jsonl", PaperFixtures.Bytes("""
            {"Goal":"Find out whether roots of barley recover after salt stress.","Rubric":["The plan should find out whether barley roots recover after salt.","The plan should scan roots daily."],"article_id":"a","q_id":"1","Category":"biology"}
            {"Goal":"Find out whether roots of young barley recover after salt stress.","Rubric":["The plan should mention ethics."],"article_id":"b","q_id":"1","Category":"biology"}
            """));

        Assert.Equal(0, (await RunAsync("import", "dataset", rows)).Code);
        Assert.Equal(0, (await RunAsync("import", "papers", Write("bees.nxml", PaperFixtures.Bytes(PaperFixtures.Jats())))).Code);
        Assert.Equal(0, (await RunAsync("extract", "--model", CoScientist.Core.Extraction.ExtractiveDrafter.Name)).Code);
        var (code, checkedAgain) = await RunAsync("check");
        Assert.Equal(0, code);
        Assert.Contains("0 items checked", checkedAgain, StringComparison.Ordinal);
        Assert.Contains("1 goals repeat a goal of another article", checkedAgain, StringComparison.Ordinal);
        Assert.Contains("dataset: 1 items leak from the goal.", checkedAgain, StringComparison.Ordinal);
        Assert.Contains("dataset: 1 items are met by mentioning.", checkedAgain, StringComparison.Ordinal);

        using var report = JsonDocument.Parse((await RunAsync("report", "leakage", "--json")).Output);
        var all = report.RootElement.GetProperty("rows").EnumerateArray().First(row => row.GetProperty("pipeline").GetString() == "dataset" && row.GetProperty("domain").ValueKind == JsonValueKind.Null);
        Assert.Equal((3, 1), (all.GetProperty("items").GetInt32(), all.GetProperty("leaks").GetInt32()));
        Assert.Equal([0.31, 0.34, 0.037], report.RootElement.GetProperty("published").EnumerateArray().Select(row => row.GetProperty("rate").GetDouble()));
        var (_, markdown) = await RunAsync("report", "leakage");
        Assert.Contains("| drafter | all | 1 |", markdown, StringComparison.Ordinal);
        Assert.Contains("3.7%", markdown, StringComparison.Ordinal);
        Assert.StartsWith("pipeline,domain,", (await RunAsync("report", "leakage", "--csv")).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Report_leakage_of_the_sandbox_shows_both_pipelines_and_the_check()
    {
        var (code, output) = await RunAsync("report", "leakage", "--sandbox", "--papers", "3");

        Assert.Equal(0, code);
        Assert.Contains("| as printed | slips | leak-resistant | 3 |", output, StringComparison.Ordinal);
        Assert.Contains("| as printed | slips | paper | 3 |", output, StringComparison.Ordinal);
        Assert.Contains("Recall, other words", output, StringComparison.Ordinal);
        Assert.Equal(1, (await RunAsync("report", "leakage", "--sandbox", "--papers", "0")).Code);
        Assert.Contains("ask for 1 to 320", error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Report_cost_sums_the_ledger_by_day_server_and_role_and_lists_what_failed()
    {
        Assert.Equal(0, (await RunAsync("report", "cost")).Code);
        var now = DateTimeOffset.UtcNow;
        await using (var services = new ServiceCollection().AddStorage(TestData.Database(Path.Combine(folder, "data"))).BuildServiceProvider())
        {
            var failure = new ModelFailure { RequestKey = "k3", At = now, Name = "s/m", Role = ModelRole.Judge, Purpose = "check", PromptVersion = "1", System = "", User = "", SamplingJson = "{}", Outcome = CallOutcome.Malformed, Error = "The answer is empty." };
            var store = services.GetRequiredService<ModelCallStore>();
            await store.RecordAsync([Call("k1", now, ModelRole.Creator, CallOutcome.Busy), Call("k1", now, ModelRole.Creator, CallOutcome.Answered), Call("k2", now, ModelRole.Creator, CallOutcome.Cached)], null, null, TestContext.Current.CancellationToken);
            await store.RecordAsync([Call("k3", now, ModelRole.Judge, CallOutcome.Malformed), Call("k4", now.AddDays(-40), ModelRole.Judge, CallOutcome.Answered)], null, failure, TestContext.Current.CancellationToken);
        }

        var (code, table) = await RunAsync("report", "cost");
        using var month = JsonDocument.Parse((await RunAsync("report", "cost", "--json")).Output);
        using var quarter = JsonDocument.Parse((await RunAsync("report", "cost", "--days", "90", "--json")).Output);

        Assert.Equal(0, code);
        Assert.Contains("| s | m | Creator | 1 | 1 | 1 | 30 | 60 | 1.5 | 0.000012 |", table, StringComparison.Ordinal);
        Assert.Contains("| s | m | Judge | 0 | 0 | 1 | 10 | 20 | 0.5 | 0.000004 |", table, StringComparison.Ordinal);
        Assert.Contains("| all | | | | 1 | 1 | 2 | 40 | 80 | 2.0 | 0.000016 |", table, StringComparison.Ordinal);
        Assert.Contains("- Judge s/m, check: The answer is empty.", table, StringComparison.Ordinal);
        Assert.Equal((16e-6, 2, 1), (month.RootElement.GetProperty("cost").GetDouble(), month.RootElement.GetProperty("totals").GetArrayLength(), month.RootElement.GetProperty("failures").GetArrayLength()));
        Assert.Equal((20e-6, 3), (quarter.RootElement.GetProperty("cost").GetDouble(), quarter.RootElement.GetProperty("totals").GetArrayLength()));
        Assert.Equal(1, (await RunAsync("report", "cost", "--days", "0")).Code);

        static ModelCall Call(string key, DateTimeOffset at, ModelRole role, CallOutcome outcome) => new() { At = at, Server = "s", Model = "m", Role = role, Purpose = "test", PromptVersion = "1", RequestKey = key, Attempt = 1, PromptTokens = 10, CompletionTokens = 20, Seconds = 0.5, CostMicros = 4, Outcome = outcome };
    }

    [Fact]
    public async Task Check_with_an_unknown_judge_and_extract_with_an_unknown_pipeline_say_what_there_is()
    {
        Assert.Equal(1, (await RunAsync("check", "--judge", "nosuch")).Code);
        Assert.NotEqual(0, (await RunAsync("extract", "--pipeline", "nosuch")).Code);
        Assert.Equal(1, (await RunAsync("extract", "--paper", "nosuch", "--model", CoScientist.Core.Extraction.ExtractiveDrafter.Name)).Code);
        Assert.Contains("There is no model server 'nosuch'", error.ToString(), StringComparison.Ordinal);
        Assert.Contains("'leak-resistant'", error.ToString(), StringComparison.Ordinal);
        Assert.Contains("'nosuch' is no paper id", error.ToString(), StringComparison.Ordinal);
    }
}
