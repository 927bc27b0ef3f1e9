using System.Globalization;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Core.TextModels;
using CoScientist.Training.Checkpoints.Adapters;
using CoScientist.Training.Engines;
using CoScientist.Training.Kernels;
using CoScientist.Training.Sandbox;

namespace CoScientist.Training.Trainers;

/// <summary>A run at work: its steps, its evaluations and what it writes down.</summary>
internal sealed partial class TrainingExecution : IDisposable
{
    private readonly TrainingRunRequest request;
    private readonly RunSpec spec;
    private readonly RunData data;
    private readonly Action<RunEvent> onEvent;
    private readonly RunFolder folder;
    private readonly RunJournal journal;
    private readonly RunModels models;
    private readonly RunEvaluator evaluator;
    private readonly RewardWatch watch;
    private readonly RunLimits limits;
    private readonly double peakGflops;
    private (int Step, double Score)? best;
    private bool parted;

    public TrainingExecution(TrainingRunRequest request, Action<RunEvent> onEvent)
    {
        (this.request, this.onEvent, spec) = (request, onEvent, request.Spec);
        folder = new RunFolder(request.Directory);
        journal = new RunJournal(folder);
        data = journal.Data(request.Data);
        limits = new RunLimits(spec.Parts());
        models = new RunModels(request, data);
        try
        {
            evaluator = new RunEvaluator(spec, data, models.Protocol, models.Grader, models.Judge);
            watch = new RewardWatch(spec.Watch.Gap);
            peakGflops = MachineProbe.Fp32Gflops(models.Pool);
        }
        catch
        {
            models.Dispose();
            throw;
        }
    }

    public RunOutcome Run(Func<bool> pauseRequested, CancellationToken cancellationToken) =>
        Train(pauseRequested, cancellationToken) ? new RunOutcome(RunState.Finished, Close(cancellationToken)) : new RunOutcome(RunState.Paused, null);

    public void Dispose() => models.Dispose();

    /// <summary>The steps that are left; false when it was asked to pause before the last.</summary>
    private bool Train(Func<bool> pauseRequested, CancellationToken cancellationToken)
    {
        var saved = journal.LastSavedStep();
        using var policy = models.Policy(saved is { } at ? journal.Checkpoint(at) : null);
        var reference = models.Reference(policy);
        Begin(policy, saved, cancellationToken);
        var tokens = journal.Metrics().Select(step => step.Values.GetValueOrDefault(RunMetricNames.Tokens)).DefaultIfEmpty().Max();
        var step = saved ?? 0;
        foreach (var stage in spec.Parts().Where(part => part.FirstStep + part.Steps > step))
        {
            var trainer = TrainerOf(stage, policy, reference);
            if (step == stage.FirstStep && step > 0)
            {
                // Moments of another loss would push the first steps in its direction.
                policy.ResetOptimizer();
                Log(step, $"{stage.Method} follows for {stage.Steps} steps.");
            }

            for (; step < stage.FirstStep + stage.Steps; step++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                if (parted && spec.Watch.Stop)
                {
                    Log(step, "Stopped, as watch.stop asks.");
                    return true;
                }

                if (pauseRequested())
                {
                    Save(policy, step, null);
                    return false;
                }

                var mark = models.Pool.Mark();
                RunMetrics metrics;
                IReadOnlyList<RunSample> samples;
                var updates = policy.Step;
                try
                {
                    (metrics, samples) = trainer.Step(step, tokens, cancellationToken);
                }
                catch (OperationCanceledException) when (pauseRequested() && policy.Step == updates)
                {
                    // The process ends and cannot wait for the step: the weights are still those of the step before.
                    Save(policy, step, null);
                    return false;
                }

                metrics = WithProfile(metrics, models.Pool.Since(mark), tokens);
                tokens = metrics.Values[RunMetricNames.Tokens];
                Record(metrics, samples);
                limits.Check(metrics);
                if (IsDue(step + 1))
                {
                    Evaluate(policy, step + 1, cancellationToken);
                }
            }
        }

        return true;
    }

    private RunMetrics WithProfile(RunMetrics metrics, WorkProfile profile, double tokensBefore)
    {
        var all = profile.Seconds * profile.Threads;
        return metrics with
        {
            Values = new Dictionary<string, double>(metrics.Values, StringComparer.Ordinal)
            {
                [RunMetricNames.TokensPerSecond] = (metrics.Values[RunMetricNames.Tokens] - tokensBefore) / profile.Seconds,
                [RunMetricNames.ProfileProducts] = profile.Products / all,
                [RunMetricNames.ProfileAttention] = profile.Attention / all,
                [RunMetricNames.ProfileOther] = profile.Other / all,
                [RunMetricNames.ProfileWaiting] = profile.Waiting / all,
                [RunMetricNames.ProfilePeak] = profile.Gflops / peakGflops,
                [RunMetricNames.Memory] = Environment.WorkingSet,
            },
        };
    }

