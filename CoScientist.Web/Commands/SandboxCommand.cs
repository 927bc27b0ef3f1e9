using System.CommandLine;
using System.Diagnostics;
using CoScientist.Core.Goals;
using CoScientist.Training.Engines;
using CoScientist.Training.Kernels;
using CoScientist.Training.Sandbox;

namespace CoScientist.Web.Commands;

/// <summary>The sandbox: show its world, make its base model, score a checkpoint with its oracle.</summary>
internal static class SandboxCommand
{
    public static Command Create() => new("sandbox", "The embedded small world: its base model, its oracle, its examples") { Build(), Evaluate(), Generate(), SandboxExperts.Create(), SandboxExtractor.Build(), SandboxExtractor.Papers(), SandboxExtractor.Score() };

    private static Command Build()
    {
        var output = new Option<string>("--out") { Description = "Folder for the model (must not exist)", Required = true };
        var steps = new Option<int>("--steps") { Description = "Optimizer steps", DefaultValueFactory = _ => new SandboxBuildOptions().Steps };
        var seed = new Option<long>("--seed") { Description = "Seed of weights and examples", DefaultValueFactory = _ => new SandboxBuildOptions().Seed };
        var threads = new Option<int>("--threads") { Description = "Threads; 0 takes every processor. The result does not depend on it" };
        var command = new Command("build", "Train the base model from nothing and calibrate it as a grader") { output, steps, seed, threads };
        command.SetAction((parsed, cancellationToken) =>
        {
            var directory = Path.GetFullPath(parsed.GetValue(output)!);
            if (Directory.Exists(directory))
            {
                throw new CommandException($"{directory} exists already: name a new folder or remove it first.");
            }

            var options = new SandboxBuildOptions { Steps = parsed.GetValue(steps), Seed = parsed.GetValue(seed) };
            using var pool = new WorkerPool(parsed.GetValue(threads));
            var report = new SandboxBaseBuild(SandboxWorld.Default, options).Run(pool, directory, Console.Error.WriteLine, cancellationToken);
            CommandContext.Answer(parsed, report, [
                $"Written to {directory} in {report.Minutes:F1} minutes; items are met when P(ok) > {report.GraderThreshold:F2}.",
                .. Lines(report.Test)]);
            return Task.FromResult(0);
        });
        return command;
    }

    private static Command Evaluate()
    {
        var model = new Option<string?>("--model") { Description = "Folder of the checkpoint (default: the shipped base model)" };
        var grader = new Option<string?>("--grader") { Description = "Folder of the grader (default: the shipped base model)" };
        var goals = new Option<int>("--goals") { Description = "Goals", DefaultValueFactory = _ => 300 };
        var split = new Option<string>("--split") { Description = "Which goals: held-out ones to test on, or those to train on, on which a grader's threshold may be chosen", DefaultValueFactory = _ => "test" };
        split.AcceptOnlyFromAmong("test", "validation", "train");
        var seed = new Option<long>("--seed") { Description = "Seed of the sampling", DefaultValueFactory = _ => 1 };
        var topP = new Option<double>("--top-p") { Description = "Nucleus mass (default: as the sandbox's presets train)", DefaultValueFactory = _ => SandboxEvaluation.Sampling.TopP };
        var dtype = Dtype.Create();
        var command = new Command("eval", "Score a checkpoint's plans with the oracle, and its grader against the oracle") { model, grader, goals, split, seed, topP, dtype };
        command.SetAction((parsed, cancellationToken) =>
        {
            var count = parsed.GetValue(goals);
            var part = Enum.Parse<GoalSplit>(parsed.GetValue(split)!, ignoreCase: true);
            var held = SandboxLibrary.Goals.Where(goal => goal.Split == part).Take(count).ToArray();
            if (count < 1 || held.Length < count)
            {
                throw new CommandException($"--goals {count}: the library holds {held.Length} {parsed.GetValue(split)} goals; ask for 1 to {held.Length}.");
            }

            using var pool = new WorkerPool();
            var graderFolder = parsed.GetValue(grader) ?? SandboxBaseModel.Directory;
            using var policy = CpuEngine.LoadReadOnly(parsed.GetValue(model) ?? SandboxBaseModel.Directory, Dtype.Of(parsed.GetValue(dtype)!), pool);
            using var grading = CpuEngine.LoadReadOnly(graderFolder, Dtype.Of(parsed.GetValue(dtype)!), pool);
            var start = Stopwatch.GetTimestamp();
            var world = SandboxWorld.Default;
            var report = new SandboxEvaluation(world).Report(
                policy,
                new CompactGrader(grading, SandboxBaseModel.GraderThreshold(graderFolder)),
                [.. held.Select(goal => SandboxTask.Of(world, goal))],
                SandboxEvaluation.Sampling with { TopP = parsed.GetValue(topP) },
                parsed.GetValue(seed),
                cancellationToken);
            CommandContext.Answer(parsed, Document(report, Stopwatch.GetElapsedTime(start).TotalSeconds), Lines(report));
            return Task.FromResult(0);
        });
        return command;
    }

    private static Command Generate()
    {
        var count = new Option<int>("--count") { Description = "Examples", DefaultValueFactory = _ => 3 };
        var seed = new Option<long>("--seed") { Description = "Seed", DefaultValueFactory = _ => 1 };
        var command = new Command("generate", "Print goals with their rubrics, a plan and the oracle's verdicts") { count, seed };
        command.SetAction(parsed =>
        {
            var examples = SandboxExample.Sample(SandboxWorld.Default, parsed.GetValue(seed), parsed.GetValue(count), GoalSplit.Train).ToArray();
            CommandContext.Answer(parsed, examples, examples.SelectMany(example => (string[])[
                $"goal ({example.Domain}): {example.Goal}",
                $"plan: {example.Plan}",
                .. example.Items.Zip(example.Verdicts, (item, verdict) => $"  {(verdict == 0 ? "met    " : $"unmet {verdict}")}  {item}"),
                string.Empty]));
            return 0;
        });
        return command;
    }

    private static object Document(SandboxReport report, double seconds) => new
    {
        report.Goals,
        OracleScore = report.OracleScore.Value,
        OracleScoreLow = report.OracleScore.Low,
        OracleScoreHigh = report.OracleScore.High,
        report.OracleScoreGreedy,
        report.SelfGrade,
        report.WellFormed,
        report.MeanTokens,
        report.GraderBalancedAccuracy,
        report.GraderTruePositiveRate,
        report.GraderTrueNegativeRate,
        report.BestThreshold,
        report.Verdicts,
        report.FalsePasses,
        Seconds = seconds,
    };

    private static IEnumerable<string> Lines(SandboxReport report) =>
    [
        $"goals                    {report.Goals}",
        $"oracle score, sampled    {report.OracleScore.Value:F3} [{report.OracleScore.Low:F3}, {report.OracleScore.High:F3}]",
        $"oracle score, greedy     {report.OracleScoreGreedy:F3}",
        $"grader's score           {report.SelfGrade:F3}",
        $"well formed              {report.WellFormed:F3}",
        $"mean length              {report.MeanTokens:F1} tokens",
        $"grader balanced accuracy {report.GraderBalancedAccuracy:F3} (true positives {report.GraderTruePositiveRate:F3}, true negatives {report.GraderTrueNegativeRate:F3})",
        .. report.BestThreshold is { } best ? [$"best threshold           {best.Threshold:F3}, with balanced accuracy {best.BalancedAccuracy:F3} on these plans"] : (string[])[],
    ];
}
