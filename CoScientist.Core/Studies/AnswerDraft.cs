using System.Globalization;

namespace CoScientist.Core.Studies;

/// <summary>Names of the fields of an answer, and which values they take.</summary>
public static class AnswerField
{
    /// <summary>Overall preference: a <see cref="PreferenceChoice"/>.</summary>
    public const string Choice = "choice";

    /// <summary>Strength of the preference: 1–3.</summary>
    public const string Strength = "strength";

    /// <summary>Score of the left plan: 1–10.</summary>
    public const string ScoreA = "scoreA";

    /// <summary>Score of the right plan: 1–10.</summary>
    public const string ScoreB = "scoreB";

    /// <summary>The written reason.</summary>
    public const string Reason = "reason";

    /// <summary>Something is wrong with this pair: what.</summary>
    public const string Flag = "flag";

    /// <summary>The pair was passed over: why. Only <c>SkipAsync</c> adds it.</summary>
    public const string Skip = "skip";

    /// <summary>An answer or a skip was taken back. Only <c>UndoAsync</c> adds it.</summary>
    public const string Undo = "undo";

    private const string CriterionPrefix = "criterion:";
    private const string ItemPrefix = "item:";

    /// <summary>The better plan by a criterion: A, B or Tie.</summary>
    public static string Of(Criterion criterion) => CriterionPrefix + criterion;

    /// <summary>A mark of a rubric item: part "A" or "B" (an <see cref="ItemMark"/>) or "needed" ("yes" or "no").</summary>
    public static string Of(string item, string part) => $"{ItemPrefix}{item}:{part}";

    /// <summary>Whether it is a mark of a rubric item, which waits for the preference.</summary>
    public static bool IsItem(string field) => field.StartsWith(ItemPrefix, StringComparison.Ordinal);

    /// <summary>Whether the field exists in this form and takes this value (null empties it).</summary>
    public static bool Takes(StudyForm form, string field, string? value, int maxText)
    {
        ArgumentNullException.ThrowIfNull(form);
        ArgumentNullException.ThrowIfNull(field);
        return field switch
        {
            Choice => Is<PreferenceChoice>(value),
            Strength => form.Strength && IsNumber(value, 3),
            ScoreA or ScoreB => form.Scores && IsNumber(value, 10),
            Reason or Flag => value is null || value.Length <= maxText,
            _ when Part(field, CriterionPrefix) is { } name => form.Criteria && Enum.TryParse<Criterion>(name, out _) && value is null or nameof(PreferenceChoice.A) or nameof(PreferenceChoice.B) or nameof(PreferenceChoice.Tie),
            _ when Item(field) is ({ }, "needed") => form.Items && value is null or "yes" or "no",
            _ when Item(field) is ({ }, "A" or "B") => form.Items && Is<ItemMark>(value),
            _ => false,
        };
    }

    /// <summary>Criterion of the field; null when it is none.</summary>
    public static Criterion? CriterionOf(string field) => Part(field, CriterionPrefix) is { } name && Enum.TryParse<Criterion>(name, out var criterion) ? criterion : null;

    /// <summary>Item and part of the field; null when it is none.</summary>
    public static (string Item, string Part)? Item(string field) =>
        Part(field, ItemPrefix)?.Split(':') is [var item, var part] ? (item, part) : null;

    private static string? Part(string field, string prefix) => field.StartsWith(prefix, StringComparison.Ordinal) ? field[prefix.Length..] : null;

    private static bool Is<T>(string? value)
        where T : struct, Enum => value is null || (Enum.TryParse<T>(value, out var parsed) && parsed.ToString() == value);

    private static bool IsNumber(string? value, int most) =>
        value is null || (int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= 1 && number <= most);
}

/// <summary>A rubric item as an expert marks it.</summary>
/// <param name="Id">Key.</param>
/// <param name="Text">Its current wording.</param>
public sealed record FormItem(string Id, string Text);

/// <summary>What an expert has filled in for a pair and not yet submitted.</summary>
public sealed record AnswerDraft
{
    /// <summary>The newest value of each field, by <see cref="AnswerField"/>.</summary>
    public required IReadOnlyDictionary<string, string> Values { get; init; }

    /// <summary>When the newest was stored (UTC); null before the first.</summary>
    public DateTimeOffset? SavedAt { get; init; }

    /// <summary>Rubric items to mark, in order; empty when the form asks none.</summary>
    public IReadOnlyList<FormItem> Items { get; init; } = [];

    /// <summary>Version of the rubric they are of.</summary>
    public int RubricVersion { get; init; }

    /// <summary>The overall preference.</summary>
    public PreferenceChoice? Choice => Values.TryGetValue(AnswerField.Choice, out var value) ? Enum.Parse<PreferenceChoice>(value) : null;

    /// <summary>The written reason.</summary>
    public string? Reason => Values.GetValueOrDefault(AnswerField.Reason);

    /// <summary>Everything else, in the order of the form.</summary>
    public AnswerDetails Details => new()
    {
        Strength = Choice is PreferenceChoice.A or PreferenceChoice.B ? Number(AnswerField.Strength) : null,
        ScoreA = Number(AnswerField.ScoreA),
        ScoreB = Number(AnswerField.ScoreB),
        Criteria = Enum.GetValues<Criterion>().Where(c => Values.ContainsKey(AnswerField.Of(c))).ToDictionary(c => c, c => Enum.Parse<PreferenceChoice>(Values[AnswerField.Of(c)])),
        Items = [.. Items.Select(Marks).Where(marks => marks is not { A: null, B: null, Needed: null })],
        RubricVersion = Items.Count > 0 ? RubricVersion : null,
    };

    /// <summary>The draft that a history of fields leaves.</summary>
    public static AnswerDraft Of(IEnumerable<AnswerEvent> events)
    {
        ArgumentNullException.ThrowIfNull(events);
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        DateTimeOffset? saved = null;
        foreach (var change in events.OrderBy(e => e.At).ThenBy(e => e.Id.Value))
        {
            saved = change.At;
            if (change.Value is null)
            {
                values.Remove(change.Field);
            }
            else
            {
                values[change.Field] = change.Value;
            }
        }

        return new AnswerDraft { Values = values, SavedAt = saved };
    }

    /// <summary>Marks of one item so far.</summary>
    public ItemMarks Marks(FormItem item)
    {
        ArgumentNullException.ThrowIfNull(item);
        return new ItemMarks(item.Id, item.Text, Mark("A"), Mark("B"), Values.GetValueOrDefault(AnswerField.Of(item.Id, "needed")) is { } needed ? needed == "yes" : null);

        ItemMark? Mark(string part) => Values.TryGetValue(AnswerField.Of(item.Id, part), out var value) ? Enum.Parse<ItemMark>(value) : null;
    }

    private int? Number(string field) => Values.TryGetValue(field, out var value) ? int.Parse(value, CultureInfo.InvariantCulture) : null;
}
