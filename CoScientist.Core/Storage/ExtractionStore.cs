using CoScientist.Core.Extraction;
using CoScientist.Core.Goals;
using CoScientist.Core.Papers;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Core.Storage;

/// <summary>Who extracted, recorded with every goal.</summary>
/// <param name="Name">Model, or <see cref="ExtractiveDrafter.Name"/>.</param>
/// <param name="Origin">"drafter" or "model"; see <see cref="Goal.Origin"/>.</param>
/// <param name="PromptVersion">Content hash of the prompts; null for the drafter.</param>
public sealed record Extractor(string Name, string Origin, string? PromptVersion)
{
    /// <summary>The drafter that needs no model.</summary>
    public static Extractor Drafter { get; } = new(ExtractiveDrafter.Name, "drafter", null);

    /// <summary>Whether its items are drafts that nobody has vouched for.</summary>
    public bool WritesDrafts => PromptVersion is null;
}

/// <summary>What an extraction changed.</summary>
/// <param name="Added">Goals that are new now.</param>
/// <param name="Replaced">Earlier goals of the same extractor, untouched until now, that made way.</param>
/// <param name="Kept">Earlier goals of the same extractor that stay because people or plans rest on them.</param>
public sealed record ExtractionSaved(IReadOnlyList<Goal> Added, int Replaced, int Kept);

/// <summary>Extracted goals into the library.</summary>
/// <param name="factory">Opens the database.</param>
/// <param name="time">The clock.</param>
public sealed class ExtractionStore(IDbContextFactory<CoScientistDb> factory, TimeProvider time)
{
    /// <summary>Papers (of each article the newest version), sandbox left out, that have no goal yet, in the order they came in.</summary>
    public async Task<IReadOnlyList<PaperId>> PapersWithoutGoalsAsync(CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        return await db.Papers.Where(paper => !paper.IsSandbox && paper.NewestVersion == null && !db.Goals.Any(goal => goal.PaperId == paper.Id)).OrderBy(paper => paper.Id).Select(paper => paper.Id).ToListAsync(cancellationToken);
    }

    /// <summary>All papers (of each article the newest version), sandbox left out, in the order they came in.</summary>
    public async Task<IReadOnlyList<PaperId>> AllPapersAsync(CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        return await db.Papers.Where(paper => !paper.IsSandbox && paper.NewestVersion == null).OrderBy(paper => paper.Id).Select(paper => paper.Id).ToListAsync(cancellationToken);
    }

    /// <summary>A paper with its sections; null when there is none.</summary>
    public async Task<Paper?> FindPaperAsync(PaperId id, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        return await db.Papers.AsNoTracking().Include(paper => paper.Sections.OrderBy(section => section.Order)).SingleOrDefaultAsync(paper => paper.Id == id, cancellationToken);
    }

    /// <summary>Drafts a goal without a model and stores it.</summary>
    /// <exception cref="ExtractionException">The paper says too little.</exception>
    public Task<ExtractionSaved> DraftAsync(Paper paper, CancellationToken cancellationToken) =>
        SaveAsync(paper, [ExtractiveDrafter.Draft(paper)], Extractor.Drafter, cancellationToken);

    /// <summary>Stores what was extracted from a paper, in one transaction. Earlier goals of the same extractor are replaced unless somebody reviewed them or a plan answers them.</summary>
    public async Task<ExtractionSaved> SaveAsync(Paper paper, IReadOnlyList<ExtractedGoal> goals, Extractor extractor, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        var earlier = await db.Goals.Include(goal => goal.Items).Where(goal => goal.PaperId == paper.Id && goal.ExtractedBy == extractor.Name).ToListAsync(cancellationToken);
        var ids = earlier.ConvertAll(goal => goal.Id);
        var planned = await db.Plans.Where(plan => ids.Contains(plan.GoalId)).Select(plan => plan.GoalId).Distinct().ToListAsync(cancellationToken);
        var itemIds = earlier.SelectMany(goal => goal.Items).Select(item => item.Id).ToList();
        var decided = await db.ReviewDecisions.Where(decision => itemIds.Contains(decision.ItemId)).Select(decision => decision.ItemId).Distinct().ToListAsync(cancellationToken);
        var kept = earlier.Where(goal => planned.Contains(goal.Id) || goal.Items.Exists(item => item.State != RubricItemState.Proposed || decided.Contains(item.Id))).ToList();

        var replaced = earlier.Except(kept).ToList();
        db.Goals.RemoveRange(replaced);
        var added = goals.Where(goal => !kept.Exists(other => other.Text == goal.Text)).Select(goal => NewGoal(paper, goal, extractor)).ToList();
        db.Goals.AddRange(added);
        await db.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return new ExtractionSaved(added, replaced.Count, kept.Count);
    }

    private Goal NewGoal(Paper paper, ExtractedGoal extracted, Extractor extractor)
    {
        var id = TypedId.New<GoalId>(time);
        return new Goal
        {
            Id = id,
            PaperId = paper.Id,
            Domain = paper.Domain,
            Text = extracted.Text,
            ReferenceSolution = extracted.ReferenceSolution,
            Split = GoalSplits.Of(paper.FirstVersionHash ?? paper.ContentHash),
            Origin = extractor.Origin,
            ExtractedBy = extractor.Name,
            PromptVersion = extractor.PromptVersion,
            CreatedAt = time.GetUtcNow(),
            Items =
            [
                .. extracted.Items.Select((item, order) => new RubricItem
                {
                    Id = TypedId.New<RubricItemId>(time),
                    GoalId = id,
                    Order = order,
                    Text = item.Text,
                    ProposedText = item.Text,
                    SourceSection = item.Source?.SectionOrder,
                    SourceStart = item.Source?.Start,
                    SourceLength = item.Source?.Length,
                    IsDraft = extractor.WritesDrafts,
                }),
            ],
        };
    }
}
