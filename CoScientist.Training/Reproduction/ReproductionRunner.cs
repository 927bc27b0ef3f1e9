using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using CoScientist.Core;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Training.Kernels;
using CoScientist.Training.Sandbox;
using CoScientist.Training.Trainers;

namespace CoScientist.Training.Reproduction;

/// <summary>How far a reproduction is.</summary>
/// <param name="Done">Experiments with results.</param>
/// <param name="All">Experiments in all.</param>
/// <param name="Now">What is being done.</param>
/// <param name="Left">About how long the rest takes; null before anything can be said.</param>
public sealed record ReproductionProgress(int Done, int All, string Now, TimeSpan? Left);

/// <summary>
/// Runs the list of experiments one after the other, each in a folder of its own, and keeps what they measured. Stopped at any
/// moment and called again, it goes on: finished experiments are kept, a half-done run resumes from its last checkpoint.
/// An experiment whose settings, model or grader have changed since is done anew.
/// </summary>
/// <param name="directory">Folder of the reproduction.</param>
/// <param name="model">Folder of the base model.</param>
/// <param name="options">Its size.</param>
/// <param name="time">The clock.</param>
public sealed class ReproductionRunner(string directory, string model, ReproductionOptions options, TimeProvider time)
{
    private const string OutcomeFile = "outcome.json";
    private const string KeyFile = "key.txt";

    private readonly string weakGrader = Path.Combine(directory, WeakGrader.Name);
    private readonly IReadOnlyList<Experiment> experiments = ExperimentList.Of(options);
    private string? modelHash;

    /// <summary>What the experiments measured that have been done with these settings and this model.</summary>
    /// <param name="stale">Whether results count whose settings or model have changed since.</param>
    public IReadOnlyList<(Experiment Experiment, ExperimentOutcome Outcome)> Results(bool stale = false) =>
        [.. experiments.Where(experiment => IsDone(experiment) && (stale || IsCurrent(experiment))).Select(experiment => (experiment, Read(experiment)))];

    /// <summary>The accuracy of the weak grader; null before it was built.</summary>
    public SandboxReport? WeakGraderReport => WeakGrader.Read(weakGrader);

    /// <summary>Runs what has no results yet.</summary>
    /// <param name="part">One of <see cref="Experiment.Parts"/>; null for all.</param>
    /// <param name="tell">Called after every step.</param>
    /// <param name="cancellationToken">Stops; what was done is kept.</param>
    /// <exception cref="OperationCanceledException">Stopped.</exception>
    public async Task RunAsync(string? part, Action<ReproductionProgress> tell, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(tell);
        var wanted = experiments.Where(experiment => part is null || experiment.Part == part).ToArray();
        var left = wanted.Where(experiment => !IsDone(experiment) || !IsCurrent(experiment)).ToArray();
        var (start, done) = (time.GetTimestamp(), 0.0);
        for (var i = 0; i < left.Length; i++)
        {
            var experiment = left[i];
            var rest = left.Skip(i).Sum(other => other.Cost);
            await RunAsync(experiment, (now, share) => tell(new ReproductionProgress(wanted.Length - left.Length + i, wanted.Length, now, Left(share * experiment.Cost))), cancellationToken);
            done += experiment.Cost;

            TimeSpan Left(double here)
            {
                var elapsed = time.GetElapsedTime(start).TotalSeconds;
                var pace = done + here > 60 ? elapsed / (done + here) : 1;
                return TimeSpan.FromSeconds(pace * (rest - here));
            }
        }
    }

    private async Task RunAsync(Experiment experiment, Action<string, double> tell, CancellationToken cancellationToken)
    {
        var spec = experiment.Spec ?? options.Adjust(new RunSpec { Seed = experiment.Seed, TopP = SandboxEvaluation.Sampling.TopP });
        if (experiment.Weak)
        {
            WeakGrader.Ensure(weakGrader, options.WeakBuild, model, options.TestGoals, spec.Threads, line => tell(line, 0), cancellationToken);
        }

        var folder = FolderOf(experiment);
        Begin(experiment);
        tell($"{experiment.Name}: goals and rubrics", 0);
        var (data, test) = await DataAsync(experiment, spec, cancellationToken);
        var run = experiment.Spec is null ? new TrainedRun(0, 0, null) : await TrainAsync(experiment, data, tell, cancellationToken);
        tell($"{experiment.Name}: measuring", 1);
        var outcome = await Task.Run(() => Measure(experiment, spec, test, run, cancellationToken), cancellationToken);
        AtomicFile.WriteAllText(Path.Combine(folder, OutcomeFile), JsonSerializer.Serialize(outcome, RunFolder.LineOptions));
        Sweep(new RunFolder(folder), run.Picked);
    }

