using System.Globalization;
using CoScientist.Core.Grading;
using CoScientist.Core.Statistics;
using CoScientist.Core.Studies;

namespace CoScientist.Web.ViewModels;

/// <summary>The figures of a study's results, each with its n.</summary>
internal static partial class StudyFigures
{
    /// <summary>Every figure that the answers so far give, in the order of the page.</summary>
    public static IReadOnlyList<StudyFigure> Of(StudySummary study, StudyResults results)
    {
        var findings = results.Findings;
        return
        [
            .. new[]
            {
                Headline(study, results), Strip(study, results), Criteria(study, findings), Scores(study, findings), Items(study, findings), Agreement(results), Position(results), Experts(results, findings),
                Approvals(findings), Judges(study, findings), Calibration(findings), Length(study, findings), Disagreed(study, findings),
            }.OfType<StudyFigure>(),
        ];
    }

    private static StudyFigure? Headline(StudySummary study, StudyResults results) => results.WinRate is not { } rate ? null : Drawn(
        "win-rate",
        $"Win rate of {study.Arm1} over {study.Arm2}",
        $"n = {results.Goals.Decided} goals; ties half, 95% bootstrap over goals. Neither acceptable: {results.Goals.BothBad}, not counted.",
        [
            new IntervalRow("Experts", "tone-human", rate, results.Goals.Decided),
            .. results.Findings.AdjudicatedWinRate is { } decided ? [new IntervalRow("Experts, adjudicated", "tone-human", decided, results.Goals.Decided)] : Array.Empty<IntervalRow>(),
            .. results.Graders.Select(g => new IntervalRow(StudyWords.Grader(g.Role, g.Grader), StudyWords.Tone(g.Role), g.WinRate, g.Goals.Decided)),
        ]);

    private static StudyFigure? Strip(StudySummary study, StudyResults results) => results.Answers == 0 ? null : new StudyFigure(
        "goals",
        "Goal by goal",
        $"n = {results.PerGoal.Count(g => g.Answers.Count > 0)} of {results.Pairs} goals answered; points of {study.Arm1}.",
        ["Goal", "Preferred", "Points", "Won", "Tied", "Lost", "Neither"],
        [.. results.PerGoal.Select(IReadOnlyList<object?> (g) => [$"{g.Pair.Order + 1}. {g.Pair.Goal}", StudyWords.Outcome(g, study), g.Points, g.Tally.Wins, g.Tally.Ties, g.Tally.Losses, g.Tally.BothBad])]);

    private static StudyFigure? Criteria(StudySummary study, StudyFindings findings) => findings.Criteria.Count == 0 ? null : Drawn(
        "criteria",
        $"Win rate of {study.Arm1} by criterion",
        $"n = {findings.Criteria.Max(c => c.Goals)} goals; ties half, 95% bootstrap over goals.",
        [.. findings.Criteria.Select(c => new IntervalRow(AnswerFields.Words(c.Criterion), "tone-human", c.WinRate, c.Goals))]);

    private static StudyFigure? Scores(StudySummary study, StudyFindings findings) => findings.Scores is not { } scores ? null : new StudyFigure(
        "scores",
        "Scores, 1 to 10",
        $"n = {scores.Goals} goals; 95% bootstrap over goals.",
        ["Arm", "Mean", "Low", "High"],
        [Row(study.Arm1, scores.Arm1), Row(study.Arm2, scores.Arm2), Row("difference", scores.Difference)]);

    private static StudyFigure? Items(StudySummary study, StudyFindings findings) => findings.Items is not { } items ? null : Drawn(
        "items",
        "Rubric items by experts",
        $"n = {items.Marks} marks on {items.Goals} goals, partly counts half, bootstrap over goals; needed: {items.NeededCount} answers, Wilson{(items.NeededAc1 is { } ac1 ? $", Gwet's AC1 = {StudyWords.Number(ac1)}" : "")}.",
        [
            new IntervalRow($"Met by {study.Arm1}", "tone-human", items.Arm1, items.Marks / 2),
            new IntervalRow($"Met by {study.Arm2}", "tone-human", items.Arm2, items.Marks / 2),
            .. items.Needed is { } needed ? [new IntervalRow("Called needed", "tone-human", needed, items.NeededCount)] : Array.Empty<IntervalRow>(),
        ]);

