using CoScientist.Core.Grading;

namespace CoScientist.Tests.Core.Grading;

public sealed class PairJuryTests
{
    private static readonly PairVerdict First = new(PairChoice.First, PairChoice.First);
    private static readonly PairVerdict Second = new(PairChoice.Second, PairChoice.Second);
    private static readonly PairVerdict ByPlace = new(PairChoice.First, PairChoice.Second);
    private static readonly PairVerdict Unread = new(PairChoice.First, null);

    [Fact]
    public void Of_JurorsWhoDiffer_CountsMajoritiesTiesAndDisagreement()
    {
        var jury = PairJury.Of(["a", "b", "c"], [[First, First, Second], [First, Second, ByPlace], [ByPlace, Unread, ByPlace], [Unread, Unread, Second], [Unread, Unread, Unread], [First, Unread, Second]]);

        Assert.Equal([PairChoice.First, PairChoice.Tie, PairChoice.Tie, PairChoice.Second, null, PairChoice.Tie], jury.Majority);
        Assert.Equal([2 / 3.0, 0.5, 0.5, 0, null, 0.5], jury.Mean);
        // Each for himself, and one against one: nobody has most votes. Two who call it a tie have.
        Assert.Equal((2, 4, 0.75), (jury.Split, jury.Shared, jury.Disagreement));
        Assert.Equal([("a", 4, 2), ("b", 2, 4), ("c", 5, 1)], jury.Jurors.Select(juror => (juror.Juror, juror.Pairs, juror.Unread)));
        // 'a' has others with a majority on the third and the last pair, and agrees on the third.
        Assert.Equal((2, 0.5), (jury.Jurors[0].Compared, jury.Jurors[0].Agreement));
    }

    [Fact]
    public void Of_AlwaysOfOneMind_AgreesFully()
    {
        var jury = PairJury.Of(["a", "b"], [[First, First], [Second, Second], [ByPlace, ByPlace]]);

        Assert.Equal((0, 0.0, 1.0), (jury.Split, jury.Disagreement, jury.Alpha));
        Assert.All(jury.Jurors, juror => Assert.Equal((1.0, 1.0), (juror.Agreement, juror.Kappa)));
    }

    [Fact]
    public void Of_NoPairsOrAVerdictTooFew_IsEmptyOrRefused()
    {
        var none = PairJury.Of(["a"], []);

        Assert.Equal((0, null, null), (none.Shared, none.Disagreement, none.Alpha));
        Assert.Contains("Pair 2 has 1 verdicts from 2 jurors", Assert.Throws<ArgumentException>(() => PairJury.Of(["a", "b"], [[First, First], [First]])).Message, StringComparison.Ordinal);
    }
}
