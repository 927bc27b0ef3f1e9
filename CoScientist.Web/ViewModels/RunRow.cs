using CoScientist.Core.Runs;
using CoScientist.Web.Runs;

namespace CoScientist.Web.ViewModels;

/// <summary>A line of the list of runs.</summary>
/// <param name="Run">The run.</param>
/// <param name="Step">Steps done, as fresh as they are known.</param>
/// <param name="Reward">Reward of the last step.</param>
/// <param name="Judge">Judge's score of the best checkpoint so far.</param>
/// <param name="Expected">When a running run should be through its steps.</param>
internal sealed record RunRow(Run Run, int Step, double? Reward, double? Judge, DateTimeOffset? Expected)
{
    /// <summary>Puts together what the database, the end of the run's metrics and the memory know.</summary>
    /// <param name="run">The run.</param>
    /// <param name="newest">The newest value of each metric; null before the first.</param>
    /// <param name="judged">The judge's best score of its checkpoints; null before the first.</param>
    /// <param name="live">What this process has seen of it.</param>
    public static RunRow Of(Run run, RunMetrics? newest, double? judged, LiveRun live) => new(
        run,
        run.State == RunState.Running ? Math.Max(run.Step, live.Step) : run.Step,
        Value(newest, RunMetricNames.Reward),
        judged ?? Value(newest, RunMetricNames.JudgeScore),
        run.State == RunState.Running ? live.Expected(run.TotalSteps) : null);

    private static double? Value(RunMetrics? metrics, string name) => metrics?.Values.TryGetValue(name, out var value) == true ? value : null;
}
