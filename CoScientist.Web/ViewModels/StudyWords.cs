using System.Globalization;
using CoScientist.Core.Grading;
using CoScientist.Core.Studies;

namespace CoScientist.Web.ViewModels;

/// <summary>How results of studies are put into words, the same on pages and in reports.</summary>
internal static class StudyWords
{
    /// <summary>A grader with the capacity it graded in.</summary>
    public static string Grader(GraderRole role, string name) => role switch
    {
        GraderRole.SelfGrade => $"Self-grade ({name})",
        GraderRole.Oracle => "Oracle",
        _ => $"Judge ({name})",
    };

    /// <summary>Class of the colour of a grader.</summary>
    public static string Tone(GraderRole role) => role switch
    {
        GraderRole.SelfGrade => "tone-self",
        GraderRole.Oracle => "tone-oracle",
        _ => "tone-judge",
    };

    /// <summary>What a goal came to.</summary>
    public static string Outcome(GoalResult goal, StudySummary study) => goal switch
    {
        { Answers.Count: 0 } => "not answered",
        { Points: null } => "neither acceptable",
        { Points: > 0.5 } => study.Arm1,
        { Points: < 0.5 } => study.Arm2,
        _ => "tie",
    };

    /// <summary>One answer.</summary>
    public static string Outcome(PairOutcome outcome, StudySummary study) => outcome switch
    {
        PairOutcome.Arm1 => study.Arm1,
        PairOutcome.Arm2 => study.Arm2,
        PairOutcome.Tie => "equally good",
        _ => "neither acceptable",
    };

    /// <summary>Where a study stands.</summary>
    public static string State(StudyState state) => state switch
    {
        StudyState.Open => "open",
        StudyState.Paused => "paused",
        StudyState.Draft => "draft, not yet open",
        StudyState.Closed => "closed",
        _ => "locked",
    };

    /// <summary>A p-value with three decimals, or "&lt; 0.001".</summary>
    public static string PValue(double value) => value < 0.001 ? "< 0.001" : value.ToString("0.000", CultureInfo.InvariantCulture);

    /// <summary>A number with two decimals, or a dash where there is none.</summary>
    public static string Number(double? value) => value?.ToString("0.00", CultureInfo.InvariantCulture) ?? "–";
}
