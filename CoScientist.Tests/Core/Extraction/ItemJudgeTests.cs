using CoScientist.Core.Extraction;
using CoScientist.Core.Goals.Checks;
using CoScientist.Tests.Shared;

namespace CoScientist.Tests.Core.Extraction;

public sealed class ItemJudgeTests
{
    private static Task<IReadOnlyList<IReadOnlyList<FoundFault>>> JudgeAsync(ScriptedTextModel model) =>
        new ItemJudge(model).JudgeAsync("A goal about bees.", ["The plan should count bees.", "The plan should mention ethics."], 1, TestContext.Current.CancellationToken);

    [Fact]
    public async Task JudgeAsync_faults_come_with_the_judges_reason_in_the_order_of_the_items()
    {
        var model = new ScriptedTextModel((_, _) => """Sure: {"items": [{"item": 2, "faults": ["presence", "trivial"], "reason": "Naming it is enough."}, {"item": 1, "faults": [], "reason": ""}]}""");

        var words = await JudgeAsync(model);

        Assert.Empty(words[0]);
        Assert.Equal([new(ItemFault.PresenceOnly, "Naming it is enough."), new(ItemFault.Trivial, "Naming it is enough.")], words[1]);
        Assert.Contains("2. The plan should mention ethics.", model.Batches[0].Prompts[0].User, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("{\"items\": [{\"item\": 1, \"faults\": []}]}")]
    [InlineData("{\"items\": [{\"item\": 1, \"faults\": []}, {\"item\": 3, \"faults\": []}]}")]
    [InlineData("{\"items\": [{\"item\": 1, \"faults\": [\"ugly\"]}, {\"item\": 2, \"faults\": []}]}")]
    [InlineData("{\"items\": [1, 2]}")]
    [InlineData("no")]
    public async Task JudgeAsync_answer_that_cannot_be_read_is_no_word_on_any_item(string answer)
    {
        var model = new ScriptedTextModel((_, _) => answer);

        var fault = await Assert.ThrowsAsync<ExtractionException>(() => JudgeAsync(model));

        Assert.Equal(3, model.Batches.Count);
        Assert.Contains("better", fault.Message, StringComparison.Ordinal);
    }
}
