using System.Text;
using System.Text.Json;
using CoScientist.Core.Runs;

namespace CoScientist.Core.Evaluations;

/// <summary>
/// Files of an evaluation (<c>evaluations/NAME</c> of the data directory): what it is to do, the goals it took, and one line per
/// plan, grading and pair. Lines are only ever added, so a stopped evaluation goes on where it was; a line that was cut off by the
/// stop is dropped.
/// </summary>
/// <param name="path">The folder.</param>
public sealed class EvaluationFolder(string path)
{
    /// <summary>Folder of all evaluations in the data directory.</summary>
    public const string Parent = "evaluations";

    /// <summary>The <see cref="EvaluationSpec"/>.</summary>
    public const string SpecFile = "spec.json";

    /// <summary>The <see cref="EvaluationData"/>.</summary>
    public const string DataFile = "data.json";

    /// <summary>One <see cref="EvaluationPlan"/> a line.</summary>
    public const string PlansFile = "plans.jsonl";

    /// <summary>One <see cref="EvaluationGrading"/> a line; a later one of the same plan and scorer takes the place of an earlier.</summary>
    public const string GradingsFile = "gradings.jsonl";

    /// <summary>One <see cref="EvaluationPair"/> a line; a later one takes the place of an earlier.</summary>
    public const string PairsFile = "pairs.jsonl";

    /// <summary>The folder.</summary>
    public string Path { get; } = path;

    /// <summary>Whether it holds an evaluation.</summary>
    public bool Exists => System.IO.File.Exists(File(SpecFile)) && System.IO.File.Exists(File(DataFile));

    /// <summary>Full name of a file in the folder.</summary>
    public string File(string name) => System.IO.Path.Combine(Path, name);

    /// <summary>What the evaluation is to do.</summary>
    /// <exception cref="InvalidDataException">The file is damaged.</exception>
    public EvaluationSpec ReadSpec() => Read<EvaluationSpec>(SpecFile, RunSpec.JsonOptions);

    /// <summary>The goals it took.</summary>
    /// <exception cref="InvalidDataException">The file is damaged.</exception>
    public EvaluationData ReadData() => Read<EvaluationData>(DataFile, RunFolder.LineOptions);

    /// <summary>Plans so far, in the order they were written.</summary>
    /// <exception cref="InvalidDataException">A line is damaged; the message names file and line.</exception>
    public IReadOnlyList<EvaluationPlan> ReadPlans() => Latest<EvaluationPlan, (string, string, int?)>(PlansFile, plan => plan.Key);

    /// <summary>Gradings so far, the last one of each plan and scorer.</summary>
    /// <exception cref="InvalidDataException">A line is damaged; the message names file and line.</exception>
    public IReadOnlyList<EvaluationGrading> ReadGradings() => Latest<EvaluationGrading, (string, string, int?, string)>(GradingsFile, grading => (grading.Model, grading.Goal, grading.Sample, grading.Scorer));

    /// <summary>Pairs so far, the last one of each, judge and way.</summary>
    /// <exception cref="InvalidDataException">A line is damaged; the message names file and line.</exception>
    public IReadOnlyList<EvaluationPair> ReadPairs() => Latest<EvaluationPair, (string, string, int?, string?, bool)>(PairsFile, pair => (pair.Model, pair.Goal, pair.Sample, pair.Judge, pair.Rubric));

    private T Read<T>(string name, JsonSerializerOptions options)
    {
        try
        {
            return JsonText.Deserialize<T>(System.IO.File.ReadAllText(File(name)), options) ?? throw new JsonException("the file is empty");
        }
        catch (JsonException fault)
        {
            throw new InvalidDataException($"{File(name)} is not part of an evaluation ({fault.Message}): restore it from a backup, or delete the folder and evaluate again.", fault);
        }
    }

    private T[] Latest<T, TKey>(string name, Func<T, TKey> key)
        where TKey : notnull
    {
        var rows = new OrderedDictionary<TKey, T>();
        if (!System.IO.File.Exists(File(name)))
        {
            return [];
        }

        using var stream = new FileStream(File(name), FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        using var reader = new StreamReader(stream, Encoding.UTF8);
        var text = reader.ReadToEnd();

        // Without its line feed a line is still being written, or was cut off.
        var lines = text[..(text.LastIndexOf('\n') + 1)].Split('\n', StringSplitOptions.RemoveEmptyEntries);
        for (var number = 1; number <= lines.Length; number++)
        {
            try
            {
                var row = JsonText.Deserialize<T>(lines[number - 1], RunFolder.LineOptions) ?? throw new JsonException("the line is null");
                rows[key(row)] = row;
            }
            catch (JsonException fault)
            {
                throw new InvalidDataException($"{File(name)}, line {number}: not a row of an evaluation ({fault.Message}). Delete the line, then evaluate again with the same name: what is missing is made anew.", fault);
            }
        }

        return [.. rows.Values];
    }
}
