using System.Globalization;
using CoScientist.Core;
using CoScientist.Core.Jobs;
using CoScientist.Web.Configuration;

namespace CoScientist.Web.Library;

/// <summary>Files that people sent, kept in the data directory until they are in the library: a failed import can be tried again without sending them anew.</summary>
internal sealed class ImportSpool(CoScientistOptions options)
{
    private string Root => Path.Combine(options.DataDirectory, "imports");

    /// <summary>Place of a file. The name it was sent under is never part of a path.</summary>
    public string PathOf(LibraryJobId job, int order) => Path.Combine(Root, job.ToString(), order.ToString(CultureInfo.InvariantCulture));

    /// <summary>Keeps a file.</summary>
    /// <exception cref="IOException">It could not be received or written; nothing of it stays.</exception>
    public async Task KeepAsync(LibraryJobId job, int order, Stream content, CancellationToken cancellationToken)
    {
        var path = PathOf(job, order);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        try
        {
            await using var file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None);
            await content.CopyToAsync(file, cancellationToken);
        }
        catch
        {
            File.Delete(path);
            throw;
        }
    }

    /// <summary>Forgets a file.</summary>
    public void Drop(LibraryJobId job, int order) => File.Delete(PathOf(job, order));

    /// <summary>Forgets the files of a job.</summary>
    public void Drop(LibraryJobId job)
    {
        var folder = Path.Combine(Root, job.ToString());
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Forgets what belongs to no job: files of uploads that were cut off.</summary>
    /// <param name="known">All jobs.</param>
    /// <param name="age">Younger ones stay: somebody may be sending them.</param>
    public void Sweep(IEnumerable<LibraryJobId> known, TimeSpan age)
    {
        var before = DateTime.UtcNow - age;
        var names = known.Select(id => id.ToString()).ToHashSet(StringComparer.Ordinal);
        foreach (var folder in Directory.Exists(Root) ? Directory.EnumerateDirectories(Root) : [])
        {
            if (TypedId.TryParse<LibraryJobId>(Path.GetFileName(folder), out _) && !names.Contains(Path.GetFileName(folder)) && Directory.GetLastWriteTimeUtc(folder) <= before)
            {
                Directory.Delete(folder, recursive: true);
            }
        }
    }
}
