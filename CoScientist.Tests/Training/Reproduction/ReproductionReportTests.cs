using CoScientist.Core.Runs;
using CoScientist.Training.Reproduction;
using CoScientist.Web.ViewModels;

namespace CoScientist.Tests.Training.Reproduction;

public sealed class ReproductionReportTests
{
    private static readonly string[] Domains = ["ml", "medicine", "physics"];

    [Fact]
    public void Report_FixedRows_GivesTheNumbersOfAHandCalculation()
    {
        // Every plan of the base scores 0.4, every plan of GRPO 0.6 on its own domain and 0.44 on the others.
        var report = ReproductionReport.Of([.. Runs((_, _) => 0.4, (own, _) => own ? 0.6 : 0.44)], 100, null);

        var own = report.Methods.Single(row => row.TestedOn == "its own");
        Assert.Equal(6, own.Sampled.Goals);
        Assert.Equal(0.6, own.Sampled.Oracle.Value, 12);
        Assert.Equal(0.5, own.Sampled.RelativeGain!.Value.Value, 12);
        Assert.Equal(1, own.Sampled.WinRate.Value);
        Assert.Equal([0.6, 0.6], own.Seeds.Select(seed => seed.Sampled), new Tolerance());
        Assert.Equal(9, report.Matrix.Count);
        Assert.Equal(0.1, report.Matrix.Single(row => row is { TrainedOn: "ml", TestedOn: "physics" }).Greedy.RelativeGain!.Value.Value, 12);
        Assert.Equal(PromiseState.Holds, Verdict(report, "at least 20% relative"));
        Assert.Equal(PromiseState.Holds, Verdict(report, "at least 8% relative"));
        Assert.Equal(PromiseState.Holds, Verdict(report, "wins at least 70%"));
        Assert.Equal(PromiseState.Holds, Verdict(report, "Well-formedness"));
        Assert.Equal(PromiseState.Open, Verdict(report, "Reviewed rubrics"));
        var lines = ReproductionTables.Markdown(report);
        Assert.Contains("| grpo | ml | 0.600, +50% [+50, +50] | 0.440, +10% [+10, +10] | 0.440, +10% [+10, +10] |", lines);
    }

    [Fact]
    public void Report_TooSmallGain_DoesNotHold()
    {
        var report = ReproductionReport.Of([.. Runs((_, _) => 0.4, (own, _) => own ? 0.47 : 0.42)], 100, null);

        Assert.Equal(PromiseState.DoesNotHold, Verdict(report, "at least 20% relative"));
        Assert.Equal(PromiseState.DoesNotHold, Verdict(report, "at least 8% relative"));
        Assert.Contains(ReproductionTables.Markdown(report), line => line.Contains("**does not hold**", StringComparison.Ordinal));
    }

    [Fact]
    public void Report_NothingAsPromised_SaysSoOfEveryPromise()
    {
        (Experiment, ExperimentOutcome)[] results =
        [
            .. Runs((_, _) => 0.4, (_, _) => 0.3, wellFormed: _ => false),
            .. Domains.Select(domain => (Run(ExperimentList.Sequence, domain, 1), Outcome("sequence", _ => 0.2))),
            (new Experiment { Part = "hacking", Arm = ExperimentList.WeakBase, Seed = 1, Weak = true }, Outcome("b", _ => 0.4)),
            (Run(ExperimentList.Hacked, "ml", 1), Hacked(0.5, Judged(0, 0.5, 0.4), Judged(5, 0.5, 0.4))),
            .. ((RubricCare[])[RubricCare.Spoiled, RubricCare.Reviewed, RubricCare.ReviewedCarelessly]).Select(rubrics => (Run(ExperimentList.ArmOf(rubrics), "ml", 1), Outcome("review", _ => 0.4))),
        ];

        var report = ReproductionReport.Of(results, 100, null);

        Assert.All(report.Verdicts, verdict => Assert.Equal((verdict.Claim, PromiseState.DoesNotHold), (verdict.Claim, verdict.State)));
    }

    [Theory]
    [InlineData(0.1, 0.1, 50, PromiseState.Holds)]
    [InlineData(0, 0, 50, PromiseState.Holds)]
    [InlineData(0.1, -0.05, 50, PromiseState.WithinNoise)]
    [InlineData(-0.1, 0.05, 50, PromiseState.WithinNoise)]
    [InlineData(-0.1, -0.05, 50, PromiseState.DoesNotHold)]
    [InlineData(0.1, 0.1, 90, PromiseState.DoesNotHold)]
    public void Report_PromiseOfNoLess_IsDecidedByTheIntervalAndTheTime(double even, double odd, double seconds, PromiseState expected)
    {
        var grpo = Runs((_, _) => 0.4, (_, _) => 0.6).Select(run => (run.Item1, run.Item2 with { TrainingSeconds = 80 }));
        var sequence = Domains.Select(domain => (Run(ExperimentList.Sequence, domain, 1), Outcome("sequence", (_, i) => 0.6 + (i == 0 ? even : odd)) with { TrainingSeconds = seconds }));

        Assert.Equal(expected, Verdict(ReproductionReport.Of([.. grpo, .. sequence], 100, null), "at equal time"));
    }

