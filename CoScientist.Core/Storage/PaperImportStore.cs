using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using CoScientist.Core.Papers;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Core.Storage;

/// <summary>
/// Files into the library. They are read side by side and stored in their order, so that an import that was cut off and
/// started again ends with the same library as one in a single go.
/// </summary>
/// <param name="factory">Opens the database.</param>
/// <param name="readers">The formats.</param>
public sealed class PaperImportStore(IDbContextFactory<CoScientistDb> factory, PaperReaders readers)
{
    // A commit waits for the disk; with many papers in one, the disk is not what the import waits for.
    private const int PapersOfACommit = 32;

    /// <summary>Imports one file. Faults of the file come back as an outcome; only storage and cancellation throw.</summary>
    /// <param name="fileName">Its name, without folder.</param>
    /// <param name="content">Its bytes.</param>
    /// <param name="domain">Field of research; null to guess it.</param>
    /// <param name="cancellationToken">Cancels; nothing is half-written.</param>
    public async Task<PaperImport> ImportAsync(string fileName, ReadOnlyMemory<byte> content, string? domain, CancellationToken cancellationToken)
    {
        var prepared = await Task.Run(() => PrepareAsync(fileName, content, domain, cancellationToken), cancellationToken);
        return (await CommitAsync([prepared], cancellationToken))[0];
    }

    /// <summary>
    /// Imports many files, as many at a time as there are processors. Each outcome comes when it is stored for good, in the
    /// order of the files.
    /// </summary>
    /// <param name="files">The files; taken one by one.</param>
    /// <param name="domain">Field of research; null to guess it for each.</param>
    /// <param name="cancellationToken">Cancels; what was reported stays, nothing is half-written.</param>
    public async IAsyncEnumerable<PaperImport> ImportAsync(IEnumerable<PaperFile> files, string? domain, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(files);
        await foreach (var prepared in PrepareAsync(files, domain, cancellationToken).Chunk(PapersOfACommit))
        {
            foreach (var import in await CommitAsync(prepared, cancellationToken))
            {
                yield return import;
            }
        }
    }

    // Read side by side, handed on in the order of the files.
    private async IAsyncEnumerable<Prepared> PrepareAsync(IEnumerable<PaperFile> files, string? domain, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var reading = new Queue<Task<Prepared>>();
        try
        {
            foreach (var file in files)
            {
                reading.Enqueue(Task.Run(() => PrepareAsync(file, domain, stop.Token), stop.Token));
                if (reading.Count > Environment.ProcessorCount)
                {
                    yield return await reading.Dequeue();
                }
            }

            while (reading.TryDequeue(out var last))
            {
                yield return await last;
            }
        }
        finally
        {
            // Whoever stops listening, or a fault, ends what is still being read.
            await stop.CancelAsync();
            await ((Task)Task.WhenAll(reading)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<Prepared> PrepareAsync(PaperFile file, string? domain, CancellationToken cancellationToken)
    {
        byte[]? content;
        try
        {
            await using var stream = file.Open();
            content = await ReadAsync(stream, cancellationToken);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            return Fault(file.Name, PaperImportOutcome.Failed, $"{file.Name}: it cannot be opened ({fault.Message}) Check its permissions.");
        }

        return content is null ? TooLarge(file.Name) : await PrepareAsync(file.Name, content, domain, cancellationToken);
    }

    private async Task<Prepared> PrepareAsync(string fileName, ReadOnlyMemory<byte> content, string? domain, CancellationToken cancellationToken)
    {
        if (content.Length > PaperReaders.MaxFileBytes)
        {
            return TooLarge(fileName);
        }

        await using (var db = await factory.CreateDbContextAsync(cancellationToken))
        {
            if (await PaperVersions.FindSameBytesAsync(db, Convert.ToHexStringLower(SHA256.HashData(content.Span)), cancellationToken) is { } known)
            {
                return new Prepared(fileName, null, known.ToImport(fileName));
            }
        }

        if (readers.Find(fileName, content.Span) is not { } reader)
        {
            return Fault(fileName, PaperImportOutcome.NotSupported, PaperReaders.NotSupported(fileName));
        }

        try
        {
            var paper = reader.Read(fileName, content, cancellationToken);
            paper.Domain = string.IsNullOrWhiteSpace(domain) ? paper.Domain : domain.Trim().ToLowerInvariant();
            return new Prepared(fileName, paper, null);
        }
        catch (PaperFormatException fault)
        {
            return Fault(fileName, PaperImportOutcome.Failed, fault.Message);
        }
        catch (RegexMatchTimeoutException)
        {
            return Fault(fileName, PaperImportOutcome.Failed, $"{fileName}: reading it takes too long; its text is unlike any paper's. Save the paper in another supported format.");
        }
    }

    // All of them or none. The transaction takes the write lock at once: nobody else adds the same article in between.
    private async Task<List<PaperImport>> CommitAsync(IReadOnlyList<Prepared> prepared, CancellationToken cancellationToken)
    {
        if (prepared.All(item => item.Paper is null))
        {
            return [.. prepared.Select(item => item.Done!)];
        }

        var imports = new List<PaperImport>();
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        await using var transaction = await db.Database.BeginAloneAsync(Transactions.Library, cancellationToken);
        foreach (var (fileName, paper, done) in prepared)
        {
            imports.Add(done ?? await PaperVersions.AddAsync(db, fileName, paper!, cancellationToken));
        }

        await transaction.CommitAsync(cancellationToken);
        return imports;
    }

    // Null when it is longer than a paper may be; no more than that is ever read.
    private static async Task<byte[]?> ReadAsync(Stream stream, CancellationToken cancellationToken)
    {
        if (stream.CanSeek && stream.Length > PaperReaders.MaxFileBytes)
        {
            return null;
        }

        using var content = new MemoryStream(stream.CanSeek ? (int)stream.Length : 0);
        var buffer = new byte[81_920];
        int read;
        while ((read = await stream.ReadAsync(buffer, cancellationToken)) > 0)
        {
            if (content.Length + read > PaperReaders.MaxFileBytes)
            {
                return null;
            }

            content.Write(buffer, 0, read);
        }

        return content.ToArray();
    }

    private static Prepared TooLarge(string fileName) =>
        Fault(fileName, PaperImportOutcome.Failed, $"{fileName}: it is larger than {PaperReaders.MaxFileBytes / (1024 * 1024)} MB. Bring the paper without its data and figures.");

    private static Prepared Fault(string fileName, PaperImportOutcome outcome, string message) => new(fileName, null, new PaperImport(fileName, outcome, null, null, message));

    /// <summary>A file after reading: a paper to store, or what became of it already.</summary>
    private sealed record Prepared(string FileName, Paper? Paper, PaperImport? Done);
}
