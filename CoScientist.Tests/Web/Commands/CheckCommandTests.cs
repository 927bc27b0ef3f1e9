using System.CommandLine;
using System.Text.Json;
using CoScientist.Tests.Core.Papers;
using CoScientist.Web.Commands;

namespace CoScientist.Tests.Web.Commands;

/// <summary>Tests that read what a verb prints: no other verb may print meanwhile.</summary>
[CollectionDefinition(nameof(CheckCommandTests), DisableParallelization = true)]
public sealed class PrintedAnswers;

[Collection(nameof(CheckCommandTests))]
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
        var root = new RootCommand { CommandContext.Data, CommandContext.Json, ImportCommand.Create(), ExtractCommand.Create(), CheckCommand.Create(), ReportCommand.Create() };
        using var output = new StringWriter();
        var console = Console.Out;
        Console.SetOut(output);
        try
        {
            return (await CommandRunner.RunAsync(root, [.. arguments, "--data", Path.Combine(folder, "data")], error), output.ToString());
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
