using System.Collections.Concurrent;
using CoScientist.Core.Extraction;
using CoScientist.Core.Extraction.Pipelines;
using CoScientist.Core.Papers;
using CoScientist.Core.Storage;
using CoScientist.Core.TextModels;
using CoScientist.Tests.Core.Papers;
using CoScientist.Tests.Core.Storage;
using CoScientist.Tests.Shared;
using CoScientist.Web.Extraction;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;

namespace CoScientist.Tests.Web.Extraction;

[Trait("Database", "any")]
public sealed class PaperExtractionTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    // Packed once: an archive knows the time of its packing.
    private static readonly byte[] Arxiv = PaperFixtures.Arxiv();

    private static PaperExtraction Extraction(TestDatabase database) => new(
        database.Store<ExtractionStore>(),
        database.Store<GoalGroupStore>(),
        new ItemJudging(database.Store<ItemCheckStore>()),
        TestServers.Of(database),
        database.Store<ModelCallStore>());

    private static async Task<TestDatabase> LibraryAsync()
    {
        var database = await TestDatabase.CreateAsync();
        foreach (var (name, content) in (List<(string, byte[])>)[
            ("bees.nxml", PaperFixtures.Bytes(PaperFixtures.Jats())),
            ("2004.01234.gz", Arxiv),
            ("wasps.nxml", PaperFixtures.Bytes(PaperFixtures.Jats().Replace("10.1234/ORCHARD.7", "10.1234/ORCHARD.8", StringComparison.Ordinal).Replace(">123<", ">124<", StringComparison.Ordinal).Replace("Honey bees", "Honey wasps", StringComparison.Ordinal).Replace("Bee visits", "Wasp visits", StringComparison.Ordinal)))])
        {
            await database.Store<PaperImportStore>().ImportAsync(name, content, null, Token);
        }

        return database;
    }

    private static ExtractionModels? With(ITextModel? model) => model is null ? null : new ExtractionModels(model, model);

    private static async Task<List<PaperOutcome>> RunAsync(TestDatabase database, ITextModel? model, string pipeline = ExtractionPipelines.LeakResistant, IEnumerable<PaperId>? papers = null)
    {
        var outcomes = new List<PaperOutcome>();
        papers ??= await database.Store<ExtractionStore>().PapersToExtractAsync(PaperExtraction.ExtractorOf(With(model), pipeline), Token);
        await foreach (var outcome in Extraction(database).RunAsync(papers, With(model), pipeline, 1, Token))
        {
            outcomes.Add(outcome);
        }

        return outcomes;
    }

    /// <summary>Everything that extraction writes, without ids and times.</summary>
    private static async Task<string> LibraryOfAsync(TestDatabase database)
    {
        await using var db = database.NewContext();
        var lines = new List<string>();
        foreach (var goal in await db.Goals.AsNoTracking().Where(goal => !goal.IsSandbox).Include(goal => goal.Items.OrderBy(item => item.Order)).OrderBy(goal => goal.Id).ToListAsync(Token))
        {
            var paper = await db.Papers.Where(row => row.Id == goal.PaperId).Select(row => row.ContentHash).SingleAsync(Token);
            var twin = goal.DuplicateOf is { } id ? await db.Goals.Where(row => row.Id == id).Select(row => row.Text).SingleAsync(Token) : null;
            lines.Add($"{paper} {goal.Domain} {goal.Text} {goal.ReferenceSolution} {goal.Split} {goal.Origin} {goal.ExtractedBy} {goal.PromptVersion} {goal.Pipeline} {goal.SourceSection} {goal.SourceStart} {goal.SourceLength} {twin} {goal.Resemblance}");
            foreach (var item in goal.Items)
            {
                lines.Add($"  {item.Order} {item.Text} {item.State} {item.SourceSection} {item.SourceStart} {item.SourceLength} {item.IsDraft}");
                lines.AddRange(await db.ItemChecks.Where(check => check.ItemId == item.Id).Select(check => $"    {check.Checker} {check.GoalShare} {check.Leaks}").ToListAsync(Token));
                lines.AddRange(await db.ItemFindings.Where(finding => finding.ItemId == item.Id).OrderBy(finding => finding.Id).Select(finding => $"    {finding.Fault} {finding.Reason}").ToListAsync(Token));
            }
        }

        lines.AddRange(await db.ExtractionRecords.OrderBy(record => record.PaperId).Select(record => $"{record.Pipeline} {record.Extractor} {record.State} {record.Error} {record.Goals} {record.Items} {record.Attempts}").ToListAsync(Token));
        return string.Join('\n', lines);
    }

    [Fact]
    public async Task RunAsync_papers_give_goals_that_know_pipeline_prompt_and_checks()
    {
        await using var database = await LibraryAsync();

        var outcomes = await RunAsync(database, new ScriptedCreator());

        Assert.All(outcomes, outcome => Assert.Null(outcome.Error));
        Assert.Equal(3, outcomes.Count);
        Assert.Empty(await RunAsync(database, new ScriptedCreator()));
        await using var db = database.NewContext();
        Assert.All(await db.Goals.Where(goal => !goal.IsSandbox).ToListAsync(Token), goal => Assert.Equal(("leak-resistant", LeakResistantPipeline.PromptVersion, "scripted-creator"), (goal.Pipeline, goal.PromptVersion, goal.ExtractedBy)));
        Assert.Equal(0, await database.Store<ItemCheckStore>().MissingAsync(sandbox: false, Token));
        var goals = await db.Goals.Where(goal => goal.DuplicateOf != null).ToListAsync(Token);
        Assert.Single(goals);
        Assert.Equal((await db.Goals.SingleAsync(goal => goal.Id == goals[0].DuplicateOf, Token)).Split, goals[0].Split);
    }

    [Theory]
    [InlineData(ExtractionPipelines.LeakResistant)]
    [InlineData(ExtractionPipelines.Paper)]
    public async Task RunAsync_killed_at_any_call_and_started_again_is_as_unbroken(string pipeline)
    {
        await using var whole = await LibraryAsync();
        var calls = new ScriptedCreator();
        await RunAsync(whole, calls, pipeline);
        var expected = await LibraryOfAsync(whole);

        for (var killed = 1; killed <= calls.Prompts.Count; killed += pipeline == ExtractionPipelines.Paper ? 1 : 3)
        {
            await using var database = await LibraryAsync();
            var dying = new ScriptedCreator { Instead = (_, call) => call >= killed ? throw new IOException("killed") : null };
            await Assert.ThrowsAsync<IOException>(() => RunAsync(database, dying, pipeline));

            await RunAsync(database, new ScriptedCreator(), pipeline);

            Assert.Equal(expected, await LibraryOfAsync(database));
        }
    }

    [Fact]
    public async Task RunAsync_killed_before_near_duplicates_were_looked_for_is_as_unbroken()
    {
        await using var whole = await LibraryAsync();
        await RunAsync(whole, null);
        await using var database = await LibraryAsync();
        foreach (var paper in await database.Store<ExtractionStore>().AllPapersAsync(Token))
        {
            await database.Store<ExtractionStore>().DraftAsync((await database.Store<ExtractionStore>().FindPaperAsync(paper, Token))!, Token);
        }

        Assert.Empty(await RunAsync(database, null));

        Assert.Equal(await LibraryOfAsync(whole), await LibraryOfAsync(database));
    }

    [Fact]
    public async Task RunAsync_failing_call_fails_its_paper_alone_and_can_be_tried_again()
    {
        await using var database = await LibraryAsync();
        var model = new ScriptedCreator { Instead = (prompt, _) => prompt.User.Contains("FIELD", StringComparison.Ordinal) && prompt.User.Contains("Beekeepers", StringComparison.Ordinal) ? new TextCompletion("nonsense", FinishReason.Stop, 1, 1) : null };
        var store = database.Store<ExtractionStore>();
        var extractor = PaperExtraction.ExtractorOf(With(model), ExtractionPipelines.LeakResistant);

        var outcomes = await RunAsync(database, model);

        var failed = Assert.Single(outcomes, outcome => outcome.Error is not null);
        Assert.Contains("Counting bees from sound", failed.Error, StringComparison.Ordinal);
        Assert.Equal([failed.Paper!.Value], await store.FailedPapersAsync(extractor, Token));
        Assert.Equal("Counting bees from sound", Assert.Single(await store.FailuresAsync(10, Token)).Title);
        Assert.Empty(await RunAsync(database, model));

        var again = await RunAsync(database, new ScriptedCreator(), papers: await store.FailedPapersAsync(extractor, Token));

        Assert.Null(Assert.Single(again).Error);
        Assert.Empty(await store.FailuresAsync(10, Token));
        await using var db = database.NewContext();
        Assert.Equal([1, 1, 2], await db.ExtractionRecords.Select(record => record.Attempts).OrderBy(attempts => attempts).ToListAsync(Token));
        Assert.Equal(3, await db.Goals.CountAsync(goal => !goal.IsSandbox, Token));
    }

    [Fact]
    public async Task RunAsync_call_without_an_answer_fails_its_paper_alone()
    {
        await using var database = await LibraryAsync();
        var model = new ScriptedCreator { Instead = (prompt, _) => prompt.User.Contains("Beekeepers", StringComparison.Ordinal) ? new TextCompletion("", FinishReason.Stop, 1, 0) { Failure = "The server refused it." } : null };

        var outcomes = await RunAsync(database, model);

        Assert.Equal(3, outcomes.Count);
        Assert.Contains("gave no answer for \"Counting bees from sound\": The server refused it.", Assert.Single(outcomes, outcome => outcome.Error is not null).Error, StringComparison.Ordinal);
        Assert.Single(await database.Store<ExtractionStore>().FailuresAsync(10, Token));
    }

    [Fact]
    public async Task RunAsync_server_that_stays_away_leaves_the_papers_as_they_are()
    {
        await using var database = await LibraryAsync();

        var outcome = Assert.Single(await RunAsync(database, new ScriptedCreator { Instead = (_, _) => throw new TextModelException("scripted-creator", "it cannot be reached.") }));

        Assert.Null(outcome.Paper);
        Assert.Contains("it cannot be reached. 3 papers are left as they are", outcome.Error, StringComparison.Ordinal);
        Assert.Empty(await database.Store<ExtractionStore>().FailuresAsync(10, Token));
        Assert.Equal(3, (await RunAsync(database, new ScriptedCreator())).Count);
    }

    [Fact]
    public async Task RunAsync_through_a_server_with_faults_ends_as_without_and_pays_for_no_answer_twice()
    {
        await using var smooth = await LibraryAsync();
        await using var rough = await LibraryAsync();
        var (sent, answered) = (new ConcurrentDictionary<string, int>(StringComparer.Ordinal), new ConcurrentDictionary<string, int>(StringComparer.Ordinal));
        string Answer(System.Text.Json.JsonElement request) => ScriptedCreator.Answer(new TextPrompt(Message(request, 0), Message(request, 1)));
        await using var good = await ScriptedModelServer.StartAsync((request, _) => (200, Answer(request)));
        await using var bad = await ScriptedModelServer.StartAsync((request, call) =>
        {
            // A prompt fails up to twice before it is answered, never as often as a caller tries.
            var prompt = Message(request, 0) + Message(request, 1);
            if (sent.AddOrUpdate(prompt, 1, (_, count) => count + 1) <= prompt.Length % 3)
            {
                return (call % 2 == 0 ? 500 : 429, "");
            }

            answered.AddOrUpdate(prompt, 1, (_, count) => count + 1);
            return (200, Answer(request));
        });
        await RunAsync(smooth, Server(smooth, good));
        var first = new List<PaperOutcome>();
        var papers = await rough.Store<ExtractionStore>().AllPapersAsync(Token);
        await foreach (var outcome in Extraction(rough).RunAsync(papers, With(Server(rough, bad)), ExtractionPipelines.LeakResistant, 1, Token))
        {
            first.Add(outcome);
            if (first.Count == 1)
            {
                break; // the process ends here, with other papers under way
            }
        }

        await RunAsync(rough, Server(rough, bad));

        Assert.Contains(sent.Values, times => times > 2);
        Assert.Equal(await LibraryOfAsync(smooth), await LibraryOfAsync(rough));

        // What was under way when the process ended may have reached the server without its answer coming back.
        Assert.InRange(answered.Values.Sum(times => times - 1), 0, 4);
    }

    [Fact]
    public async Task RunAsync_failed_papers_tried_again_are_listed_once_and_no_more_when_they_succeed()
    {
        await using var database = await LibraryAsync();
        var confused = true;
        await using var server = await ScriptedModelServer.StartAsync((request, _) => (200, confused ? "hm" : ScriptedCreator.Answer(new TextPrompt(Message(request, 0), Message(request, 1)))));
        var papers = await database.Store<ExtractionStore>().AllPapersAsync(Token);
        async Task<int> FailuresAsync() => (await database.Store<ModelCallStore>().FailuresAsync(100, Token)).Count;

        await RunAsync(database, Server(database, server), papers: papers);
        var first = await FailuresAsync();
        await RunAsync(database, Server(database, server), papers: papers);
        var second = await FailuresAsync();
        confused = false;
        var last = await RunAsync(database, Server(database, server), papers: papers);

        Assert.Equal((9, 9, 0), (first, second, await FailuresAsync()));
        Assert.All(last, outcome => Assert.Null(outcome.Error));
        Assert.Empty(await database.Store<ExtractionStore>().FailuresAsync(10, Token));
    }

    private static string Message(System.Text.Json.JsonElement request, int index) => request.GetProperty("messages")[index].GetProperty("content").GetString()!;

    private static ITextModel Server(TestDatabase database, ScriptedModelServer server) =>
        TestServers.Of(database, new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["CoScientist:ModelServers:0:Name"] = "local",
            ["CoScientist:ModelServers:0:Endpoint"] = server.Endpoint.ToString(),
            ["CoScientist:ModelServers:0:Model"] = "m",
        }).Build(), time: new ImpatientTime()).Get("local", ModelRole.Creator, "extract");
}
