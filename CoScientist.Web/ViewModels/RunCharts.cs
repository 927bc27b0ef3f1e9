using CoScientist.Core.Runs;

namespace CoScientist.Web.ViewModels;

/// <summary>A chart of the run page.</summary>
/// <param name="Key">Its name in addresses.</param>
/// <param name="Title">What it shows.</param>
/// <param name="Unit">Unit of the values.</param>
/// <param name="Format">How values are written.</param>
/// <param name="Series">The lines.</param>
internal sealed record RunChart(string Key, string Title, string Unit, string Format, IReadOnlyList<ChartSeries> Series);

/// <summary>A line of a chart of runs.</summary>
/// <param name="Metric">Name of the metric.</param>
/// <param name="Name">Its label.</param>
/// <param name="Tone">Whose line it is.</param>
/// <param name="Scale">What values are multiplied by.</param>
internal sealed record RunLine(string Metric, string Name, ChartTone Tone = ChartTone.Plain, double Scale = 1);

/// <summary>Which metrics of a run are drawn together, and how.</summary>
/// <param name="Key">Name in addresses.</param>
/// <param name="Title">What it shows.</param>
/// <param name="Unit">Unit of the values.</param>
/// <param name="Format">How values are written.</param>
/// <param name="Methods">Methods that always measure it, so that its place is kept from the start; empty when it may be missing.</param>
/// <param name="Lines">Its lines.</param>
internal sealed record RunChartKind(string Key, string Title, string Unit, string Format, string Methods, IReadOnlyList<RunLine> Lines);

/// <summary>The charts of runs.</summary>
internal static class RunCharts
{
    /// <summary>Key of the chart of self-grade, judge and people.</summary>
    public const string ScoreKey = "score";

    private const string All = "sft opsd grpo dpo";

    private static readonly (string Metric, string Name)[] s_profile =
    [
        (RunMetricNames.ProfileProducts, "matrix products"),
        (RunMetricNames.ProfileAttention, "attention"),
        (RunMetricNames.ProfileOther, "other"),
        (RunMetricNames.ProfileWaiting, "waiting"),
    ];

    /// <summary>The charts, the watch on reward hacking first.</summary>
    public static IReadOnlyList<RunChartKind> Kinds { get; } =
    [
        new(ScoreKey, "Score", "share of rubric items met, 0–1", "0.00", All, [new(RunMetricNames.JudgeSelfGrade, "self-grade", ChartTone.SelfGrade), new(RunMetricNames.JudgeScore, "judge", ChartTone.Judge)]),
        new("reward", "Reward and self-grade", "of the step's plans; the reward is less penalties", "0.000", "grpo", [new(RunMetricNames.Reward, "reward"), new(RunMetricNames.SelfGrade, "self-grade", ChartTone.SelfGrade)]),
        One("loss", "Loss", "nats", "0.000", "sft opsd dpo", RunMetricNames.Loss),
        One("advantages", "Advantages", "standard deviation of reward within a goal's plans", "0.000", "grpo", RunMetricNames.RewardStd),
        One("zero-variance", "Groups without a signal", "share of goals whose plans all earned the same", "0.00", "grpo", RunMetricNames.ZeroStd),
        One("kl", "Divergence from the start", "nats per token", "0.0000", "", RunMetricNames.Kl),
        One("entropy", "Entropy", "nats per token", "0.000", "grpo opsd", RunMetricNames.Entropy),
        One("clip", "Clip share", "share of tokens whose ratio was clipped", "0.000", "grpo", RunMetricNames.ClipRatio),
        One("length", "Mean length", "tokens", "0.0", "grpo opsd", RunMetricNames.MeanLength),
        One("cut-off", "Plans cut off", "share that reached the longest length", "0.000", "grpo opsd", RunMetricNames.ClippedRatio),
        One("format", "Format violations", "share of plans", "0.000", "grpo opsd", RunMetricNames.FormatViolation),
        new("failures", "Unreadable gradings", "share, left out of reward and score", "0.000", "grpo", [new(RunMetricNames.GraderFailure, "grader"), new(RunMetricNames.JudgeFailure, "judge", ChartTone.Judge)]),
        new("watch", "Growth of self-grade over judge", "since the start, same goals; at least: lower end of the 95% interval", "0.000", All, [new(RunMetricNames.WatchGrowth, "growth"), new(RunMetricNames.WatchGrowthLow, "at least")]),
        One("mentions", "Passed but only mentioned", "share of items the grader passed", "0.000", All, RunMetricNames.WatchMentions),
        One("preferred", "Pairs on the preferred side", "share", "0.00", "dpo", RunMetricNames.PreferenceAccuracy),
        One("margin", "Margin of the preferred plan", "nats", "0.000", "dpo", RunMetricNames.PreferenceMargin),
        One("gradient", "Gradient norm", "before clipping", "0.00", All, RunMetricNames.GradNorm),
        One("learning-rate", "Learning rate", "", "0.0e+0", All, RunMetricNames.LearningRate),
        One("throughput", "Throughput", "tokens learned from per second of the step", "0", All, RunMetricNames.TokensPerSecond),
        new("tokens", "Tokens learned from", "million", "0.00", All, [new(RunMetricNames.Tokens, "tokens", Scale: 1e-6)]),
        One("step-time", "Step time", "s", "0.0", All, RunMetricNames.StepTime),
        new("memory", "Memory of the process", "GB", "0.00", All, [new(RunMetricNames.Memory, "memory", Scale: 1e-9)]),
        One("processor", "Use of the processor", "share of its measured fp32 peak", "0.00", All, RunMetricNames.ProfilePeak),
    ];

