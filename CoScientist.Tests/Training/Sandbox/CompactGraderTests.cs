using CoScientist.Tests.Shared;
using CoScientist.Training.Kernels;
using CoScientist.Training.Sandbox;

namespace CoScientist.Tests.Training.Sandbox;

public sealed class CompactGraderTests
{
    private const string Goal = "the aim is to forecast how laser cooling will turn out.";
    private const string Plan = "we draw the sample by random order because it is sound.";
    private const string Reference = "we report all failures.";

    private readonly CompactProtocol protocol = new(TinyPolicy.Tokenizer);

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData(" ")]
    public void GradePrompt_NoReference_IsGoalThenPlan(string? reference) => Assert.Equal(
        [Special("<grade>"), .. Words(Goal), Special("<plan>"), .. Words(Plan), Special("<rubric>")],
        protocol.GradePrompt(Goal, Plan, reference));

    [Fact]
    public void GradePrompt_Reference_StandsBetweenGoalAndPlan() => Assert.Equal(
        [Special("<grade>"), .. Words(Goal), Special("<quote>"), .. Words(Reference), Special("<plan>"), .. Words(Plan), Special("<rubric>")],
        protocol.GradePrompt(Goal, Plan, Reference));

    [Fact]
    public void Grade_WithAndWithoutReference_ShowsItToTheTasksThatHaveOne()
    {
        using var pool = new WorkerPool(1);
        using var engine = TinyPolicy.Create(pool);
        var grader = new CompactGrader(engine, threshold: 0.5);
        var plain = new GradingTask(Goal, Plan, ["the split has to be sound", "the cost has to be low"]);

        var together = grader.Grade([plain, plain with { Reference = Reference }], TestContext.Current.CancellationToken);
        var alone = grader.Grade([plain], TestContext.Current.CancellationToken);

        Assert.Equal(alone[0], together[0]);
        Assert.All(together[0].Zip(together[1]), pair => Assert.NotEqual(pair.First.Probability, pair.Second.Probability));
    }

    private static int Special(string token) => TinyPolicy.Tokenizer.TokenId(token);

    private static int[] Words(string text) => TinyPolicy.Tokenizer.Encode(" " + text);
}
