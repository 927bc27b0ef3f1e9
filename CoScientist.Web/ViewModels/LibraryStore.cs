using CoScientist.Core.Goals;
using CoScientist.Core.Grading;
using CoScientist.Core.Papers;
using CoScientist.Core.Plans;
using CoScientist.Core.Storage;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Web.ViewModels;

/// <summary>A paper with the goals drawn from it.</summary>
/// <param name="Paper">The paper with its sections.</param>
/// <param name="Goals">The goals, in order of creation.</param>
/// <param name="Items">Their rubric items, goal by goal, in order.</param>
/// <param name="Versions">All versions of the article, the newest first; empty when there is but one.</param>
public sealed record PaperView(Paper Paper, IReadOnlyList<GoalRow> Goals, IReadOnlyList<RubricItem> Items, IReadOnlyList<PaperVersion> Versions);

/// <summary>A version of an article.</summary>
public sealed record PaperVersion(PaperId Id, int? Version, string SourceName, DateTimeOffset ImportedAt);

/// <summary>What a goal rests on: its paper, or the file it was imported from.</summary>
/// <param name="Paper">The paper without its sections; null when there is none.</param>
/// <param name="File">File and line of an imported goal; null for others.</param>
/// <param name="Passages">Of each item that names one, its source passage.</param>
public sealed record GoalOrigin(Paper? Paper, GoalSource? File, IReadOnlyDictionary<RubricItemId, Passage> Passages);

/// <summary>A plan with its gradings, newest of each grader.</summary>
public sealed record PlanView(Plan Plan, IReadOnlyList<Grading> Gradings);

/// <summary>An entry of a rubric's audit trail with the reviewer's name.</summary>
public sealed record DecisionView(ReviewDecision Decision, string Reviewer);

/// <summary>A goal, where it came from, and what was written for it.</summary>
/// <param name="Goal">The goal with its rubric in order.</param>
/// <param name="Origin">What it rests on.</param>
/// <param name="Plans">The newest plans.</param>
/// <param name="PlanCount">All plans.</param>
/// <param name="Decisions">The audit trail, newest first.</param>
public sealed record GoalView(Goal Goal, GoalOrigin Origin, IReadOnlyList<PlanView> Plans, int PlanCount, IReadOnlyList<DecisionView> Decisions);

/// <summary>What the pages of single papers and goals read, and those of review.</summary>
public sealed class LibraryStore(IDbContextFactory<CoScientistDb> databases)
{
    /// <summary>Plans shown with a goal.</summary>
    private const int PlansShown = 12;

    /// <summary>A paper with sections and goals; null when there is none.</summary>
    public async Task<PaperView?> PaperAsync(PaperId id, CancellationToken cancellationToken)
    {
        await using var db = await databases.CreateDbContextAsync(cancellationToken);
        var paper = await db.Papers.AsNoTracking().Include(row => row.Sections.OrderBy(section => section.Order)).SingleOrDefaultAsync(row => row.Id == id, cancellationToken);
        if (paper is null)
        {
            return null;
        }

        var goals = await LibraryLists.Rows(db.Goals.Where(goal => goal.PaperId == id).OrderBy(goal => goal.Id)).ToListAsync(cancellationToken);
        var goalIds = goals.ConvertAll(goal => goal.Id);
        var items = await db.RubricItems.AsNoTracking().Where(item => goalIds.Contains(item.GoalId)).OrderBy(item => item.GoalId).ThenBy(item => item.Order).ToListAsync(cancellationToken);
        var newest = paper.NewestVersion ?? paper.Id;
        var versions = await db.Papers.Where(row => row.Id == newest || row.NewestVersion == newest).OrderByDescending(row => row.Id == newest).ThenByDescending(row => row.Id)
            .Select(row => new PaperVersion(row.Id, row.Version, row.SourceName, row.ImportedAt)).ToListAsync(cancellationToken);
        return new PaperView(paper, goals, items, versions.Count > 1 ? versions : []);
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

        var origin = await OriginAsync(db, goal, cancellationToken);
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
            origin,
            [.. plans.Select(plan => new PlanView(plan, [.. newest[plan.Id].OrderBy(grading => grading.Role).ThenBy(grading => grading.Grader, StringComparer.Ordinal)]))],
            await db.Plans.CountAsync(plan => plan.GoalId == id, cancellationToken),
            decisions);
    }

    private static async Task<GoalOrigin> OriginAsync(CoScientistDb db, Goal goal, CancellationToken cancellationToken)
    {
        var file = await db.GoalSources.AsNoTracking().SingleOrDefaultAsync(source => source.GoalId == goal.Id, cancellationToken);
        if (goal.PaperId is not { } id)
        {
            return new GoalOrigin(null, file, new Dictionary<RubricItemId, Passage>());
        }

        var paper = await db.Papers.AsNoTracking().SingleAsync(row => row.Id == id, cancellationToken);
        var cited = goal.Items.Select(item => item.SourceSection).OfType<int>().Distinct().ToList();
        var sections = await db.PaperSections.AsNoTracking().Where(section => section.PaperId == id && cited.Contains(section.Order)).ToDictionaryAsync(section => section.Order, cancellationToken);
        var passages = new Dictionary<RubricItemId, Passage>();
        foreach (var item in goal.Items)
        {
            var (heading, text) = item.SourceSection is not { } order ? (null, null) : order < 0 ? ("Abstract", paper.Abstract) : sections.TryGetValue(order, out var section) ? (section.Heading, section.Text) : (null, null);
            if (text is not null)
            {
                passages[item.Id] = Passage.Cut(paper.Title, heading!, text, item.SourceStart ?? 0, item.SourceLength ?? 0);
            }
        }

        return new GoalOrigin(paper, file, passages);
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
}
