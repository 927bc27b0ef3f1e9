namespace CoScientist.Core.Studies;

/// <summary>What makes a study sound, checked before it is made.</summary>
public static class StudyRules
{
    /// <summary>Most goals of one study.</summary>
    public const int MaxGoals = 1000;

    /// <summary>Most answers wanted for one goal.</summary>
    public const int MaxOverlap = 50;

    /// <summary>Longest reservation, in minutes: a week.</summary>
    public const int MaxReservation = 7 * 24 * 60;

    /// <summary>Every fault of a draft, each a sentence with the remedy; empty when it can be made.</summary>
    /// <param name="draft">The draft.</param>
    /// <param name="sharedGoals">Goals that both arms have plans for.</param>
    public static List<string> Faults(StudyDraft draft, int sharedGoals)
    {
        ArgumentNullException.ThrowIfNull(draft);
        var faults = new List<string>();
        if (string.IsNullOrWhiteSpace(draft.Name))
        {
            faults.Add("The study needs a name.");
        }

        if (string.IsNullOrWhiteSpace(draft.Arm1) || string.IsNullOrWhiteSpace(draft.Arm2))
        {
            faults.Add("The study needs two arms: choose whose plans to compare.");
            return faults;
        }

        if (draft.Arm1 == draft.Arm2)
        {
            faults.Add("The two arms are the same: choose another one to compare with.");
        }

        foreach (var (field, text) in new[] { ("name", draft.Name), ("guidelines", draft.Guidelines) })
        {
            if (Blinding.Scrub(text, [draft.Arm1, draft.Arm2]) != text.Trim())
            {
                faults.Add($"The {field} would tell the experts who wrote the plans: take the names of the arms out.");
            }
        }

        if (draft.Arm1 != draft.Arm2 && sharedGoals == 0)
        {
            faults.Add($"No {(draft.IsSandbox ? "sandbox" : "research")} goal has plans of both {draft.Arm1} and {draft.Arm2}: finish a run, import plans, or choose other arms.");
        }
        else if (draft.Goals < 1 || draft.Goals > Math.Min(sharedGoals, MaxGoals))
        {
            faults.Add($"The number of goals must be from 1 to {Math.Min(sharedGoals, MaxGoals)}, the goals that both arms have plans for; it is {draft.Goals}.");
        }

        if (draft.Practice < 0 || (draft.Practice > 0 && draft.Practice >= draft.Goals))
        {
            faults.Add($"Practice pairs are taken from the {draft.Goals} goals, and some must be left to count: {draft.Practice} are too many.");
        }

        if (draft.Overlap is < 1 or > MaxOverlap)
        {
            faults.Add($"The number of answers for each goal must be from 1 to {MaxOverlap}; it is {draft.Overlap}. Leave it out to let every expert answer every pair.");
        }

        if (draft.ReservationMinutes is < 1 or > MaxReservation)
        {
            faults.Add($"A pair is kept for an expert from 1 to {MaxReservation} minutes; it is {draft.ReservationMinutes}.");
        }

        return faults;
    }
}
