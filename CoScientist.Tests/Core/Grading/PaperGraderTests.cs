using CoScientist.Core.Grading.PaperProtocol;
using CoScientist.Core.TextModels;
using CoScientist.Tests.Shared;

namespace CoScientist.Tests.Core.Grading;

public sealed class PaperGraderTests
{
    private static readonly PaperGradingTask[] Tasks = [Task("first"), Task("second"), Task("third")];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Grade_ReadableAnswers_IsOneGreedyBatchInOrder()
    {
        var model = new ScriptedTextModel((prompt, _) => PaperAnswers.Of("none", prompt.User.Contains("second", StringComparison.Ordinal) ? "2" : "none"));

        var gradings = await new PaperGrader(model).GradeAsync(Tasks, 5, Cancellation);

        Assert.Equal([1.0, 0.5, 1.0], gradings.Select(grading => grading.Score));
        var batch = Assert.Single(model.Batches);
        Assert.Equal((0, 5, 3), (batch.Options.Temperature, batch.Options.Seed, batch.Prompts.Count));
    }

    [Fact]
    public async Task Grade_UnreadableOnce_AsksForThatOneAgainWithAnotherSeed()
    {
        var model = new ScriptedTextModel((prompt, batch) => batch == 0 && prompt.User.Contains("second", StringComparison.Ordinal) ? "hm" : PaperAnswers.Of("none", "1"));

        var gradings = await new PaperGrader(model).GradeAsync(Tasks, 5, Cancellation);

        Assert.All(gradings, grading => Assert.Equal(0.5, grading.Score));
        Assert.Equal([3, 1], model.Batches.Select(batch => batch.Prompts.Count));
        Assert.Contains("second", model.Batches[1].Prompts[0].User, StringComparison.Ordinal);
        Assert.True(model.Batches[1].Options.Seed > 7, "the seeds of the first batch are used up");
    }

    [Fact]
    public async Task Grade_AlwaysUnreadable_StaysUngradedWithTheLastReason()
    {
        var model = new ScriptedTextModel((prompt, batch) => prompt.User.Contains("third", StringComparison.Ordinal) ? batch == 2 ? PaperAnswers.Of("none") : "hm" : PaperAnswers.Of("none", "none"));

        var gradings = await new PaperGrader(model).GradeAsync(Tasks, 1, Cancellation);

        Assert.Equal([1.0, 1.0, null], gradings.Select(grading => grading.Score));
        Assert.Equal("unreadable 3 times; at last item 2 of 2 is missing", gradings[2].Failure);
        Assert.Equal(3, model.Batches.Count);
    }

    [Fact]
    public async Task Grade_ModelCannotBeReached_IsTheModelsFaultAndNoGrading()
    {
        var model = new ScriptedTextModel(TextCompletion (_, _) => throw new TextModelException("scripted", "no answer."));

        await Assert.ThrowsAsync<TextModelException>(() => new PaperGrader(model).GradeAsync(Tasks, 1, Cancellation));
    }

    [Fact]
    public async Task Write_Goals_GivesPlansAsRead()
    {
        var model = new ScriptedTextModel((prompt, _) => prompt.User.Contains("cold", StringComparison.Ordinal) ? "<solution>We test.</solution>" : "We test.");

        var plans = await new PaperPlanWriter(model).WriteAsync(["cure colds", "fly"], 0.7, 3, Cancellation);

        Assert.Equal(["We test.", "We test."], plans.Select(plan => plan.Plan.Text));
        Assert.Equal([true, false], plans.Select(plan => plan.Plan.Form.Finished));
        Assert.Equal((0.7, 3, 20), (model.Batches[0].Options.Temperature, model.Batches[0].Options.Seed, plans[0].Tokens));
    }

    private static PaperGradingTask Task(string plan) => new("a goal", ["has controls", "names risks"], null, plan);
}
