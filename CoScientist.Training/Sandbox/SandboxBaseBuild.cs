using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using CoScientist.Core;
using CoScientist.Core.Goals;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Training.Engines;
using CoScientist.Training.Kernels;
using CoScientist.Training.Sampling;

namespace CoScientist.Training.Sandbox;

/// <summary>What a build did and measured; written beside the weights.</summary>
/// <param name="Command">The command that makes the same model again.</param>
/// <param name="Options">Its settings.</param>
/// <param name="Parameters">Trained values.</param>
/// <param name="Tokens">Tokens computed, shared prefixes counted once.</param>
/// <param name="Minutes">Time of the training.</param>
/// <param name="Threads">Threads; they change the time only.</param>
/// <param name="GraderThreshold">P(ok) above which an item is met, chosen on the validation goals.</param>
/// <param name="Validation">Measured on the validation goals, where the threshold was chosen.</param>
/// <param name="Test">Measured on test goals, with that threshold.</param>
/// <param name="TestReferenceShown">The same with the grader shown a realistic reference.</param>
/// <param name="TestRubricShown">The same with the writer shown the rubric: what self-distillation can learn from.</param>
public sealed record SandboxBuildReport(
    string Command,
    SandboxBuildOptions Options,
    long Parameters,
    long Tokens,
    double Minutes,
    int Threads,
    double GraderThreshold,
    SandboxReport Validation,
    SandboxReport Test,
    SandboxReport TestReferenceShown,
    SandboxReport TestRubricShown);

/// <summary>Builds the base model, calibrates it as a grader, measures it, and writes all of it to a folder.</summary>
public sealed class SandboxBaseBuild(SandboxWorld world, SandboxBuildOptions options)
{
    private static readonly double[] Thresholds = [0.5, 0.6, 0.7, 0.8, 0.9, 0.95];

    /// <summary>The lowest true negative rate a threshold must reach: false passes are what a policy learns to exploit.</summary>
    private const double WantedTrueNegativeRate = 0.95;

    /// <summary>Runs the whole build.</summary>
    /// <param name="pool">Threads.</param>
    /// <param name="directory">Where the model goes; must not exist.</param>
    /// <param name="say">Takes lines of progress.</param>
    /// <param name="cancellationToken">Cancels between steps; nothing is written then.</param>
    public SandboxBuildReport Run(WorkerPool pool, string directory, Action<string> say, CancellationToken cancellationToken)
    {
        var watch = Stopwatch.StartNew();
        var builder = new SandboxBuilder(world, options);
        using var engine = builder.Build(
            pool,
            (progress, _) =>
            {
                if (progress.Step % 50 == 0 || progress.Step == progress.Steps)
                {
                    say(string.Create(CultureInfo.InvariantCulture, $"step {progress.Step}/{progress.Steps}  plan {progress.PlanLoss:F3}  teaching {progress.TeachingLoss:F3}  quote {progress.QuoteLoss:F3}  verdict {progress.VerdictLoss:F3}  {progress.TokensPerSecond:F0} tokens/s  {watch.Elapsed.TotalMinutes:F1} min"));
                }
            },
            cancellationToken);
        return Finish(engine, directory, builder.Tokens, watch.Elapsed.TotalMinutes, cancellationToken);
    }

    /// <summary>Calibrates, measures and writes a trained model.</summary>
    /// <param name="engine">The model.</param>
    /// <param name="directory">Where it goes; must not exist.</param>
    /// <param name="tokens">Tokens it was trained on.</param>
    /// <param name="minutes">Time of the training.</param>
    /// <param name="cancellationToken">Cancels between steps; nothing is written then.</param>
    public SandboxBuildReport Finish(CpuEngine engine, string directory, long tokens, double minutes, CancellationToken cancellationToken)
    {
        var (threshold, validation) = Calibrate(engine, cancellationToken);
        var test = Tasks(GoalSplit.Test);
        var report = new SandboxBuildReport(
            string.Create(CultureInfo.InvariantCulture, $"sandbox build --out DIR --steps {options.Steps} --seed {options.Seed}"),
            options,
            engine.Config.ParameterCount,
            tokens,
            minutes,
            engine.Pool.Threads,
            threshold,
            validation,
            Measure(engine, test, threshold, cancellationToken),
            Measure(engine, [.. test.Select(task => task with { Reference = Reference(task.Goal) })], threshold, cancellationToken),
            Measure(engine, [.. test.Select(task => task with { RubricShown = true })], threshold, cancellationToken));
        engine.Save(directory, new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["command"] = report.Command,
            [SandboxBaseModel.ThresholdKey] = SandboxBaseModel.Format(threshold),
        });
        AtomicFile.WriteAllText(Path.Combine(directory, SandboxBaseModel.ReportFile), JsonSerializer.Serialize(report, RunSpec.JsonOptions));
        return report;
    }

    /// <summary>The smallest threshold whose true negative rate on the model's own plans is high enough; else the most accurate one.</summary>
    private (double Threshold, SandboxReport Report) Calibrate(CpuEngine engine, CancellationToken cancellationToken)
    {
        var tasks = Tasks(GoalSplit.Validation);
        var measured = Thresholds.Select(threshold => (Threshold: threshold, Report: Measure(engine, tasks, threshold, cancellationToken))).ToArray();
        var enough = Array.FindIndex(measured, candidate => candidate.Report.GraderTrueNegativeRate >= WantedTrueNegativeRate);
        return enough >= 0 ? measured[enough] : measured.MaxBy(candidate => candidate.Report.GraderBalancedAccuracy);
    }

    private SandboxTask[] Tasks(GoalSplit split) => [.. SandboxLibrary.Goals.Where(goal => goal.Split == split).Select(goal => SandboxTask.Of(world, goal))];

    private string Reference(SandboxGoal goal)
    {
        var random = new SeededRandom(options.Seed, goal.WordingSeed);
        return SandboxGrammar.Render(world.Writer.RealisticReference(goal, random), random);
    }

    private SandboxReport Measure(CpuEngine engine, IReadOnlyList<SandboxTask> tasks, double threshold, CancellationToken cancellationToken) =>
        new SandboxEvaluation(world).Report(engine, new CompactGrader(engine, threshold), tasks, SandboxEvaluation.Sampling, options.Seed, cancellationToken);
}
