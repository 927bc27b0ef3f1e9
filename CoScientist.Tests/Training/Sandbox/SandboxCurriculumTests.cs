using CoScientist.Core;
using CoScientist.Core.Goals;
using CoScientist.Tests.Shared;
using CoScientist.Training.Sandbox;

namespace CoScientist.Tests.Training.Sandbox;

public sealed class SandboxCurriculumTests
{
    private static readonly SandboxWorld World = SandboxWorld.Default;
    private readonly CompactProtocol protocol = new(TinyPolicy.Tokenizer);

    [Fact]
    public void Teaching_Examples_ShowTheRubricInAnyOrderAndOftenNotAllOfIt()
    {
        var curriculum = new SandboxCurriculum(World, protocol);
        var quote = TinyPolicy.Tokenizer.TokenId("<quote>");
        var prompts = Enumerable.Range(0, 200).Select(i => curriculum.Teaching(new SeededRandom(3, i)).Prompt).ToArray();
        var items = prompts.Select(prompt => prompt.Count(token => token == quote)).ToArray();

        Assert.All(prompts, prompt => Assert.Equal((Special("<write>"), 1), (prompt[0], prompt.Count(token => token == Special("<rubric>")))));
        Assert.InRange(items.Count(count => count >= 6), 100, 160);
        Assert.Contains(items, count => count is > 0 and < 4);
    }

    [Fact]
    public void Reference_ManyGoals_IsShownEveryFourthTimeAndOftenNotPerfect()
    {
        var curriculum = new SandboxCurriculum(World, protocol);
        var random = new SeededRandom(5);
        var goals = Enumerable.Range(0, 800).Select(_ => World.SampleGoal(random, GoalSplit.Train)).ToArray();
        var shown = goals.Select(goal => (Goal: goal, Text: curriculum.Reference(goal, random))).Where(pair => pair.Text is not null).ToArray();

        Assert.InRange(shown.Length, 150, 250);
        Assert.InRange(shown.Count(pair => World.Oracle.Score(pair.Goal, pair.Text!) == 1), 0.4 * shown.Length, 0.7 * shown.Length);
    }

    [Fact]
    public void Grading_WithReference_ShowsItAndJudgesThePlan()
    {
        var goal = World.SampleGoal(new SeededRandom(1), GoalSplit.Train);
        var reference = SandboxGrammar.Render(World.Writer.Reference(goal, new SeededRandom(1)), new SeededRandom(2));
        var group = new SandboxCurriculum(World, protocol).Grading(goal, World.GoalText(goal), "we plan.", reference, World.Requirements(goal), new SeededRandom(3));

        Assert.Equal(protocol.GradePrompt(World.GoalText(goal), "we plan.", reference), group.Prompt);
        Assert.All(group.Branches, branch => Assert.Equal(Special("<g1>"), branch.Tokens[^1]));
    }

    private static int Special(string token) => TinyPolicy.Tokenizer.TokenId(token);
}
