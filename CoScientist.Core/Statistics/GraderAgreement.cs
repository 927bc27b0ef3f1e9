namespace CoScientist.Core.Statistics;

/// <summary>What grader and judge say of one item.</summary>
/// <param name="JudgeMet">Whether the judge calls it met.</param>
/// <param name="Violated">Guidelines, 1–7, that the judge finds violated.</param>
/// <param name="GraderMet">Whether the grader calls it met.</param>
/// <param name="Probability">The grader's probability of 'met', where it is read from likelihoods.</param>
public readonly record struct ItemAgreement(bool JudgeMet, IReadOnlyList<int> Violated, bool GraderMet, double? Probability);

/// <summary>The grader on the items that violate one guideline.</summary>
/// <param name="Guideline">Its number, 1–7.</param>
/// <param name="Items">Items that the judge finds in violation of it.</param>
/// <param name="TrueNegativeRate">Share of them that the grader does not pass.</param>
/// <param name="BalancedAccuracy">Mean of that and of the share of all met items that it passes; null when none is met.</param>
public sealed record GuidelineAgreement(int Guideline, int Items, double TrueNegativeRate, double? BalancedAccuracy);

/// <summary>How a grader's verdicts stand to a judge's, item by item: wrong passes are what a policy learns to exploit.</summary>
/// <param name="Verdicts">The judge's word as truth, the grader's as prediction.</param>
/// <param name="Guidelines">By the guidelines that the judge names, those that occur.</param>
/// <param name="Best">The threshold on the grader's probabilities that agrees best; null where it gives none.</param>
public sealed record GraderAgreement(Confusion Verdicts, IReadOnlyList<GuidelineAgreement> Guidelines, ThresholdChoice? Best)
{
    /// <summary>Counts; null without any item that both judged.</summary>
    public static GraderAgreement? Of(IReadOnlyList<ItemAgreement> items)
    {
        ArgumentNullException.ThrowIfNull(items);
        if (items.Count == 0)
        {
            return null;
        }

        var verdicts = Confusion.Of(items.Select(item => (item.JudgeMet, item.GraderMet)));
        var guidelines = items.Where(item => !item.JudgeMet).SelectMany(item => item.Violated.Select(guideline => (Guideline: guideline, item.GraderMet)))
            .GroupBy(item => item.Guideline)
            .OrderBy(group => group.Key)
            .Select(group => (group.Key, Count: group.Count(), Rate: group.Average(item => item.GraderMet ? 0.0 : 1)))
            .Select(group => new GuidelineAgreement(group.Key, group.Count, group.Rate, (verdicts.TruePositiveRate + group.Rate) / 2));
        return new GraderAgreement(
            verdicts,
            [.. guidelines],
            ThresholdChoice.Best(items.Where(item => item.Probability is not null).Select(item => (item.JudgeMet, item.Probability!.Value))));
    }
}
