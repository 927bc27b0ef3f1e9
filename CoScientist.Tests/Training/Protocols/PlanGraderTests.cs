using CoScientist.Core.Grading.PaperProtocol;
using CoScientist.Core.Runs;
using CoScientist.Core.TextModels;
using CoScientist.Tests.Shared;
using CoScientist.Tests.Training.Checkpoints;
using CoScientist.Training.Engines;
using CoScientist.Training.Kernels;
using CoScientist.Training.Kernels.Mixed;
using CoScientist.Training.Protocols;

namespace CoScientist.Tests.Training.Protocols;

public sealed class PlanGraderTests : IDisposable
{
    private static readonly PlanToGrade[] Plans = [.. PaperPolicy.Data(4, 1, 1).Train.Select(goal => new PlanToGrade(goal, $"Plan for {goal.Id}."))];

    private readonly TemporaryFolder folder = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Likelihood_ItemsFromASharedPrefix_AreTheWholePromptsToTheBit(bool reference)
    {
        var directory = PaperPolicy.Write(folder.File("model"), 1);
        using var pool = new WorkerPool(2);
        using var engine = CpuEngine.LoadReadOnly(directory, Precision.Single, pool);
        var chat = PaperPolicy.Chat(directory);

        var gradings = new LikelihoodGrader(engine, chat, reference).Grade(Plans, Cancellation);

        foreach (var (plan, grading) in Plans.Zip(gradings))
        {
            var task = new PaperGradingTask(plan.Goal.Text, [.. plan.Goal.Items.Select(item => item.Text)], reference ? plan.Goal.ReferenceSolution : null, plan.Text);
            for (var k = 0; k < task.Items.Count; k++)
            {
                var prompt = chat.Prompt(PaperPrompts.GradeItem(task, k), thinking: false);
                var logits = engine.Logits(prompt, prompt.Length - 1)[0];
                var digits = Enumerable.Range(0, 9).Select(digit => Math.Exp(logits[chat.Tokenizer.Encode($"{digit}")[0]])).ToArray();
                Assert.Equal(digits[0] / digits.Sum(), grading.Items[k]!.Probability!.Value, 1e-5);
                Assert.False(grading.Items[k]!.Met);
                var likeliest = Array.IndexOf(digits, digits.Skip(1).Max());
                Assert.Equal(likeliest == 8 ? 7 : 1, grading.Items[k]!.Violations);
            }

            Assert.Equal(0, grading.Score);
        }
    }

    [Fact]
    public void Branched_Prompts_ShareWhatTheyHaveInCommon()
    {
        var request = LikelihoodGrader.Branched([[1, 2, 3, 4], [1, 2, 5]]);
        Assert.Equal([1, 2], request.Prompt);
        Assert.Equal([[3, 4], [5]], request.Branches);

        // Something is left to branch on, even where a prompt begins another, or there is one only.
        Assert.Equal([[3], [3, 4]], LikelihoodGrader.Branched([[1, 2, 3], [1, 2, 3, 4]]).Branches);
        Assert.Equal([[3]], LikelihoodGrader.Branched([[1, 2, 3]]).Branches);
    }

    [Fact]
    public void Likelihood_PlanLongerThanTheModelReads_IsUngradedAndCostsNoOther()
    {
        var directory = PaperPolicy.Write(folder.File("model"), 1);
        using var engine = CpuEngine.LoadReadOnly(directory, Precision.Single);
        var gradings = new LikelihoodGrader(engine, PaperPolicy.Chat(directory), showReference: false).Grade([Plans[0], Plans[1] with { Text = new string('x', 5000) }], Cancellation);

        Assert.NotNull(gradings[0].Score);
        Assert.Null(gradings[1].Score);
        Assert.All(gradings[1].Items, Assert.Null);
        Assert.Contains("2048 tokens", gradings[1].Failure, StringComparison.Ordinal);
    }

