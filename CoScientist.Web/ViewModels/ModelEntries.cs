using System.Globalization;
using System.Text.Json;
using CoScientist.Core;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Training.Checkpoints;
using CoScientist.Web.Runs;

namespace CoScientist.Web.ViewModels;

/// <summary>An entry of two things that are compared.</summary>
/// <param name="Entry">Its name.</param>
/// <param name="Left">Value of the first; null where it has none.</param>
/// <param name="Right">Value of the second; null where it has none.</param>
internal sealed record Difference(string Entry, string? Left, string? Right)
{
    /// <summary>Whether the values are not the same.</summary>
    public bool Differs => !string.Equals(Left, Right, StringComparison.Ordinal);

    /// <summary>All entries of either, in the order of the first, then those that only the second has.</summary>
    public static List<Difference> Between(IReadOnlyDictionary<string, string> left, IReadOnlyDictionary<string, string> right) =>
        [.. left.Keys.Union(right.Keys, StringComparer.Ordinal).Select(entry => new Difference(entry, left.GetValueOrDefault(entry), right.GetValueOrDefault(entry)))];
}

/// <summary>What is recorded of a checkpoint, entry by entry.</summary>
internal static class ModelEntries
{
    /// <summary>Origin, score, size, the shape of the model and the settings of its run.</summary>
    /// <param name="row">The checkpoint.</param>
    /// <param name="facts">What its files say.</param>
    /// <param name="folder">Where they lie.</param>
    /// <param name="run">The run that made it; null for none.</param>
    public static Dictionary<string, string> Of(CheckpointRow row, ModelFacts facts, string folder, Run? run)
    {
        var entries = new Dictionary<string, string>(StringComparer.Ordinal);
        Add("started from", row.Parent);
        Add("run", row.Run);
        Add("step", row.Run is null ? null : row.Checkpoint.Step.ToString(CultureInfo.InvariantCulture));
        Add("judge’s score", row.Checkpoint.JudgeScore?.ToString("0.000", CultureInfo.InvariantCulture));
        Add("rubrics", facts.Rubrics);
        Add("size", ModelWords.Size(facts.Bytes));
        Add("tags", row.Checkpoint.Tags.Length == 0 ? null : row.Checkpoint.Tags);
        var config = Path.Combine(folder, CheckpointFolder.ConfigFile);
        if (File.Exists(config))
        {
            Flatten(entries, "model", File.ReadAllText(config));
        }

        if (run is not null)
        {
            Flatten(entries, "settings", run.SpecJson);
        }

        return entries;

        void Add(string entry, string? value)
        {
            if (value is not null)
            {
                entries[entry] = value;
            }
        }
    }

    private static void Flatten(Dictionary<string, string> entries, string prefix, string json)
    {
        try
        {
            using var document = JsonText.Parse(json);
            Flatten(entries, prefix, document.RootElement);
        }
        catch (JsonException)
        {
            entries[prefix] = "cannot be read";
        }
    }

    private static void Flatten(Dictionary<string, string> entries, string prefix, JsonElement value)
    {
        if (value.ValueKind == JsonValueKind.Object)
        {
            foreach (var field in value.EnumerateObject())
            {
                Flatten(entries, $"{prefix}.{field.Name}", field.Value);
            }
        }
        else
        {
            entries[prefix] = value.ValueKind == JsonValueKind.String ? value.GetString()! : value.GetRawText();
        }
    }
}
