using System.Globalization;
using CoScientist.Core.Runs;
using CoScientist.Training.Checkpoints.Adapters;
using CoScientist.Training.Engines;
using CoScientist.Training.Sandbox;

namespace CoScientist.Training.Trainers;

/// <content>What a run leaves: checkpoints on the way, and its result.</content>
internal sealed partial class TrainingExecution
{
    private string? baseHash;

    private void Save(IPolicyEngine policy, int step, double? score)
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
        };
        if (spec.Data.Sandbox)
        {
            manifest[SandboxBaseModel.ThresholdKey] = SandboxBaseModel.Format(SandboxBaseModel.GraderThreshold(request.ModelDirectory));
        }

        if (score is { } judged)
        {
            manifest[RunMetricNames.JudgeScore] = judged.ToString("R", CultureInfo.InvariantCulture);
        }

        policy.SaveOptimizer(journal.OptimizerFile(step));
        if (policy is CpuEngine { Adapter: not null } adapted)
        {
            SaveAdapter(adapted, step, manifest);
        }
        else if (!Directory.Exists(journal.Checkpoint(step)))
        {
            policy.Save(journal.Checkpoint(step), manifest, spec.Data.Sandbox ? null : request.ModelDirectory);
        }

        journal.DropOptimizersBefore(step);
        onEvent(new RunCheckpoint(step, RunFolder.CheckpointDirectory(step), score, best?.Step == step));
    }

    /// <summary>The adapter alone: a fraction of the whole model, which base and adapter make whenever somebody needs it.</summary>
    private void SaveAdapter(CpuEngine policy, int step, Dictionary<string, string> manifest)
    {
        if (Directory.Exists(journal.Adapter(step)))
        {
            return;
        }

        baseHash ??= AdapterCheckpoint.Fingerprint(request.ModelDirectory);
        manifest[AdapterCheckpoint.BaseKey] = request.ModelDirectory;
        manifest[AdapterCheckpoint.BaseHashKey] = baseHash;
        policy.SaveAdapter(journal.Adapter(step), request.ModelDirectory, manifest);
    }

    private RunResult Close(CancellationToken cancellationToken)
    {
        var picked = best?.Step ?? 0;
        foreach (var step in new[] { picked, journal.LastSavedStep() ?? 0 }.Where(step => step > 0))
        {
            // The run's result and its last state, for everybody who takes whole models only.
            journal.Whole(step, request.ModelDirectory, cancellationToken);
        }

        Log(spec.Steps, $"The judge picks step {picked}. Evaluating it and the base on {data.Test.Count} test goals.");
        var baseline = models.Frozen(request.ModelDirectory);
        var chosen = models.Frozen(picked == 0 ? request.ModelDirectory : journal.Checkpoint(picked));
        return RunClosing.Evaluate(request, journal, evaluator, picked, evaluator.By(baseline), evaluator.By(chosen), message => Log(spec.Steps, message), cancellationToken);
    }
}
