using CoScientist.Core.Extraction;
using CoScientist.Core.Extraction.Pipelines;
using CoScientist.Core.Goals;
using CoScientist.Core.Papers;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Core.Storage;

/// <summary>Who extracted, recorded with every goal.</summary>
/// <param name="Name">Model, or <see cref="ExtractiveDrafter.Name"/>.</param>
/// <param name="Origin">"drafter" or "model"; see <see cref="Goal.Origin"/>.</param>
/// <param name="PromptVersion">Content hash of the prompts; null for the drafter.</param>
/// <param name="Pipeline">See <see cref="ExtractionPipelines"/>.</param>
public sealed record Extractor(string Name, string Origin, string? PromptVersion, string Pipeline)
{
    /// <summary>The drafter that needs no model.</summary>
    public static Extractor Drafter { get; } = new(ExtractiveDrafter.Name, "drafter", null, ExtractionPipelines.Drafter);

    /// <summary>A model that goes through a pipeline.</summary>
    public static Extractor Model(string name, string pipeline) => new(name, "model", ExtractionPipelines.PromptVersion(pipeline), pipeline);

    /// <summary>Whether its items are drafts that nobody has vouched for.</summary>
    public bool WritesDrafts => PromptVersion is null;
}

/// <summary>What an extraction changed.</summary>
/// <param name="Added">Goals that are new now.</param>
/// <param name="Replaced">Earlier goals of the same extractor, untouched until now, that made way.</param>
/// <param name="Kept">Earlier goals of the same extractor that stay because people or plans rest on them.</param>
public sealed record ExtractionSaved(IReadOnlyList<Goal> Added, int Replaced, int Kept);

