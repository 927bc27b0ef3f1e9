using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace CoScientist.Core.Runs;

/// <summary>Names and readers of the files in a run's folder. The trainer writes them, and drops what lies after its saved state when it resumes; readers accept a last line that is still being written.</summary>
/// <param name="path">The folder (<c>runs/NAME</c> of the data directory).</param>
public sealed class RunFolder(string path)
{
    /// <summary>The specification.</summary>
    public const string SpecFile = "spec.json";

    /// <summary>The <see cref="RunData"/> that the run took when it started.</summary>
    public const string DataFile = "data.json";

    /// <summary>One <see cref="RunMetrics"/> a line: "step" and the metrics in one flat object.</summary>
    public const string MetricsFile = "metrics.jsonl";

    /// <summary>One <see cref="RunSample"/> a line.</summary>
    public const string SamplesFile = "samples.jsonl";

    /// <summary>One <see cref="RunLog"/> a line.</summary>
    public const string LogFile = "log.jsonl";

    /// <summary>The metrics once more, for TensorBoard; see <see cref="TensorBoardFile"/>.</summary>
    public const string EventsFile = "events.out.tfevents.coscientist";

    /// <summary>One <see cref="RunEvaluationRow"/> a line, written whole when the run finishes.</summary>
    public const string EvaluationFile = "evaluation.jsonl";

    /// <summary>Folder of the checkpoints.</summary>
    public const string CheckpointsFolder = "checkpoints";

    /// <summary>Folder of the adapters, in runs that train one.</summary>
    public const string AdaptersFolder = "adapters";

    /// <summary>How the lines are written and read: camel case, one line each, unknown fields ignored.</summary>
    public static JsonSerializerOptions LineOptions { get; } = new(JsonSerializerDefaults.Web)
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>The folder.</summary>
    public string Path { get; } = path;

    /// <summary>Folder of a step's checkpoint, relative to the run's folder ("checkpoints/step-000010").</summary>
    public static string CheckpointDirectory(int step) => string.Create(CultureInfo.InvariantCulture, $"{CheckpointsFolder}/step-{step:D6}");

    /// <summary>Folder of a step's adapter alone, in PEFT's layout, in runs that train one; the checkpoint of the step has it merged, and is made when somebody needs it whole.</summary>
    public static string AdapterDirectory(int step) => string.Create(CultureInfo.InvariantCulture, $"{AdaptersFolder}/step-{step:D6}");

    /// <summary>Full name of a file in the folder.</summary>
    public string File(string name) => System.IO.Path.Combine(Path, name);

    /// <summary>Goals and items the run works with; null before it has written them down.</summary>
    public RunData? ReadData()
    {
        if (!System.IO.File.Exists(File(DataFile)))
        {
            return null;
        }

        using var stream = new FileStream(File(DataFile), FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        return JsonSerializer.Deserialize<RunData>(stream, LineOptions);
    }

    /// <summary>Checkpoints on disk, whole or as adapters, by step.</summary>
    public IReadOnlyList<int> CheckpointSteps()
    {
        var steps = new SortedSet<int>();
        foreach (var folder in new[] { File(CheckpointsFolder), File(AdaptersFolder) }.Where(Directory.Exists))
        {
            foreach (var name in Directory.EnumerateDirectories(folder, "step-*").Select(System.IO.Path.GetFileName))
            {
                if (int.TryParse(name!["step-".Length..], NumberStyles.None, CultureInfo.InvariantCulture, out var step))
                {
                    steps.Add(step);
                }
            }
        }

        return [.. steps];
    }

    /// <summary>Steps that have samples, ascending.</summary>
    public IReadOnlyList<int> SampleSteps() => new RunSampleIndex(this).Refresh();

    /// <summary>Samples of one step, in the order they were written.</summary>
    public IReadOnlyList<RunSample> ReadSamples(int step)
    {
        var index = new RunSampleIndex(this);
        index.Refresh();
        return index.Read(step);
    }

    /// <summary>The newest samples whose goal, plan or items contain a text, whatever the case of its letters.</summary>
    /// <param name="text">What is looked for.</param>
    /// <param name="most">Most samples returned.</param>
    /// <param name="cancellationToken">Cancels between lines.</param>
    /// <returns>The samples, newest first, and how many there are in all.</returns>
    public (IReadOnlyList<RunSample> Newest, int Found) SearchSamples(string text, int most, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrEmpty(text);
        var written = JsonSerializer.Serialize(text, LineOptions)[1..^1];
        var newest = new Queue<RunSample>();
        var found = 0;
        foreach (var line in Lines(SamplesFile))
        {
            cancellationToken.ThrowIfCancellationRequested();

            // Most lines are put aside without being read as JSON.
            if (line.Contains(written, StringComparison.OrdinalIgnoreCase) && TrySample(Encoding.UTF8.GetBytes(line)) is { } sample && Says(sample, text))
            {
                found++;
                newest.Enqueue(sample);
                if (newest.Count > most)
                {
                    newest.Dequeue();
                }
            }
        }

        return ([.. newest.Reverse()], found);
    }

    /// <summary>The last lines said by the run, oldest first.</summary>
    /// <param name="count">Most lines.</param>
    public IReadOnlyList<RunLog> ReadLog(int count) => [.. FileTail.Read(File(LogFile), count, search: null, CancellationToken.None).Select(line => TryRead<RunLog>(Encoding.UTF8.GetBytes(line))).OfType<RunLog>().Where(said => said.Message is not null)];

    /// <summary>Rows of the closing evaluation.</summary>
    /// <exception cref="InvalidDataException">A line is not a row; the message names file and line.</exception>
    public IReadOnlyList<RunEvaluationRow> ReadEvaluation()
    {
        var rows = new List<RunEvaluationRow>();
        var number = 0;
        foreach (var line in Lines(EvaluationFile))
        {
            number++;
            try
            {
                rows.Add(JsonText.Deserialize<RunEvaluationRow>(line, LineOptions) ?? throw new JsonException("the line is null"));
            }
            catch (JsonException fault)
            {
                throw new InvalidDataException($"{File(EvaluationFile)}, line {number}: not a row of a closing evaluation ({fault.Message}). Delete the file and resume the run to evaluate again.", fault);
            }
        }

        return rows;
    }

    private static bool Says(RunSample sample, string text) =>
        sample.Plan.Contains(text, StringComparison.OrdinalIgnoreCase) || sample.Goal.Contains(text, StringComparison.OrdinalIgnoreCase) || sample.Items.Any(item => item.Text.Contains(text, StringComparison.OrdinalIgnoreCase));

    private IEnumerable<string> Lines(string name)
    {
        var file = File(name);
        if (!System.IO.File.Exists(file))
        {
            yield break;
        }

        using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        using var reader = new StreamReader(stream);
        while (reader.ReadLine() is { } line)
        {
            if (line.Length > 0)
            {
                yield return line;
            }
        }
    }

    /// <summary>A line of samples; null when it is still being written, or damaged.</summary>
    internal static RunSample? TrySample(ReadOnlySpan<byte> line) =>
        TryRead<RunSample>(line) is { Kind: not null, GoalId: not null, Goal: not null, Plan: not null, Items: not null } sample && sample.Items.All(item => item is { Text: not null }) ? sample : null;

    private static T? TryRead<T>(ReadOnlySpan<byte> line)
        where T : class
    {
        try
        {
            return JsonSerializer.Deserialize<T>(line, LineOptions);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
