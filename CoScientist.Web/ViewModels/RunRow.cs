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
    /// <summary>Puts together what the database, the run's folder and the memory know.</summary>
    public static RunRow Of(Run run, RunHistory history, LiveRun live)
    {
        var rewards = history.Series(RunMetricNames.Reward);
        var judged = history.Series(RunMetricNames.JudgeScore);
        return new RunRow(
            run,
            run.State == RunState.Running ? Math.Max(run.Step, live.Step) : run.Step,
            rewards.Count == 0 ? null : rewards[^1].Value,
            judged.Count == 0 ? null : judged.FirstOrDefault(point => point.Step == run.BestStep, judged.MaxBy(point => point.Value)).Value,
            run.State == RunState.Running ? live.Expected(run.TotalSteps) : null);
    }
}
