using CoScientist.Core.Studies;

namespace CoScientist.Web.ViewModels;

/// <summary>One question of a form with a few possible answers.</summary>
/// <param name="Name">Name of the field, see <see cref="AnswerField"/>.</param>
/// <param name="Label">What is asked.</param>
/// <param name="Options">Stored value and text of each answer, in the order of the number keys.</param>
/// <param name="Item">The rubric item it is about; null for the whole plan.</param>
public sealed record AnswerQuestion(string Name, string Label, IReadOnlyList<(string Value, string Text)> Options, FormItem? Item = null);

/// <summary>The questions of a form, in the order in which they are asked.</summary>
internal static class AnswerFields
{
    private static readonly (string Value, string Text)[] s_strengths = [("1", "slightly"), ("2", "clearly"), ("3", "strongly")];
    private static readonly (string Value, string Text)[] s_scores = [.. Enumerable.Range(1, 10).Select(n => n.ToString(System.Globalization.CultureInfo.InvariantCulture)).Select(n => (n, n))];
    private static readonly (string Value, string Text)[] s_sides = [("A", "A"), ("Tie", "equal"), ("B", "B")];
    private static readonly (string Value, string Text)[] s_marks = [("Met", "met"), ("Partly", "partly"), ("Not", "not")];
    private static readonly (string Value, string Text)[] s_needed = [("yes", "yes"), ("no", "no")];

    /// <summary>What is asked now: the strength only of a preference, the rubric items only after the preference is saved.</summary>
    public static IReadOnlyList<AnswerQuestion> Of(StudyForm form, PreferenceChoice? choice, IReadOnlyList<FormItem> items, bool choiceIsSaved)
    {
        var questions = new List<AnswerQuestion>();
        if (form.Strength && choice is PreferenceChoice.A or PreferenceChoice.B)
        {
            questions.Add(new AnswerQuestion(AnswerField.Strength, "How much better?", s_strengths));
        }

        if (form.Scores)
        {
            questions.Add(new AnswerQuestion(AnswerField.ScoreA, "Score of plan A, 1 to 10", s_scores));
            questions.Add(new AnswerQuestion(AnswerField.ScoreB, "Score of plan B, 1 to 10", s_scores));
        }

        if (form.Criteria)
        {
            questions.AddRange(Enum.GetValues<Criterion>().Select(criterion => new AnswerQuestion(AnswerField.Of(criterion), Words(criterion), s_sides)));
        }

        if (form.Items && choiceIsSaved)
        {
            questions.AddRange(items.SelectMany(item => new[]
            {
                new AnswerQuestion(AnswerField.Of(item.Id, "A"), "Plan A", s_marks, item),
                new AnswerQuestion(AnswerField.Of(item.Id, "B"), "Plan B", s_marks, item),
                new AnswerQuestion(AnswerField.Of(item.Id, "needed"), "Needed at all?", s_needed, item),
            }));
        }

        return questions;
    }

    /// <summary>A criterion as experts read it.</summary>
    public static string Words(Criterion criterion) => criterion switch
    {
        Criterion.GoalAlignment => "Goal alignment",
        Criterion.NovelInsight => "Novel insight",
        Criterion.ScientificSoundness => "Scientific soundness",
        Criterion.ExecutionQuality => "Execution quality",
        _ => "Expected impact",
    };
}
