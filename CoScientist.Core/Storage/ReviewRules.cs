using CoScientist.Core.Goals;

namespace CoScientist.Core.Storage;

/// <summary>What a decision makes of an item, and which decisions are none.</summary>
internal static class ReviewRules
{
    /// <summary>State and wording after the decision.</summary>
    /// <exception cref="ReviewRefusedException">It changes nothing, or lacks its reason or wording.</exception>
    public static (RubricItemState State, string Text) Outcome(RubricItem item, ReviewAction action, RejectionReason? reason, string? note, string? newText) => action switch
    {
        ReviewAction.Approve => (Change(item, RubricItemState.Approved), item.Text),
        ReviewAction.Reject when reason is null => throw new ReviewRefusedException("A rejection needs a reason: choose one."),
        ReviewAction.Reject when reason is RejectionReason.Other && note is null => throw new ReviewRefusedException("The reason \"other\" needs a note that says which."),
        ReviewAction.Reject => (Change(item, RubricItemState.Rejected), item.Text),
        ReviewAction.Edit => (RubricItemState.Edited, Wording(item, newText)),
        _ => throw new ArgumentOutOfRangeException(nameof(action), action, "A decision approves, edits or rejects; undo has a method of its own."),
    };

    /// <summary>The weight, when it is one and another than before.</summary>
    /// <exception cref="ReviewRefusedException">It is not.</exception>
    public static double Weight(RubricItem item, double weight)
    {
        if (weight is not (> 0 and <= RubricItem.MaxWeight))
        {
            throw new ReviewRefusedException(FormattableString.Invariant($"A weight is above 0 and at most {RubricItem.MaxWeight}; 1 is an ordinary item's. To take the item out, reject it."));
        }

        return weight != item.Weight ? weight : throw new ReviewRefusedException(FormattableString.Invariant($"This item's weight is already {weight}."));
    }

    private static RubricItemState Change(RubricItem item, RubricItemState to) =>
        item.State != to ? to : throw new ReviewRefusedException($"This item is already {ReviewStore.Words(to)}.");

    // An edited item can be edited again: what must change is the wording.
    private static string Wording(RubricItem item, string? newText)
    {
        var text = string.Join(' ', (newText ?? "").Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        if (text.Length == 0)
        {
            throw new ReviewRefusedException("An edit needs a wording. To take the item out, reject it.");
        }

        if (text.Length > ReviewStore.MaxTextLength)
        {
            throw new ReviewRefusedException($"The wording has {text.Length} characters; at most {ReviewStore.MaxTextLength} are allowed. Split it into several items.");
        }

        return !string.Equals(text, item.Text, StringComparison.Ordinal)
            ? text
            : throw new ReviewRefusedException("The wording is the same as before. Change it, or approve the item as it is.");
    }
}
