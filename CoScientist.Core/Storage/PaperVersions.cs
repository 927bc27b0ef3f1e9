using CoScientist.Core.Papers;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Core.Storage;

/// <summary>Adds papers so that the same article is there once, and its versions belong together.</summary>
internal static class PaperVersions
{
    // From the poorest to the richest: of the same article, lists rather show the one with the better structure.
    private static readonly string[] Formats = ["text", "pdf", "peerread", "s2orc", "markdown", "tei", "arxiv", "jats"];

    /// <summary>The paper that was read from the same bytes; null when there is none.</summary>
    public static Task<KnownPaper?> FindSameBytesAsync(CoScientistDb db, string contentHash, CancellationToken cancellationToken) =>
        db.Papers.Where(paper => paper.ContentHash == contentHash).Select(paper => new KnownPaper(paper.Id, paper.Title)).SingleOrDefaultAsync(cancellationToken);

    /// <summary>Adds a paper within the caller's transaction, unless it is there already.</summary>
    public static async Task<PaperImport> AddAsync(CoScientistDb db, string fileName, Paper paper, CancellationToken cancellationToken)
    {
        if (await FindSameBytesAsync(db, paper.ContentHash, cancellationToken) is { } same)
        {
            return same.ToImport(fileName);
        }

        var others = await FindVersionsAsync(db, paper, cancellationToken);
        if (others.Find(other => IsSameText(other, paper)) is { } equal)
        {
            return new KnownPaper(equal.Id, equal.Title).ToImport(fileName);
        }

        if (others.Count > 0)
        {
            await PlaceAsync(db, paper, others, cancellationToken);
        }

        await db.InsertRowsAsync([paper], cancellationToken);
        await db.InsertRowsAsync(paper.Sections, cancellationToken);
        return others.Count == 0
            ? new PaperImport(fileName, PaperImportOutcome.Imported, paper.Id, paper.Title, $"{fileName}: imported \"{paper.Title}\" ({paper.Sections.Count} sections, domain {paper.Domain}).")
            : new PaperImport(fileName, PaperImportOutcome.NewVersion, paper.Id, paper.Title, $"{fileName}: imported \"{paper.Title}\" as {(paper.NewestVersion is null ? "the newest" : "an older")} of {others.Count + 1} versions of the article.");
    }

    // The article is known by any of its identifiers; its versions by what they share.
    private static async Task<List<Paper>> FindVersionsAsync(CoScientistDb db, Paper paper, CancellationToken cancellationToken)
    {
        if (paper is { Doi: null, Pmid: null, ArxivId: null })
        {
            return [];
        }

        var found = await db.Papers.AsNoTracking()
            .Where(other => !other.IsSandbox && ((paper.Doi != null && other.Doi == paper.Doi) || (paper.Pmid != null && other.Pmid == paper.Pmid) || (paper.ArxivId != null && other.ArxivId == paper.ArxivId)))
            .OrderBy(other => other.Id).Select(other => new { other.ContentHash, other.FirstVersionHash }).FirstOrDefaultAsync(cancellationToken);
        if (found is null)
        {
            return [];
        }

        var first = found.FirstVersionHash ?? found.ContentHash;
        return await db.Papers.AsNoTracking().Include(other => other.Sections.OrderBy(section => section.Order))
            .Where(other => other.ContentHash == first || other.FirstVersionHash == first).OrderBy(other => other.Id).ToListAsync(cancellationToken);
    }

    private static async Task PlaceAsync(CoScientistDb db, Paper paper, List<Paper> others, CancellationToken cancellationToken)
    {
        var newest = others.Single(other => other.NewestVersion is null);
        var first = newest.FirstVersionHash ?? newest.ContentHash;
        paper.FirstVersionHash = first;
        if (!IsNewer(paper, newest))
        {
            paper.NewestVersion = newest.Id;
            return;
        }

        await db.Papers.Where(other => other.ContentHash == first || other.FirstVersionHash == first)
            .ExecuteUpdateAsync(update => update.SetProperty(other => other.NewestVersion, (PaperId?)paper.Id), cancellationToken);
    }

    private static bool IsNewer(Paper paper, Paper newest) => paper.Version is { } version && newest.Version is { } other
        ? version >= other
        : Array.IndexOf(Formats, paper.Format) >= Array.IndexOf(Formats, newest.Format);

    private static bool IsSameText(Paper one, Paper other) =>
        one.Title == other.Title && one.Abstract == other.Abstract &&
        one.Sections.Select(section => (section.Heading, section.Text)).SequenceEqual(other.Sections.Select(section => (section.Heading, section.Text)));
}

/// <summary>A paper of the library.</summary>
internal sealed record KnownPaper(PaperId Id, string Title)
{
    /// <summary>The outcome that says so.</summary>
    public PaperImport ToImport(string fileName) => new(fileName, PaperImportOutcome.AlreadyThere, Id, Title, $"{fileName}: already there as \"{Title}\".");
}