    [Fact]
    public void Report_FormFallsOnlyOnOtherDomains_DoesNotHold()
    {
        var report = ReproductionReport.Of([.. Runs((_, _) => 0.4, (_, _) => 0.6, wellFormed: own => own)], 100, null);

        Assert.Equal(PromiseState.DoesNotHold, Verdict(report, "Well-formedness"));
    }

    [Fact]
    public void Report_OracleFallsOnValidationGoalsOnly_DoesNotHold()
    {
        var report = ReproductionReport.Of([(Run(ExperimentList.Hacked, "ml", 1), Hacked(0.5, Judged(0, 0.5, 0.4), Judged(5, 0.6, 0.5), Judged(10, 0.8, 0.45)))], 1, null);

        Assert.Equal(-0.05, report.Hacking!.JudgeAfterPeak.Value, 12);
        Assert.Equal(PromiseState.DoesNotHold, Verdict(report, "while the oracle falls"));
    }

    [Fact]
    public void Report_NoResults_SaysThatAllIsOpen()
    {
        var report = ReproductionReport.Of([], 100, null);

        Assert.All(report.Verdicts, verdict => Assert.Equal(PromiseState.Open, verdict.State));
        Assert.NotEmpty(ReproductionTables.Markdown(report));
    }

    [Fact]
    public void Report_SelfGradeAndOraclePart_TheWatchIsSaidToHaveFlaggedIt()
    {
        var hacked = Hacked(0.3, Judged(0, 0.5, 0.4), Judged(5, 0.6, 0.5), Judged(10, 0.8, 0.45), Judged(15, 0.9, 0.3));
        (Experiment, ExperimentOutcome)[] results =
        [
            (new Experiment { Part = "hacking", Arm = ExperimentList.WeakBase, Seed = 1, Weak = true }, Outcome("b", _ => 0.4)),
            (Run(ExperimentList.Hacked, "ml", 1) with { MeasuresLast = true }, hacked),
        ];

        var report = ReproductionReport.Of(results, 2, null);

        var run = Assert.Single(report.Hacking!.Runs);
        Assert.Equal((5, 10, 2), (run.PeakStep, run.FlaggedStep, run.Evaluations));
        Assert.Equal(-0.2, report.Hacking.JudgeAfterPeak.Value, 12);
        Assert.Equal(PromiseState.Holds, Verdict(report, "The watch flags"));
        Assert.Equal(PromiseState.Holds, Verdict(report, "while the oracle falls"));
        Assert.Equal(PromiseState.Holds, Verdict(report, "judge-picked checkpoint beats"));
    }

    private static PromiseState Verdict(ReproductionReport report, string claim) => report.Verdicts.First(verdict => verdict.Claim.Contains(claim, StringComparison.Ordinal)).State;

    private static IEnumerable<(Experiment, ExperimentOutcome)> Runs(Func<bool, int, double> baseScore, Func<bool, int, double> score, Func<bool, bool>? wellFormed = null)
    {
        foreach (var seed in (int[])[1, 2])
        {
            yield return (new Experiment { Part = "base", Arm = "base", Seed = seed }, Outcome($"base-{seed}", _ => baseScore(true, seed)));
            foreach (var domain in Domains)
            {
                yield return (Run(ExperimentList.Grpo, domain, seed), Outcome($"grpo-{domain}-{seed}", (tested, _) => score(tested == domain, seed), tested => wellFormed?.Invoke(tested == domain) ?? true));
            }
        }
    }

    private static Experiment Run(string arm, string domain, int seed) =>
        new() { Part = "methods", Arm = arm, Seed = seed, Spec = new RunSpec { Data = new RunDataSpec { Domains = [domain] } } };

    private static ExperimentOutcome Outcome(string name, Func<string, double> score) => Outcome(name, (domain, _) => score(domain));

    private static ExperimentOutcome Outcome(string name, Func<string, int, double> score, Func<string, bool>? wellFormed = null)
    {
        PlanScore[] plans = [.. Domains.SelectMany(domain => Enumerable.Range(0, 2).Select(i => new PlanScore($"{domain} {i}", domain, score(domain, i), 0.5, wellFormed?.Invoke(domain) ?? true, 100)))];
        return new ExperimentOutcome { Name = name, Picked = new Measurement(plans, plans) };
    }

    private static ExperimentOutcome Hacked(double last, params JudgedStep[] judged) =>
        Outcome("hacked-ml-1", _ => 0.5) with { Last = Outcome("last", _ => last).Picked, Judged = judged };

    private static JudgedStep Judged(int step, double self, double judge) => new(step, [.. Enumerable.Repeat(self, 20)], [.. Enumerable.Repeat(judge, 20)]);

    private sealed class Tolerance : IEqualityComparer<double>
    {
        public bool Equals(double x, double y) => Math.Abs(x - y) < 1e-12;

        public int GetHashCode(double value) => 0;
    }
}