    private Trainer TrainerOf(RunStage stage, IPolicyEngine policy, ReferencePolicy? reference) => stage.Method switch
    {
        "sft" => new SftTrainer(policy, models.Protocol, spec, stage, data.Train),
        "opsd" => new OpsdTrainer(policy, models.Protocol, spec, stage, data.Train),
        "dpo" => new DpoTrainer(policy, models.Protocol, reference!, spec, stage, data.Preferences),
        _ => new GrpoTrainer(policy, models.Protocol, models.Grader, spec.Grpo.KlCoefficient > 0 ? reference : null, spec, stage, data.Train),
    };

    private void Begin(IPolicyEngine policy, int? saved, CancellationToken cancellationToken)
    {
        journal.TruncateAfter(saved ?? -1);
        if (saved is { } step)
        {
            if (policy is CpuEngine { Adapter: not null })
            {
                AdapterCheckpoint.RequireBase(journal.Adapter(step), request.ModelDirectory);
            }

            policy.LoadOptimizer(journal.OptimizerFile(step));
            foreach (var metrics in journal.Metrics())
            {
                limits.Check(metrics);
                if (metrics.Values.TryGetValue(RunMetricNames.JudgeScore, out var judged))
                {
                    Consider(metrics.Step, judged);
                }
            }

            foreach (var (at, samples) in journal.Judged())
            {
                Look(at, samples);
            }

            Log(step, $"Resumed from checkpoint step-{step:D6}.");
            if (IsDue(step) && journal.Metrics().All(metrics => metrics.Step != step || !metrics.Values.ContainsKey(RunMetricNames.JudgeScore)))
            {
                // The judge failed here.
                Evaluate(policy, step, cancellationToken);
            }

            return;
        }

        foreach (var warning in RunSpecValidator.Warnings(spec))
        {
            Log(0, $"Warning: {warning}.");
        }

        if (!spec.Data.Sandbox)
        {
            Log(0, models.Memory);
        }

        Log(0, $"{data.Train.Count} training goals, {data.Validation.Count} validation goals, {data.Test.Count} test goals; {models.Pool.Threads} threads.");
        if (data.PreferenceNote is { } note)
        {
            Log(0, note);
        }

        Judge(policy, 0, cancellationToken);
    }

    private bool IsDue(int step) => step % spec.EvaluateEvery == 0 || step == spec.Steps;

    private void Evaluate(IPolicyEngine policy, int step, CancellationToken cancellationToken)
    {
        double score;
        WatchVerdict verdict;
        try
        {
            (score, verdict) = Judge(policy, step, cancellationToken);
        }
        catch (Exception fault) when (fault is TextModelException or InvalidDataException or OperationCanceledException)
        {
            // The steps are done whatever becomes of the judge, or of the process.
            Save(policy, step, null);
            throw;
        }

        Save(policy, step, score);
        if (verdict.Parted)
        {
            onEvent(new RunParted(step, verdict.Growth.Value));
            Log(step, string.Create(CultureInfo.InvariantCulture, $"Watch: self-grade and judge part. Since the start their gap has grown by {verdict.Growth.Value:F3} [{verdict.Growth.Low:F3}, {verdict.Growth.High:F3}]; the judge is {verdict.Judge.Value:+0.000;-0.000} against its best. Trust the judge-picked checkpoint (step {best!.Value.Step}), or train with another grader."));
        }
    }

    private (double Score, WatchVerdict Verdict) Judge(IPolicyEngine policy, int step, CancellationToken cancellationToken)
    {
        var seen = evaluator.Validate(policy, step, cancellationToken);
        Consider(step, seen.Score);
        var verdict = Look(step, seen.Samples);
        var values = new Dictionary<string, double>(StringComparer.Ordinal)
        {
            [RunMetricNames.JudgeScore] = seen.Score,
            [RunMetricNames.JudgeSelfGrade] = seen.SelfGrade,
            [RunMetricNames.WatchGrowth] = verdict.Growth.Value,
            [RunMetricNames.WatchGrowthLow] = verdict.Growth.Low,
            [RunMetricNames.WatchMentions] = seen.Mentions,
        };
        if (seen.JudgeFailure > 0)
        {
            values[RunMetricNames.JudgeFailure] = seen.JudgeFailure;
        }

        Record(new RunMetrics(step, values), seen.Samples);
        return (seen.Score, verdict);
    }

    private WatchVerdict Look(int step, IReadOnlyList<RunSample> judged)
    {
        var verdict = watch.Look(step, [.. judged.Select(sample => sample.SelfGrade ?? double.NaN)], [.. judged.Select(sample => sample.JudgeScore ?? double.NaN)]);
        parted |= verdict.Parted;
        return verdict;
    }

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
        journal.Append(metrics);
        onEvent(metrics);
        foreach (var sample in samples)
        {
            onEvent(sample);
        }
    }

    private void Log(int step, string message)
    {
        var line = new RunLog(step, message);
        journal.Append(RunFolder.LogFile, RunJournal.Line(line));
        onEvent(line);
    }
}
