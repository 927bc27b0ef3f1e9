using CoScientist.Core.Runs;

namespace CoScientist.Core.Grading;

/// <summary>What a grading says of one rubric item, as far as the reward cares.</summary>
/// <param name="Met">Whether it is satisfied.</param>
/// <param name="Violations">Guidelines violated, 0–7; an item that no part of the plan addresses violates all seven.</param>
/// <param name="Weight">Weight of the item, above 0. Default 1.</param>
public readonly record struct ItemOutcome(bool Met, int Violations, double Weight = 1)
{
    /// <summary>Number of guidelines of the paper's grading protocol.</summary>
    public const int Guidelines = 7;

    /// <summary>An outcome from a grader that tells no guidelines: all kept or all violated.</summary>
    public static ItemOutcome Of(bool met) => new(met, met ? 0 : Guidelines);
}

/// <summary>What the reward sees of a plan besides its verdicts.</summary>
/// <param name="Finished">Whether the writer ended it by itself, within the token limit.</param>
/// <param name="MalformedShare">Share of sentences that break the grammar, 0–1. Default 0: only the sandbox has a grammar.</param>
/// <param name="Overlong">Whether it is longer than allowed. Default false.</param>
/// <param name="TokensLeft">Tokens it could have been longer; for the soft length penalty. Default: as many as one likes.</param>
public sealed record PlanForm(bool Finished, double MalformedShare = 0, bool Overlong = false, int TokensLeft = int.MaxValue);

/// <summary>A reward with what it is made of.</summary>
/// <param name="Satisfied">Items met.</param>
/// <param name="Graded">Items that have a verdict, at least 1.</param>
/// <param name="Specific">Weighted mean of the items' worth, 0–1.</param>
/// <param name="General">Weighted mean share of the general guidelines kept, 0–1.</param>
/// <param name="Score">The mixture of the two, 0–1.</param>
/// <param name="UnfinishedPenalty">Taken off because the plan was not finished, or nearly not.</param>
/// <param name="MalformedPenalty">Taken off for malformed sentences.</param>
/// <param name="OverlongPenalty">Taken off for length.</param>
public sealed record RewardParts(int Satisfied, int Graded, double Specific, double General, double Score, double UnfinishedPenalty, double MalformedPenalty, double OverlongPenalty)
{
    /// <summary>All that is taken off.</summary>
    public double Penalty => UnfinishedPenalty + MalformedPenalty + OverlongPenalty;

    /// <summary>The reward; negative when the penalties outweigh the score.</summary>
    public double Total => Score - Penalty;
}

/// <summary>
/// reward = w · specific + (1 − w) · general − penalties. Specific: share of items satisfied (arXiv 2512.23707, section on
/// self-grading), or their levels; general: share of the seven guidelines kept. w = 1 is the paper, w = 0.7 PaperGym
/// (arXiv 2608.31119).
/// </summary>
public static class Reward
{
    private static readonly PlanForm Faultless = new(Finished: true);
    private static readonly RewardSpec Plain = new();

    /// <summary>Share of items satisfied, by their weights, 0–1: the score of a grading, without any reward's settings.</summary>
    /// <param name="items">Outcome of each item that counts; null where the grading could not be read.</param>
    /// <returns>Null when no item was graded: ungraded is never zero.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A weight or a number of violations is out of range.</exception>
    public static double? Share(IReadOnlyList<ItemOutcome?> items) => Of(items, Faultless, Plain)?.Specific;

    /// <summary>The reward of one plan.</summary>
    /// <param name="items">Outcome of each item that counts; null where the grading could not be read.</param>
    /// <param name="form">The plan's form.</param>
    /// <param name="spec">Scoring, weights and penalties.</param>
    /// <returns>Null when no item was graded: such a plan is masked, never scored zero.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><see cref="PlanForm.MalformedShare"/>, a weight or a number of violations is out of range.</exception>
    public static RewardParts? Of(IReadOnlyList<ItemOutcome?> items, PlanForm form, RewardSpec spec)
    {
        ArgumentNullException.ThrowIfNull(items);
        ArgumentNullException.ThrowIfNull(form);
        ArgumentNullException.ThrowIfNull(spec);
        if (form.MalformedShare is not (>= 0 and <= 1))
        {
            throw new ArgumentOutOfRangeException(nameof(form), form.MalformedShare, "The share of malformed sentences is between 0 and 1.");
        }

        var graded = items.OfType<ItemOutcome>().ToArray();
        if (graded.Length == 0)
        {
            return null;
        }

        var (weight, specific, general) = (0.0, 0.0, 0.0);
        foreach (var item in graded)
        {
            if (item.Violations is not (>= 0 and <= ItemOutcome.Guidelines) || item.Weight is not (> 0 and < double.PositiveInfinity))
            {
                throw new ArgumentOutOfRangeException(nameof(items), item, "An item violates 0 to 7 guidelines and has a weight above 0.");
            }

            weight += item.Weight;
            specific += item.Weight * Worth(item, spec);
            general += item.Weight * (ItemOutcome.Guidelines - item.Violations) / ItemOutcome.Guidelines;
        }

        (specific, general) = (specific / weight, general / weight);
        return new RewardParts(
            graded.Count(item => item.Met),
            graded.Length,
            specific,
            general,
            (spec.SpecificWeight * specific) + ((1 - spec.SpecificWeight) * general),
            UnfinishedPenalty(form, spec),
            spec.MalformedPenalty * form.MalformedShare,
            form.Overlong ? spec.OverlongPenalty : 0);
    }

    private static double Worth(ItemOutcome item, RewardSpec spec) => spec.Scoring switch
    {
        ItemScoring.Levels => spec.LevelValues[3 - Math.Min(3, item.Violations)],
        _ => item.Met ? 1 : 0,
    };

    private static double UnfinishedPenalty(PlanForm form, RewardSpec spec) => form.Finished
        ? spec.UnfinishedPenalty * (form.TokensLeft < spec.SoftLengthTokens ? 1 - ((double)form.TokensLeft / spec.SoftLengthTokens) : 0)
        : spec.UnfinishedPenalty;
}
