using CoScientist.Core.Goals;
using CoScientist.Core.Studies;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Core.Storage;

/// <content>What results draw on besides answers and scores.</content>
public sealed partial class StudyStore
{
    private static async Task<StudyEvidence> EvidenceAsync(CoScientistDb db, StudyId study, List<StudyAnswer> answers, HashSet<ComparisonId> counting, CancellationToken cancellationToken)
    {
        var pairs = await (
            from c in db.Comparisons
            join one in db.Plans on c.Plan1Id equals one.Id
            join two in db.Plans on c.Plan2Id equals two.Id
            where c.StudyId == study
            select new { c.Id, c.GoalId, c.Plan1Id, c.Plan2Id, c.Kind, c.Expected, Text1 = one.Text, Text2 = two.Text }).ToListAsync(cancellationToken);
        var goals = pairs.FindAll(p => counting.Contains(p.Id)).ConvertAll(p => p.GoalId);
        var states = await db.RubricItems.Where(i => goals.Contains(i.GoalId) && i.State != RubricItemState.Proposed).GroupBy(i => i.State).Select(g => new { g.Key, Count = g.Count() }).ToDictionaryAsync(g => g.Key, g => g.Count, cancellationToken);
        var gold = pairs.FindAll(p => p.Kind == ComparisonKind.Gold).ToDictionary(p => p.Id, p => p.Expected!.Value);
        var decided = await db.Adjudications.AsNoTracking().Where(a => db.Comparisons.Any(c => c.Id == a.ComparisonId && c.StudyId == study)).ToListAsync(cancellationToken);
        return new StudyEvidence
        {
            LengthDifference = pairs.FindAll(p => counting.Contains(p.Id)).ToDictionary(p => p.Id, p => Words(p.Text1) - Words(p.Text2)),
            Judgments = await JudgmentsAsync(db, answers.FindAll(a => a.Details.Items.Count > 0 && counting.Contains(a.ComparisonId)), pairs.ToDictionary(p => p.Id, p => (p.Plan1Id, p.Plan2Id)), cancellationToken),
            Approvals = (states.GetValueOrDefault(RubricItemState.Approved), states.GetValueOrDefault(RubricItemState.Edited), states.GetValueOrDefault(RubricItemState.Rejected)),
            Gold = [.. answers.Where(a => gold.ContainsKey(a.ComparisonId)).Select(a => (a, gold[a.ComparisonId]))],
            Adjudicated = decided.GroupBy(a => a.ComparisonId).Select(g => g.OrderBy(a => a.At).ThenBy(a => a.Id.Value).Last()).Where(a => a.Outcome is not null).ToDictionary(a => a.ComparisonId, a => a.Outcome!.Value),
        };
    }

    // The newest verdict of each grader on an item of a plan, beside every expert's mark of the same.
    private static async Task<List<ItemJudgment>> JudgmentsAsync(CoScientistDb db, List<StudyAnswer> answers, Dictionary<ComparisonId, (Plans.PlanId One, Plans.PlanId Two)> plans, CancellationToken cancellationToken)
    {
        if (answers.Count == 0)
        {
            return [];
        }

        var marked = answers.SelectMany(a => new[] { plans[a.ComparisonId].One, plans[a.ComparisonId].Two }).Distinct().ToList();
        var verdicts = await (
            from g in db.Gradings
            from v in g.Verdicts
            where marked.Contains(g.PlanId)
            select new { g.PlanId, g.Role, g.Grader, g.At, v.ItemId, v.Met, v.Violated }).ToListAsync(cancellationToken);
        var newest = verdicts.GroupBy(v => (v.PlanId, v.ItemId, v.Role, v.Grader)).Select(g => g.MaxBy(v => v.At)!).ToLookup(v => (v.PlanId, Item: v.ItemId.ToString()));
        return
        [
            .. from answer in answers
               from item in answer.Details.Items
               from side in new[] { (Mark: item.A, Left: true), (Mark: item.B, Left: false) }
               where side.Mark is not null
               let plan = side.Left == answer.Arm1IsLeft ? plans[answer.ComparisonId].One : plans[answer.ComparisonId].Two
               from verdict in newest[(plan, item.Item)]
               select new ItemJudgment(verdict.Role, verdict.Grader, verdict.Met, verdict.Violated, side.Mark!.Value),
        ];
    }

    private static int Words(string text) => text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Length;
}
