using CoScientist.Core.Goals;
using CoScientist.Core.Goals.Checks;
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

    /// <summary>What is wrong with an item, after "the item".</summary>
    public static string For(ItemFault fault) => fault switch
    {
        ItemFault.LeaksFromGoal => "leak from the goal",
        ItemFault.Compound => "ask for several things",
        ItemFault.PresenceOnly => "are met by mentioning",
        ItemFault.Trivial => "are trivial",
        ItemFault.Duplicate => "repeat another item",
        _ => "cannot be checked from a plan",
    };

    /// <summary>What is wrong with an item, in a word or two.</summary>
    public static string Label(ItemFault fault) => fault switch
    {
        ItemFault.LeaksFromGoal => "leaks",
        ItemFault.Compound => "compound",
        ItemFault.PresenceOnly => "met by mentioning",
        ItemFault.Trivial => "trivial",
        ItemFault.Duplicate => "duplicate",
        _ => "not checkable",
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
