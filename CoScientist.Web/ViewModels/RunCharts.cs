using CoScientist.Core.Runs;

namespace CoScientist.Web.ViewModels;

/// <summary>A small chart of the run page.</summary>
internal sealed record RunChart(string Title, string Unit, string Format, IReadOnlyList<ChartSeries> Series);

/// <summary>Which metrics of a run are drawn, and how.</summary>
internal static class RunCharts
{
    private static readonly (string Metric, string Title, string Unit, string Format)[] s_small =
    [
        (RunMetricNames.Reward, "Reward", "self-grade less penalties", "0.000"),
        (RunMetricNames.MeanLength, "Mean length", "tokens", "0.0"),
        (RunMetricNames.Entropy, "Entropy", "nats per token", "0.000"),
        (RunMetricNames.Loss, "Loss", "nats", "0.000"),
        (RunMetricNames.Kl, "Divergence from the start", "nats per token", "0.0000"),
        (RunMetricNames.WatchGrowth, "Growth of self-grade over judge", "since the start, same goals", "0.000"),
        (RunMetricNames.WatchMentions, "Passed but only mentioned", "share of items the grader passed", "0.000"),
        (RunMetricNames.StepTime, "Step time", "s", "0.0"),
        (RunMetricNames.TokensPerSecond, "Throughput", "tokens learned from per second of the step", "0"),
        (RunMetricNames.ProfilePeak, "Use of the processor", "share of its measured fp32 peak", "0.00"),
        (RunMetricNames.GradNorm, "Gradient norm", "before clipping", "0.00"),
        (RunMetricNames.ZeroStd, "Groups without a signal", "share", "0.00"),
        (RunMetricNames.FormatViolation, "Format violations", "share of plans", "0.000"),
        (RunMetricNames.GraderFailure, "Unreadable gradings", "share, left out of the reward", "0.000"),
    ];

    private static readonly (string Metric, string Name)[] s_profile =
    [
        (RunMetricNames.ProfileProducts, "matrix products"),
        (RunMetricNames.ProfileAttention, "attention"),
        (RunMetricNames.ProfileOther, "other"),
        (RunMetricNames.ProfileWaiting, "waiting"),
    ];

    /// <summary>Self-grade and judge on the same axis: the watch on reward hacking.</summary>
    public static IReadOnlyList<ChartSeries> Scores(Run run, RunHistory history) =>
    [
        new("self-grade", ChartTone.SelfGrade, Points(history, RunMetricNames.JudgeSelfGrade)),
        new(RunWords.JudgeName(run), RunWords.JudgeToneOf(run), Points(history, RunMetricNames.JudgeScore)),
    ];

    /// <summary>Where the threads' time of the training steps went, in shares of all of it; empty before the first step.</summary>
    public static IReadOnlyList<(string Name, double Share)> Profile(RunHistory history) =>
    [
        .. from part in s_profile
           let points = history.Series(part.Metric)
           where points.Count > 0
           select (part.Name, points.Average(point => point.Value)),
    ];

    /// <summary>The other metrics, those that the run has.</summary>
    public static IReadOnlyList<RunChart> Small(RunHistory history) =>
    [
        .. from chart in s_small
           let points = Points(history, chart.Metric)
           where points.Count > 0
           select new RunChart(chart.Title, chart.Unit, chart.Format, [new ChartSeries(chart.Title, chart.Metric == RunMetricNames.Reward ? ChartTone.SelfGrade : ChartTone.Plain, points)]),
    ];

    private static IReadOnlyList<ChartPoint> Points(RunHistory history, string metric) => [.. history.Series(metric).Select(point => new ChartPoint(point.Step, point.Value))];
}
