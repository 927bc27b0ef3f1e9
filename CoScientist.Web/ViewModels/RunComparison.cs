using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using CoScientist.Core.Runs;
using CoScientist.Web.Runs;

namespace CoScientist.Web.ViewModels;

/// <summary>A run beside others.</summary>
/// <param name="Run">The run.</param>
/// <param name="Colour">Its colour, the same whatever it stands beside: runs are numbered as they were made.</param>
/// <param name="History">What it measured.</param>
internal sealed record ComparedRun(Run Run, int Colour, RunHistory History)
{
    /// <summary>Class of its colour.</summary>
    public string Class => FormattableString.Invariant($"tone-run-{Colour % ChartSeries.RunColours}");
}

/// <summary>A setting or measurement of several runs.</summary>
/// <param name="Key">Its name in addresses.</param>
/// <param name="Label">Its name for people.</param>
/// <param name="Values">Its text in each run, in their order.</param>
internal sealed record ComparedRow(string Key, string Label, IReadOnlyList<string> Values)
{
    /// <summary>Whether it is not the same everywhere.</summary>
    public bool Differs => Values.Distinct(StringComparer.Ordinal).Skip(1).Any();
}

/// <summary>What runs have in common and where they part.</summary>
internal static class RunComparison
{
    /// <summary>Most runs side by side.</summary>
    public const int Most = 10;

    /// <summary>Runs by their names, with colours that do not depend on what they stand beside.</summary>
    public static IReadOnlyList<ComparedRun> Find(IReadOnlyList<Run> all, IReadOnlyList<string> names, RunHistories histories)
    {
        // The list is newest first; the first run ever made has the first colour.
        var numbered = all.Select((run, at) => (Run: run, Colour: all.Count - 1 - at)).Where(pair => names.Take(Most).Contains(pair.Run.Name, StringComparer.Ordinal));
        return [.. numbered.OrderBy(pair => pair.Colour).Select(pair => new ComparedRun(pair.Run, pair.Colour, histories.Of(pair.Run.Name)))];
    }

    /// <summary>How the runs went.</summary>
    public static IReadOnlyList<ComparedRow> Outcomes(IReadOnlyList<ComparedRun> runs)
    {
        return
        [
            Row("state", "State", run => run.Run.State.ToString().ToLowerInvariant()),
            Row("done", "Steps done", run => FormattableString.Invariant($"{run.Run.Step} of {run.Run.TotalSteps}")),
            Row("reward", "Last reward", run => Last(run, RunMetricNames.Reward)),
            Row("self", "Self-grade, last evaluation", run => Last(run, RunMetricNames.JudgeSelfGrade)),
            Row("judge", "Judge, last evaluation", run => Last(run, RunMetricNames.JudgeScore)),
            Row("result", "Judge, test goals", run => Number(run.Run.Result?.OracleScore)),
            Row("wins", "Wins over its base", run => run.Run.Result is { } result ? FormattableString.Invariant($"{result.WinRate:0.000} ({result.WinRateLow:0.000} to {result.WinRateHigh:0.000})") : "–"),
            Row("pace", "Seconds per step", run => run.History.Series(RunMetricNames.StepTime) is { Count: > 0 } times ? times.Average(point => point.Value).ToString("0.0", CultureInfo.InvariantCulture) : "–"),
        ];

        ComparedRow Row(string key, string label, Func<ComparedRun, string> text) => new(key, label, [.. runs.Select(text)]);
    }

    /// <summary>Every setting, in the order of the form.</summary>
    public static IReadOnlyList<ComparedRow> Settings(IReadOnlyList<ComparedRun> runs)
    {
        var documents = runs.Select(run => JsonSerializer.SerializeToNode(run.Run.Spec, RunSpec.JsonOptions)!).ToArray();
        return [.. RunFields.All.Select(field => new ComparedRow(field.Path, field.Label, [.. documents.Select(document => Text(document, field.Path))]))];

        static string Text(JsonNode document, string path) =>
            path.Split('.').Aggregate((JsonNode?)document, (parent, name) => parent?[name]) switch
            {
                JsonArray { Count: 0 } or null => "–",
                JsonArray list => string.Join(", ", list.Select(entry => entry?.ToString())),
                var node => node.ToString(),
            };
    }

    /// <summary>The best checkpoint of each run under its judge: one row a judge.</summary>
    public static IReadOnlyList<ComparedRow> Best(IReadOnlyList<ComparedRun> runs) =>
    [
        .. from judge in runs.Select(run => run.Run.Spec.Judge).Distinct(StringComparer.Ordinal)
           select new ComparedRow(judge, judge == RunSpec.Oracle ? "the sandbox's oracle" : judge, [.. runs.Select(run => run.Run.Spec.Judge != judge ? "–" : BestOf(run))]),
    ];

    /// <summary>The charts in which the runs lie over each other: one line a run.</summary>
    public static IReadOnlyList<RunChart> Charts(IReadOnlyList<ComparedRun> runs) =>
        [.. RunCharts.Kinds.Select(kind => Chart(kind, runs)).Where(chart => chart.Series.Any(line => line.Points.Count > 0))];

    /// <summary>One such chart. Of self-grade and judge it shows the judge, of others their first line.</summary>
    public static RunChart Chart(RunChartKind kind, IReadOnlyList<ComparedRun> runs)
    {
        var line = kind.Key == RunCharts.ScoreKey ? kind.Lines[1] : kind.Lines[0];
        var title = kind.Key == RunCharts.ScoreKey ? "Judge's score" : kind.Lines.Count > 1 ? $"{kind.Title}: {line.Name}" : kind.Title;
        return new RunChart(kind.Key, title, kind.Unit, kind.Format, [.. runs.Select(run => new ChartSeries(run.Run.Name, ChartTone.Plain, RunCharts.Points(run.History, line)) { Run = run.Colour })]);
    }

    private static string BestOf(ComparedRun run)
    {
        var judged = run.History.Series(RunMetricNames.JudgeScore);
        if (judged.Count == 0)
        {
            return "not judged yet";
        }

        // The first of equals, as the run itself picks.
        var best = judged.MaxBy(point => point.Value);
        return FormattableString.Invariant($"step {best.Step}: {best.Value:0.000}");
    }

    private static string Last(ComparedRun run, string metric) => run.History.Series(metric) is [.., var last] ? Number(last.Value) : "–";

    private static string Number(double? value) => value?.ToString("0.000", CultureInfo.InvariantCulture) ?? "–";
}
