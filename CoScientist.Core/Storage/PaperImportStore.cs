using System.Security.Cryptography;
using System.Text.RegularExpressions;
using CoScientist.Core.Papers;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Core.Storage;

/// <summary>What became of a file that was to be imported.</summary>
public enum PaperImportOutcome
{
    /// <summary>It is a new paper of the library.</summary>
    Imported,

    /// <summary>The same bytes were imported before; nothing changed.</summary>
    AlreadyThere,

    /// <summary>No reader takes its format yet; nothing changed.</summary>
    NotSupported,

    /// <summary>It could not be read; nothing changed.</summary>
    Failed,
}

/// <summary>What became of one file.</summary>
/// <param name="FileName">The file.</param>
/// <param name="Outcome">What became of it.</param>
/// <param name="PaperId">The paper, when it is in the library now.</param>
/// <param name="Title">Its title, when it is in the library now.</param>
/// <param name="Message">One sentence for people; names the file and, where something is wrong, the remedy.</param>
public sealed record PaperImport(string FileName, PaperImportOutcome Outcome, PaperId? PaperId, string? Title, string Message);

/// <summary>Files into the library: each in one transaction, the same bytes once.</summary>
/// <param name="factory">Opens the database.</param>
/// <param name="readers">The formats.</param>
public sealed class PaperImportStore(IDbContextFactory<CoScientistDb> factory, PaperReaders readers)
{
    /// <summary>Imports one file. Faults of the file come back as an outcome; only storage and cancellation throw.</summary>
    /// <param name="fileName">Its name, without folder.</param>
    /// <param name="content">Its bytes.</param>
    /// <param name="domain">Field of research; null to guess it.</param>
    /// <param name="cancellationToken">Cancels; nothing is half-written.</param>
    public async Task<PaperImport> ImportAsync(string fileName, ReadOnlyMemory<byte> content, string? domain, CancellationToken cancellationToken)
    {
        if (content.Length > PaperReaders.MaxFileBytes)
        {
            return Fault(fileName, PaperImportOutcome.Failed, $"{fileName}: it is larger than {PaperReaders.MaxFileBytes / (1024 * 1024)} MB. Bring the paper without its data and figures.");
        }

        if (await FindAsync(fileName, content, cancellationToken) is { } known)
        {
            return known;
        }

        if (readers.Find(fileName, content.Span) is not { } reader)
        {
            return Fault(fileName, PaperImportOutcome.NotSupported, PaperReaders.NotSupported(fileName, content.Span));
        }

        Paper paper;
        try
        {
            paper = await Task.Run(() => reader.Read(fileName, content, cancellationToken), cancellationToken);
        }
        catch (PaperFormatException fault)
        {
            return Fault(fileName, PaperImportOutcome.Failed, fault.Message);
        }
        catch (RegexMatchTimeoutException)
        {
            return Fault(fileName, PaperImportOutcome.Failed, $"{fileName}: reading it takes too long; its text is unlike any paper's. Save the paper in another supported format.");
        }

        paper.Domain = string.IsNullOrWhiteSpace(domain) ? paper.Domain : domain.Trim().ToLowerInvariant();
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        db.Papers.Add(paper);
        try
        {
            await db.SaveChangesAsync(cancellationToken);
        }
        catch (DbUpdateException)
        {
            // Somebody imported the same file in between; any other fault is thrown on.
            if (await FindAsync(fileName, content, cancellationToken) is not { } taken)
            {
                throw;
            }

            return taken;
        }

        return new PaperImport(fileName, PaperImportOutcome.Imported, paper.Id, paper.Title, $"{fileName}: imported \"{paper.Title}\" ({paper.Sections.Count} sections, domain {paper.Domain}).");
    }

    private async Task<PaperImport?> FindAsync(string fileName, ReadOnlyMemory<byte> content, CancellationToken cancellationToken)
    {
        var hash = Convert.ToHexStringLower(SHA256.HashData(content.Span));
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        var known = await db.Papers.Where(paper => paper.ContentHash == hash).Select(paper => new { paper.Id, paper.Title }).SingleOrDefaultAsync(cancellationToken);
        return known is null ? null : new PaperImport(fileName, PaperImportOutcome.AlreadyThere, known.Id, known.Title, $"{fileName}: already there as \"{known.Title}\".");
    }

    private static PaperImport Fault(string fileName, PaperImportOutcome outcome, string message) => new(fileName, outcome, null, null, message);
}
