using System.Text.Json;
using CoScientist.Core.Runs;

namespace CoScientist.Training.Clusters;

/// <summary>A plan as the reward function wrote it down (<c>coscientist_grader.py</c>).</summary>
/// <param name="Split">"train" or "validation".</param>
/// <param name="GoalId">Its goal.</param>
/// <param name="Plan">The plan.</param>
/// <param name="Finished">Whether its solution tag is closed.</param>
/// <param name="Overlong">Whether it is too long.</param>
/// <param name="Reward">Its reward; null when ungraded.</param>
/// <param name="SelfGrade">Share of items the grader calls met; null when ungraded.</param>
/// <param name="Judge">Share of items the judge calls met; null when it was not asked or could not be read.</param>
/// <param name="Items">The grader's verdicts; null where there is none.</param>
/// <param name="JudgeItems">The judge's; null when it was not asked.</param>
internal sealed record GradingNote(string Split, string GoalId, string Plan, bool Finished, bool Overlong, double? Reward, double? SelfGrade, double? Judge, IReadOnlyList<bool?> Items, IReadOnlyList<bool?>? JudgeItems)
{
    /// <summary>The plan for the run's pages; null when the run has no such goal.</summary>
    public RunSample? Sample(int step, IReadOnlyDictionary<string, RunGoal> goals) => goals.TryGetValue(GoalId, out var goal) && goal.Items.Count == Items.Count
        ? new RunSample(step, Split, GoalId, goal.Text, Plan, Split == "train" ? Reward : null, SelfGrade, Judge, [.. goal.Items.Select((item, k) => new RunSampleItem(item.Text, Items[k], Probability: null, JudgeItems?.ElementAtOrDefault(k)))])
        : null;
}

/// <summary>Follows what the reward function of a run writes down, a file for each of its processes.</summary>
/// <param name="folder">Their folder.</param>
/// <param name="offsets">How far each file has been read; kept by the caller.</param>
internal sealed class GradingNotes(string folder, IDictionary<string, long> offsets)
{
    /// <summary>Plans written down since the last reading.</summary>
    public IReadOnlyList<GradingNote> Read()
    {
        var notes = new List<GradingNote>();
        foreach (var file in Directory.Exists(folder) ? Directory.GetFiles(folder, "*.jsonl").Order(StringComparer.Ordinal) : Enumerable.Empty<string>())
        {
            var name = Path.GetFileName(file);
            var offset = offsets.TryGetValue(name, out var known) ? known : 0;
            notes.AddRange(TailedFile.Read(file, ref offset).Select(Parse).OfType<GradingNote>());
            offsets[name] = offset;
        }

        return notes;
    }

    private static GradingNote? Parse(byte[] line)
    {
        try
        {
            return JsonSerializer.Deserialize<GradingNote>(line, RunFolder.LineOptions) is { Items: not null, GoalId: not null, Plan: not null } note ? note : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
