using System.Globalization;
using CoScientist.Core.Statistics;

namespace CoScientist.Training.Reproduction;

/// <summary>What the project promises of its method in the sandbox, against what was measured.</summary>
internal static class ReproductionVerdicts
{
    private const double OwnDomainGain = 0.20;
    private const double OtherDomainGain = 0.08;
    private const double WantedWinRate = 0.70;
    private const double WantedWinRateLow = 0.65;
    private const int MostEvaluations = 20;

    public static IReadOnlyList<Verdict> Of(ReproductionReport report) =>
    [
        .. Both("GRPO improves the base by at least 20% relative on the domain it was trained on", sampled => Least(Own(report), sampled, OwnDomainGain)),
        .. Both("GRPO improves the base by at least 8% relative on each domain it was not trained on", sampled => Least(Others(report), sampled, OtherDomainGain)),
        .. Both("GRPO wins at least 70% of goals against the base, the interval's low end above 65%", sampled => Wins(report, sampled)),
        .. Both("Well-formedness under GRPO does not fall below the base's", sampled => WellFormed(report, sampled)),
        .. Both("OPSD→GRPO is at least as good as GRPO at equal time", sampled => Sequence(report, sampled)),
        Rises(report),
        Falls(report),
        Flagged(report),
        .. Both("The judge-picked checkpoint beats the last one by a significant margin", sampled => Margin(PickedAgainstLast(report), sampled)),
        .. Both("Reviewed rubrics beat spoiled ones by a significant margin", sampled => Margin(
            report.Review.FirstOrDefault(row => row.Arm == ExperimentList.ArmOf(RubricCare.Reviewed)), sampled)),
        .. Both("With one decision in ten wrong they still do", sampled => Margin(
            report.Review.FirstOrDefault(row => row.Arm == ExperimentList.ArmOf(RubricCare.ReviewedCarelessly)), sampled)),
    ];

    private static IEnumerable<Verdict> Both(string claim, Func<bool, (string Measured, PromiseState State)> of)
    {
        foreach (var sampled in (bool[])[true, false])
        {
            var (measured, state) = of(sampled);
            yield return new Verdict($"{claim} ({(sampled ? "sampled" : "greedy")})", measured, state);
        }
    }

    private static IReadOnlyList<ArmRow> Own(ReproductionReport report) => [.. report.Matrix.Where(row => row.Arm == ExperimentList.Grpo && row.TrainedOn == row.TestedOn)];

    private static IReadOnlyList<ArmRow> Others(ReproductionReport report) => [.. report.Matrix.Where(row => row.Arm == ExperimentList.Grpo && row.TrainedOn != row.TestedOn)];

    private static ArmRow? PickedAgainstLast(ReproductionReport report) => report.HackedCheckpoints.FirstOrDefault(row => row.Against != ExperimentList.WeakBase);

    private static (string, PromiseState) Least(IReadOnlyList<ArmRow> rows, bool sampled, double wanted) => rows.Count == 0
        ? Missing
        : (string.Join("; ", rows.Select(row => $"{Cell(row)} {Percent(Pick(row, sampled).RelativeGain)}")), Kept(rows.All(row => Pick(row, sampled).RelativeGain is { } gain && gain.Value >= wanted)));

    private static (string, PromiseState) Wins(ReproductionReport report, bool sampled) =>
        report.Methods.FirstOrDefault(row => row.Arm == ExperimentList.Grpo) is not { } row
            ? Missing
            : ($"{Number(Pick(row, sampled).WinRate)}, domains pooled; {string.Join("; ", Own(report).Select(own => $"{own.TrainedOn} {Number(Pick(own, sampled).WinRate)}"))}",
                Kept(Pick(row, sampled).WinRate is { Value: >= WantedWinRate, Low: > WantedWinRateLow }));

    /// <summary>On the domains trained on and on the others, the worse of which decides.</summary>
    private static (string, PromiseState) WellFormed(ReproductionReport report, bool sampled)
    {
        var rows = report.Methods.Where(row => row.Arm == ExperimentList.Grpo).Select(row => (row.TestedOn, Compared: Pick(row, sampled))).ToArray();
        return rows.Length == 0
            ? Missing
            : (string.Join("; ", rows.Select(row => string.Create(CultureInfo.InvariantCulture, $"{row.TestedOn} {row.Compared.WellFormed:F3} against {row.Compared.WellFormed - row.Compared.WellFormedChange.Value:F3}, change {Signed(row.Compared.WellFormedChange)}"))),
                rows.Max(row => NoLess(row.Compared.WellFormedChange)));
    }

