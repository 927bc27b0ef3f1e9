using System.Globalization;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Training.Engines;
using CoScientist.Training.Kernels;
using CoScientist.Training.Sandbox;

namespace CoScientist.Training.Trainers;

/// <summary>What a run needs besides its specification.</summary>
public sealed record TrainingRunRequest
{
    /// <summary>Name of the run.</summary>
    public required string Name { get; init; }

    /// <summary>The run's folder (<c>runs/NAME</c>): specification, metrics, samples and checkpoints go here. A folder with checkpoints is resumed.</summary>
    public required string Directory { get; init; }

    /// <summary>The validated specification.</summary>
    public required RunSpec Spec { get; init; }

    /// <summary>Goals and items, as they stand when the run starts; a resumed run uses those it wrote down then.</summary>
    public required RunData Data { get; init; }

    /// <summary>Folder of the checkpoint to start from.</summary>
    public required string ModelDirectory { get; init; }

    /// <summary>Folder of the grader's checkpoint; the same as <see cref="ModelDirectory"/> for the frozen initial policy.</summary>
    public required string GraderDirectory { get; init; }
}

/// <summary>Executes one run from its specification to its closing evaluation. Knows no page, no database and no worker.</summary>
public static class TrainingRun
{
    /// <summary>Runs or resumes. Blocks a thread of its own while the engine works.</summary>
    /// <param name="request">What to run.</param>
    /// <param name="onEvent">Called on the training thread for every event, after it has been written to the run's folder.</param>
    /// <param name="pauseRequested">Asked between steps; true ends the execution as <see cref="RunState.Paused"/> with a resumable state on disk.</param>
    /// <param name="cancellationToken">Ends the execution as <see cref="RunState.Cancelled"/>; what was written stays.</param>
    /// <exception cref="InvalidDataException">The folder, the data or the checkpoint is unusable; the message names the thing and the remedy.</exception>
    public static Task<RunOutcome> ExecuteAsync(TrainingRunRequest request, Action<RunEvent> onEvent, Func<bool> pauseRequested, CancellationToken cancellationToken) =>
        Task.Factory.StartNew(
            () =>
            {
                try
                {
                    using var execution = new Execution(request, onEvent);
                    return execution.Run(pauseRequested, cancellationToken);
                }
                catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
                {
                    return new RunOutcome(RunState.Cancelled, null);
                }
            },
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default);

    private sealed class Execution : IDisposable
    {
        private readonly TrainingRunRequest request;
        private readonly RunSpec spec;
        private readonly RunData data;
        private readonly Action<RunEvent> onEvent;
        private readonly RunFolder folder;
        private readonly RunJournal journal;
        private readonly WorkerPool pool;
        private readonly CpuEngine grading;
        private readonly CompactGrader grader;
        private readonly SandboxJudge judge;
        private (int Step, double Score)? best;

        public Execution(TrainingRunRequest request, Action<RunEvent> onEvent)
        {
            (this.request, this.onEvent, spec) = (request, onEvent, request.Spec);
            folder = new RunFolder(request.Directory);
            journal = new RunJournal(folder);
            data = journal.Data(request.Data);
            judge = new SandboxJudge(spec, data);
            pool = new WorkerPool(spec.Threads);
            grading = CpuEngine.Load(request.GraderDirectory, pool);
            grader = new CompactGrader(grading, SandboxBaseModel.GraderThreshold(request.GraderDirectory));
        }

        public RunOutcome Run(Func<bool> pauseRequested, CancellationToken cancellationToken)
        {
            var saved = journal.LastSavedStep();
            using (var policy = CpuEngine.Load(saved is { } at ? journal.Checkpoint(at) : request.ModelDirectory, pool))
            {
                var trainer = new GrpoTrainer(policy, grader, spec, data.Train);
                Begin(policy, trainer, saved, cancellationToken);
                var tokens = journal.Metrics().Select(step => step.Values.GetValueOrDefault(RunMetricNames.Tokens)).DefaultIfEmpty().Max();
                for (var step = saved ?? 0; step < spec.Steps; step++)
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    if (pauseRequested())
                    {
                        Save(policy, step, null);
                        return new RunOutcome(RunState.Paused, null);
                    }

                    var (metrics, samples) = trainer.Step(step, tokens, cancellationToken);
                    tokens = metrics.Values[RunMetricNames.Tokens];
                    Record(metrics, samples);
                    if ((step + 1) % spec.EvaluateEvery == 0 || step + 1 == spec.Steps)
                    {
                        Evaluate(policy, trainer, step + 1, cancellationToken);
                    }
                }
            }

            return new RunOutcome(RunState.Finished, Close(cancellationToken));
        }

        public void Dispose()
        {
            grading.Dispose();
            pool.Dispose();
        }

