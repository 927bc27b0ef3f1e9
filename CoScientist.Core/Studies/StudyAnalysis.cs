using CoScientist.Core.Statistics;
using MathNet.Numerics.Statistics;

namespace CoScientist.Core.Studies;

/// <summary>From answers to results. The unit is the goal: experts who answer the same goal are averaged before anything is counted.</summary>
public static partial class StudyAnalysis
{
    /// <summary>Computes the results of a study.</summary>
    /// <param name="pairs">All pairs of the study.</param>
    /// <param name="answers">Answers that count; those taken back are not among them.</param>
    /// <param name="graded">Gradings of the same pairs.</param>
    /// <param name="seed">Seed of the bootstrap.</param>
    /// <param name="evidence">What else is known; null for nothing.</param>
    public static StudyResults Compute(IReadOnlyList<StudyPair> pairs, IReadOnlyList<StudyAnswer> answers, IReadOnlyList<GradedPair> graded, long seed = 1, StudyEvidence? evidence = null)
    {
        ArgumentNullException.ThrowIfNull(pairs);
        ArgumentNullException.ThrowIfNull(answers);
        ArgumentNullException.ThrowIfNull(graded);
        var answersOf = answers.ToLookup(a => a.ComparisonId);
        var gradedOf = graded.ToLookup(g => g.ComparisonId);
        var goals = pairs.OrderBy(p => p.Order).Select(p => Goal(p, [.. answersOf[p.Id].OrderBy(a => a.At)], [.. gradedOf[p.Id].OrderBy(g => g.Role)])).ToList();
        var points = goals.Where(g => g.Points is not null).Select(g => g.Points!.Value).ToList();
        var tally = WinRate.FromPoints(points) with { BothBad = goals.Count(g => g.Points is null && g.Answers.Count > 0) };
        var overlapping = goals.Where(g => g.Answers.Count > 1).ToList();
        return new StudyResults
        {
            Pairs = pairs.Count,
            Answers = answers.Count,
            Goals = tally,
            WinRate = points.Count == 0 ? null : Bootstrap.Mean(points, seed: seed),
            DecidedShare = tally.Wins + tally.Losses == 0 ? null : BinomialTests.Wilson(tally.Wins, tally.Wins + tally.Losses),
            SignTest = BinomialTests.SignTest(tally.Wins, tally.Losses),
            Position = Position(answers),
            Alpha = Agreement.KrippendorffAlpha(overlapping.Select(g => g.Answers.Select(a => a.Outcome).ToList())),
            OverlappingGoals = overlapping.Count,
            Graders = Graders(goals, seed),
            Findings = Find(goals, evidence ?? new StudyEvidence(), seed),
            PerGoal = goals,
            PerExpert = [.. answers.GroupBy(a => a.Expert).OrderBy(e => e.Key, StringComparer.Ordinal).Select(Expert)],
        };
    }

    private static GoalResult Goal(StudyPair pair, IReadOnlyList<StudyAnswer> answers, IReadOnlyList<GradedPair> graded)
    {
        var tally = Tally(answers);
        return new GoalResult(pair, tally, tally.Rate, answers, graded);
    }

    private static WinRate Tally(IEnumerable<StudyAnswer> answers)
    {
        var counts = answers.CountBy(a => a.Outcome).ToDictionary();
        return new WinRate(
            counts.GetValueOrDefault(PairOutcome.Arm1),
            counts.GetValueOrDefault(PairOutcome.Tie),
            counts.GetValueOrDefault(PairOutcome.Arm2),
            counts.GetValueOrDefault(PairOutcome.BothBad));
    }

    private static PositionBias Position(IReadOnlyCollection<StudyAnswer> answers)
    {
        var (left, right) = (answers.Count(a => a.Choice == PreferenceChoice.A), answers.Count(a => a.Choice == PreferenceChoice.B));
        return new PositionBias(left, right, BinomialTests.ExactTwoSided(left, left + right));
    }

    private static List<GraderResult> Graders(IReadOnlyList<GoalResult> goals, long seed)
    {
        var decided = goals.Where(g => g.Points is not null)
            .SelectMany(g => g.Graded, (g, graded) => (graded.Role, graded.Grader, Human: g.Points!.Value, Points: WinRate.Points(graded.Score1, graded.Score2)));
        return [.. decided.GroupBy(d => (d.Role, d.Grader)).OrderBy(d => d.Key.Role).ThenBy(d => d.Key.Grader, StringComparer.Ordinal).Select(grader =>
        {
            var points = grader.Select(d => d.Points).ToList();
            var labels = grader.Select(d => (Math.Sign(d.Human - 0.5), Math.Sign(d.Points - 0.5))).ToList();
            return new GraderResult(
                grader.Key.Role,
                grader.Key.Grader,
                WinRate.FromPoints(points),
                Bootstrap.Mean(points, seed: seed),
                labels.Average(l => l.Item1 == l.Item2 ? 1.0 : 0.0),
                Agreement.CohenKappa(labels));
        })];
    }

    private static ExpertResult Expert(IGrouping<string, StudyAnswer> answers)
    {
        var position = Position([.. answers]);
        return new ExpertResult(answers.Key, Tally(answers), position.Left, position.Right, answers.Select(a => a.ActiveMilliseconds / 1000.0).Median());
    }
}
