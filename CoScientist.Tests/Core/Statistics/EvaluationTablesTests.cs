using CoScientist.Core.Statistics;

namespace CoScientist.Tests.Core.Statistics;

public sealed class EvaluationTablesTests
{
    [Fact]
    public void Scores_SeveralPlansAGoalAndOneUngraded_CountsAndMasks()
    {
        ScoredPlan[] plans = [Plan("g1", "a", 0.2), Plan("g1", "a", 0.4), Plan("g2", "a", 0.9), Plan("g2", "a", null), Plan("g1", "b", 1)];

        var scores = EvaluationTables.Scores(plans);

        Assert.Equal([("a", 2, 3, 1), ("b", 1, 1, 0)], scores.Select(score => (score.Arm, score.Goals, score.Plans, score.Ungraded)));
        Assert.Equal(0.5, scores[0].Score.Value, 12);
        Assert.Equal((0.3, 0.9), (Math.Round(scores[0].Score.Low, 9), Math.Round(scores[0].Score.High, 9)));
    }

    [Fact]
    public void Compare_EveryPlanAgainstEveryPlan_PoolsGoalByGoal()
    {
        ScoredPlan[] plans =
        [
            Plan("g1", "base", 0.5), Plan("g1", "base", 0.7), Plan("g1", "new", 0.6), Plan("g1", "new", 0.9),
            Plan("g2", "base", 0.4), Plan("g2", "new", 0.4),
            Plan("g3", "new", 1),
        ];

        var comparison = EvaluationTables.Compare(plans, "new", "base", "judge")!;

        // g1: 0.6 wins one and loses one, 0.9 wins both: ¾. g2: a tie. g3 has no plan of the base.
        Assert.Equal(0.625, comparison.WinRate.Value, 12);
        Assert.Equal(new WinRate(1, 1, 0), comparison.Goals);
        Assert.Equal((0.5, 0.575), (Math.Round(comparison.BaselineScore, 12), Math.Round(comparison.Score, 12)));
        Assert.Equal(0.15, comparison.RelativeGain!.Value.Value, 12);
        Assert.Equal(0.075, comparison.Gain.Value, 12);
    }

    [Fact]
    public void Compare_NothingInCommonOrABaseOfZero_HasNoNumber()
    {
        Assert.Null(EvaluationTables.Compare([Plan("g1", "a", 1), Plan("g2", "b", 1)], "a", "b", "judge"));
        Assert.Null(EvaluationTables.Compare([Plan("g1", "a", 1), Plan("g1", "b", null)], "a", "b", "judge"));
        Assert.Null(EvaluationTables.AtEqualLength([Plan("g1", "a", 1)], "a", "b", "judge"));
        Assert.Null(EvaluationTables.Compare([Plan("g1", "a", 1), Plan("g1", "b", 0)], "a", "b", "judge")!.RelativeGain);
    }

    [Fact]
    public void CrossDomain_TwoArmsTwoDomains_HasEveryCellAndKnowsTheDiagonal()
    {
        ScoredPlan[] plans =
        [
            Plan("m", "base", 0.5, "ml"), Plan("p", "base", 0.4, "physics"),
            Plan("m", "on ml", 0.8, "ml"), Plan("m", "on ml", 1.0, "ml"), Plan("p", "on ml", 0.5, "physics"),
            Plan("m", "on physics", 0.6, "ml"), Plan("p", "on physics", 0.6, "physics"),
        ];

        var cells = EvaluationTables.CrossDomain(plans, "base", [("on ml", "ml"), ("on physics", "physics")], "judge");

        Assert.Equal(
            [("ml", "ml", true, 0.8), ("ml", "physics", false, 0.25), ("physics", "ml", false, 0.2), ("physics", "physics", true, 0.5)],
            cells.Select(cell => (cell.TrainedOn, cell.TestedOn, cell.InDomain, Math.Round(cell.Comparison.RelativeGain!.Value.Value, 12))));
    }

    [Fact]
    public void CurveAndBias_PlansWithVerdicts_UseTheArmsOwnPlans()
    {
        ScoredPlan[] plans =
        [
            Graded("g", "a", 0.5, 0.2, true, false), Graded("g", "a", 0.5, 0.8, false, true),
            Graded("g", "b", 1, 1, true, true), Plan("g", "a", 0.3),
        ];

        var curve = EvaluationTables.Curve(plans, "a", "grader", "judge");

        Assert.Equal([0.5, 0.5], curve.Select(point => Math.Round(point.Picked.Value, 12)));
        Assert.Equal(0.8, curve[1].Best.Value, 12);
        Assert.Equal(1, EvaluationTables.Bias(plans, "a", "grader")[1].Bias.Value, 12);
        Assert.Equal(0.5, EvaluationTables.Bias(plans, "a", "grader", "judge")[0].Fresh.Value, 12);
        Assert.Empty(EvaluationTables.Curve(plans, "a", "nobody", "judge"));
        Assert.Empty(EvaluationTables.Bias(plans, "a", "nobody"));
        Assert.Empty(EvaluationTables.Bias(plans, "a", "nobody", "judge"));
    }

    [Fact]
    public void AtEqualLength_LongerPlans_SeesTheDifference()
    {
        ScoredPlan[] plans = [Plan("g1", "a", 0.8) with { Tokens = 60 }, Plan("g1", "b", 0.5) with { Tokens = 50 }, Plan("g2", "a", 0.4) with { Tokens = 40 }, Plan("g2", "b", 0.5) with { Tokens = 60 }];

        var controlled = EvaluationTables.AtEqualLength(plans, "a", "b", "judge")!;

        Assert.Equal(-5, controlled.MeanDifference, 12);
        Assert.True(controlled.LengthEffect > 0);
        Assert.False(controlled.Extrapolated);
    }

    private static ScoredPlan Plan(string goal, string arm, double? judge, string domain = "ml") =>
        new(goal, domain, arm, 50, judge is { } score ? new Dictionary<string, double> { ["judge"] = score } : new Dictionary<string, double>());

    private static ScoredPlan Graded(string goal, string arm, double grader, double judge, params bool[] verdicts) =>
        new(goal, "ml", arm, 50, new Dictionary<string, double> { ["grader"] = grader, ["judge"] = judge }) { Verdicts = new Dictionary<string, IReadOnlyList<bool>> { ["grader"] = verdicts } };
}
