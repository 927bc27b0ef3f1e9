using CoScientist.Core.Statistics;

namespace CoScientist.Tests.Core.Statistics;

public sealed class BradleyTerryTests
{
    /// <summary>
    /// Agresti, Categorical Data Analysis, table 10.10: the American League East of 1987, 13 games a pair. Log strengths over Baltimore
    /// as published with it: Milwaukee 1.58, Detroit 1.44, Toronto 1.29, New York 1.25, Boston 1.11, Cleveland 0.68.
    /// </summary>
    [Fact]
    public void Ratings_BaseballOfAgresti_AreHis()
    {
        int[][] wins =
        [
            [0, 7, 9, 7, 7, 9, 11],
            [6, 0, 7, 5, 11, 9, 9],
            [4, 6, 0, 7, 7, 8, 12],
            [6, 8, 6, 0, 6, 7, 10],
            [6, 2, 6, 7, 0, 7, 12],
            [4, 4, 5, 6, 6, 0, 6],
            [2, 4, 1, 3, 1, 7, 0],
        ];
        var games = wins.SelectMany((row, i) => row.SelectMany((count, j) => Enumerable.Repeat(new SystemComparison(i, j, 1), count)));

        var ratings = BradleyTerry.Ratings(7, games)!;

        double[] published = [1.5814, 1.4364, 1.2945, 1.2476, 1.1077, 0.6839, 0];
        Assert.Equal(1000, ratings.Average(), 6);
        for (var team = 0; team < 7; team++)
        {
            Assert.Equal(published[team], (ratings[team] - ratings[6]) / 400 * Math.Log(10), 0.00006);
        }
    }

    /// <summary>Two systems, 7½ points of 10: odds of three to one, 400·log₁₀ 3 = 190.85 apart.</summary>
    [Fact]
    public void Ratings_TwoSystemsWithATie_AreTheLogOdds()
    {
        var ratings = BradleyTerry.Ratings(2, [.. Enumerable.Repeat(new SystemComparison(0, 1, 1), 7), .. Enumerable.Repeat(new SystemComparison(1, 0, 1), 2), new SystemComparison(0, 1, 0.5)])!;

        Assert.Equal(190.85, ratings[0] - ratings[1], 0.005);
    }

    [Fact]
    public void Ratings_GroupsNeverComparedOrNeverBeaten_AreNotEstimable()
    {
        Assert.Null(BradleyTerry.Ratings(4, [new(0, 1, 0.5), new(2, 3, 0.5)]));
        Assert.Null(BradleyTerry.Ratings(3, [new(0, 1, 0.5), new(0, 2, 1), new(1, 2, 1)]));
        Assert.Null(BradleyTerry.Estimates(3, [[new(0, 1, 0.5)], [new(0, 2, 1)]]));
    }

    [Fact]
    public void Estimates_EqualSystems_HaveIntervalsAround1000()
    {
        var random = new CoScientist.Core.SeededRandom(5);
        var goals = Enumerable.Range(0, 60).Select(_ => new[] { (0, 1), (1, 2), (2, 0) }.Select(pair => new SystemComparison(pair.Item1, pair.Item2, random.Next(3) / 2.0)).ToArray()).ToArray();

        var estimates = BradleyTerry.Estimates(3, goals)!;

        Assert.All(estimates, e => Assert.True(e.Low < 1000 && e.High > 1000 && e.High - e.Low < 150));
    }
}