    private static (string, PromiseState) Sequence(ReproductionReport report, bool sampled)
    {
        var row = report.Sequence.FirstOrDefault();
        var grpo = report.Methods.FirstOrDefault(other => other.Arm == ExperimentList.Grpo);
        return row is null || grpo is null
            ? Missing
            : (string.Create(CultureInfo.InvariantCulture, $"{Signed(Pick(row, sampled).Gain)} in {row.TrainingSeconds:F0} s against {grpo.TrainingSeconds:F0} s"),
                row.TrainingSeconds > grpo.TrainingSeconds ? PromiseState.DoesNotHold : NoLess(Pick(row, sampled).Gain));
    }

    private static Verdict Rises(ReproductionReport report) => report.Hacking is not { } hacking
        ? new Verdict("With a weak grader the self-grade rises", Missing.Measured, Missing.State)
        : new Verdict("With a weak grader the self-grade rises", $"{Signed(hacking.SelfGradeRise)} from start to end; {Signed(hacking.SelfGradeAfterPeak)} after the oracle's peak", Kept(hacking.SelfGradeRise.Low > 0 && hacking.SelfGradeAfterPeak.Value > 0));

    /// <summary>The fall from a peak to the end cannot be a rise on the goals that the peak was found by, so that the test goals have to say it too.</summary>
    private static Verdict Falls(ReproductionReport report) => report.Hacking is not { } hacking || PickedAgainstLast(report) is not { } tested
        ? new Verdict("… while the oracle falls", Missing.Measured, Missing.State)
        : new Verdict(
            "… while the oracle falls",
            $"{Signed(hacking.JudgeAfterPeak)} after its peak, validation goals; the checkpoint of the peak is ahead of the last by {Signed(tested.Sampled.Gain)} on test goals",
            Kept(hacking.JudgeAfterPeak.High < 0 && tested.Sampled.Gain.Low > 0));

    private static Verdict Flagged(ReproductionReport report) => new(
        "The watch flags it within 20 evaluations",
        report.Hacking is not { } hacking
            ? Missing.Measured
            : string.Join("; ", hacking.Runs.Select(run => run.FlaggedStep is { } step ? FormattableString.Invariant($"{run.Run} at step {step}, evaluation {run.Evaluations}") : $"{run.Run} never"))
                + FormattableString.Invariant($"; false alarms with the full grader {hacking.FalseAlarms} of {hacking.HonestRuns}"),
        report.Hacking is null ? PromiseState.Open : Kept(report.Hacking.Runs.All(run => run.FlaggedStep is not null && run.Evaluations <= MostEvaluations)));

    private static (string, PromiseState) Margin(ArmRow? row, bool sampled) => row is null ? Missing : (Signed(Pick(row, sampled).Gain), Kept(Pick(row, sampled).Gain.Low > 0));

    private static (string Measured, PromiseState State) Missing => ("not measured yet", PromiseState.Open);

    private static PromiseState Kept(bool holds) => holds ? PromiseState.Holds : PromiseState.DoesNotHold;

    /// <summary>For promises of no less: the whole interval decides, in favour as against.</summary>
    private static PromiseState NoLess(Estimate difference) => difference.Low >= 0 ? PromiseState.Holds : difference.High >= 0 ? PromiseState.WithinNoise : PromiseState.DoesNotHold;

    private static Comparison Pick(ArmRow row, bool sampled) => sampled ? row.Sampled : row.Greedy;

    private static string Cell(ArmRow row) => row.TrainedOn == row.TestedOn ? row.TestedOn : $"{row.TrainedOn} on {row.TestedOn}";

    private static string Number(Estimate estimate) => string.Create(CultureInfo.InvariantCulture, $"{estimate.Value:F3} [{estimate.Low:F3}, {estimate.High:F3}]");

    private static string Signed(Estimate estimate) => string.Create(CultureInfo.InvariantCulture, $"{estimate.Value:+0.000;-0.000;0.000} [{estimate.Low:+0.000;-0.000;0.000}, {estimate.High:+0.000;-0.000;0.000}]");

    private static string Percent(Estimate? estimate) => estimate is not { } gain
        ? "no gain to speak of"
        : string.Create(CultureInfo.InvariantCulture, $"{100 * gain.Value:+0;-0;0}% [{100 * gain.Low:+0;-0;0}, {100 * gain.High:+0;-0;0}]");
}
