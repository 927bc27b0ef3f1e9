using CoScientist.Core;
using CoScientist.Core.Goals;
using CoScientist.Training.Sandbox;

namespace CoScientist.Tests.Training.Sandbox;

public sealed class SandboxWriterTests
{
    private static readonly SandboxWorld World = SandboxWorld.Default;

    [Fact]
    public void WritePlan_BaseWriter_ScoresAsMeasuredInThePrototype()
    {
        var plans = Plans(3_000, (goal, random) => World.Writer.WritePlan(goal, random));

        Assert.Equal(0.446, plans.Average(plan => plan.Score), 0.03);
        Assert.InRange(plans.Average(plan => SandboxWords.Tokens(plan.Text).Count), 85, 100);
        Assert.True(plans.Average(plan => SandboxOracle.Check(plan.Text, finished: true).WellFormed ? 1 : 0) > 0.97);
    }

    [Fact]
    public void WritePlan_HigherQuality_ScoresHigher()
    {
        double Score(double quality) => Plans(500, (goal, random) => World.Writer.WritePlan(goal, random, quality)).Average(plan => plan.Score);

        Assert.True(Score(0) < 0.02);
        Assert.InRange(Score(0.5), 0.35, 0.55);
        Assert.True(Score(1) > 0.97);
    }

    [Fact]
    public void WritePlan_WithContradictions_IsFoundInconsistent()
    {
        static double Share(double contradictions) => Plans(500, (goal, random) => World.Writer.WritePlan(goal, random, 0.9, contradictions))
            .Average(plan => plan.Verdicts.Count(verdict => verdict.Guideline == 7) / (double)plan.Verdicts.Count);

        Assert.True(Share(0) < 0.02);
        Assert.InRange(Share(0.3), 0.08, 0.3);
    }

    [Fact]
    public void Reference_AnyGoal_SatisfiesEverything()
    {
        foreach (var goal in World.AllGoals().Where((_, index) => index % 7 == 0))
        {
            var text = SandboxGrammar.Render(World.Writer.Reference(goal, new SeededRandom(1)), new SeededRandom(2));
            Assert.Equal(1.0, World.Oracle.Score(goal, text));
            Assert.True(SandboxOracle.Check(text, finished: true).WellFormed);
        }
    }

    [Fact]
    public void FollowRubric_PartShown_SatisfiesThatPartAndNoMoreOfTheRestThanUsual()
    {
        var random = new SeededRandom(4);
        var (rest, requirements) = (0, 0);
        for (var i = 0; i < 500; i++)
        {
            var goal = World.SampleGoal(random, GoalSplit.Train);
            var shown = World.Requirements(goal).Where(_ => random.Next(2) == 0).ToList();
            random.Shuffle(shown);
            var text = SandboxGrammar.Render(World.Writer.FollowRubric(goal, shown, random), random);
            var verdicts = World.Requirements(goal).Zip(World.Oracle.Judge(goal, text)).ToLookup(pair => shown.Contains(pair.First), pair => pair.Second.Guideline);

            Assert.All(verdicts[true], guideline => Assert.Equal(0, guideline));
            Assert.InRange(SandboxOracle.Check(text, finished: true).Sentences, 1, 9);
            rest += verdicts[false].Count(guideline => guideline == 0);
            requirements += verdicts[false].Count();
        }

        Assert.Equal(0.446, rest / (double)requirements, 0.04);
    }

    [Fact]
    public void WritePlan_AnyGoal_HasAtMostNineSentences()
    {
        Assert.All(Plans(500, (goal, random) => World.Writer.WritePlan(goal, random, 0.5, 0.8)), plan => Assert.InRange(SandboxOracle.Check(plan.Text, finished: true).Sentences, 1, 9));
    }

    private static List<(string Text, double Score, IReadOnlyList<SandboxVerdict> Verdicts)> Plans(int count, Func<SandboxGoal, SeededRandom, List<SandboxSentence>> write)
    {
        var random = new SeededRandom(21);
        var plans = new List<(string, double, IReadOnlyList<SandboxVerdict>)>();
        for (var i = 0; i < count; i++)
        {
            var goal = World.SampleGoal(random, GoalSplit.Train);
            var text = SandboxGrammar.Render(write(goal, random), random);
            plans.Add((text, World.Oracle.Score(goal, text), World.Oracle.Judge(goal, text)));
        }

        return plans;
    }
}
