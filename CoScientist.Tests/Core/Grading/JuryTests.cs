using CoScientist.Core.Grading;

namespace CoScientist.Tests.Core.Grading;

public sealed class JuryTests
{
    private static readonly string[] Three = ["x", "y", "z"];

    [Fact]
    public void Aggregate_ThreeJurors_HasMajorityMeanAndDisagreement()
    {
        var result = Jury.Aggregate(Three, [[[true, true, false, false], [true, false, false, false], [true, true, true, false]]]);

        Assert.Equal([true, true, false, false], result.Plans[0].Items.Select(item => item.Majority));
        Assert.Equal((0.5, 0.5), (result.Plans[0].Majority, Math.Round(result.Plans[0].Mean!.Value, 12)));
        Assert.Equal((0, 4, 0.5), (result.Ties, result.SharedItems, result.Disagreement));
    }

    [Fact]
    public void Aggregate_TwoJurorsWhoDisagree_IsATieThatCountsHalf()
    {
        var result = Jury.Aggregate(["x", "y"], [[[true, false], [true, true]]]);

        Assert.Equal([true, null], result.Plans[0].Items.Select(item => item.Majority));
        Assert.Equal((0.75, 0.75, 1), (result.Plans[0].Majority, result.Plans[0].Mean, result.Ties));
    }

    [Fact]
    public void Aggregate_JurorAgainstTheOthers_IsNotComparedWithItself()
    {
        // The others of z agree on items 1, 2 and 4; there z says yes, yes, yes and they say yes, no, yes.
        var jury = Jury.Aggregate(Three, [[[true, false, true, true], [true, false, false, true], [true, true, false, true]]]);
        var z = jury.Jurors[2];

        Assert.Equal(("z", 1, 0, 3), (z.Juror, z.Plans, z.Ungraded, z.Items));
        Assert.Equal(2 / 3.0, z.Agreement!.Value, 12);
        // Observed 2/3; chance 1·2/3 + 0·1/3 = 2/3: no better than chance.
        Assert.Equal(0, z.Kappa!.Value, 12);
        Assert.Equal(0.75, z.MetShare);
    }

    [Fact]
    public void Aggregate_JurorWhoCouldNotBeRead_IsLeftOutAndCounted()
    {
        var result = Jury.Aggregate(Three, [[[true], null, [true]], [null, null, null], [null, [false], null]]);

        Assert.Equal([1.0, null, 0.0], result.Plans.Select(plan => plan.Mean));
        Assert.Equal([2, 2, 2], result.Jurors.Select(juror => juror.Ungraded));
        Assert.Equal(1, result.SharedItems);
        Assert.Equal(0, result.Disagreement);
        Assert.Null(result.Jurors[1].Agreement);
        Assert.Null(result.Jurors[1].Kappa);
    }

    [Fact]
    public void Aggregate_ItemsWithWeights_AreMeansByThem()
    {
        var plan = Assert.Single(Jury.Aggregate(["x", "y"], [[[true, false], [true, true]]], [[3, 1]]).Plans);

        Assert.Equal((3.5 / 4, 3.5 / 4), (plan.Mean, plan.Majority));
    }

    [Fact]
    public void Aggregate_NobodyOrNothing_SaysNothing()
    {
        var result = Jury.Aggregate(["x"], []);

        Assert.Empty(result.Plans);
        Assert.Null(result.Disagreement);
        Assert.Null(result.Alpha);
        Assert.Null(result.Jurors[0].MetShare);
    }

    [Fact]
    public void Aggregate_VerdictsThatDoNotFit_AreRefused()
    {
        Assert.Contains("Plan 1", Assert.Throws<ArgumentException>(() => Jury.Aggregate(["x", "y"], [[[true], [true, false]]])).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => Jury.Aggregate(["x", "y"], [[[true]]]));
    }
}
