using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace CoScientist.Core.Storage.Backups;

/// <summary>Length and hash of a file of a backup.</summary>
/// <param name="Bytes">Length in bytes.</param>
/// <param name="Sha256">SHA-256, lower-case hexadecimal.</param>
public sealed record BackupFile(long Bytes, string Sha256);

/// <summary><c>backup.json</c> of a backup: what it holds, and what its files must be.</summary>
public sealed record BackupManifest
{
    /// <summary>Name of the file.</summary>
    public const string FileName = "backup.json";

    /// <summary>Folder of the backup that holds the files, as they lie in a data directory.</summary>
    public const string DataFolder = "data";

    /// <summary>Name of the database inside <see cref="DataFolder"/>.</summary>
    public const string DatabaseFile = "coscientist.db";

    /// <summary>Name of the copy inside <see cref="DataFolder"/> of a database that lies on a PostgreSQL server.</summary>
    public const string ServerFile = "coscientist.dump";

    /// <summary>Version of this layout.</summary>
    public const int CurrentVersion = 1;

    private static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    };

    /// <summary>Version of the layout.</summary>
    public int Version { get; init; } = CurrentVersion;

    /// <summary>When the copy of the database was taken (UTC).</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>Version of the program that made it.</summary>
    public required string Program { get; init; }

    /// <summary>Last schema version of the database; empty when it has none.</summary>
    public required string Schema { get; init; }

    /// <summary>Whether the keys that decrypt model servers' keys and sign sign-in cookies are part of it.</summary>
    public required bool HasKeys { get; init; }

    /// <summary>Links out of the data directory, which are not part of it.</summary>
    public required IReadOnlyList<string> LeftOut { get; init; }

    /// <summary>The files by path inside <see cref="DataFolder"/>, with slashes.</summary>
    public required IReadOnlyDictionary<string, BackupFile> Files { get; init; }

    /// <summary>Whether the database lay on a PostgreSQL server.</summary>
    [JsonIgnore]
    public bool IsOfServer => Files.ContainsKey(ServerFile);

    /// <summary>Bytes of all files.</summary>
    [JsonIgnore]
    public long Bytes => Files.Values.Sum(file => file.Bytes);

    /// <summary>Reads the manifest of a backup.</summary>
    /// <param name="backup">The backup's folder.</param>
    /// <exception cref="InvalidDataException">There is none, or it is malformed or of a newer version.</exception>
    public static BackupManifest Read(string backup)
    {
        var path = Path.Combine(backup, FileName);
        if (!File.Exists(path))
        {
            throw new InvalidDataException($"{backup} is no backup: it has no {FileName}. Give the folder that 'backup' made.");
        }

        try
        {
            var manifest = JsonText.Deserialize<BackupManifest>(File.ReadAllBytes(path), s_json);
            if (manifest is { Version: > CurrentVersion })
            {
                throw new InvalidDataException($"{path}: a newer version of this program made this backup (layout {manifest.Version}). Use that version.");
            }

            if (manifest is { Version: CurrentVersion, Files: not null, LeftOut: not null, Schema: not null }
                && manifest.Files.All(file => IsInside(file.Key) && file.Value is { Bytes: >= 0, Sha256: not null })
                && (manifest.Files.ContainsKey(DatabaseFile) || manifest.IsOfServer)
                && manifest.Files.Values.Sum(file => (decimal)file.Bytes) <= long.MaxValue)
            {
                return manifest;
            }
        }
        catch (JsonException fault)
        {
            throw new InvalidDataException($"{path} is malformed ({fault.Message}) Use another backup.", fault);
        }

        throw new InvalidDataException($"{path} does not list the files of a backup. Use another backup.");
    }

    /// <summary>Compares the files of a folder with the list.</summary>
    /// <param name="data">The folder.</param>
    /// <param name="progress">Told the share that is done; null for nobody.</param>
    /// <param name="cancellationToken">Stops between parts of files.</param>
    /// <exception cref="InvalidDataException">A file is missing or differs; names it.</exception>
    public void Verify(string data, IProgress<double>? progress, CancellationToken cancellationToken)
    {
        var all = Math.Max(1.0, Bytes);
        var done = 0L;
        foreach (var (name, expected) in Files)
        {
            var path = Path.Combine(data, name);
            if (!File.Exists(path))
            {
                throw new InvalidDataException($"{path} is missing, though {FileName} lists it. Use another backup.");
            }

            using var stream = File.OpenRead(path);
            Require(path, expected, FileCopy.Fingerprint(stream, Stream.Null, bytes => progress?.Report((done += bytes) / all), cancellationToken));
        }
    }

    internal static void Require(string path, BackupFile expected, BackupFile actual)
    {
        if (actual != expected)
        {
            throw new InvalidDataException(actual.Bytes < expected.Bytes
                ? $"{path} has {actual.Bytes} of {expected.Bytes} bytes; the backup is truncated: copy it again, or use another."
                : $"{path} is not the file that {FileName} describes (another SHA-256): it was damaged or changed. Copy the backup again, or use another.");
        }
    }

    internal void Write(string backup) =>
        AtomicFile.WriteDurably(Path.Combine(backup, FileName), stream => JsonSerializer.Serialize(stream, this, s_json));

    /// <summary>Whether a path stays inside the folder it is put into.</summary>
    private static bool IsInside(string path) =>
        path.Length > 0 && !path.Contains('\\') && !path.Contains(':') && !path.Contains('\0') && path.Split('/').All(part => part is not ("" or "." or ".."));
}

/// <summary>Copies bytes and takes their fingerprint on the way.</summary>
internal static class FileCopy
{
    private const int BlockBytes = 1 << 20;

    /// <summary>Copies what a stream holds now; what is appended meanwhile is left.</summary>
    /// <param name="from">The source, at its beginning.</param>
    /// <param name="to">The destination.</param>
    /// <param name="copied">Told how many more bytes were copied.</param>
    /// <param name="cancellationToken">Stops between blocks.</param>
    public static BackupFile Fingerprint(Stream from, Stream to, Action<int> copied, CancellationToken cancellationToken)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var left = from.Length;
        var bytes = 0L;
        var block = new byte[(int)Math.Min(BlockBytes, Math.Max(1, left))];
        int count;
        while (left > 0 && (count = from.Read(block, 0, (int)Math.Min(block.Length, left))) > 0)
        {
            cancellationToken.ThrowIfCancellationRequested();
            hash.AppendData(block, 0, count);
            to.Write(block, 0, count);
            bytes += count;
            left -= count;
            copied(count);
        }

        return new BackupFile(bytes, Convert.ToHexStringLower(hash.GetHashAndReset()));
    }
}