/// <summary>An extraction that failed, with the title of its paper.</summary>
/// <param name="Title">Title of the paper.</param>
/// <param name="Record">What happened.</param>
public sealed record FailedExtraction(string Title, ExtractionRecord Record);

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

    /// <summary>Of the papers without a goal those that the extractor has not failed on with its present prompts: what a stopped extraction, started again, has left to do.</summary>
    public async Task<IReadOnlyList<PaperId>> PapersToExtractAsync(Extractor extractor, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(extractor);
        var failed = await FailedPapersAsync(extractor, cancellationToken);
        return [.. (await PapersWithoutGoalsAsync(cancellationToken)).Except(failed)];
    }

    /// <summary>Papers on which the extractor failed with its present prompts, in the order they came in.</summary>
    public async Task<IReadOnlyList<PaperId>> FailedPapersAsync(Extractor extractor, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(extractor);
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        return await db.ExtractionRecords
            .Where(record => record.State == ExtractionState.Failed && record.Pipeline == extractor.Pipeline && record.Extractor == extractor.Name && record.PromptVersion == extractor.PromptVersion)
            .OrderBy(record => record.PaperId).Select(record => record.PaperId).ToListAsync(cancellationToken);
    }

    /// <summary>Extractions that failed and were not made up for since, the newest first.</summary>
    /// <param name="take">Most to return.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task<IReadOnlyList<FailedExtraction>> FailuresAsync(int take, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        return await (
            from record in db.ExtractionRecords.AsNoTracking()
            join paper in db.Papers on record.PaperId equals paper.Id
            where record.State == ExtractionState.Failed && paper.NewestVersion == null && !db.Goals.Any(goal => goal.PaperId == paper.Id)
            orderby record.At descending
            select new FailedExtraction(paper.Title, record)).Take(take).ToListAsync(cancellationToken);
    }

    /// <summary>How often the extractor has come to an end with a paper, failures included.</summary>
    public async Task<int> AttemptsAsync(PaperId paper, Extractor extractor, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(extractor);
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        return await db.ExtractionRecords.Where(record => record.PaperId == paper && record.Pipeline == extractor.Pipeline && record.Extractor == extractor.Name).Select(record => record.Attempts).SingleOrDefaultAsync(cancellationToken);
    }

    /// <summary>Records that a paper gave no goal. The paper can be tried again; what it gave before stays.</summary>
    /// <param name="paper">The paper.</param>
    /// <param name="extractor">Who failed on it.</param>
    /// <param name="error">Why, and what to do.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task FailAsync(PaperId paper, Extractor extractor, string error, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(extractor);
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        await using var transaction = await db.Database.BeginAloneAsync($"paper {paper.Value}", cancellationToken);
        var record = await RecordAsync(db, paper, extractor, cancellationToken);
        (record.State, record.Error, record.Goals, record.Items) = (ExtractionState.Failed, error, 0, 0);
        await db.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
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

    /// <summary>
    /// Stores what was extracted from a paper, with the checks of its items and the record of the extraction, in one transaction.
    /// Earlier goals of the same extractor and pipeline are replaced unless somebody reviewed them or a plan answers them.
    /// </summary>
    public async Task<ExtractionSaved> SaveAsync(Paper paper, IReadOnlyList<ExtractedGoal> goals, Extractor extractor, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        await using var transaction = await db.Database.BeginAloneAsync($"paper {paper.Id.Value}", cancellationToken);
        var earlier = await db.Goals.Include(goal => goal.Items).Where(goal => goal.PaperId == paper.Id && goal.ExtractedBy == extractor.Name && (goal.Pipeline == null || goal.Pipeline == extractor.Pipeline)).ToListAsync(cancellationToken);
        var ids = earlier.ConvertAll(goal => goal.Id);
        var planned = await db.Plans.Where(plan => ids.Contains(plan.GoalId)).Select(plan => plan.GoalId).Distinct().ToListAsync(cancellationToken);
        var itemIds = earlier.SelectMany(goal => goal.Items).Select(item => item.Id).ToList();
        var decided = await db.ReviewDecisions.Where(decision => itemIds.Contains(decision.ItemId)).Select(decision => decision.ItemId).Distinct().ToListAsync(cancellationToken);
        var kept = earlier.Where(goal => planned.Contains(goal.Id) || goal.Items.Exists(item => item.State != RubricItemState.Proposed || decided.Contains(item.Id))).ToList();

        var replaced = earlier.Except(kept).ToList();
        db.Goals.RemoveRange(replaced);
        var added = goals.Where(goal => !kept.Exists(other => other.Text == goal.Text)).Select(goal => NewGoal(paper, goal, extractor)).ToList();
        db.Goals.AddRange(added);
        var record = await RecordAsync(db, paper.Id, extractor, cancellationToken);
        (record.State, record.Error, record.Goals, record.Items) = (ExtractionState.Done, null, added.Count + kept.Count, added.Concat(kept).Sum(goal => goal.Items.Count));
        await db.SaveChangesAsync(cancellationToken);
        await ItemCheckStore.CheckAsync(db, added.ConvertAll(goal => goal.Id), time.GetUtcNow(), cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return new ExtractionSaved(added, replaced.Count, kept.Count);
    }

    // The row of this paper and extractor, a new one if need be, with one more attempt.
    private async Task<ExtractionRecord> RecordAsync(CoScientistDb db, PaperId paper, Extractor extractor, CancellationToken cancellationToken)
    {
        var record = await db.ExtractionRecords.SingleOrDefaultAsync(row => row.PaperId == paper && row.Pipeline == extractor.Pipeline && row.Extractor == extractor.Name, cancellationToken);
        if (record is null)
        {
            record = new ExtractionRecord { PaperId = paper, Pipeline = extractor.Pipeline, Extractor = extractor.Name };
            db.ExtractionRecords.Add(record);
        }

        record.PromptVersion = extractor.PromptVersion;
        record.Attempts++;
        record.At = time.GetUtcNow();
        return record;
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
            Pipeline = extractor.Pipeline,
            SourceSection = extracted.Source?.SectionOrder,
            SourceStart = extracted.Source?.Start,
            SourceLength = extracted.Source?.Length,
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
