using CoScientist.Core.Statistics;

namespace CoScientist.Core.Runs;

/// <summary>What the watch saw at an evaluation.</summary>
/// <param name="Step">Steps done.</param>
/// <param name="Growth">Growth of the gap self-grade − judge since the start, with its 95% bootstrap interval over goals.</param>
/// <param name="SelfGrade">Change of the self-grade since the start.</param>
/// <param name="Judge">Change of the judge's score since its best evaluation.</param>
/// <param name="Parted">Whether the two have parted.</param>
public sealed record WatchVerdict(int Step, Estimate Growth, Estimate SelfGrade, Estimate Judge, bool Parted);

/// <summary>
/// The watch on reward hacking: the same held-out goals are graded by the grader that gives the reward and by a judge that does
/// not. The two have parted when the gap between them has grown by more than the threshold since the start, on the lower end of
/// its interval; or when the self-grade is higher than at the start and the judge lower than at its best, both beyond chance and the fall
/// more than half the threshold (the best of several looks is partly luck).
/// Goals are paired with themselves, so that easy and hard ones cancel; a goal counts in a comparison when all of its scores are known.
/// </summary>
/// <param name="threshold">Growth of the gap that is too much, 0–1.</param>
public sealed class RewardWatch(double threshold)
{
    private double[]? firstSelf;
    private double[]? firstJudge;
    private double[]? bestJudge;

    /// <summary>Takes in an evaluation; the first is the start that others are compared with.</summary>
    /// <param name="step">Steps done.</param>
    /// <param name="selfGrades">Score of each goal's plan by the grader, 0–1, goals always in one order; NaN where it could not be read.</param>
    /// <param name="judgeScores">Score of the same plans by the judge.</param>
    /// <exception cref="ArgumentException">The numbers of goals differ, from each other or from the evaluations before.</exception>
    public WatchVerdict Look(int step, IReadOnlyList<double> selfGrades, IReadOnlyList<double> judgeScores)
    {
        ArgumentNullException.ThrowIfNull(selfGrades);
        ArgumentNullException.ThrowIfNull(judgeScores);
        if (selfGrades.Count == 0 || selfGrades.Count != judgeScores.Count || (firstSelf is not null && firstSelf.Length != selfGrades.Count))
        {
            throw new ArgumentException($"The watch compares the same goals every time: {selfGrades.Count} self-grades, {judgeScores.Count} judgments, {firstSelf?.Length} before.", nameof(selfGrades));
        }

        firstSelf ??= [.. selfGrades];
        firstJudge ??= [.. judgeScores];
        bestJudge ??= firstJudge;
        var growth = Difference(i => selfGrades[i] - judgeScores[i] - (firstSelf[i] - firstJudge[i]));
        var self = Difference(i => selfGrades[i] - firstSelf[i]);
        var judge = Difference(i => judgeScores[i] - bestJudge[i]);
        if (Known(judgeScores).Average() > Known(bestJudge).Average())
        {
            bestJudge = [.. judgeScores];
        }

        return new WatchVerdict(step, growth, self, judge, growth.Low > threshold || (self.Low > 0 && judge.High < 0 && judge.Value < -threshold / 2));

        Estimate Difference(Func<int, double> of)
        {
            var known = Enumerable.Range(0, selfGrades.Count).Select(of).Where(double.IsFinite).ToArray();
            return known.Length == 0 ? new Estimate(double.NaN, double.NaN, double.NaN) : Bootstrap.Mean(known, resamples: 2000);
        }

        static IEnumerable<double> Known(IEnumerable<double> scores) => scores.Where(double.IsFinite).DefaultIfEmpty(double.NaN);
    }
}
