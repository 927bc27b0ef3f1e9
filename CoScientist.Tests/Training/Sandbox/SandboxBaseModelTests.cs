using CoScientist.Core;
using CoScientist.Core.Goals;
using CoScientist.Training.Engines;
using CoScientist.Training.Sandbox;

namespace CoScientist.Tests.Training.Sandbox;

/// <summary>The model that comes with the software can do the three things the method asks of it.</summary>
public sealed class SandboxBaseModelTests
{
    private static readonly SandboxWorld World = SandboxWorld.Default;

    [Fact]
    public void ShippedModel_RubricShown_WritesMuchBetterPlans()
    {
        using var engine = CpuEngine.Load(SandboxBaseModel.Directory);
        double Score(bool shown) => new SandboxEvaluation(World)
            .Write(engine, null, [.. Tasks(40).Select(task => task with { RubricShown = shown })], SandboxEvaluation.Sampling, 1, TestContext.Current.CancellationToken)
            .Average(plan => plan.OracleScore);

        Assert.InRange(Score(shown: false), 0.35, 0.55);
        Assert.True(Score(shown: true) > 0.8);
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void ShippedModel_AnyReferenceShown_GradesAsTheOracleDoes(bool shown, bool realistic)
    {
        using var engine = CpuEngine.Load(SandboxBaseModel.Directory);
        var tasks = Tasks(30).Select(task => task with { Reference = shown ? Reference(task.Goal, realistic) : null }).ToArray();
        var grader = new CompactGrader(engine, SandboxBaseModel.GraderThreshold(SandboxBaseModel.Directory));
        var plans = new SandboxEvaluation(World).Write(engine, grader, tasks, SandboxEvaluation.Sampling, 2, TestContext.Current.CancellationToken);
        var agreed = plans.SelectMany(plan => plan.Oracle.Zip(plan.Grades)).Average(pair => pair.First.Guideline == 0 == pair.Second.Met ? 1.0 : 0);

        Assert.True(agreed > 0.97, $"Grader and oracle agree on {agreed:P1} of items.");
    }

    private static SandboxTask[] Tasks(int count) => [.. SandboxLibrary.Goals.Where(goal => goal.Split == GoalSplit.Test).Take(count).Select(goal => SandboxTask.Of(World, goal))];

    private static string Reference(SandboxGoal goal, bool realistic)
    {
        var random = new SeededRandom(goal.WordingSeed);
        return SandboxGrammar.Render(realistic ? World.Writer.RealisticReference(goal, random) : World.Writer.Reference(goal, random), random);
    }
}
