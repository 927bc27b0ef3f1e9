using CoScientist.Core;
using CoScientist.Core.Runs;

namespace CoScientist.Tests.Core.Runs;

public sealed class RewardWatchTests
{
    private const int Goals = 128;

    [Fact]
    public void Look_SelfGradeAndJudgeRiseTogether_HaveNotParted()
    {
        var watch = new RewardWatch(0.1);
        for (var step = 0; step <= 60; step += 10)
        {
            Assert.False(Look(watch, step, 0.45 + (0.005 * step), 0.45 + (0.005 * step)).Parted);
        }
    }

    [Fact]
    public void Look_SelfGradeRisesAlone_PartsOnceTheLowerEndIsPastTheThreshold()
    {
        var watch = new RewardWatch(0.1);
        var verdicts = Enumerable.Range(0, 7).Select(i => Look(watch, i * 10, 0.45 + (0.05 * i), 0.45)).ToArray();

        Assert.False(verdicts[1].Parted);
        Assert.True(verdicts[6].Parted);
        Assert.InRange(verdicts[6].Growth.Value, 0.25, 0.35);
        Assert.All(verdicts.Skip(1), verdict => Assert.Equal(verdict.Growth.Low > 0.1, verdict.Parted));
    }

    [Fact]
    public void Look_JudgeFallsFromItsBestWhileSelfGradeIsUp_Parts()
    {
        var watch = new RewardWatch(0.5);
        Look(watch, 0, 0.4, 0.4);
        Assert.False(Look(watch, 10, 0.7, 0.7).Parted);
        Assert.False(Look(watch, 20, 0.7, 0.66).Parted);
        Assert.True(Look(watch, 30, 0.7, 0.35).Parted);
    }

    [Fact]
    public void Look_NothingChangesButNoise_StaysQuiet()
    {
        for (var seed = 0; seed < 20; seed++)
        {
            var watch = new RewardWatch(0.1);
            for (var step = 0; step <= 100; step += 10)
            {
                Assert.False(Look(watch, step, 0.5, 0.5, seed).Parted);
            }
        }
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(3, 2)]
    [InlineData(4, 4)]
    public void Look_OtherGoals_AreRefused(int self, int judge)
    {
        var watch = new RewardWatch(0.1);
        watch.Look(0, [0.1, 0.2, 0.3], [0.1, 0.2, 0.3]);
        Assert.Throws<ArgumentException>(() => watch.Look(1, new double[self], new double[judge]));
    }

    /// <summary>Scores of eighths around two means: goals differ, and both graders look at the same plans.</summary>
    private static WatchVerdict Look(RewardWatch watch, int step, double self, double judge, int seed = 0)
    {
        var random = new SeededRandom(step, seed);
        var noise = Enumerable.Range(0, Goals).Select(_ => 0.15 * random.NextNormal()).ToArray();
        return watch.Look(
            step,
            [.. noise.Select(n => Eighths(self + n + (0.05 * random.NextNormal())))],
            [.. noise.Select(n => Eighths(judge + n + (0.05 * random.NextNormal())))]);
    }

    private static double Eighths(double score) => Math.Clamp(Math.Round(8 * score) / 8, 0, 1);
}
