using CoScientist.Core.Goals;
using CoScientist.Core.Grading;

namespace CoScientist.Web.ViewModels;

/// <summary>How the domain's values read on pages.</summary>
public static class Words
{
    public static string For(RubricItemState state) => state switch
    {
        RubricItemState.Proposed => "proposed",
        RubricItemState.Approved => "approved",
        RubricItemState.Edited => "edited",
        _ => "rejected",
    };

    public static string For(RejectionReason reason) => reason switch
    {
        RejectionReason.Unnecessary => "Unnecessary: a good plan can do without it",
        RejectionReason.Wrong => "Wrong: it asks for something false or harmful",
        RejectionReason.Trivial => "Trivial: every plan satisfies it",
        RejectionReason.LeaksFromGoal => "Leaks: it can be guessed from the goal alone",
        RejectionReason.Compound => "Compound: it asks for several things at once",
        RejectionReason.NotCheckable => "Not checkable: a plan does not show whether it is met",
        RejectionReason.Duplicate => "Duplicate: another item asks the same",
        _ => "Other: said in the note",
    };

    public static string For(GraderRole role) => role switch
    {
        GraderRole.SelfGrade => "self-grade",
        GraderRole.Judge => "judge",
        _ => "oracle",
    };

    public static string For(GoalSplit split) => split switch
    {
        GoalSplit.Train => "train",
        GoalSplit.Validation => "validation",
        _ => "test",
    };
}
