using CoScientist.Core.Goals;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Core.Storage;

/// <summary>
/// How much a decision on a rubric item would change rewards, as far as gradings and checks tell. Three parts of equal weight, each 0–1: the
/// variance of its verdicts across plans, 4·p(1 − p), for an item that all plans or none meet moves no advantage; the share of plans on
/// which graders disagree about it; and whether a check fired.
/// </summary>
/// <param name="Variance">4·p(1 − p) of its verdicts.</param>
/// <param name="Disagreement">Share of the plans with several verdicts on which they differ.</param>
/// <param name="CheckFired">Whether a check found a fault.</param>
public readonly record struct ReviewPriority(double Variance, double Disagreement, bool CheckFired)
{
    /// <summary>The sum, 0–3; 0 when nothing is known.</summary>
    public double Value => Variance + Disagreement + (CheckFired ? 1 : 0);

    /// <summary>Priorities of these items; those of which nothing is known are not in the answer.</summary>
    internal static async Task<Dictionary<RubricItemId, ReviewPriority>> OfAsync(CoScientistDb db, IQueryable<RubricItem> items, CancellationToken cancellationToken)
    {
        var perPlan = await (
            from verdict in db.Verdicts
            join grading in db.Gradings on verdict.GradingId equals grading.Id
            where items.Any(item => item.Id == verdict.ItemId)
            group verdict by new { verdict.ItemId, grading.PlanId } into plan
            select new { plan.Key.ItemId, Verdicts = plan.Count(), Met = plan.Sum(v => v.Met ? 1 : 0) }).ToListAsync(cancellationToken);
        var fired = (await db.ItemFindings.Where(finding => items.Any(item => item.Id == finding.ItemId)).Select(finding => finding.ItemId).Distinct().ToListAsync(cancellationToken)).ToHashSet();
        var priorities = perPlan.GroupBy(plan => plan.ItemId).ToDictionary(item => item.Key, item =>
        {
            var met = item.Average(plan => plan.Met / (double)plan.Verdicts);
            var several = item.Where(plan => plan.Verdicts > 1).ToList();
            return new ReviewPriority(4 * met * (1 - met), several.Count == 0 ? 0 : several.Count(plan => plan.Met > 0 && plan.Met < plan.Verdicts) / (double)several.Count, fired.Contains(item.Key));
        });
        foreach (var item in fired)
        {
            priorities.TryAdd(item, new ReviewPriority(0, 0, CheckFired: true));
        }

        return priorities;
    }
}
