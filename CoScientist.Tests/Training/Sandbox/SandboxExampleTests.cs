using CoScientist.Core.Goals;
using CoScientist.Training.Sandbox;

namespace CoScientist.Tests.Training.Sandbox;

public sealed class SandboxExampleTests
{
    [Fact]
    public void Sample_SameSeed_GivesTheSameJudgedExamples()
    {
        static List<SandboxExample> Draw() => [.. SandboxExample.Sample(SandboxWorld.Default, 5, 4, GoalSplit.Test, ["medicine"], 0.5)];

        var examples = Draw();
        Assert.Equal(examples.Select(example => (example.Key, example.Goal, example.Plan, example.Reference)), Draw().Select(example => (example.Key, example.Goal, example.Plan, example.Reference)));
        foreach (var example in examples)
        {
            Assert.True(SandboxGoal.TryParseKey(example.Key, out var goal));
            Assert.Equal(("medicine", GoalSplit.Test), (example.Domain, example.Split));
            Assert.Equal(example.Items.Count, example.Verdicts.Count);
            Assert.Equal(SandboxWorld.Default.Oracle.Score(goal, example.Plan), example.Score);
            Assert.Equal(1.0, SandboxWorld.Default.Oracle.Score(goal, example.Reference));
        }
    }
}