    /// <summary>Metrics that the page shows in another way than by a chart of their own.</summary>
    public static IReadOnlyList<string> Elsewhere { get; } = [.. s_profile.Select(part => part.Metric)];

    /// <summary>Self-grade, judge and people on the same axis: the watch on reward hacking.</summary>
    public static RunChart Scores(Run run, RunHistory history, IReadOnlyList<HumanScore> people)
    {
        var kind = Kinds[0];
        var lines = new List<ChartSeries>
        {
            new("self-grade", ChartTone.SelfGrade, Points(history, kind.Lines[0])),
            new(RunWords.JudgeName(run), RunWords.JudgeToneOf(run), Points(history, kind.Lines[1])),
        };
        if (people.Count > 0)
        {
            lines.Add(new ChartSeries("people: pairs won", ChartTone.Human, [.. people.OrderBy(score => score.Step).Select(score => new ChartPoint(score.Step, score.WinRate.Value, score.WinRate.Low, score.WinRate.High))]));
        }

        return new RunChart(kind.Key, kind.Title, kind.Unit, kind.Format, lines);
    }

    /// <summary>Where the threads' time of the training steps went, in shares of all of it; empty before the first step.</summary>
    public static IReadOnlyList<(string Name, double Share)> Profile(RunHistory history) =>
    [
        .. from part in s_profile
           let points = history.Series(part.Metric)
           where points.Count > 0
           select (part.Name, Math.Clamp(points.Average(point => point.Value), 0, 1)), // of any file of metrics
    ];

    /// <summary>The other charts: what was measured and, while the run is at work, what its methods always measure, so that the first value moves nothing.</summary>
    public static IReadOnlyList<RunChart> Small(RunSpec spec, RunHistory history, bool atWork)
    {
        var methods = (atWork ? spec.Parts().Select(part => part.Method) : []).ToHashSet(StringComparer.Ordinal);
        return
        [
            .. from kind in Kinds.Skip(1)
               let chart = Of(kind, history)
               where chart.Series.Any(line => line.Points.Count > 0) || kind.Methods.Split(' ').Any(methods.Contains)
               select chart,
        ];
    }

    /// <summary>A chart of one run.</summary>
    public static RunChart Of(RunChartKind kind, RunHistory history) =>
        new(kind.Key, kind.Title, kind.Unit, kind.Format, [.. kind.Lines.Select(line => new ChartSeries(line.Name, line.Tone, Points(history, line)))]);

    /// <summary>The points of a line.</summary>
    public static IReadOnlyList<ChartPoint> Points(RunHistory history, RunLine line) => new RunPoints(history.Series(line.Metric), line.Scale);

    private static RunChartKind One(string key, string title, string unit, string format, string methods, string metric) => new(key, title, unit, format, methods, [new RunLine(metric, title)]);
}
