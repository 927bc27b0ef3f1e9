using System.Globalization;
using CoScientist.Core.Runs;

namespace CoScientist.Web.ViewModels;

/// <summary>The results of a run as Markdown, a table and a document.</summary>
internal static class RunReport
{
    /// <summary>Makes the report.</summary>
    /// <param name="run">The run.</param>
    /// <param name="steps">Its metrics.</param>
    public static Report Of(Run run, IReadOnlyList<RunMetrics> steps)
    {
        var names = steps.SelectMany(s => s.Values.Keys).Distinct(StringComparer.Ordinal).ToList();
        return new Report(
            [.. Markdown(run, run.Result, steps)],
            new { Run = run.Name, run.State, run.Step, run.TotalSteps, run.BestStep, Sandbox = run.IsSandbox, run.Error, run.Spec, run.Result, Metrics = steps.Select(s => new { s.Step, s.Values }) },
            ["step", .. names],
            [.. steps.Select(s => (IReadOnlyList<object?>)[s.Step, .. names.Select(n => s.Values.TryGetValue(n, out var value) ? value : (object?)null)])]);
    }

    private static IEnumerable<string> Markdown(Run run, RunResult? result, IReadOnlyList<RunMetrics> steps)
    {
        yield return $"# {run.Name}";
        yield return "";
        yield return $"{run.State}, step {run.Step} of {run.TotalSteps}.{(run.IsSandbox ? " " + Report.SandboxNote : "")}{(run.Error is { } error ? " " + error : "")}";
        yield return "";
        if (result is null)
        {
            yield return "The closing evaluation is made when the run finishes.";
        }
        else
        {
            yield return $"**Win rate over the base under the judge: {Number(result.WinRate)} ({Number(result.WinRateLow)} to {Number(result.WinRateHigh)})**, n = {result.Goals} test goals, ties half, 95% bootstrap interval over goals. Checkpoint of step {result.BestStep}, picked on other goals.";
            yield return $"Gain of the judge's score per goal: {Number(result.OracleScore - result.BaseOracleScore)} ({Number(result.OracleGainLow)} to {Number(result.OracleGainHigh)}).";
            yield return "";
            var judge = result.Judge == RunSpec.Oracle ? "Oracle" : "Judge";
            yield return Report.Row("Mean score", "Base", "Picked checkpoint");
            yield return Report.Rule(3);
            yield return Report.Row($"{judge}, sampled plans", Number(result.BaseOracleScore), Number(result.OracleScore));
            yield return Report.Row($"{judge}, greedy plans", Number(result.BaseOracleScoreGreedy), Number(result.OracleScoreGreedy));
            yield return Report.Row("Self-grade, sampled plans", Number(result.BaseSelfGrade), Number(result.SelfGrade));
            yield return "";
            yield return $"Well-formed plans {Number(result.WellFormed)}; {result.SecondsPerStep.ToString("0.0", CultureInfo.InvariantCulture)} s per step.";
            yield return "";
            yield return Report.Row("Domain", "Goals", $"{judge}, base", $"{judge}, picked", "Win rate");
            yield return Report.Rule(5);
            foreach (var (domain, row) in result.Domains.OrderBy(d => d.Key, StringComparer.Ordinal))
            {
                yield return Report.Row(domain, row.Goals.ToString(CultureInfo.InvariantCulture), Number(row.BaseOracleScore), Number(row.OracleScore), Number(row.WinRate));
            }
        }

        var judged = steps.Where(s => s.Values.ContainsKey(RunMetricNames.JudgeScore)).ToList();
        if (judged.Count > 0)
        {
            yield return "";
            yield return Report.Row("Step", "Judge, validation goals", "Self-grade, same goals");
            yield return Report.Rule(3);
            foreach (var step in judged)
            {
                yield return Report.Row(step.Step.ToString(CultureInfo.InvariantCulture), Number(step.Values[RunMetricNames.JudgeScore]), step.Values.TryGetValue(RunMetricNames.JudgeSelfGrade, out var self) ? Number(self) : "–");
            }
        }
    }

    private static string Number(double? value) => value?.ToString("0.000", CultureInfo.InvariantCulture) ?? "–";
}
