using CoScientist.Core.Goals;
using CoScientist.Core.Grading;
using CoScientist.Core.Papers;
using CoScientist.Core.Plans;
using CoScientist.Core.Storage;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Web.ViewModels;

/// <summary>One page of a longer list.</summary>
/// <param name="Total">Rows on all pages.</param>
/// <param name="Rows">This page's rows.</param>
public sealed record Slice<T>(int Total, IReadOnlyList<T> Rows);

/// <summary>Which papers or goals to list.</summary>
/// <param name="Text">Words to look for; null or empty means all.</param>
/// <param name="Domain">Only this field of research; null or empty means all.</param>
/// <param name="Sandbox">The sandbox's or the real ones; never both.</param>
public sealed record LibraryFilter(string? Text, string? Domain, bool Sandbox);

/// <summary>A paper in the list.</summary>
public sealed record PaperRow(PaperId Id, string Title, int? Year, string Domain, string Format, int Goals, DateTimeOffset ImportedAt);

/// <summary>A goal in a list.</summary>
public sealed record GoalRow(GoalId Id, string Text, string Domain, GoalSplit Split, string Origin, int Items, int Decided, int Rejected, int RubricVersion, bool IsSandbox);

/// <summary>A paper with the goals drawn from it.</summary>
public sealed record PaperView(Paper Paper, IReadOnlyList<GoalRow> Goals);

/// <summary>A plan with its gradings, newest of each grader.</summary>
public sealed record PlanView(Plan Plan, IReadOnlyList<Grading> Gradings);

/// <summary>An entry of a rubric's audit trail with the reviewer's name.</summary>
public sealed record DecisionView(ReviewDecision Decision, string Reviewer);

/// <summary>A goal, where it came from, and what was written for it.</summary>
/// <param name="Goal">The goal with its rubric in order.</param>
/// <param name="PaperTitle">Title of its paper; null when it has none.</param>
/// <param name="Plans">The newest plans.</param>
/// <param name="PlanCount">All plans.</param>
/// <param name="Decisions">The audit trail, newest first.</param>
public sealed record GoalView(Goal Goal, string? PaperTitle, IReadOnlyList<PlanView> Plans, int PlanCount, IReadOnlyList<DecisionView> Decisions);

/// <summary>What the pages of the library read.</summary>
public sealed class LibraryStore(IDbContextFactory<CoScientistDb> databases)
{
    /// <summary>Plans shown with a goal.</summary>
    private const int PlansShown = 12;

    /// <summary>Papers, newest first; of each article the newest version.</summary>
    public async Task<Slice<PaperRow>> PapersAsync(LibraryFilter filter, int skip, int take, CancellationToken cancellationToken)
    {
        await using var db = await databases.CreateDbContextAsync(cancellationToken);
        var papers = db.Papers.AsNoTracking().Where(paper => paper.IsSandbox == filter.Sandbox && paper.NewestVersion == null);
        if (!string.IsNullOrEmpty(filter.Domain))
        {
            papers = papers.Where(paper => paper.Domain == filter.Domain);
        }

        if (!string.IsNullOrWhiteSpace(filter.Text))
        {
            var pattern = Contains(filter.Text);
            papers = papers.Where(paper => EF.Functions.Like(paper.Title, pattern, "\\") || EF.Functions.Like(paper.Abstract, pattern, "\\") || EF.Functions.Like(paper.SourceName, pattern, "\\"));
        }

        var rows = papers.OrderByDescending(paper => paper.Id).Skip(skip).Take(take)
            .Select(paper => new PaperRow(paper.Id, paper.Title, paper.Year, paper.Domain, paper.Format, db.Goals.Count(goal => goal.PaperId == paper.Id), paper.ImportedAt));
        return new Slice<PaperRow>(await papers.CountAsync(cancellationToken), await rows.ToListAsync(cancellationToken));
    }

    /// <summary>Goals in order of creation.</summary>
    public async Task<Slice<GoalRow>> GoalsAsync(LibraryFilter filter, int skip, int take, CancellationToken cancellationToken)
    {
        await using var db = await databases.CreateDbContextAsync(cancellationToken);
        var goals = db.Goals.AsNoTracking().Where(goal => goal.IsSandbox == filter.Sandbox);
        if (!string.IsNullOrEmpty(filter.Domain))
        {
            goals = goals.Where(goal => goal.Domain == filter.Domain);
        }

        if (!string.IsNullOrWhiteSpace(filter.Text))
        {
            var pattern = Contains(filter.Text);
            goals = goals.Where(goal => EF.Functions.Like(goal.Text, pattern, "\\") || goal.Items.Any(item => EF.Functions.Like(item.Text, pattern, "\\")));
        }

        return new Slice<GoalRow>(
            await goals.CountAsync(cancellationToken),
            await Rows(goals.OrderBy(goal => goal.Id).Skip(skip).Take(take)).ToListAsync(cancellationToken));
    }