    private static StudyFigure? Agreement(StudyResults results)
    {
        var findings = results.Findings;
        if (results.OverlappingGoals == 0)
        {
            return null;
        }

        var rows = new List<IReadOnlyList<object?>>
        {
            findings.Alpha is { } alpha ? Row("Krippendorff's α of the preference, nominal", alpha) : ["Krippendorff's α of the preference, nominal", results.Alpha, null, null],
        };
        if (findings.StrengthAlpha is { } strength)
        {
            rows.Add(Row("Krippendorff's α of preference with strength, ordinal", strength));
        }

        if (findings.Kappa is { } kappa)
        {
            rows.Add([kappa.Name, kappa.Value, null, null]);
        }

        return new StudyFigure("agreement", "Agreement of experts", $"n = {results.OverlappingGoals} goals with several answers; 95% bootstrap over goals. A dash: not estimable.", ["Measure", "Value", "Low", "High"], rows);
    }

    private static StudyFigure? Position(StudyResults results) => results.Position.LeftShare is not { } left ? null : Drawn(
        "position",
        "Left plan chosen",
        $"n = {results.Position.Left + results.Position.Right} answers for a side; Wilson; exact binomial p = {StudyWords.PValue(results.Position.PValue)}.",
        [new IntervalRow("P(left)", "tone-human", left, results.Position.Left + results.Position.Right)]);

    private static StudyFigure? Experts(StudyResults results, StudyFindings findings)
    {
        var gold = findings.Gold.ToDictionary(g => g.Expert, g => g, StringComparer.Ordinal);
        return results.PerExpert.Count == 0 ? null : new StudyFigure(
            "experts",
            "Experts",
            $"n = {results.PerExpert.Count} {(results.PerExpert.Count == 1 ? "expert" : "experts")}, {results.Answers} answers.",
            ["Expert", "Won", "Tied", "Lost", "Neither", "Win rate", "Left", "Right", "Median time, s", "Gold right", "Gold asked"],
            [.. results.PerExpert.Select(IReadOnlyList<object?> (e) => [e.Expert, e.Tally.Wins, e.Tally.Ties, e.Tally.Losses, e.Tally.BothBad, e.Tally.Rate, e.Left, e.Right, (int)Math.Round(e.MedianSeconds), gold.TryGetValue(e.Expert, out var g) ? g.Right : null, gold.TryGetValue(e.Expert, out g) ? g.Asked : null])]);
    }

    private static StudyFigure? Approvals(StudyFindings findings) => findings.Approvals is not { } split ? null : new StudyFigure(
        "approvals",
        "Approval of the study's rubric items",
        $"n = {split.AsIs + split.Edited + split.Rejected} items decided in review; approved {Number(split.Rate.Value)} ({Number(split.Rate.Low)} to {Number(split.Rate.High)}), Wilson.",
        ["Decision", "Items", "Share"],
        [.. new[] { ("as it is", split.AsIs), ("edited", split.Edited), ("rejected", split.Rejected) }.Select(IReadOnlyList<object?> (d) => [d.Item1, d.Item2, d.Item2 / (double)(split.AsIs + split.Edited + split.Rejected)])]);

