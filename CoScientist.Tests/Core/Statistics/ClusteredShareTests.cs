using CoScientist.Core;
using CoScientist.Core.Statistics;

namespace CoScientist.Tests.Core.Statistics;

public sealed class ClusteredShareTests
{
    [Fact]
    public void Of_clusters_of_one_is_close_to_Wilson()
    {
        var clusters = Enumerable.Range(0, 200).Select(i => (i % 4 == 0 ? 1 : 0, 1)).ToList();
        var expected = BinomialTests.Wilson(50, 200);

        var share = ClusteredShare.Of(clusters);

        Assert.Equal(expected.Value, share.Value, 12);
        Assert.Equal(expected.Low, share.Low, 0.001);
        Assert.Equal(expected.High, share.High, 0.001);
    }

    [Fact]
    public void Of_alike_items_of_a_goal_count_as_one()
    {
        var alike = ClusteredShare.Of([.. Enumerable.Range(0, 200).Select(i => (i % 4 == 0 ? 10 : 0, 10))]);
        var wilson = BinomialTests.Wilson(50, 200);

        Assert.Equal(wilson.Low, alike.Low, 0.001);
        Assert.Equal(wilson.High, alike.High, 0.001);
    }

    [Fact]
    public void Of_none_and_all_stay_inside_and_are_not_points()
    {
        var none = ClusteredShare.Of([(0, 10), (0, 10), (0, 10)]);
        var all = ClusteredShare.Of([(10, 10), (7, 7)]);

        Assert.Equal((0.0, 0.0), (none.Value, none.Low));
        Assert.InRange(none.High, 0.3, 0.7);
        Assert.Equal((1.0, 1.0), (all.Value, all.High));
        Assert.InRange(all.Low, 0.2, 0.5);
        Assert.Throws<ArgumentException>(() => ClusteredShare.Of([]));
        Assert.Throws<ArgumentException>(() => ClusteredShare.Of([(3, 2)]));
    }

    [Fact]
    public void Of_interval_covers_the_truth_about_as_often_as_it_says()
    {
        var random = new SeededRandom(3);
        var covered = 0;
        for (var study = 0; study < 400; study++)
        {
            var clusters = Enumerable.Range(0, 40).Select(_ =>
            {
                // Goals differ: half of them leak at 5%, half at 35%.
                var rate = random.NextDouble() < 0.5 ? 0.05 : 0.35;
                return (Enumerable.Range(0, 8).Count(_ => random.NextDouble() < rate), 8);
            }).ToList();
            var share = ClusteredShare.Of(clusters);
            covered += share.Low <= 0.2 && share.High >= 0.2 ? 1 : 0;
        }

        Assert.InRange(covered / 400.0, 0.92, 0.98);
    }
}
