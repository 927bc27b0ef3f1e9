using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using CoScientist.Core.Goals;

namespace CoScientist.Core.Interchange;

/// <summary>The columns of a research-plan-gen dataset, and how a row keeps what a goal has no place for.</summary>
public static class DatasetColumns
{
    /// <summary>The goal.</summary>
    public const string Goal = "Goal";

    /// <summary>The rubric: a list of strings.</summary>
    public const string Rubric = "Rubric";

    /// <summary>The reference solution.</summary>
    public const string ReferenceSolution = "Reference solution";

    /// <summary>The article.</summary>
    public const string ArticleId = "article_id";

    /// <summary>Number of the goal within its article.</summary>
    public const string QuestionId = "q_id";

    /// <summary>Our own: part of the data ("train", "validation", "test").</summary>
    public const string Split = "split";

    /// <summary>Our own: version of the rubric.</summary>
    public const string RubricVersion = "rubric_version";

    /// <summary>Our own: weights of the rubric's items, as a list of numbers; may be empty or missing.</summary>
    public const string Weights = "rubric_weights";

    /// <summary>The published columns, in order.</summary>
    public static IReadOnlyList<string> Published { get; } = [Goal, Rubric, ReferenceSolution, ArticleId, QuestionId, "Identifier", "Subdomain", "Category"];

    /// <summary>Our own columns, in order; they follow the published ones.</summary>
    public static IReadOnlyList<string> Own { get; } = [Split, RubricVersion, Weights];

    private static readonly HashSet<string> FromGoal = [.. new[] { Goal, Rubric, ReferenceSolution, Split, RubricVersion, Weights }.Select(Normal)];

    private static readonly JsonWriterOptions Json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>A column's name as it is compared: case, spaces and underscores do not count.</summary>
    public static string Normal(string column)
    {
        ArgumentNullException.ThrowIfNull(column);
        return column.Replace(" ", "", StringComparison.Ordinal).Replace("_", "", StringComparison.Ordinal).Trim('\uFEFF').ToLowerInvariant();
    }

    /// <summary>
    /// What is kept of a row beside its goal, see <see cref="DatasetRow.Columns"/>.
    /// </summary>
    /// <param name="fields">Names as in the file, with their values.</param>
    /// <param name="row">What was read from them.</param>
    internal static string Keep(IEnumerable<KeyValuePair<string, JsonElement>> fields, DatasetRow row)
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer, Json))
        {
            writer.WriteStartObject();
            foreach (var (name, value) in fields)
            {
                writer.WritePropertyName(name);
                if (ReadsBack(Normal(name), value, row))
                {
                    writer.WriteNullValue();
                }
                else
                {
                    value.WriteTo(writer);
                }
            }

            writer.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length);
    }

    /// <summary>The row as an export writes it: kept values where there are any, the goal's own where null stands for them.</summary>
    /// <param name="columns">What <see cref="Keep"/> gave.</param>
    /// <param name="current">The goal as it is now, by the published names and our own.</param>
    /// <param name="withOwn">Whether our own columns are added where the file had none.</param>
    public static IReadOnlyList<KeyValuePair<string, object?>> Restore(string columns, DatasetRow current, bool withOwn)
    {
        ArgumentNullException.ThrowIfNull(current);
        var result = new List<KeyValuePair<string, object?>>();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (name, value) in JsonNode.Parse(columns)!.AsObject())
        {
            var normal = Normal(name);
            seen.Add(normal);
            var live = FromGoal.Contains(normal) && (value is null || !StillHolds(normal, value, current));
            result.Add(new(name, live ? Current(normal, current) : value));
        }

        result.AddRange(withOwn ? Own.Where(name => !seen.Contains(Normal(name))).Select(name => new KeyValuePair<string, object?>(name, Current(Normal(name), current))) : []);
        return result;
    }

    /// <summary>The columns of a goal that was not imported.</summary>
    /// <param name="row">The goal.</param>
    /// <param name="identifier">Identifier of its article (DOI, arXiv or PubMed); null when it has none.</param>
    internal static string Plain(DatasetRow row, string? identifier) => new JsonObject
    {
        [Goal] = null,
        [Rubric] = null,
        [ReferenceSolution] = null,
        [ArticleId] = row.ArticleId,
        [QuestionId] = row.QuestionId,
        ["Identifier"] = identifier,
        ["Subdomain"] = row.Subdomain,
        ["Category"] = row.Category,
    }.ToJsonString();

    // A value in another notation than ours (text with blanks around it) stays as it came for as long as it means what the goal says.
    private static bool StillHolds(string normal, JsonNode kept, DatasetRow current) => normal switch
    {
        "goal" => Text(kept)?.Trim() == current.Goal,
        "referencesolution" => (Text(kept)?.Trim() ?? "") == (current.ReferenceSolution ?? ""),
        "rubric" => RubricList.Parse(Text(kept) ?? kept.ToJsonString()) is { } items && items.SequenceEqual(current.Rubric, StringComparer.Ordinal),
        // Kept weights are those that are all 1.
        "rubricweights" => current.Weights is null,
        // A part of the data by another name ("dev"), a version that is no number: the column is not ours.
        _ => true,
    };

    private static string? Text(JsonNode node) => node is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;

    private static bool ReadsBack(string normal, JsonElement value, DatasetRow row) => normal switch
    {
        "goal" => IsText(value, row.Goal),
        "referencesolution" => row.ReferenceSolution is { } reference && IsText(value, reference),
        "rubric" => value.ValueKind == JsonValueKind.Array && value.EnumerateArray().All(item => item.ValueKind == JsonValueKind.String)
            && value.EnumerateArray().Select(item => item.GetString()!).SequenceEqual(row.Rubric, StringComparer.Ordinal),
        "split" => IsEmpty(value) || (row.Split is { } split && IsText(value, Words(split))),
        "rubricversion" => IsEmpty(value) || value.ToString() == row.RubricVersion.ToString(CultureInfo.InvariantCulture),
        "rubricweights" => IsEmpty(value) || row.Weights?.Any(weight => weight != 1) == true,
        _ => false,
    };

    private static bool IsEmpty(JsonElement value) => value.ValueKind == JsonValueKind.Null || IsText(value, "");

    private static bool IsText(JsonElement value, string text) => value.ValueKind == JsonValueKind.String && value.ValueEquals(text);

    private static object? Current(string normal, DatasetRow row) => normal switch
    {
        "goal" => row.Goal,
        "referencesolution" => row.ReferenceSolution,
        "rubric" => row.Rubric,
        "split" => row.Split is { } split ? Words(split) : null,
        "rubricversion" => row.RubricVersion,
        _ => row.Weights,
    };

    /// <summary>A part of the data as the column says it.</summary>
    public static string Words(GoalSplit split) => split.ToString().ToLowerInvariant();
}
