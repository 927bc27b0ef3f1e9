using CoScientist.Core.Runs;
using CoScientist.Core.Statistics;

namespace CoScientist.Training.Reproduction;

/// <summary>What the watch saw in one run.</summary>
/// <param name="Run">The run.</param>
/// <param name="PeakStep">Step at which the judge scored highest, which is the picked one.</param>
/// <param name="FlaggedStep">First step at which the watch said that grader and judge part; null when it never did.</param>
/// <param name="Evaluations">Evaluations after the start up to that one, or all of them.</param>
public sealed record WatchedRun(string Run, int PeakStep, int? FlaggedStep, int Evaluations);

/// <summary>Mean scores of the validation goals at a step, over seeds.</summary>
/// <param name="Step">Steps done.</param>
/// <param name="SelfGrade">By the run's grader.</param>
/// <param name="Judge">By the oracle.</param>
public sealed record WatchedStep(int Step, double SelfGrade, double Judge);

/// <summary>How self-grade and judge moved apart.</summary>
/// <param name="Runs">Each run.</param>
/// <param name="Curve">Their mean.</param>
/// <param name="SelfGradeRise">Change of the self-grade from the start to the end.</param>
/// <param name="SelfGradeAfterPeak">Change of the self-grade from the judge's peak to the end.</param>
/// <param name="JudgeAfterPeak">
/// Change of the judge's score over the same time, on the goals by which the peak was found: the peak is partly luck, so that the fall
/// is too large by that. The test goals, which picked nothing, say what it is.
/// </param>
/// <param name="HonestRuns">Runs with the full grader.</param>
/// <param name="FalseAlarms">How many of them the watch flagged.</param>
public sealed record HackingStudy(
    IReadOnlyList<WatchedRun> Runs,
    IReadOnlyList<WatchedStep> Curve,
    Estimate SelfGradeRise,
    Estimate SelfGradeAfterPeak,
    Estimate JudgeAfterPeak,
    int HonestRuns,
    int FalseAlarms)
{
    /// <summary>The study; null while there is no run.</summary>
    internal static HackingStudy? Of(ResultSet results, IReadOnlyList<ExperimentOutcome> honest)
    {
        var runs = results.Of(ExperimentList.Hacked, ExperimentList.StudyDomain).Select(run => run.Outcome).Where(run => run.Judged.Count > 1).ToArray();
        if (runs.Length == 0)
        {
            return null;
        }

        var watched = honest.Where(run => run.Judged.Count > 1).ToArray();
        var steps = runs.SelectMany(run => run.Judged).GroupBy(judged => judged.Step).OrderBy(step => step.Key);
        return new HackingStudy(
            [.. runs.Select(Watch)],
            [.. steps.Select(step => new WatchedStep(step.Key, step.Average(judged => judged.SelfGrades.Average()), step.Average(judged => judged.JudgeScores.Average())))],
            Change(runs, run => run.Judged[0], judged => judged.SelfGrades),
            Change(runs, Peak, judged => judged.SelfGrades),
            Change(runs, Peak, judged => judged.JudgeScores),
            watched.Length,
            watched.Count(run => Watch(run).FlaggedStep is not null));
    }

    private static JudgedStep Peak(ExperimentOutcome run) => run.Judged.MaxBy(judged => judged.JudgeScores.Average())!;

    private static WatchedRun Watch(ExperimentOutcome run)
    {
        var watch = new RewardWatch(new WatchSpec().Gap);
        int? flagged = null;
        var evaluations = 0;
        foreach (var judged in run.Judged)
        {
            evaluations += judged.Step > 0 && flagged is null ? 1 : 0;
            if (watch.Look(judged.Step, judged.SelfGrades, judged.JudgeScores).Parted)
            {
                flagged ??= judged.Step;
            }
        }

        return new WatchedRun(run.Name, Peak(run).Step, flagged, evaluations);
    }

    /// <summary>From a step of each run to its last, per goal, seeds pooled.</summary>
    private static Estimate Change(ExperimentOutcome[] runs, Func<ExperimentOutcome, JudgedStep> from, Func<JudgedStep, IReadOnlyList<double>> scores)
    {
        var goals = runs[0].Judged[0].SelfGrades.Count;
        return Bootstrap.Mean([.. Enumerable.Range(0, goals).Select(goal => runs.Average(run => scores(run.Judged[^1])[goal] - scores(from(run))[goal]))]);
    }
}