        private void Begin(CpuEngine policy, GrpoTrainer trainer, int? saved, CancellationToken cancellationToken)
        {
            journal.TruncateAfter(saved ?? -1);
            if (saved is { } step)
            {
                policy.LoadOptimizer(journal.OptimizerFile(step));
                foreach (var judged in journal.Metrics().Where(metrics => metrics.Values.ContainsKey(RunMetricNames.JudgeScore)))
                {
                    Consider(judged.Step, judged.Values[RunMetricNames.JudgeScore]);
                }

                Log(step, $"Resumed from checkpoint step-{step:D6}.");
                return;
            }

            Log(0, $"{data.Train.Count} training goals, {data.Validation.Count} validation goals, {data.Test.Count} test goals; {pool.Threads} threads.");
            var (score, selfGrade, _) = judge.Validate(policy, grader, trainer.Sampling, 0, cancellationToken);
            Consider(0, score);
            Record(new RunMetrics(0, Judged(score, selfGrade)), []);
        }

        private void Evaluate(CpuEngine policy, GrpoTrainer trainer, int step, CancellationToken cancellationToken)
        {
            var (score, selfGrade, samples) = judge.Validate(policy, grader, trainer.Sampling, step, cancellationToken);
            Consider(step, score);
            Record(new RunMetrics(step, Judged(score, selfGrade)), samples);
            Save(policy, step, score);
        }

        private static Dictionary<string, double> Judged(double score, double selfGrade) => new(StringComparer.Ordinal)
        {
            [RunMetricNames.JudgeScore] = score,
            [RunMetricNames.JudgeSelfGrade] = selfGrade,
        };

        private void Consider(int step, double score)
        {
            // The first of equals: training longer has to pay.
            if (best is null || score > best.Value.Score)
            {
                best = (step, score);
            }
        }

        private void Record(RunMetrics metrics, IReadOnlyList<RunSample> samples)
        {
            journal.Append(RunFolder.SamplesFile, samples.Select(RunJournal.Line));
            journal.Append(RunFolder.MetricsFile, RunHistory.Format(metrics));
            onEvent(metrics);
            foreach (var sample in samples)
            {
                onEvent(sample);
            }
        }

        private void Save(CpuEngine policy, int step, double? score)
        {
            if (step == 0)
            {
                return;
            }

            var manifest = new Dictionary<string, string>(StringComparer.Ordinal)
            {
                ["run"] = request.Name,
                ["step"] = step.ToString(CultureInfo.InvariantCulture),
                ["parent"] = spec.Model,
                ["rubrics"] = RubricFingerprint.Of(data),
                [SandboxBaseModel.ThresholdKey] = SandboxBaseModel.Format(SandboxBaseModel.GraderThreshold(request.ModelDirectory)),
            };
            if (score is { } judged)
            {
                manifest[RunMetricNames.JudgeScore] = judged.ToString("R", CultureInfo.InvariantCulture);
            }

            policy.SaveOptimizer(journal.OptimizerFile(step));
            if (!Directory.Exists(journal.Checkpoint(step)))
            {
                policy.Save(journal.Checkpoint(step), manifest);
            }

            journal.DropOptimizersBefore(step);
            onEvent(new RunCheckpoint(step, RunFolder.CheckpointDirectory(step), score, best?.Step == step));
        }

        private RunResult Close(CancellationToken cancellationToken)
        {
            var picked = best?.Step ?? 0;
            Log(spec.Steps, $"The judge picks step {picked}. Evaluating it and the base on {data.Test.Count} test goals.");
            using var baseline = CpuEngine.Load(request.ModelDirectory, pool);
            using var chosen = CpuEngine.Load(picked == 0 ? request.ModelDirectory : journal.Checkpoint(picked), pool);
            var sampling = new GrpoTrainer(chosen, grader, spec, data.Train).Sampling;
            var (result, rows) = judge.Close(request.Name, picked, baseline, chosen, grader, sampling, cancellationToken);
            AtomicFile.WriteAllText(folder.File(RunFolder.EvaluationFile), string.Concat(rows.Select(row => RunJournal.Line(row) + "\n")));
            result = result with
            {
                SecondsPerStep = journal.Metrics().Where(step => step.Step > 0).Select(step => step.Values.GetValueOrDefault(RunMetricNames.StepTime)).DefaultIfEmpty().Average(),
            };
            Log(spec.Steps, string.Create(CultureInfo.InvariantCulture, $"Oracle {result.BaseOracleScore:F3} → {result.OracleScore:F3}, win rate {result.WinRate:F3} [{result.WinRateLow:F3}, {result.WinRateHigh:F3}], n = {result.Goals}."));
            return result;
        }

        private void Log(int step, string message)
        {
            var line = new RunLog(step, message);
            journal.Append(RunFolder.LogFile, RunJournal.Line(line));
            onEvent(line);
        }
    }
}
