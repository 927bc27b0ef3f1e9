using System.Globalization;
using System.Text.Json;
using CoScientist.Core.Goals;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Training.Engines;
using CoScientist.Training.Kernels;
using CoScientist.Training.Sandbox;

namespace CoScientist.Training.Reproduction;

/// <summary>
/// A grader that is honestly weak, in two ways that graders of research plans are. It is a smaller model with less training, none of
/// its own plans and no calibration, so that it passes what it cannot tell apart. And it is of another school: it was built, by
/// the same code, on a world whose people hold that about half of the circumstances and aims call for other ways. So its errors
/// are systematic: it fails the right way and passes another every time, which is what a policy learns to exploit. Weakness
/// of the first kind alone was tried and is not enough: what a grader cannot tell apart it does not push into either direction,
/// and the oracle's score stays where it is.
/// </summary>
public static class WeakGrader
{
    /// <summary>Its name in specifications.</summary>
    public const string Name = "weak-grader";

    /// <summary>The measured accuracy, beside the weights.</summary>
    public const string ReportFile = "report.json";

    /// <summary>Circumstances and aims that its school misreads: 7 of 13.</summary>
    private static readonly int[] Misread = [0, 2, 4, 6, 8, 10, 12];

    /// <summary>How it is built. Half the width and half the layers of the base model; 1,000 steps, gradings only.</summary>
    public static SandboxBuildOptions Build { get; } = new()
    {
        HiddenSize = 64,
        Layers = 2,
        FeedForwardSize = 192,
        GradingExamples = 12,
        WritingExamples = 0,
        TeachingExamples = 0,
        OwnPlansFrom = 1,
        Steps = 1000,
    };

    /// <summary>Builds it where there is none yet, and measures it on plans of the base model.</summary>
    /// <param name="directory">Its folder.</param>
    /// <param name="build">How.</param>
    /// <param name="writer">Folder of the model whose plans it is measured on.</param>
    /// <param name="goals">Test goals to measure it on, at most.</param>
    /// <param name="threads">Threads; 0 takes all processors.</param>
    /// <param name="say">Takes lines of progress.</param>
    /// <param name="cancellationToken">Cancels between steps; nothing is written then.</param>
    public static void Ensure(string directory, SandboxBuildOptions build, string writer, int goals, int threads, Action<string> say, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(build);
        ArgumentNullException.ThrowIfNull(say);
        if (ReadWhole(directory) is { } made && JsonSerializer.Serialize(made.Build, RunSpec.JsonOptions) == JsonSerializer.Serialize(build, RunSpec.JsonOptions))
        {
            return;
        }

        if (Directory.Exists(directory))
        {
            // Other settings, or stopped between weights and report.
            Directory.Delete(directory, recursive: true);
        }

        using var pool = new WorkerPool(threads);
        using (var engine = new SandboxBuilder(new SandboxWorld(misread: Misread), build).Build(pool, (progress, _) => Say(progress), cancellationToken))
        {
            engine.Save(directory, new Dictionary<string, string>(StringComparer.Ordinal) { [SandboxBaseModel.ThresholdKey] = SandboxBaseModel.Format(0.5) });
        }

        var report = new Report(build, Measure(directory, writer, goals, pool, cancellationToken));
        AtomicFile.WriteAllText(Path.Combine(directory, ReportFile), JsonSerializer.Serialize(report, RunSpec.JsonOptions));

        void Say(SandboxBuildProgress progress)
        {
            if (progress.Step % 100 == 0)
            {
                say(string.Create(CultureInfo.InvariantCulture, $"weak grader: step {progress.Step}/{progress.Steps}, verdict loss {progress.VerdictLoss:F3}"));
            }
        }
    }

    /// <summary>What <see cref="Ensure"/> measured; null before that.</summary>
    public static SandboxReport? Read(string directory) => ReadWhole(directory)?.Accuracy;

    private static Report? ReadWhole(string directory)
    {
        var report = Path.Combine(directory, ReportFile);
        return File.Exists(report) ? JsonSerializer.Deserialize<Report>(File.ReadAllText(report), RunSpec.JsonOptions) : null;
    }

    private static SandboxReport Measure(string directory, string writer, int goals, WorkerPool pool, CancellationToken cancellationToken)
    {
        using var grading = CpuEngine.Load(directory, pool);
        using var policy = CpuEngine.Load(writer, pool);
        return new SandboxEvaluation(SandboxWorld.Default).Report(
            policy,
            new CompactGrader(grading, SandboxBaseModel.GraderThreshold(directory)),
            [.. SandboxLibrary.Goals.Where(goal => goal.Split == GoalSplit.Test).Take(goals).Select(goal => SandboxTask.Of(SandboxWorld.Default, goal))],
            SandboxEvaluation.Sampling,
            1,
            cancellationToken);
    }

    private sealed record Report(SandboxBuildOptions Build, SandboxReport Accuracy);
}
