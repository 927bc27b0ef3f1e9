using System.Text.Json;
using System.Text.Json.Serialization;

namespace CoScientist.Core.Studies;

/// <summary>What an expert is asked about a pair besides the overall preference. Fixed once a study is open.</summary>
public sealed record StudyForm
{
    /// <summary>How strong the preference is: slight, clear or strong.</summary>
    public bool Strength { get; init; }

    /// <summary>A score from 1 to 10 for each plan.</summary>
    public bool Scores { get; init; }

    /// <summary>Which plan is better by each of the five criteria.</summary>
    public bool Criteria { get; init; }

    /// <summary>Whether each plan meets each rubric item, and whether the item is needed at all; shown only when the preference is saved.</summary>
    public bool Items { get; init; }

    /// <summary>Whether a written reason is required.</summary>
    public bool ReasonRequired { get; init; }

    /// <summary>Whether every decision on a rubric item of the study's goals needs a second reviewer. Asks nothing of experts.</summary>
    public bool SecondReview { get; init; }

    /// <summary>Whether nothing but the preference is asked: then one key answers a pair.</summary>
    [JsonIgnore]
    public bool IsQuick => !Strength && !Scores && !Criteria && !Items && !ReasonRequired;

    /// <summary>Reads a stored form.</summary>
    public static StudyForm Read(string json) => JsonSerializer.Deserialize<StudyForm>(json, StudyJson.Options) ?? new StudyForm();

    /// <summary>The form as it is stored.</summary>
    public string Write() => JsonSerializer.Serialize(this, StudyJson.Options);

    /// <summary>What an answer still lacks, each a few words; empty when it is complete.</summary>
    /// <param name="choice">The overall preference; null while there is none.</param>
    /// <param name="reason">The written reason.</param>
    /// <param name="details">Everything else.</param>
    /// <param name="items">Number of rubric items to mark.</param>
    public IReadOnlyList<string> Missing(PreferenceChoice? choice, string? reason, AnswerDetails details, int items)
    {
        ArgumentNullException.ThrowIfNull(details);
        var missing = new List<string>();
        if (choice is null)
        {
            missing.Add("the overall preference");
        }

        if (Strength && choice is PreferenceChoice.A or PreferenceChoice.B && details.Strength is null)
        {
            missing.Add("how strong it is");
        }

        if (Scores && (details.ScoreA is null || details.ScoreB is null))
        {
            missing.Add("the score of both plans");
        }

        var criteria = Criteria ? Enum.GetValues<Criterion>().Length - details.Criteria.Count : 0;
        if (criteria > 0)
        {
            missing.Add(criteria == 1 ? "one criterion" : $"{criteria} criteria");
        }

        var marks = Items ? items - details.Items.Count(item => item is { A: not null, B: not null, Needed: not null }) : 0;
        if (marks > 0)
        {
            missing.Add(marks == 1 ? "the marks of one rubric item" : $"the marks of {marks} rubric items");
        }

        if (ReasonRequired && string.IsNullOrWhiteSpace(reason))
        {
            missing.Add("a reason");
        }

        return missing;
    }
}

/// <summary>The five criteria of the paper's expert study.</summary>
public enum Criterion
{
    /// <summary>Does it answer the goal and keep its limits?</summary>
    GoalAlignment,

    /// <summary>Is there an idea that is new and telling?</summary>
    NovelInsight,

    /// <summary>Is it scientifically sound?</summary>
    ScientificSoundness,

    /// <summary>Is it worked out well enough to be carried out?</summary>
    ExecutionQuality,

    /// <summary>Would it change something?</summary>
    ExpectedImpact,
}

/// <summary>How far a plan meets a rubric item.</summary>
public enum ItemMark
{
    /// <summary>Met.</summary>
    Met,

    /// <summary>Partly met.</summary>
    Partly,

    /// <summary>Not met.</summary>
    Not,
}

/// <summary>An expert's marks of one rubric item.</summary>
/// <param name="Item">Key of the item.</param>
/// <param name="Text">Its wording as the expert saw it.</param>
/// <param name="A">Mark of the left plan.</param>
/// <param name="B">Mark of the right plan.</param>
/// <param name="Needed">Whether a good plan needs it at all.</param>
public sealed record ItemMarks(string Item, string Text, ItemMark? A, ItemMark? B, bool? Needed);

/// <summary>What an answer says besides the overall preference and the reason. A is the left plan.</summary>
public sealed record AnswerDetails
{
    /// <summary>1 slight, 2 clear, 3 strong; null for ties and when not asked.</summary>
    public int? Strength { get; init; }

    /// <summary>Score of the left plan, 1–10.</summary>
    public int? ScoreA { get; init; }

    /// <summary>Score of the right plan, 1–10.</summary>
    public int? ScoreB { get; init; }

    /// <summary>The better plan by each criterion: A, B or a tie.</summary>
    public IReadOnlyDictionary<Criterion, PreferenceChoice> Criteria { get; init; } = new Dictionary<Criterion, PreferenceChoice>();

    /// <summary>Marks of rubric items.</summary>
    public IReadOnlyList<ItemMarks> Items { get; init; } = [];

    /// <summary>Version of the goal's rubric that was marked; null when none was.</summary>
    public int? RubricVersion { get; init; }

    /// <summary>Reads stored details.</summary>
    public static AnswerDetails Read(string json) => JsonSerializer.Deserialize<AnswerDetails>(json, StudyJson.Options) ?? new AnswerDetails();

    /// <summary>The details as they are stored.</summary>
    public string Write() => JsonSerializer.Serialize(this, StudyJson.Options);
}

/// <summary>How parts of studies are written as JSON.</summary>
internal static class StudyJson
{
    public static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web)
    {
        Converters = { new JsonStringEnumConverter() },
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault,
    };
}