    private static StudyFigure? Judges(StudySummary study, StudyFindings findings) => findings.Judges.Count == 0 ? null : new StudyFigure(
        "judges",
        "Graders beside experts, goal by goal",
        $"n = {findings.Judges.Max(j => j.Counts.Sum(row => row.Sum()))} goals that both decided; {string.Join("; ", findings.Judges.Select(j => $"{StudyWords.Grader(j.Role, j.Grader)}: Cohen's κ = {StudyWords.Number(j.Kappa)}"))}.",
        ["Grader", "Experts say", $"Grader: {study.Arm1}", "Grader: tie", $"Grader: {study.Arm2}"],
        [.. findings.Judges.SelectMany(j => j.Counts.Zip(new[] { study.Arm1, "tie", study.Arm2 }, IReadOnlyList<object?> (row, said) => [StudyWords.Grader(j.Role, j.Grader), said, row[0], row[1], row[2]]))]);

    private static StudyFigure? Calibration(StudyFindings findings) => findings.Calibration.Count == 0 ? null : new StudyFigure(
        "calibration",
        "Graders' verdicts on items beside experts' marks",
        $"n = {findings.Calibration.Where(c => c.Guideline is null).Sum(c => c.Verdicts)} verdicts with a mark; partly is not met; Wilson. A guideline's row: verdicts that found it violated.",
        ["Grader", "Verdicts on", "n", "Experts agree", "Low", "High", "True positive rate", "True negative rate"],
        [.. findings.Calibration.Select(IReadOnlyList<object?> (c) => [StudyWords.Grader(c.Role, c.Grader), c.Guideline is { } g ? $"guideline {g}: {Guidelines.Names[g - 1]}" : "all items", c.Verdicts, c.Agreement.Value, c.Agreement.Low, c.Agreement.High, c.Confusion?.TruePositiveRate, c.Confusion?.TrueNegativeRate])]);

    private static StudyFigure? Length(StudySummary study, StudyFindings findings) => findings.Length is not { } length ? null : Drawn(
        "length",
        "Preference and length",
        $"n = {length.Decided} decided goals with plans of different length; exact p = {StudyWords.PValue(length.PValue)}; {study.Arm1} is {Math.Abs(length.MeanDifference).ToString("0", CultureInfo.InvariantCulture)} words {(length.MeanDifference < 0 ? "shorter" : "longer")} on average.{(length.Controlled?.Extrapolated == true ? " One arm is always the longer one: the rate at equal lengths rests on the model alone." : "")}",
        [
            new IntervalRow("Longer plan preferred", "tone-human", length.LongerPreferred, length.Decided),
            .. length.Controlled is { } equal ? [new IntervalRow($"Win rate of {study.Arm1} at equal lengths", "tone-human", equal.WinRate, length.Decided)] : Array.Empty<IntervalRow>(),
        ]);

    private static StudyFigure? Disagreed(StudySummary study, StudyFindings findings) => findings.Disagreed.Count == 0 ? null : new StudyFigure(
        "disagreement",
        "Goals with least agreement",
        $"n = {findings.Disagreed.Count} goals that experts answered differently; share of pairs of experts who disagree.",
        ["Goal", "Disagreement", "Answers", "Decision"],
        [.. findings.Disagreed.Select(IReadOnlyList<object?> (d) => [$"{d.Goal.Pair.Order + 1}. {d.Goal.Pair.Goal}", d.Disagreement, d.Goal.Answers.Count, d.Adjudicated is { } outcome ? StudyWords.Outcome(outcome, study) : null])]);

    private static StudyFigure Drawn(string key, string title, string note, IReadOnlyList<IntervalRow> rows) =>
        new(key, title, note, ["Name", "Value", "Low", "High", "n"], [.. rows.Select(IReadOnlyList<object?> (r) => [r.Name, r.Estimate.Value, r.Estimate.Low, r.Estimate.High, r.Count])]) { Intervals = rows };

    private static IReadOnlyList<object?> Row(string name, Estimate estimate) => [name, estimate.Value, estimate.Low, estimate.High];

    private static string Number(double value) => StudyWords.Number(value);

    /// <summary>A cell as it is shown: two decimals, a dash for nothing.</summary>
    public static string Cell(object? value) => value switch
    {
        null => "–",
        double number => Number(number),
        IFormattable other => other.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString() ?? "",
    };
}
