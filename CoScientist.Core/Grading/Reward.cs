using CoScientist.Core.Runs;

namespace CoScientist.Core.Grading;

/// <summary>What the reward sees of a plan besides its verdicts.</summary>
/// <param name="Finished">Whether the writer ended it by itself, within the token limit.</param>
/// <param name="MalformedShare">Share of sentences that break the grammar, 0–1. Default 0: only the sandbox has a grammar.</param>
/// <param name="Overlong">Whether it is longer than allowed. Default false.</param>
public sealed record PlanForm(bool Finished, double MalformedShare = 0, bool Overlong = false);

/// <summary>A reward with what it is made of.</summary>
/// <param name="Satisfied">Items met.</param>
/// <param name="Graded">Items that have a verdict, at least 1.</param>
/// <param name="UnfinishedPenalty">Taken off because the plan was not finished.</param>
/// <param name="MalformedPenalty">Taken off for malformed sentences.</param>
/// <param name="OverlongPenalty">Taken off for length.</param>
public sealed record RewardParts(int Satisfied, int Graded, double UnfinishedPenalty, double MalformedPenalty, double OverlongPenalty)
{
    /// <summary>Share of graded items met, 0–1.</summary>
    public double Score => (double)Satisfied / Graded;

    /// <summary>All that is taken off.</summary>
    public double Penalty => UnfinishedPenalty + MalformedPenalty + OverlongPenalty;

    /// <summary>The reward; negative when the penalties outweigh the score.</summary>
    public double Total => Score - Penalty;
}

/// <summary>reward = satisfied / graded − penalties (arXiv 2512.23707, section on self-grading).</summary>
public static class Reward
{
    /// <summary>The reward of one plan.</summary>
    /// <param name="met">Verdict of each item that counts; null where the grading could not be read.</param>
    /// <param name="form">The plan's form.</param>
    /// <param name="spec">Sizes of the penalties.</param>
    /// <returns>Null when no item was graded: such a plan is masked, never scored zero.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><see cref="PlanForm.MalformedShare"/> is not within 0–1.</exception>
    public static RewardParts? Of(IReadOnlyList<bool?> met, PlanForm form, RewardSpec spec)
    {
        ArgumentNullException.ThrowIfNull(met);
        ArgumentNullException.ThrowIfNull(form);
        ArgumentNullException.ThrowIfNull(spec);
        if (form.MalformedShare is not (>= 0 and <= 1))
        {
            throw new ArgumentOutOfRangeException(nameof(form), form.MalformedShare, "The share of malformed sentences is between 0 and 1.");
        }

        var graded = met.Count(verdict => verdict is not null);
        return graded == 0
            ? null
            : new RewardParts(
                met.Count(verdict => verdict is true),
                graded,
                form.Finished ? 0 : spec.UnfinishedPenalty,
                spec.MalformedPenalty * form.MalformedShare,
                form.Overlong ? spec.OverlongPenalty : 0);
    }
}
