using System.Text.Json;
using CoScientist.Core.Extraction;
using CoScientist.Core.Extraction.Pipelines;
using CoScientist.Core.Papers;
using CoScientist.Core.TextModels;
using CoScientist.Tests.Core.Papers;
using CoScientist.Tests.Shared;

namespace CoScientist.Tests.Core.Extraction.Pipelines;

public sealed class PaperPipelineTests
{
    private static readonly Paper Paper = PaperFixtures.Read("bees.nxml", PaperFixtures.Bytes(PaperFixtures.Jats()));

    private static string Creator(params string[] goals) => JsonSerializer.Serialize(new
    {
        insights = goals.Select(goal => new
        {
            goal,
            quote = "Bees visit at different hours",
            rubric = Enumerable.Range(1, 15).Select(number => new { text = $"The plan should do {goal} number {number}.", quote = number == 2 ? "Twelve orchards were randomly selected" : "not in the paper" }),
            reference_solution = "Do it.",
        }),
    });

    private static bool IsCreator(JsonElement request) => request.GetProperty("messages")[0].GetProperty("content").GetString()!.StartsWith("You turn", StringComparison.Ordinal);

    private static string User(JsonElement request) => request.GetProperty("messages")[1].GetProperty("content").GetString()!;

    private static async Task<ExtractedGoal> ExtractAsync(ScriptedModelServer server)
    {
        using var model = new OpenAiTextModel(new OpenAiTextModelOptions { Name = "tester", Endpoint = server.Endpoint, Model = "m" });
        return await new PaperPipeline(model, model).ExtractAsync(Paper, 1, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task ExtractAsync_best_insight_with_the_selected_items_is_kept()
    {
        await using var server = await ScriptedModelServer.StartAsync((request, _) => (200, IsCreator(request)
            ? "Here it is:\n```json\n" + Creator("weak", "strong") + "\n```"
            : $$"""{"keep": [12, 2, 3, 4, 5, 6, 7, 8, 9, 10], "score": {{(User(request).Contains("GOAL\nstrong", StringComparison.Ordinal) ? 8 : 3)}}}"""));

        var goal = await ExtractAsync(server);

        Assert.Equal("strong", goal.Text);
        Assert.Equal("Do it.", goal.ReferenceSolution);
        Assert.Equal([2, 3, 4, 5, 6, 7, 8, 9, 10, 12], goal.Items.Select(item => int.Parse(item.Text.TrimEnd('.').Split(' ')[^1])));
        var source = goal.Items[0].Source!;
        Assert.Equal("Twelve orchards were randomly selected", Paper.Sections[source.SectionOrder].Text.Substring(source.Start, source.Length));
        Assert.Null(goal.Items[1].Source);
        Assert.Equal(new SourcePassage(-1, Paper.Abstract.IndexOf("Bees visit", StringComparison.Ordinal), 29), goal.Source);
        Assert.Equal(3, server.Requests.Count);
    }

    [Fact]
    public async Task ExtractAsync_garbage_is_asked_again_then_fails_clearly()
    {
        string[] answers = ["I cannot.", "{\"insights\": []}", "{\"insights\": [{\"goal\": \"g\", \"rubric\": [{\"text\": \"one\"}], \"reference_solution\": \"r\"}]}"];
        await using var server = await ScriptedModelServer.StartAsync((_, call) => (200, answers[call - 1]));

        var fault = await Assert.ThrowsAsync<ExtractionException>(() => ExtractAsync(server));

        Assert.Contains("Model 'tester' answered 3 times in a form that cannot be read", fault.Message, StringComparison.Ordinal);
        Assert.Contains(ExtractiveDrafter.Name, fault.Message, StringComparison.Ordinal);
        Assert.Equal(3, server.Requests.Count);
    }

    [Fact]
    public async Task ExtractAsync_one_garbage_answer_is_survived()
    {
        await using var server = await ScriptedModelServer.StartAsync((request, call) => (200, call is 1 or 3 ? "{\"keep\": [99" : IsCreator(request) ? Creator("only") : "{\"keep\": [1,2,3,4,5], \"score\": 5}"));

        Assert.Equal(5, (await ExtractAsync(server)).Items.Count);
        Assert.Equal(4, server.Requests.Count);
    }

    [Fact]
    public void PromptVersion_is_a_content_hash() => Assert.Matches("^[0-9a-f]{16}$", PaperPipeline.PromptVersion);
}
