using System.Text;
using System.Text.Json;
using CoScientist.Core;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Training.Checkpoints.Adapters;

namespace CoScientist.Training.Trainers;

/// <summary>Writes a run's files, so that what is on disk is always a state to resume from: a checkpoint counts once its folder has its final name and its optimizer state lies beside it.</summary>
internal sealed class RunJournal(RunFolder folder)
{
    private const string DataFile = "data.json";

    private readonly TensorBoardFile events = new(folder.File(RunFolder.EventsFile), TimeProvider.System);

    /// <summary>The goals and items of the run: written once, read by every resumption.</summary>
    public RunData Data(RunData given)
    {
        var file = folder.File(DataFile);
        if (!File.Exists(file))
        {
            Directory.CreateDirectory(folder.Path);
            AtomicFile.WriteAllText(file, JsonSerializer.Serialize(given, RunFolder.LineOptions));
            return given;
        }

        try
        {
            return JsonText.Deserialize<RunData>(File.ReadAllText(file), RunFolder.LineOptions) ?? throw new JsonException("the file is empty");
        }
        catch (JsonException fault)
        {
            throw new InvalidDataException($"{file} is not the data of a run ({fault.Message}): restore it from a backup or start a new run.", fault);
        }
    }

    /// <summary>The last step with a checkpoint and its optimizer state; null when there is none.</summary>
    public int? LastSavedStep()
    {
        var steps = folder.CheckpointSteps().Where(step => step > 0 && File.Exists(OptimizerFile(step))).ToArray();
        return steps.Length == 0 ? null : steps[^1];
    }

    /// <summary>Full path of a checkpoint; in runs that train an adapter it is there once <see cref="Whole"/> has made it.</summary>
    public string Checkpoint(int step) => folder.File(RunFolder.CheckpointDirectory(step));

    /// <summary>Full path of a checkpoint that is there: of a run that trains an adapter it is made now, if it was not before.</summary>
    /// <param name="step">Its step.</param>
    /// <param name="baseModel">Folder of the model that the run began with.</param>
    /// <param name="cancellationToken">Stops and leaves nothing.</param>
    public string Whole(int step, string baseModel, CancellationToken cancellationToken)
    {
        if (Directory.Exists(Adapter(step)))
        {
            AdapterCheckpoint.Merge(Adapter(step), baseModel, Checkpoint(step), cancellationToken);
        }

        return Checkpoint(step);
    }

    /// <summary>Full path of a step's adapter.</summary>
    public string Adapter(int step) => folder.File(RunFolder.AdapterDirectory(step));

    /// <summary>Optimizer state that belongs to a checkpoint.</summary>
    public string OptimizerFile(int step) => folder.File($"optimizer-{step:D6}.safetensors");

    /// <summary>Deletes the optimizer states of earlier steps, which nothing resumes from any more.</summary>
    public void DropOptimizersBefore(int step)
    {
        foreach (var earlier in folder.CheckpointSteps().Where(earlier => earlier < step))
        {
            File.Delete(OptimizerFile(earlier));
        }
    }

    /// <summary>Drops metrics, samples and log lines after a step: they are about to be made again.</summary>
    public void TruncateAfter(int step)
    {
        foreach (var name in new[] { RunFolder.MetricsFile, RunFolder.SamplesFile, RunFolder.LogFile })
        {
            var file = folder.File(name);
            if (File.Exists(file))
            {
                var kept = File.ReadAllLines(file).Where(line => StepOf(line) is { } at && at <= step);
                AtomicFile.WriteAllText(file, string.Concat(kept.Select(line => line + "\n")));
            }
        }

        var last = events.TruncateAfter(step) ?? -1;
        foreach (var metrics in Metrics().Where(metrics => metrics.Step > last))
        {
            // A run that was begun before there were event files.
            events.Append(metrics);
        }
    }

    /// <summary>Judged plans on disk, evaluation by evaluation.</summary>
    public IEnumerable<(int Step, IReadOnlyList<RunSample> Samples)> Judged() =>
        Metrics().Where(metrics => metrics.Values.ContainsKey(RunMetricNames.JudgeScore))
            .Select(metrics => (metrics.Step, (IReadOnlyList<RunSample>)[.. folder.ReadSamples(metrics.Step).Where(sample => sample.Kind == "validation")]));

    /// <summary>The metrics on disk.</summary>
    public IReadOnlyList<RunMetrics> Metrics()
    {
        var history = new RunHistory(folder);
        history.Refresh();
        return history.Steps;
    }

    /// <summary>Adds the metrics of a step, where both people's tools and TensorBoard find them.</summary>
    public void Append(RunMetrics metrics)
    {
        Append(RunFolder.MetricsFile, RunHistory.Format(metrics));
        events.Append(metrics);
    }

    /// <summary>Adds lines to a file and hands them to the operating system before it returns.</summary>
    public void Append(string name, params IEnumerable<string> lines)
    {
        var text = string.Concat(lines.Select(line => line + "\n"));
        using var stream = new FileStream(folder.File(name), FileMode.Append, FileAccess.Write, FileShare.ReadWrite);
        stream.Write(Encoding.UTF8.GetBytes(text));
    }

    /// <summary>A line of samples or log.</summary>
    public static string Line<T>(T value) => JsonSerializer.Serialize(value, RunFolder.LineOptions);

    private static int? StepOf(string line)
    {
        try
        {
            using var document = JsonText.Parse(line);
            return document.RootElement is { ValueKind: JsonValueKind.Object } entry && entry.TryGetProperty("step", out var step) && step.ValueKind == JsonValueKind.Number && step.TryGetInt32(out var number) ? number : null;
        }
        catch (JsonException)
        {
            // A line cut off by a crash.
            return null;
        }
    }
}
