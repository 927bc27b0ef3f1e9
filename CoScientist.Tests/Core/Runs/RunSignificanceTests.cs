using CoScientist.Core;
using CoScientist.Core.Runs;
using CoScientist.Core.Statistics;

namespace CoScientist.Tests.Core.Runs;

public sealed class RunSignificanceTests
{
    [Fact]
    public void Compare_SameGoals_IsThePairedBootstrapOfTheirDifferences()
    {
        var random = new SeededRandom(3);
        var scores = Enumerable.Range(0, 40).Select(_ => (First: random.NextDouble(), Gain: .05 + (.02 * random.NextNormal()))).ToArray();
        RunEvaluationRow[] first = [.. scores.Select((score, i) => Row($"g{i:00}", score.First))];
        RunEvaluationRow[] second = [.. scores.Select((score, i) => Row($"g{i:00}", score.First + score.Gain)).Reverse()];

        var difference = RunSignificance.Compare(first, second)!;

        Assert.Equal(40, difference.Goals);
        Assert.Equal(Bootstrap.Mean([.. first.Zip(second.Reverse(), (a, b) => b.Oracle!.Score!.Value - a.Oracle!.Score!.Value)]), difference.Difference);
        Assert.True(difference.IsSignificant && difference.Difference.Low > 0);
        Assert.False(RunSignificance.Compare(first, first)!.IsSignificant);
    }

    [Fact]
    public void Compare_OtherGoalsRubricsOrWriters_AreLeftOut()
    {
        RunEvaluationRow[] first = [Row("a", .5), Row("b", .5), Row("c", .5), Row("d", .5), Row("d", .7)];
        RunEvaluationRow[] second = [Row("a", .6), Row("b", .9, rubric: 2), Row("c", null), Row("d", .8), Row("e", .9), Row("a", 1, RunEvaluationRow.Base)];

        var difference = RunSignificance.Compare(first, second)!;

        Assert.Equal((2, .55, .7), (difference.Goals, Math.Round(difference.First, 9), Math.Round(difference.Second, 9)));
        Assert.Null(RunSignificance.Compare(first, [Row("z", 1)]));
    }

    private static RunEvaluationRow Row(string goal, double? score, string writer = RunEvaluationRow.Best, int rubric = 1) => new()
    {
        Writer = writer,
        GoalId = goal,
        Plan = "we plan .",
        RubricVersion = rubric,
        Oracle = new RunEvaluationGrading(score, []),
    };
}
