using CoScientist.Core.Grading;
using CoScientist.Core.Statistics;

namespace CoScientist.Core.Evaluations;

/// <summary>A model's plans against the first model's, compared in pairs by one judge.</summary>
/// <param name="Arm">The model.</param>
/// <param name="Baseline">The first one.</param>
/// <param name="Judge">Who compared.</param>
/// <param name="Rubric">Whether the judge saw the goal's rubric.</param>
/// <param name="Pairs">What the judge did.</param>
/// <param name="WinRate">Share of points, ties half, with the interval over goals; null when no pair was read.</param>
public sealed record PairwiseRow(string Arm, string Baseline, string Judge, bool Rubric, PairwiseResult Pairs, Estimate? WinRate);

/// <summary>The same by the jury.</summary>
/// <param name="Arm">The model.</param>
/// <param name="Baseline">The first one.</param>
/// <param name="Rubric">Whether the jurors saw the goal's rubric.</param>
/// <param name="Tally">Pairs won, tied and lost by the majority's word.</param>
/// <param name="Majority">Share of the majority's points, ties half, with the interval over goals; null when no pair was read.</param>
/// <param name="Mean">Mean of the jurors' points, with the interval over goals; null when no pair was read.</param>
/// <param name="Jury">Ties, disagreement, and each juror.</param>
public sealed record PairJuryRow(string Arm, string Baseline, bool Rubric, WinRate Tally, Estimate? Majority, Estimate? Mean, PairJury Jury);

/// <summary>
/// What seeing the rubric changes in a judge's choices. A model that learnt to please the rubric and not the reader wins more
/// with it than without: a gap above zero is a sign of a hacked reward.
/// </summary>
/// <param name="Arm">The model.</param>
/// <param name="Judge">Who compared.</param>
/// <param name="With">Points per goal with the rubric, on pairs read both ways.</param>
/// <param name="Without">The same without it.</param>
/// <param name="Gap">With minus without, with the interval over goals.</param>
public sealed record RubricGapRow(string Arm, string Judge, double With, double Without, Estimate Gap);

/// <summary>Tables of comparisons in pairs.</summary>
/// <param name="Judges">Judge by judge.</param>
/// <param name="Juries">By the jury; empty without one.</param>
/// <param name="RubricGaps">With the rubric against without, where a judge compared both ways.</param>
public sealed record PairwiseTables(IReadOnlyList<PairwiseRow> Judges, IReadOnlyList<PairJuryRow> Juries, IReadOnlyList<RubricGapRow> RubricGaps)
{
    /// <summary>Makes the tables.</summary>
    /// <param name="spec">What was asked for.</param>
    /// <param name="pairs">What judges chose, each pair, judge and way once.</param>
    public static PairwiseTables Of(EvaluationSpec spec, IReadOnlyList<EvaluationPair> pairs)
    {
        ArgumentNullException.ThrowIfNull(spec);
        ArgumentNullException.ThrowIfNull(pairs);
        var first = spec.Models[0];
        var arms = spec.Models.Skip(1).Where(arm => pairs.Any(pair => pair.Model == arm)).ToList();
        return new PairwiseTables(
            [.. from arm in arms from judge in spec.Comparers() from way in Ways(arm) let own = Of(arm, judge, way) where own.Count > 0 select Row(arm, judge, way, own)],
            spec.Jury.Count == 0 ? [] : [.. from arm in arms from way in Ways(arm) select JuryRow(arm, way)],
            [.. (from arm in arms from judge in spec.Comparers() select Gap(arm, judge)).OfType<RubricGapRow>()]);

        IEnumerable<bool> Ways(string arm) => pairs.Where(pair => pair.Model == arm).Select(pair => pair.Rubric).Distinct().Order();

        List<EvaluationPair> Of(string arm, string judge, bool rubric) => [.. pairs.Where(pair => pair.Model == arm && (pair.Judge ?? spec.Judge) == judge && pair.Rubric == rubric)];

        PairwiseRow Row(string arm, string judge, bool rubric, List<EvaluationPair> own) =>
            new(arm, first, judge, rubric, PairwiseResult.Of([.. own.Select(pair => pair.Verdict)]), OverGoals(own.Select(pair => (pair.Goal, pair.Verdict.Points))));

        PairJuryRow JuryRow(string arm, bool rubric)
        {
            var byJuror = spec.Jury.Select(juror => Of(arm, juror, rubric).ToDictionary(pair => (pair.Goal, pair.Sample), pair => pair.Verdict)).ToList();
            var keys = byJuror.SelectMany(own => own.Keys).Distinct().OrderBy(key => key.Goal, StringComparer.Ordinal).ThenBy(key => key.Sample).ToList();
            var jury = PairJury.Of(spec.Jury, [.. keys.Select(IReadOnlyList<PairVerdict> (key) => [.. byJuror.Select(own => own.GetValueOrDefault(key))])]);
            List<double?> points = [.. jury.Majority.Select(choice => choice is { } read ? new PairVerdict(read, read).Points : null)];
            return new PairJuryRow(arm, first, rubric, WinRate.FromPoints(points.OfType<double>()), OverGoals(keys.Select((key, i) => (key.Goal, points[i]))), OverGoals(keys.Select((key, i) => (key.Goal, jury.Mean[i]))), jury);
        }

        RubricGapRow? Gap(string arm, string judge)
        {
            var without = Of(arm, judge, rubric: false).ToDictionary(pair => (pair.Goal, pair.Sample), pair => pair.Verdict.Points);
            var both = Of(arm, judge, rubric: true)
                .Select(pair => (pair.Goal, With: pair.Verdict.Points, Without: without.GetValueOrDefault((pair.Goal, pair.Sample))))
                .Where(pair => pair.With is not null && pair.Without is not null)
                .ToList();
            return OverGoals(both.Select(pair => (pair.Goal, pair.With - pair.Without))) is { } gap
                ? new RubricGapRow(arm, judge, OverGoals(both.Select(pair => (pair.Goal, pair.With)))!.Value.Value, OverGoals(both.Select(pair => (pair.Goal, pair.Without)))!.Value.Value, gap)
                : null;
        }
    }

    // The mean over goals of the mean of each goal's pairs; null when there is none.
    private static Estimate? OverGoals(IEnumerable<(string Goal, double? Points)> pairs)
    {
        double[] goals = [.. pairs.Where(pair => pair.Points is not null).GroupBy(pair => pair.Goal, StringComparer.Ordinal).OrderBy(goal => goal.Key, StringComparer.Ordinal).Select(goal => goal.Average(pair => pair.Points!.Value))];
        return goals.Length == 0 ? null : Bootstrap.Mean(goals);
    }
}
