using System.Collections.Concurrent;
using System.IO.Compression;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Training.Checkpoints;
using CoScientist.Training.Sandbox;
using CoScientist.Web.Configuration;

namespace CoScientist.Web.Runs;

/// <summary>What the files of a checkpoint say, without its weights.</summary>
/// <param name="Bytes">Size on disk.</param>
/// <param name="Origin">Its manifest's origin; empty for folders from elsewhere.</param>
/// <param name="Fault">Why the files cannot be used; null when nothing was noticed.</param>
internal sealed record ModelFacts(long Bytes, IReadOnlyDictionary<string, string> Origin, string? Fault)
{
    /// <summary>Fingerprint of the rubrics that it was trained on; null when it tells none.</summary>
    public string? Rubrics => Origin.GetValueOrDefault("rubrics");
}

/// <summary>The folders of checkpoints: looked into, sent, deleted.</summary>
internal sealed class ModelFiles(ModelCatalog catalog, CheckpointShelf shelf, CoScientistOptions options)
{
    /// <summary>What a folder of Hugging Face layout is made of; whatever else lies beside it stays on the server.</summary>
    private static readonly string[] s_sent = [".safetensors", ".json", ".jinja", ".txt", ".model", ".md"];

    /// <summary>Checkpoints never change, so each is looked at once.</summary>
    private readonly ConcurrentDictionary<string, ModelFacts> known = new(StringComparer.Ordinal);

    /// <summary>The folder of a checkpoint.</summary>
    public string FolderOf(Checkpoint checkpoint) => catalog.Directory(checkpoint.Path);

    /// <summary>What its files say.</summary>
    public ModelFacts Look(Checkpoint checkpoint)
    {
        var folder = Directory.Exists(FolderOf(checkpoint)) ? FolderOf(checkpoint) : catalog.AdapterOf(checkpoint);
        if (folder is null)
        {
            return new ModelFacts(0, new Dictionary<string, string>(StringComparer.Ordinal), checkpoint.DeletedAt is null ? "its files are gone" : null);
        }

        return known.GetOrAdd(folder, static folder =>
        {
            var bytes = new DirectoryInfo(folder).EnumerateFiles().Sum(LengthOf);
            try
            {
                return new ModelFacts(bytes, CheckpointManifest.Read(folder)?.Origin ?? new Dictionary<string, string>(StringComparer.Ordinal), null);
            }
            catch (InvalidDataException fault)
            {
                return new ModelFacts(bytes, new Dictionary<string, string>(StringComparer.Ordinal), fault.Message);
            }
        });
    }

    /// <summary>Whether deleting removes files: folders of the data directory are the application's own, others are only forgotten.</summary>
    public bool Owns(Checkpoint checkpoint) =>
        FolderOf(checkpoint).StartsWith(Path.GetFullPath(options.DataDirectory) + Path.DirectorySeparatorChar, StringComparison.Ordinal);

    /// <summary>Deletes a checkpoint: its row stays, marked; its files go at once and whole, if they are the application's own.</summary>
    /// <exception cref="InvalidDataException">It comes with the application, or something cannot be used without it; nothing has changed.</exception>
    public async Task DeleteAsync(Checkpoint checkpoint, CancellationToken cancellationToken)
    {
        var folder = FolderOf(checkpoint);
        if (folder == Path.GetFullPath(SandboxBaseModel.Directory))
        {
            throw new InvalidDataException($"{checkpoint.Name} comes with the application and stays: every sandbox run starts from it.");
        }

        foreach (var child in (await shelf.UsesAsync(checkpoint, cancellationToken)).Children)
        {
            var made = (await shelf.FindAsync(child, cancellationToken))!.Checkpoint;
            if (!Directory.Exists(FolderOf(made)) && catalog.AdapterOf(made) is not null)
            {
                throw new InvalidDataException($"{checkpoint.Name} stays: {child} is kept as an adapter on it and is nothing without it. Delete {child} first, or use it once, which makes it whole.");
            }
        }

        var adapter = catalog.AdapterOf(checkpoint);
        await shelf.MarkDeletedAsync(checkpoint, cancellationToken);
        if (Owns(checkpoint))
        {
            Remove(folder);
            Remove(adapter);
        }
    }

    /// <summary>The folder that <see cref="ZipAsync"/> sends, made whole first where only an adapter was kept.</summary>
    /// <exception cref="InvalidDataException">The files are gone.</exception>
    public Task<string> WholeAsync(Checkpoint checkpoint, CancellationToken cancellationToken) => catalog.ResolveAsync(checkpoint.Name, cancellationToken);

    /// <summary>Writes a checkpoint's files as a zip, file by file, straight from the disk: nothing is held in memory or copied first.</summary>
    /// <param name="folder">The checkpoint's folder, whole.</param>
    /// <param name="top">Folder inside the archive.</param>
    /// <param name="target">Receives the archive; need not seek, but must take a few bytes synchronously.</param>
    /// <param name="cancellationToken">Stops, when whoever downloads goes away.</param>
    public static async Task ZipAsync(string folder, string top, Stream target, CancellationToken cancellationToken)
    {
        await using var archive = await ZipArchive.CreateAsync(target, ZipArchiveMode.Create, leaveOpen: true, entryNameEncoding: null, cancellationToken);
        foreach (var file in Sent(folder))
        {
            // Weights do not shrink, and packing them would only make the download slow.
            var entry = archive.CreateEntry($"{top}/{file.Name}", file.Extension == ".safetensors" ? CompressionLevel.NoCompression : CompressionLevel.Fastest);
            entry.LastWriteTime = new DateTimeOffset(file.LastWriteTimeUtc);
            await using var source = file.OpenRead();
            await using var packed = await entry.OpenAsync(cancellationToken);
            await source.CopyToAsync(packed, 1 << 20, cancellationToken);
        }
    }

    private void Remove(string? folder)
    {
        if (folder is null || !Directory.Exists(folder))
        {
            return;
        }

        // Nobody must find half a checkpoint, so it is out of the way before it is taken apart.
        var away = AtomicFile.TemporaryName(folder);
        Directory.Move(folder, away);
        Directory.Delete(away, recursive: true);
        known.TryRemove(folder, out _);
    }

    /// <summary>Files of a folder that belong to the model, by name. Links count where checkpoints may have them: inside the folder, and into the blobs of Hugging Face's cache.</summary>
    private static IEnumerable<FileInfo> Sent(string folder) =>
        new DirectoryInfo(folder).EnumerateFiles()
            .Where(file => s_sent.Contains(file.Extension, StringComparer.OrdinalIgnoreCase) || file.Name.StartsWith("LICENSE", StringComparison.OrdinalIgnoreCase))
            .Where(file => CheckpointFolder.IsOwnFile(file.FullName))
            .OrderBy(file => file.Name, StringComparer.Ordinal);

    private static long LengthOf(FileInfo file) => file.ResolveLinkTarget(returnFinalTarget: true) is FileInfo { Exists: true } target ? target.Length : file.Length;
}
