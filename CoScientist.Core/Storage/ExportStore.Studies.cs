using System.Globalization;
using CoScientist.Core.Studies;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Core.Storage;

/// <content>What experts and reviewers said.</content>
public sealed partial class ExportStore
{
    /// <summary>Answers of experts that count, with what they compared, which arm they preferred and all that the form asked.</summary>
    /// <param name="study">Name or id of a study; null for all.</param>
    /// <param name="anonymous">Whether experts are numbered instead of named, and reasons, flags and times left out: free words give people away.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task<ExportTable> PreferencesAsync(string? study, bool anonymous, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        var answers = await (
            from preference in db.Preferences.AsNoTracking()
            join assignment in db.Assignments on preference.AssignmentId equals assignment.Id
            join comparison in db.Comparisons on assignment.ComparisonId equals comparison.Id
            join of in Studies(db, study) on comparison.StudyId equals of.Id
            join goal in db.Goals on comparison.GoalId equals goal.Id
            where preference.UndoneAt == null
            orderby preference.Id
            select new { preference, goal.ExternalKey, assignment.Arm1IsLeft, assignment.ExpertId, comparison.GoalId, comparison.Plan1Id, comparison.Plan2Id, comparison.Kind, of.Name, of.Arm1, of.Arm2, of.IsSandbox }).ToListAsync(cancellationToken);
        var names = Names(answers.Select(a => a.ExpertId), anonymous);
        var rows = answers.Select(answer =>
        {
            var (preference, details, left) = (answer.preference, answer.preference.Details, answer.Arm1IsLeft);
            return (IReadOnlyList<object?>)
            [
                answer.Name, answer.IsSandbox, answer.GoalId.ToString(), answer.Plan1Id.ToString(), answer.Plan2Id.ToString(), answer.Arm1, answer.Arm2, left,
                preference.Choice.ToString(), Preferred(preference.Choice, left), anonymous ? null : preference.Reason, preference.ActiveMilliseconds, names[answer.ExpertId], anonymous ? null : preference.At,
                answer.Kind.ToString(), details.Strength, left ? details.ScoreA : details.ScoreB, left ? details.ScoreB : details.ScoreA,
                details.Criteria.Count == 0 ? null : details.Criteria.ToDictionary(c => c.Key.ToString(), c => Preferred(c.Value, left), StringComparer.Ordinal),
                details.Items.Count == 0 ? null : details.Items.Select(i => new { item = i.Item, text = i.Text, arm1 = (left ? i.A : i.B)?.ToString(), arm2 = (left ? i.B : i.A)?.ToString(), needed = i.Needed }).ToList(),
                details.RubricVersion, answer.ExternalKey,
            ];
        });
        return new ExportTable(
            ["study", "sandbox", "goal_id", "plan1_id", "plan2_id", "arm1", "arm2", "arm1_is_left", "choice", "preferred", "reason", "active_milliseconds", "expert", "at", "kind", "strength", "score1", "score2", "criteria", "items", "rubric_version", "goal_key"],
            [.. rows]);
    }

    /// <summary>Every decision on rubric items, those taken back included, in the order in which they were made.</summary>
    /// <param name="anonymous">Whether reviewers are numbered instead of named, and notes and times left out.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task<ExportTable> DecisionsAsync(bool anonymous, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        var decisions = await (
            from decision in db.ReviewDecisions.AsNoTracking()
            join item in db.RubricItems on decision.ItemId equals item.Id
            join goal in db.Goals on item.GoalId equals goal.Id
            orderby decision.At, decision.Id
            select new { decision, item.GoalId, item.Order, goal.ExternalKey, goal.IsSandbox }).ToListAsync(cancellationToken);
        var names = Names(decisions.Select(d => d.decision.ReviewerId), anonymous);
        var rows = decisions.Select(row => (IReadOnlyList<object?>)
        [
            row.decision.Id.ToString(), row.GoalId.ToString(), row.decision.ItemId.ToString(), row.IsSandbox, row.decision.Action.ToString(), row.decision.Reason?.ToString(), anonymous ? null : row.decision.Note,
            row.decision.TextBefore, row.decision.TextAfter, row.decision.StateBefore.ToString(), row.decision.StateAfter.ToString(), row.decision.WeightBefore, row.decision.WeightAfter,
            row.decision.RubricVersion, row.decision.Undoes?.ToString(), names[row.decision.ReviewerId], anonymous ? null : row.decision.At,
            row.ExternalKey, row.Order,
        ]);
        return new ExportTable(
            ["decision_id", "goal_id", "item_id", "sandbox", "action", "reason", "note", "text_before", "text_after", "state_before", "state_after", "weight_before", "weight_after", "rubric_version", "undoes", "reviewer", "at", "goal_key", "item_number"],
            [.. rows]);
    }

    /// <summary>Pairs to train on: for each goal that a majority of experts decided, the prompt, the plan preferred and the other (the columns of TRL's preference format).</summary>
    /// <param name="study">Name or id of a study that was closed; null for all closed ones.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task<ExportTable> PairsAsync(string? study, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        var closed = Studies(db, study).Where(s => s.State == StudyState.Closed || s.State == StudyState.Locked);
        var answers = await (
            from preference in db.Preferences.AsNoTracking()
            join assignment in db.Assignments on preference.AssignmentId equals assignment.Id
            join comparison in db.Comparisons on assignment.ComparisonId equals comparison.Id
            join of in closed on comparison.StudyId equals of.Id
            where preference.UndoneAt == null && comparison.Kind == ComparisonKind.Counts && (preference.Choice == PreferenceChoice.A || preference.Choice == PreferenceChoice.B)
            select new { comparison.Id, comparison.GoalId, comparison.Plan1Id, comparison.Plan2Id, comparison.Order, of.Name, of.IsSandbox, First = (preference.Choice == PreferenceChoice.A) == assignment.Arm1IsLeft }).ToListAsync(cancellationToken);
        var goals = await db.Goals.AsNoTracking().Where(g => db.Comparisons.Any(c => c.GoalId == g.Id)).ToDictionaryAsync(g => g.Id, g => g.Text, cancellationToken);
        var plans = await db.Plans.AsNoTracking().Where(p => db.Comparisons.Any(c => c.Plan1Id == p.Id || c.Plan2Id == p.Id)).ToDictionaryAsync(p => p.Id, p => p.Text, cancellationToken);
        var rows =
            from pair in answers.GroupBy(a => a.Id).OrderBy(p => p.First().Name, StringComparer.Ordinal).ThenBy(p => p.First().Order)
            let margin = pair.Sum(a => a.First ? 1 : -1)
            let one = pair.First()
            where margin != 0
            let chosen = margin > 0 ? one.Plan1Id : one.Plan2Id
            let rejected = margin > 0 ? one.Plan2Id : one.Plan1Id
            select (IReadOnlyList<object?>)[goals[one.GoalId], plans[chosen], plans[rejected], one.GoalId.ToString(), one.Name, one.IsSandbox, pair.Count(), Math.Abs(margin)];
        return new ExportTable(["prompt", "chosen", "rejected", "goal_id", "study", "sandbox", "votes", "margin"], [.. rows]);
    }

    private static IQueryable<Study> Studies(CoScientistDb db, string? nameOrId) => nameOrId is null ? db.Studies
        : TypedId.TryParse<StudyId>(nameOrId, out var id) ? db.Studies.Where(s => s.Id == id) : db.Studies.Where(s => s.Name == nameOrId);

    // Numbered by first appearance: the same person keeps the number within a file.
    private static Dictionary<string, string> Names(IEnumerable<string> accounts, bool anonymous) => accounts.Distinct(StringComparer.Ordinal)
        .Select((account, number) => (account, Name: anonymous ? string.Create(CultureInfo.InvariantCulture, $"person {number + 1}") : account))
        .ToDictionary(n => n.account, n => n.Name, StringComparer.Ordinal);

    private static string Preferred(PreferenceChoice choice, bool arm1IsLeft) => choice switch
    {
        PreferenceChoice.A => arm1IsLeft ? "arm1" : "arm2",
        PreferenceChoice.B => arm1IsLeft ? "arm2" : "arm1",
        PreferenceChoice.Tie => "tie",
        _ => "neither",
    };
}
