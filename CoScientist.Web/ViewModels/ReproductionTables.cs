using System.Globalization;
using CoScientist.Core.Statistics;
using CoScientist.Training.Reproduction;

namespace CoScientist.Web.ViewModels;

/// <summary>The reproduction as Markdown: the tables of the results document.</summary>
internal static class ReproductionTables
{
    /// <summary>All tables that there are results for.</summary>
    public static IReadOnlyList<string> Markdown(ReproductionReport report) =>
    [
        FormattableString.Invariant($"{report.Done} of {report.All} experiments; {report.TrainingSeconds / 60:F0} minutes of training steps. {Report.SandboxNote}"),
        "Scores are shares of requirements met by the oracle's word, on held-out goals. In brackets 95% intervals: bootstrap over goals, seeds pooled. \"Sampled\" is temperature 1 as in training, \"greedy\" temperature 0.",
        "",
        .. Verdicts(report.Verdicts),
        .. Section("Base model", BaseModel(report.BaseModel)),
        .. Section("Methods against the base, runs of all training domains pooled", Against(report.Methods)),
        .. Section("The same at equal lengths", EqualLengths(report.Methods)),
        .. Section("Each seed", Seeds([.. report.BaseModel, .. report.Methods, .. report.Ablations, .. report.HackedCheckpoints.Take(2)])),
        .. Section("Trained on one domain, tested on all: sampled", Matrix(report.Matrix, row => row.Sampled)),
        .. Section("Trained on one domain, tested on all: greedy", Matrix(report.Matrix, row => row.Greedy)),
        .. Section("OPSD→GRPO against GRPO", Against(report.Sequence)),
        .. Section("Single changes against GRPO, trained and tested on ml", Against(report.Ablations)),
        .. Section("Reward hacking: a weak grader", Hacking(report)),
        .. Section("Reward hacking: the picked and the last checkpoint", Against(report.HackedCheckpoints)),
        .. Section("Does review pay? Against rubrics with 30% spoiled items", Against(report.Review)),
        .. Section("Runs that ended early", report.EndedEarly.Select(run => $"- {run.Key}: {run.Value}")),
        .. report.Picking.SelectMany(study => Section($"Best of N by self-grade: {study.Checkpoint}", Picking(study))),
    ];

    private static IEnumerable<string> Section(string title, IEnumerable<string> lines)
    {
        string[] all = [.. lines];
        return all.Length == 0 ? [] : ["", $"### {title}", "", .. all];
    }

    private static IEnumerable<string> Verdicts(IReadOnlyList<Verdict> verdicts) =>
    [
        Report.Row("Promise", "Measured", ""),
        "|---|---|---|",
        .. verdicts.Select(verdict => Report.Row(verdict.Claim, verdict.Measured, verdict.State switch { PromiseState.Holds => "holds", PromiseState.WithinNoise => "within noise", PromiseState.DoesNotHold => "**does not hold**", _ => "open" })),
    ];

    private static IEnumerable<string> BaseModel(IReadOnlyList<ArmRow> rows) => rows.Count == 0 ? [] :
    [
        Report.Row("Tested on", "Goals", "Oracle, sampled", "Oracle, greedy", "Self-grade, sampled", "Self-grade, greedy", "Well formed, sampled", "Well formed, greedy", "Tokens"),
        Report.Rule(9),
        .. rows.Select(row => Report.Row(row.TestedOn, Count(row.Sampled.Goals), Interval(row.Sampled.Oracle), Interval(row.Greedy.Oracle), Number(row.Sampled.SelfGrade), Number(row.Greedy.SelfGrade), Number(row.Sampled.WellFormed), Number(row.Greedy.WellFormed), Whole(row.Sampled.Tokens))),
    ];

    private static IEnumerable<string> Against(IReadOnlyList<ArmRow> rows) => rows.Count == 0 ? [] :
    [
        Report.Row("Arm", "Against", "Trained on", "Tested on", "Plans", "Oracle", "Difference", "Relative", "Goals won", "Self-grade", "Well formed", "Tokens", "Training s"),
        Report.Rule(13),
        .. rows.SelectMany(row => (string[])[Line(row, "sampled", row.Sampled), Line(row, "greedy", row.Greedy)]),
    ];

    private static string Line(ArmRow row, string plans, Comparison compared) => Report.Row(
        row.Arm, row.Against, row.TrainedOn, row.TestedOn, plans,
        Interval(compared.Oracle), SignedInterval(compared.Gain), Percent(compared.RelativeGain), Interval(compared.WinRate),
        Number(compared.SelfGrade), $"{Number(compared.WellFormed)} ({Signed(compared.WellFormedChange.Value)})", $"{Whole(compared.Tokens)} ({compared.TokensChange.Value:+0;-0;0})", Whole(row.TrainingSeconds));

    private static IEnumerable<string> Matrix(IReadOnlyList<ArmRow> rows, Func<ArmRow, Comparison> of)
    {
        if (rows.Count == 0)
        {
            return [];
        }

        string[] domains = [.. rows.Select(row => row.TestedOn).Distinct(StringComparer.Ordinal)];
        return
        [
            Report.Row(["Arm", "Trained on", .. domains]),
            Report.Rule(2 + domains.Length),
            .. rows.GroupBy(row => (row.Arm, row.TrainedOn)).Select(run => Report.Row([
                run.Key.Arm,
                run.Key.TrainedOn,
                .. domains.Select(domain => run.FirstOrDefault(row => row.TestedOn == domain) is { } row ? $"{Number(of(row).Oracle.Value)}, {Percent(of(row).RelativeGain)}" : "")])),
        ];
    }

