using CoScientist.Core.Studies;

namespace CoScientist.Tests.Core.Studies;

public sealed class PairQueueTests
{
    private static readonly DateTimeOffset Now = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);

    private static readonly QueuedPair[] Pairs = [.. Enumerable.Range(0, 3).Select(order => new QueuedPair(new ComparisonId(Guid.NewGuid()), order, ComparisonKind.Counts))];

    [Fact]
    public void For_PlacesTakenByAnswersOrLiveReservations_PassesThePairOver()
    {
        var queue = Queue(2, Assigned(0, "ann", answered: true), Assigned(0, "ben", minutes: 5));

        Assert.Equal([1, 2], queue.For("cay", Now).Select(p => p.Order));
        Assert.Equal([0, 1, 2], queue.For("ben", Now).Select(p => p.Order));
        Assert.Equal([1, 2], queue.For("ann", Now).Select(p => p.Order));
        Assert.True(queue.MayComeFree("cay", Now));
    }

    [Fact]
    public void For_ExpiredReservation_FreesThePlaceUnlessItsExpertHasBegun()
    {
        var expired = Queue(1, Assigned(0, "ann", minutes: -1));
        Assert.Equal([0, 1, 2], expired.For("ben", Now).Select(p => p.Order));

        var filled = Queue(1, Assigned(0, "ann", minutes: -1), Assigned(0, "ben", answered: true));
        Assert.Equal([1, 2], filled.For("ann", Now).Select(p => p.Order));

        var begun = Queue(1, Assigned(0, "ann", minutes: -1, begun: true), Assigned(0, "ben", answered: true));
        Assert.Equal([0, 1, 2], begun.For("ann", Now).Select(p => p.Order));
        Assert.False(begun.MayComeFree("cay", Now));
    }

    [Fact]
    public void For_PracticeAndGold_AreForEverybodyAndPracticeComesFirst()
    {
        QueuedPair[] pairs = [Pairs[0], Pairs[1] with { Kind = ComparisonKind.Gold }, Pairs[2] with { Kind = ComparisonKind.Practice }];
        var queue = new PairQueue(pairs, [Assigned(0, "ann", answered: true), Assigned(1, "ann", answered: true), Assigned(2, "ann", answered: true)], 1);

        Assert.Equal([2, 1], queue.For("ben", Now).Select(p => p.Order));
        Assert.Empty(queue.For("ann", Now));
    }

    [Fact]
    public void For_SkippedPair_IsGoneForItsExpertAndFreeForOthers()
    {
        var queue = Queue(1, Assigned(0, "ann", skipped: true, minutes: 5));

        Assert.Equal([1, 2], queue.For("ann", Now).Select(p => p.Order));
        Assert.Equal([0, 1, 2], queue.For("ben", Now).Select(p => p.Order));
    }

    [Fact]
    public void DrawArm1IsLeft_UnbalancedPairOrExpert_TakesTheOtherSide()
    {
        Assert.All(Enumerable.Range(0, 20), _ => Assert.False(Queue(3, Assigned(0, "ann", left: true)).DrawArm1IsLeft(Pairs[0].Id, "ben")));
        Assert.All(Enumerable.Range(0, 20), _ => Assert.True(Queue(3, Assigned(0, "ann", left: false)).DrawArm1IsLeft(Pairs[0].Id, "ben")));
        Assert.All(Enumerable.Range(0, 20), _ => Assert.False(Queue(3, Assigned(1, "ben", left: true), Assigned(2, "ben", left: true)).DrawArm1IsLeft(Pairs[0].Id, "ben")));
        var coins = Enumerable.Range(0, 100).Count(_ => Queue(3).DrawArm1IsLeft(Pairs[0].Id, "ben"));
        Assert.InRange(coins, 15, 85);
    }

    private static PairQueue Queue(int overlap, params QueuedAssignment[] assignments) => new(Pairs, assignments, overlap);

    private static QueuedAssignment Assigned(int pair, string expert, double minutes = 60, bool answered = false, bool begun = false, bool skipped = false, bool left = true) =>
        new(new AssignmentId(Guid.NewGuid()), Pairs[pair].Id, expert, left, Now.AddMinutes(minutes), skipped, answered ? Now : null, begun);
}
