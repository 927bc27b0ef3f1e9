using CoScientist.Core.Goals;
using CoScientist.Core.Papers;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Core.Storage;

// The library as it is, for backups that people can read and for other tools: every paper, goal and rubric item with its provenance.
public sealed partial class ExportStore
{
    /// <summary>Papers with their sections as a list in one column; earlier versions of an article too.</summary>
    public async Task<ExportTable> PapersAsync(bool sandbox, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        var papers = await db.Papers.AsNoTracking().Include(paper => paper.Sections).Where(paper => paper.IsSandbox == sandbox).OrderBy(paper => paper.Id).ToListAsync(cancellationToken);
        var rows = papers.Select(paper => (IReadOnlyList<object?>)
        [
            paper.Id.ToString(), paper.Title, paper.Authors, paper.Year, paper.Venue, paper.Doi, paper.Pmid, paper.ArxivId, paper.Licence, paper.Domain, paper.Abstract,
            paper.Sections.OrderBy(section => section.Order).Select(section => new { heading = section.Heading, role = section.Role.ToString().ToLowerInvariant(), text = section.Text }).ToList(),
            paper.Format, paper.SourceName, paper.ContentHash, paper.Version, paper.FirstVersionHash, paper.NewestVersion?.ToString(), paper.ImportedAt,
        ]);
        return new ExportTable(["paper_id", "title", "authors", "year", "venue", "doi", "pmid", "arxiv_id", "licence", "domain", "abstract", "sections", "format", "file", "file_hash", "version", "first_version_hash", "newest_version", "imported_at"], [.. rows]);
    }

    /// <summary>Goals with where they come from; their items are in <see cref="RubricsAsync"/>.</summary>
    public async Task<ExportTable> GoalsAsync(bool sandbox, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        var goals = await (
            from goal in db.Goals.AsNoTracking()
            where goal.IsSandbox == sandbox
            orderby goal.Id
            select new { goal, Items = goal.Items.Count, Source = db.GoalSources.FirstOrDefault(source => source.GoalId == goal.Id) }).ToListAsync(cancellationToken);
        var rows = goals.Select(row => (IReadOnlyList<object?>)
        [
            row.goal.Id.ToString(), row.goal.PaperId?.ToString(), row.goal.ExternalKey, row.goal.Domain, row.goal.Text, row.goal.ReferenceSolution, row.goal.Split.ToString().ToLowerInvariant(), row.goal.Origin, row.goal.ExtractedBy,
            row.goal.Pipeline, row.goal.PromptVersion, row.goal.RubricVersion, row.Items, row.Source?.FileName, row.Source?.FileHash, row.Source?.Line, row.goal.CreatedAt,
        ]);
        return new ExportTable(["goal_id", "paper_id", "external_key", "domain", "goal", "reference_solution", "split", "origin", "extracted_by", "pipeline", "prompt_version", "rubric_version", "items", "file", "file_hash", "line", "created_at"], [.. rows]);
    }

    /// <summary>Rubric items, rejected ones too, with their source passage and the last decision on them.</summary>
    public async Task<ExportTable> RubricsAsync(bool sandbox, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        var items = await (
            from item in db.RubricItems.AsNoTracking()
            join goal in db.Goals on item.GoalId equals goal.Id
            where goal.IsSandbox == sandbox
            orderby item.GoalId, item.Order
            select new { item, goal.PaperId }).ToListAsync(cancellationToken);
        var decisions = (await db.ReviewDecisions.AsNoTracking().OrderBy(decision => decision.RubricVersion).ToListAsync(cancellationToken)).ToLookup(decision => decision.ItemId);
        var cited = items.Where(row => row is { PaperId: not null, item.SourceSection: not null }).Select(row => row.PaperId!.Value).ToHashSet();
        var texts = await db.Papers.Where(paper => cited.Contains(paper.Id)).Select(paper => new { paper.Id, Order = -1, Text = paper.Abstract })
            .Concat(db.PaperSections.Where(section => cited.Contains(section.PaperId)).Select(section => new { Id = section.PaperId, section.Order, section.Text }))
            .ToDictionaryAsync(section => (section.Id, section.Order), section => section.Text, cancellationToken);
        var rows = items.Select(row =>
        {
            var last = decisions[row.item.Id].LastOrDefault();
            return (IReadOnlyList<object?>)
            [
                row.item.Id.ToString(), row.item.GoalId.ToString(), row.item.Order, row.item.Text, row.item.ProposedText, row.item.State.ToString().ToLowerInvariant(), row.item.Weight, row.item.IsDraft,
                row.PaperId?.ToString(), row.item.SourceSection, row.item.SourceStart, row.item.SourceLength, Passage(row.item, row.PaperId, texts),
                last?.ReviewerId, last?.Reason?.ToString(), last?.Note, last?.At,
            ];
        });
        return new ExportTable(["item_id", "goal_id", "order", "text", "proposed_text", "state", "weight", "draft", "paper_id", "source_section", "source_start", "source_length", "passage", "decided_by", "reason", "note", "decided_at"], [.. rows]);
    }

    private static string? Passage(RubricItem item, PaperId? paper, Dictionary<(PaperId, int), string> texts) =>
        item is { SourceSection: { } section, SourceStart: { } start, SourceLength: { } length } && paper is { } id
        && texts.TryGetValue((id, section), out var text) && start >= 0 && length > 0 && start + length <= text.Length ? text.Substring(start, length) : null;
}