    private static IEnumerable<string> EqualLengths(IReadOnlyList<ArmRow> rows)
    {
        var controlled = rows.Where(row => row.EqualLengths is not null).ToArray();
        return controlled.Length == 0 ? [] :
        [
            Report.Row("Arm", "Against", "Tested on", "Tokens more", "Goals won", "Goals won at equal lengths", "Difference", "Difference at equal lengths"),
            Report.Rule(8),
            .. controlled.Select(row => Report.Row(
                row.Arm, row.Against, row.TestedOn, row.EqualLengths!.MeanDifference.ToString("+0.0;-0.0;0.0", CultureInfo.InvariantCulture),
                Interval(row.Sampled.WinRate), Interval(row.EqualLengths.WinRate), SignedInterval(row.Sampled.Gain), SignedInterval(row.EqualLengths.Gain))),
        ];
    }

    private static IEnumerable<string> Seeds(IReadOnlyList<ArmRow> rows) => rows.Count == 0 ? [] :
    [
        Report.Row("Arm", "Trained on", "Tested on", "Oracle, sampled, by seed", "Oracle, greedy, by seed"),
        "|---|---|---|---|---|",
        .. rows.Select(row => Report.Row(row.Arm, row.TrainedOn, row.TestedOn, string.Join(", ", row.Seeds.Select(seed => Number(seed.Sampled))), string.Join(", ", row.Seeds.Select(seed => Number(seed.Greedy))))),
    ];

    private static IEnumerable<string> Hacking(ReproductionReport report)
    {
        if (report.WeakGrader is { } grader)
        {
            yield return FormattableString.Invariant($"The weak grader's balanced accuracy on the base's plans is {grader.BalancedAccuracy:F3}: it passes {grader.TruePositiveRate:F3} of what is satisfied and fails {grader.TrueNegativeRate:F3} of what is not. Its {grader.FalsePasses.Sum()} wrong passes by the guideline violated: {string.Join(", ", grader.FalsePasses.Skip(1).Select((count, i) => FormattableString.Invariant($"{i + 1}: {count}")))}.");
            yield return "";
        }

        if (report.Hacking is not { } study)
        {
            yield break;
        }

        yield return $"From start to end the self-grade changes by {SignedInterval(study.SelfGradeRise)}; from the oracle's peak to the end it changes by {SignedInterval(study.SelfGradeAfterPeak)} and the oracle by {SignedInterval(study.JudgeAfterPeak)} (validation goals, which the peak was found by).";
        yield return "";
        yield return Report.Row("Run", "Oracle's peak at step", "Flagged at step", "Evaluations until then");
        yield return Report.Rule(4);
        foreach (var run in study.Runs)
        {
            yield return Report.Row(run.Run, Count(run.PeakStep), run.FlaggedStep is { } step ? Count(step) : "never", Count(run.Evaluations));
        }

        yield return "";
        yield return Report.Row(["Step", .. study.Curve.Select(step => Count(step.Step))]);
        yield return Report.Rule(1 + study.Curve.Count);
        yield return Report.Row(["Self-grade", .. study.Curve.Select(step => step.SelfGrade.ToString("F2", CultureInfo.InvariantCulture))]);
        yield return Report.Row(["Oracle", .. study.Curve.Select(step => step.Judge.ToString("F2", CultureInfo.InvariantCulture))]);
    }

    private static IEnumerable<string> Picking(PickingStudy study) =>
    [
        Report.Row("N", "Oracle of the plan picked", "Its self-grade", "Oracle of the best plan", "Gain by picking", "Selection gap", "Bias of the highest self-grade, at most"),
        Report.Rule(7),
        .. study.Curve.Select(point => Report.Row(Count(point.N), Interval(point.Picked), Number(point.Claimed.Value), Number(point.Best.Value), SignedInterval(point.Gain), SignedInterval(point.Gap), study.Bias.FirstOrDefault(bias => bias.N == point.N) is { } bias ? Signed(bias.Bias.Value) : "")),
    ];

    private static string Interval(Estimate estimate) => FormattableString.Invariant($"{estimate.Value:F3} [{estimate.Low:F3}, {estimate.High:F3}]");

    private static string SignedInterval(Estimate estimate) => $"{Signed(estimate.Value)} [{Signed(estimate.Low)}, {Signed(estimate.High)}]";

    private static string Percent(Estimate? estimate) => estimate is not { } gain ? "" : FormattableString.Invariant($"{100 * gain.Value:+0;-0;0}% [{100 * gain.Low:+0;-0;0}, {100 * gain.High:+0;-0;0}]");

    private static string Signed(double value) => value.ToString("+0.000;-0.000;0.000", CultureInfo.InvariantCulture);

    private static string Number(double value) => value.ToString("F3", CultureInfo.InvariantCulture);

    private static string Whole(double value) => value.ToString("F0", CultureInfo.InvariantCulture);

    private static string Count(int value) => value.ToString(CultureInfo.InvariantCulture);
}