    private async Task<(RunData Data, IReadOnlyList<RunGoal> Test)> DataAsync(Experiment experiment, RunSpec spec, CancellationToken cancellationToken)
    {
        var name = experiment.Rubrics == RubricCare.Clean ? "clean" : $"{ExperimentList.ArmOf(experiment.Rubrics)}-{experiment.Seed}";
        await using var library = new StudyLibrary(Path.Combine(directory, "libraries", name, "coscientist.db"), time);
        await library.PrepareAsync(cancellationToken);
        if (experiment.Rubrics != RubricCare.Clean)
        {
            var (items, spoiled) = await library.SpoilAsync(experiment.Domain!, options.SpoiledShare, experiment.Seed, cancellationToken);
            if (experiment.Rubrics != RubricCare.Spoiled)
            {
                var wrong = experiment.Rubrics == RubricCare.ReviewedCarelessly ? options.WrongShare : 0;
                await library.ReviewAsync(SimulatedReviewer.Decide(items, spoiled, wrong, experiment.Seed), cancellationToken);
            }
        }

        var data = await library.LoadAsync(spec.Data, spec.ValidationGoals, options.TestGoals, cancellationToken);
        return (data with { Test = [data.Test[0]] }, data.Test);
    }

    private async Task<TrainedRun> TrainAsync(Experiment experiment, RunData data, Action<string, double> tell, CancellationToken cancellationToken)
    {
        var request = new TrainingRunRequest
        {
            Name = experiment.Name,
            Directory = FolderOf(experiment),
            Spec = experiment.Spec!,
            Data = data,
            ModelDirectory = model,
            Grader = experiment.Weak ? GradingModel.Checkpoint(weakGrader) : GradingModel.BuiltIn,
        };
        var steps = experiment.Spec!.Steps;
        var history = new RunHistory(new RunFolder(request.Directory));
        try
        {
            // A pause saves the step it comes after; a cancellation would throw away all since the last evaluation.
            var outcome = await TrainingRun.ExecuteAsync(
                request,
                told =>
                {
                    if (told is RunMetrics metrics)
                    {
                        tell(FormattableString.Invariant($"{experiment.Name}: step {metrics.Step}/{steps}"), 0.8 * metrics.Step / steps);
                    }
                },
                () => cancellationToken.IsCancellationRequested,
                CancellationToken.None);
            history.Refresh();
            return outcome.Result is { } result ? new TrainedRun(result.BestStep, Seconds(), null) : throw new OperationCanceledException(cancellationToken);
        }
        catch (InvalidDataException fault)
        {
            // A run that was ended because its policy collapsed is a result; one that never began is a fault.
            history.Refresh();
            var judged = history.Series(RunMetricNames.JudgeScore);
            if (judged.Count == 0)
            {
                throw;
            }

            return new TrainedRun(judged.MaxBy(point => point.Value).Step, Seconds(), fault.Message);
        }

        double Seconds() => history.Series(RunMetricNames.StepTime).Sum(point => point.Value);
    }

    private ExperimentOutcome Measure(Experiment experiment, RunSpec spec, IReadOnlyList<RunGoal> test, TrainedRun run, CancellationToken cancellationToken)
    {
        using var pool = new WorkerPool(spec.Threads);
        using var measurement = new CheckpointMeasurement(test, GraderOf(experiment), spec.Grading.Reference, pool);
        var folder = new RunFolder(FolderOf(experiment));
        var atPicked = measurement.Measure(Checkpoint(run.Picked), spec, cancellationToken);
        var last = folder.CheckpointSteps().DefaultIfEmpty().Max();
        return new ExperimentOutcome
        {
            Name = experiment.Name,
            PickedStep = run.Picked,
            TrainingSeconds = run.Seconds,
            EndedEarly = run.EndedEarly,
            Picked = atPicked,
            Last = !experiment.MeasuresLast ? null : run.Picked == last ? atPicked : measurement.Measure(Checkpoint(last), spec, cancellationToken),
            PickFrom = experiment.PlansToPickFrom == 0 ? [] : measurement.PlansToPickFrom(Checkpoint(run.Picked), spec, Math.Min(options.PickGoals, test.Count), experiment.PlansToPickFrom, cancellationToken),
            Judged =
            [
                .. folder.SampleSteps()
                    .Select(step => (Step: step, Samples: folder.ReadSamples(step).Where(sample => sample.JudgeScore is not null).ToArray()))
                    .Where(judged => judged.Samples.Length > 0)
                    .Select(judged => new JudgedStep(judged.Step, [.. judged.Samples.Select(sample => sample.SelfGrade!.Value)], [.. judged.Samples.Select(sample => sample.JudgeScore!.Value)])),
            ],
        };

        string Checkpoint(int step) => step == 0 ? model : folder.File(RunFolder.CheckpointDirectory(step));
    }

