using CoScientist.Core.Goals;
using CoScientist.Core.Interchange;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Core.Storage;

/// <summary>What leaves the library.</summary>
/// <param name="factory">Opens the database.</param>
public sealed partial class ExportStore(IDbContextFactory<CoScientistDb> factory)
{
    /// <summary>
    /// Goals with their rubrics in the columns of research-plan-gen; rejected items, and goals without any other, stay out. A row
    /// that was imported comes back with the columns and values of its file; only what people changed since is new.
    /// </summary>
    /// <param name="sandbox">True for the sandbox's goals, false for real ones: the two are never mixed.</param>
    /// <param name="withOwn">Whether our own columns (part of the data, version of the rubric, weights) follow where the file had none.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task<ExportTable> DatasetAsync(bool sandbox, bool withOwn, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        var goals = await db.Goals.AsNoTracking().Include(goal => goal.Items).Where(goal => goal.IsSandbox == sandbox).OrderBy(goal => goal.Id).ToListAsync(cancellationToken);
        var sources = await db.GoalSources.AsNoTracking().ToDictionaryAsync(source => source.GoalId, source => source.Columns, cancellationToken);
        var papers = await db.Papers.AsNoTracking().Where(paper => paper.IsSandbox == sandbox)
            .Select(paper => new { paper.Id, paper.ContentHash, Identifier = paper.Doi ?? paper.ArxivId ?? paper.Pmid }).ToDictionaryAsync(paper => paper.Id, cancellationToken);
        var rows = new List<IReadOnlyList<KeyValuePair<string, object?>>>();
        foreach (var goal in goals)
        {
            var rubric = goal.Items.Where(item => item.State != RubricItemState.Rejected).OrderBy(item => item.Order).ToList();
            if (rubric.Count == 0)
            {
                continue;
            }

            var paper = goal.PaperId is { } id ? papers.GetValueOrDefault(id) : null;
            var slash = goal.ExternalKey?.LastIndexOf('/') ?? -1;
            var article = slash > 0 ? goal.ExternalKey![..slash] : paper?.ContentHash[..16] ?? goal.Id.ToString();
            var question = slash > 0 ? goal.ExternalKey![(slash + 1)..] : goal.Id.ToString();
            var row = new DatasetRow(0, goal.Text, rubric.ConvertAll(item => item.Text), goal.ReferenceSolution, article, question, null, goal.Domain)
            {
                Split = goal.Split,
                RubricVersion = goal.RubricVersion,
                Weights = rubric.TrueForAll(item => item.Weight == 1) ? null : rubric.ConvertAll(item => item.Weight),
            };
            rows.Add(DatasetColumns.Restore(sources.GetValueOrDefault(goal.Id) ?? DatasetColumns.Plain(row, paper?.Identifier), row, withOwn));
        }

        return ExportTable.Of(rows, withOwn ? [.. DatasetColumns.Published, .. DatasetColumns.Own] : DatasetColumns.Published);
    }

    /// <summary>Gradings with their verdicts as a list in one column.</summary>
    public async Task<ExportTable> GradingsAsync(CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        var gradings = await (
            from grading in db.Gradings.AsNoTracking().Include(grading => grading.Verdicts)
            join plan in db.Plans on grading.PlanId equals plan.Id
            join goal in db.Goals on plan.GoalId equals goal.Id
            orderby grading.Id
            select new { grading, plan.Writer, plan.GoalId, goal.IsSandbox }).ToListAsync(cancellationToken);
        var rows = gradings.Select(row => (IReadOnlyList<object?>)
        [
            row.grading.PlanId.ToString(), row.GoalId.ToString(), row.IsSandbox, row.Writer, row.grading.Role.ToString(), row.grading.Grader, row.grading.Protocol, row.grading.RubricVersion, row.grading.Score, row.grading.Failure,
            row.grading.Verdicts.Select(verdict => new { item = verdict.ItemId.ToString(), met = verdict.Met, violated = verdict.Violated, reason = verdict.Reason, probability = verdict.Probability }).ToList(), row.grading.At,
        ]);
        return new ExportTable(["plan_id", "goal_id", "sandbox", "writer", "role", "grader", "protocol", "rubric_version", "score", "failure", "verdicts", "at"], [.. rows]);
    }
}