    [Fact]
    public void Written_TogetherOrSeparately_AsksForEveryItemOnce()
    {
        var (together, separately) = (new AnsweringModel(AnsweringModel.Grading), new AnsweringModel(AnsweringModel.Grading));

        var all = new PaperPlanGrader(together, new GradingSpec(), 1).Grade(Plans, Cancellation);
        var single = new PaperPlanGrader(separately, new GradingSpec { Items = ItemQuestions.Separately }, 1, parallel: 3).Grade(Plans, Cancellation);

        Assert.Equal(Plans.Length, together.Prompts.Count);
        Assert.Equal(Plans.Sum(plan => plan.Goal.Items.Count), separately.Prompts.Count);
        Assert.All(all.Concat(single).SelectMany(grading => grading.Items), verdict => Assert.Equal(verdict!.Met ? 0 : 2, verdict.Violations));
        Assert.Equal(Plans.Select(plan => plan.Goal.Items.Count), all.Select(grading => grading.Items.Count));
    }

    [Fact]
    public void Written_ReferenceShown_ChangesThatPartOfThePromptOnly()
    {
        var (shown, hidden) = (new AnsweringModel(AnsweringModel.Grading), new AnsweringModel(AnsweringModel.Grading));
        new PaperPlanGrader(shown, new GradingSpec { Reference = true }, 1).Grade(Plans, Cancellation);
        new PaperPlanGrader(hidden, new GradingSpec(), 1).Grade(Plans, Cancellation);

        Assert.All(hidden.Prompts, prompt => Assert.DoesNotContain(PaperPolicy.ReferenceWord, prompt.System + prompt.User, StringComparison.Ordinal));
        Assert.Equal(
            hidden.Prompts,
            shown.Prompts.Select((prompt, i) => prompt with { User = prompt.User.Replace("One possible approach:\n" + Plans[i].Goal.ReferenceSolution, "None is known.", StringComparison.Ordinal) }));
        var task = new PaperGradingTask("goal", ["item"], "the approach", "plan");
        Assert.Equal(
            PaperPrompts.GradeItem(task with { Reference = null }, 0),
            PaperPrompts.GradeItem(task, 0) with { User = PaperPrompts.GradeItem(task, 0).User.Replace("One possible approach:\nthe approach", "None is known.", StringComparison.Ordinal) });
    }

    [Fact]
    public void Written_UnreadableOnce_IsAskedOnceMore_AndTwiceLeavesItUngraded()
    {
        var asked = 0;
        var once = new AnsweringModel(prompt => ++asked == 1 ? "Fine." : AnsweringModel.Grading(prompt));
        Assert.NotNull(new PaperPlanGrader(once, new GradingSpec(), 1).Grade([Plans[0]], Cancellation)[0].Score);

        var never = new AnsweringModel(_ => "Fine.");
        var grading = new PaperPlanGrader(never, new GradingSpec(), 1).Grade([Plans[0]], Cancellation)[0];
        Assert.Equal((2, (double?)null), (never.Prompts.Count, grading.Score));
        Assert.Contains("unreadable 2 times", grading.Failure, StringComparison.Ordinal);
    }

    [Fact]
    public void Written_ServerRefusesSomePlans_CostsThoseOnly_AndAllIsAnError()
    {
        var some = new AnsweringModel(prompt => prompt.User.Contains("train-1", StringComparison.Ordinal) ? throw new TextModelException("answering", "too long.") : AnsweringModel.Grading(prompt));
        var gradings = new PaperPlanGrader(some, new GradingSpec(), 1, parallel: 2).Grade(Plans, Cancellation);
        Assert.Equal([false, true, false, false], gradings.Select(grading => grading.Score is null));
        Assert.Contains("too long", gradings[1].Failure, StringComparison.Ordinal);

        var none = new AnsweringModel(_ => throw new TextModelException("answering", "cannot be reached."));
        Assert.Throws<TextModelException>(() => new PaperPlanGrader(none, new GradingSpec(), 1, parallel: 2).Grade(Plans, Cancellation));
    }

    [Fact]
    public void Local_WritesGradingsWithinItsRoom()
    {
        var directory = PaperPolicy.Write(folder.File("model"), 1);
        using var engine = CpuEngine.LoadReadOnly(directory, Precision.Single);
        var model = new LocalTextModel("tiny", engine, PaperPolicy.Chat(directory));

        // Untrained, it writes nothing readable; a plan that leaves no room is no error.
        var gradings = new PaperPlanGrader(model, new GradingSpec { MaxNewTokens = 8 }, 1).Grade([Plans[0], Plans[1] with { Text = new string('x', 5000) }], Cancellation);

        Assert.All(gradings, grading => Assert.Contains("cut off", grading.Failure, StringComparison.Ordinal));
    }
}