    /// <summary>Removes what only a resumption needs: every checkpoint but the picked one, optimizer states, and the plans of every step.</summary>
    private static void Sweep(RunFolder folder, int picked)
    {
        foreach (var step in folder.CheckpointSteps().Where(step => step != picked))
        {
            Directory.Delete(folder.File(RunFolder.CheckpointDirectory(step)), recursive: true);
        }

        File.Delete(folder.File(RunFolder.SamplesFile));
        foreach (var state in Directory.EnumerateFiles(folder.Path, "optimizer-*.safetensors"))
        {
            File.Delete(state);
        }
    }

    /// <summary>Clears a folder that belongs to other settings, and says which it belongs to from now on.</summary>
    private void Begin(Experiment experiment)
    {
        var folder = FolderOf(experiment);
        if (!IsCurrent(experiment))
        {
            if (Directory.Exists(folder))
            {
                Directory.Delete(folder, recursive: true);
            }

            Directory.CreateDirectory(folder);
            AtomicFile.WriteAllText(Path.Combine(folder, KeyFile), KeyOf(experiment));
        }
    }

    private string FolderOf(Experiment experiment) => Path.Combine(directory, experiment.Name);

    private string GraderOf(Experiment experiment) => experiment.Weak ? weakGrader : model;

    private bool IsDone(Experiment experiment) => File.Exists(Path.Combine(FolderOf(experiment), OutcomeFile));

    private bool IsCurrent(Experiment experiment)
    {
        var file = Path.Combine(FolderOf(experiment), KeyFile);
        return File.Exists(file) && File.ReadAllText(file) == KeyOf(experiment);
    }

    private ExperimentOutcome Read(Experiment experiment)
    {
        var file = Path.Combine(FolderOf(experiment), OutcomeFile);
        try
        {
            return JsonText.Deserialize<ExperimentOutcome>(File.ReadAllText(file), RunFolder.LineOptions) ?? throw new JsonException("the file is empty");
        }
        catch (JsonException fault)
        {
            throw new InvalidDataException($"{file} is not the outcome of an experiment ({fault.Message}): delete the folder it lies in and run the reproduction again.", fault);
        }
    }

    /// <summary>Changes whenever a result would: settings, base model, grader.</summary>
    private string KeyOf(Experiment experiment)
    {
        var settings = JsonSerializer.SerializeToNode(
            new
            {
                Spec = experiment.Spec is null ? null : Changes(experiment.Spec, new RunSpec()),
                experiment.Seed,
                experiment.Rubrics,
                experiment.MeasuresLast,
                experiment.PlansToPickFrom,
                options.TestGoals,
                Pick = experiment.PlansToPickFrom > 0 ? options.PickGoals : 0,
                Spoiled = experiment.Rubrics == RubricCare.Clean ? 0 : options.SpoiledShare,
                Wrong = experiment.Rubrics == RubricCare.ReviewedCarelessly ? options.WrongShare : 0,
                Grader = experiment.Weak ? Changes(options.WeakBuild, new SandboxBuildOptions()) : null,
                Model = ModelHash(),
            },
            RunSpec.JsonOptions)!;
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(settings.ToJsonString())));
    }

    /// <summary>The fields that differ from the defaults, so that a setting added later leaves old results what they are.</summary>
    private static JsonObject Changes<T>(T settings, T defaults)
    {
        return Differing(JsonSerializer.SerializeToNode(settings, RunSpec.JsonOptions)!.AsObject(), JsonSerializer.SerializeToNode(defaults, RunSpec.JsonOptions)!.AsObject());

        static JsonObject Differing(JsonObject one, JsonObject other) => new(one
            .Where(field => !JsonNode.DeepEquals(field.Value, other[field.Key]))
            .Select(field => KeyValuePair.Create(field.Key, field.Value is JsonObject group && other[field.Key] is JsonObject same ? Differing(group, same) : field.Value?.DeepClone())));
    }

    private string ModelHash()
    {
        if (modelHash is null)
        {
            using var weights = File.OpenRead(Path.Combine(model, "model.safetensors"));
            modelHash = Convert.ToHexStringLower(SHA256.HashData(weights)) + SandboxBaseModel.Format(SandboxBaseModel.GraderThreshold(model));
        }

        return modelHash;
    }

    private sealed record TrainedRun(int Picked, double Seconds, string? EndedEarly);
}