    /// <summary>Fields of research that papers or goals name.</summary>
    public async Task<IReadOnlyList<string>> DomainsAsync(bool sandbox, CancellationToken cancellationToken)
    {
        await using var db = await databases.CreateDbContextAsync(cancellationToken);
        return await db.Goals.Where(goal => goal.IsSandbox == sandbox).Select(goal => goal.Domain)
            .Union(db.Papers.Where(paper => paper.IsSandbox == sandbox).Select(paper => paper.Domain))
            .OrderBy(domain => domain)
            .ToListAsync(cancellationToken);
    }

    /// <summary>A paper with sections and goals; null when there is none.</summary>
    public async Task<PaperView?> PaperAsync(PaperId id, CancellationToken cancellationToken)
    {
        await using var db = await databases.CreateDbContextAsync(cancellationToken);
        var paper = await db.Papers.AsNoTracking().Include(row => row.Sections.OrderBy(section => section.Order)).SingleOrDefaultAsync(row => row.Id == id, cancellationToken);
        return paper is null ? null : new PaperView(paper, await Rows(db.Goals.Where(goal => goal.PaperId == id).OrderBy(goal => goal.Id)).ToListAsync(cancellationToken));
    }

    /// <summary>A goal with rubric, audit trail and newest plans; null when there is none.</summary>
    public async Task<GoalView?> GoalAsync(GoalId id, CancellationToken cancellationToken)
    {
        await using var db = await databases.CreateDbContextAsync(cancellationToken);
        var goal = await db.Goals.AsNoTracking().Include(row => row.Items.OrderBy(item => item.Order)).SingleOrDefaultAsync(row => row.Id == id, cancellationToken);
        if (goal is null)
        {
            return null;
        }

        var title = goal.PaperId is { } paperId ? await db.Papers.Where(paper => paper.Id == paperId).Select(paper => paper.Title).SingleOrDefaultAsync(cancellationToken) : null;
        var plans = await db.Plans.AsNoTracking().Where(plan => plan.GoalId == id).OrderByDescending(plan => plan.Id).Take(PlansShown).ToListAsync(cancellationToken);
        var planIds = plans.Select(plan => plan.Id).ToList();
        var gradings = await db.Gradings.AsNoTracking().Include(grading => grading.Verdicts).Where(grading => planIds.Contains(grading.PlanId)).ToListAsync(cancellationToken);
        var newest = gradings.OrderByDescending(grading => grading.Id.Value).DistinctBy(grading => (grading.PlanId, grading.Role, grading.Grader)).ToLookup(grading => grading.PlanId);
        var itemIds = goal.Items.Select(item => item.Id).ToList();
        var decisions = await db.ReviewDecisions.AsNoTracking().Where(decision => itemIds.Contains(decision.ItemId)).OrderByDescending(decision => decision.RubricVersion)
            .Select(decision => new DecisionView(decision, db.Users.Where(account => account.Id == decision.ReviewerId).Select(account => account.DisplayName).FirstOrDefault() ?? decision.ReviewerId))
            .ToListAsync(cancellationToken);
        return new GoalView(
            goal,
            title,
            [.. plans.Select(plan => new PlanView(plan, [.. newest[plan.Id].OrderBy(grading => grading.Role).ThenBy(grading => grading.Grader, StringComparer.Ordinal)]))],
            await db.Plans.CountAsync(plan => plan.GoalId == id, cancellationToken),
            decisions);
    }

    /// <summary>Heading and text of a section (-1 the abstract); null when the paper has no such section.</summary>
    public async Task<(string Title, string Heading, string Text)?> SectionAsync(PaperId id, int section, CancellationToken cancellationToken)
    {
        await using var db = await databases.CreateDbContextAsync(cancellationToken);
        var found = section < 0
            ? await db.Papers.Where(paper => paper.Id == id).Select(paper => new { paper.Title, Heading = "Abstract", Text = paper.Abstract }).SingleOrDefaultAsync(cancellationToken)
            : await db.PaperSections.Where(row => row.PaperId == id && row.Order == section)
                .Join(db.Papers, row => row.PaperId, paper => paper.Id, (row, paper) => new { paper.Title, row.Heading, row.Text }).SingleOrDefaultAsync(cancellationToken);
        return found is null ? null : (found.Title, found.Heading, found.Text);
    }

    /// <summary>The goal of a rubric item, without its rubric; null when there is none.</summary>
    public async Task<Goal?> GoalOfAsync(RubricItemId item, CancellationToken cancellationToken)
    {
        await using var db = await databases.CreateDbContextAsync(cancellationToken);
        return await db.Goals.AsNoTracking().SingleOrDefaultAsync(goal => goal.Items.Any(row => row.Id == item), cancellationToken);
    }

    private static IQueryable<GoalRow> Rows(IQueryable<Goal> goals) => goals.Select(goal => new GoalRow(
        goal.Id,
        goal.Text,
        goal.Domain,
        goal.Split,
        goal.Origin,
        goal.Items.Count,
        goal.Items.Count(item => item.State != RubricItemState.Proposed),
        goal.Items.Count(item => item.State == RubricItemState.Rejected),
        goal.RubricVersion,
        goal.IsSandbox));

    private static string Contains(string text) =>
        "%" + text.Trim().Replace("\\", "\\\\", StringComparison.Ordinal).Replace("%", "\\%", StringComparison.Ordinal).Replace("_", "\\_", StringComparison.Ordinal) + "%";
}
